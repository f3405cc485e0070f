"""Functions against PyTorch's, one line each: what the suites `pool` and `elementwise` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .measure import Machine, ratio, take_turns, torch_or_none
from .report import Report

COLUMNS = ["what", "ninx ms", "GB/s", "share of copy", "PyTorch channels_last ms", "times as fast"]


class Pair(NamedTuple):
    """Our function and PyTorch's (which gets PyTorch), the bytes that must move, and whether the results are to be compared."""

    name: str
    ours: Callable[[], Any]
    theirs: Callable[[Any], Callable[[], Any]]
    bytes: int
    compare: bool = True


def run(suite: str, machine: Machine, pairs: list[Pair], rounds: int) -> Report:
    """Time every pair."""
    report, torch = Report(suite, machine, COLUMNS), torch_or_none()
    for pair in pairs:
        works = [pair.ours] + ([] if torch is None else [pair.theirs(torch)])
        if torch is not None and pair.compare:
            got, expected = works[0](), works[1]()
            got, expected = np.asarray(got), np.asarray(expected.permute(0, 2, 3, 1) if expected.ndim == 4 else expected)
            error = float(np.abs(got - expected).max() / max(float(np.abs(expected).max()), 1e-30))
            if not error < 1e-5:
                raise AssertionError(f"{pair.name}: off by {error:.1e}")
        times = take_turns(works, rounds)
        rate = 1e-9 * pair.bytes / times[0].median
        speed = ratio(times[0], times[1]) if torch is not None else None
        theirs = f"{1e3 * times[1].median:.2f}" if torch is not None else "-"
        share = f"{100 * rate / machine.bandwidth:.0f} %"
        row = [pair.name, f"{1e3 * times[0].median:.2f}", f"{rate:.1f}", share, theirs, str(speed or "-")]
        record = {"name": pair.name, "gbs": rate, "seconds": [t.seconds for t in times], "ratio": speed and speed.median}
        report.add(row, record)
    return report
