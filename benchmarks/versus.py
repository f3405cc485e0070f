"""Functions against PyTorch's, one line each: what the suites `pool` and `elementwise` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..array import on_device, to_numpy
from .measure import GPU_TURN, Machine, ratio, take_turns
from .peer import Peer, peer
from .report import Report

COLUMNS = ["what", "ninx ms", "GB/s", "share of copy", "PyTorch channels_last ms", "times as fast"]


class Pair(NamedTuple):
    """Our function and PyTorch's (made of a `Peer`), the bytes that must move, and whether the results are to be compared."""

    name: str
    ours: Callable[[], Any]
    theirs: Callable[[Peer], Callable[[], Any]]
    bytes: int
    compare: bool = True


def run(suite: str, machine: Machine, pairs: Callable[[Callable[[Any], Any]], list[Pair]], rounds: int) -> Report:
    """Time every pair. ``pairs`` makes them, and is told how an array gets onto the device.

    On a GPU every result, dropout's too, is first compared with the processor's.
    """
    report, device, beside = Report(suite, machine, COLUMNS), machine.device, peer(machine.device)
    chosen = pairs(lambda a: on_device(a, device))
    for pair, twin in zip(chosen, chosen if device == "cpu" else pairs(lambda a: a), strict=True):
        if twin is not pair:
            _verify(pair.name, pair.ours(), twin.ours())
        if beside is not None and pair.compare:
            expected = pair.theirs(beside)().cpu()
            _verify(pair.name, pair.ours(), expected.permute(0, 2, 3, 1) if expected.ndim == 4 else expected)
    for pair in chosen:  # timed when all have been checked, since the optimisers go on with the same parameters
        works = [pair.ours] + ([] if beside is None else [pair.theirs(beside)])
        times = take_turns(works, rounds, 0.03 if device == "cpu" else GPU_TURN, device=device)
        rate = 1e-9 * pair.bytes / times[0].median
        speed = ratio(times[0], times[1]) if beside is not None else None
        theirs = f"{1e3 * times[1].median:.2f}" if beside is not None else "-"
        share = f"{100 * rate / machine.bandwidth:.0f} %"
        row = [pair.name, f"{1e3 * times[0].median:.2f}", f"{rate:.1f}", share, theirs, str(speed or "-")]
        record = {"name": pair.name, "gbs": rate, "seconds": [t.seconds for t in times], "ratio": speed and speed.median}
        report.add(row, record)
    return report


def _verify(name: str, got: Any, expected: Any) -> None:
    got, expected = to_numpy(got), np.asarray(expected)
    error = float(np.abs(got - expected).max() / max(float(np.abs(expected).max()), 1e-30))
    if not error < 1e-5:
        raise AssertionError(f"{name}: off by {error:.1e}")
