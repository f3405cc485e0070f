"""The suite of the convolutions: every figure of its table, from fixed times."""

from __future__ import annotations

import types
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from clock import Clock

pytest.importorskip("numba", reason="the benchmarks need the compiled kernels")

from ninx.benchmarks import conv, measure
from ninx.benchmarks.conv import Layer
from ninx.benchmarks.measure import Machine
from ninx.benchmarks.peer import TF32

MACHINE = Machine("some processor", 2, "16 of 32 bytes", "some BLAS", "tbb", "2.0", "2.13", 100.0, 8.0)
LAYER = Layer("nin", 2, 8, 4, 16, 1)  # 2 * 16 pixels * 8 * 16 = 4096 multiply-adds, 8192 operations
MOVED = 4 * (2 * 16 * 8 + 8 * 16 + 2 * 16 * 16)  # bytes: input, weight, output, each once


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(monkeypatch)
    monkeypatch.setattr(measure, "synchronize", made.wait)
    monkeypatch.setattr(conv, "_rungs", lambda rounds: "tiny")
    monkeypatch.setattr(conv, "_workspace", lambda work: 3_000_000)
    monkeypatch.setattr(conv, "layers", lambda groups, batch: [LAYER])
    return made


class _Beside:
    """A PyTorch of which nothing is known but the names."""

    def __init__(self, names: list[str]):
        self.names = names

    def settings(self, name: str) -> Any:
        return measure.nothing


def _timed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, ours: dict[str, Any], theirs: dict[str, Any], device: str = "cpu"
) -> Any:
    """The report where the algorithms take these seconds, and a burst of 4096 operations takes a quarter of a second."""
    result = np.ones((2, 4, 4, 16), np.float32)
    monkeypatch.setattr(conv, "_ours", lambda *_: {n: clock.work(n, t, result) for n, t in ours.items()})
    monkeypatch.setattr(conv, "_theirs", lambda *_: {n: clock.work(n, t, result) for n, t in theirs.items()})
    monkeypatch.setattr(conv, "peer", lambda device: _Beside([*theirs]) if theirs else None)
    burst = clock.work("peak", 0.25), 4096.0
    monkeypatch.setattr(conv, "burst", lambda: burst)
    monkeypatch.setattr(conv, "gpu_burst", lambda device: burst)
    monkeypatch.setattr(conv, "on_device", lambda array, device: array)
    monkeypatch.setattr(conv, "tf32_note", lambda device: ["the note on TF32"])
    return conv.run(MACHINE if device == "cpu" else replace(MACHINE, device=device), 3)


OURS = {"fast": 0.5, "direct": 1.0, "im2col": 2.0, "GEMM": 4.0}


@pytest.mark.parametrize(("contiguous", "last", "better"), [(1.0, 0.75, 0.75), (0.75, 1.0, 0.75), (0.25, 3.0, 0.25)])
def test_it_is_compared_with_the_better_format(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, contiguous: float, last: float, better: float
) -> None:
    report = _timed(clock, monkeypatch, OURS, {"PyTorch": contiguous, "channels_last": last})
    assert [r["ratio"] for r in report.records] == [better / 0.5] * 3
    assert [r["ratio_tf32"] for r in report.records] == [None] * 3


def test_every_figure_of_a_layer(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    report = _timed(clock, monkeypatch, OURS, {"PyTorch": 1.0, "channels_last": 0.75})
    record = report.records[0]
    assert record["gflops"] == pytest.approx(8192 / 0.5 / 1e9)
    assert record["intensity"] == pytest.approx(8192 / MOVED)
    share = 8192 / 0.5 / (4096 / 0.25)  # of the peak: both do 16384 operations a second
    assert record["share_of_peak"] == {"median": share, "low": share, "high": share}
    assert record["share_of_copy"] == pytest.approx(MOVED / 0.5 / 8e9)
    assert record["share_of_roof"] == share  # the larger one
    assert (record["workspace"], record["kernel"], record["group"]) == (3_000_000, 1, "nin")
    assert record["seconds"] == {n: (t,) * 3 for n, t in (OURS | {"peak": 0.25, "PyTorch": 1.0, "channels_last": 0.75}).items()}
    assert [r["name"] for r in report.records] == [f"{LAYER.label} {d}" for d in ("forward", "input gradient", "weight gradient")]
    cells = dict(zip(report.columns, report.rows[0], strict=True))
    assert (cells["fast ms"], cells["direct ms"], cells["im2col ms"], cells["GEMM ms"]) == (
        "500.00",
        "1000.00",
        "2000.00",
        "4000.00",
    )
    assert (cells["PyTorch ms"], cells["channels_last ms"]) == ("1000.00", "750.00")
    assert cells["times as fast as the better"] == "1.50 (1.50 to 1.50)"
    assert (cells["share"], cells["workspace MB"], cells["direction"]) == ("100% (100% to 100%)", "3.0", "forward")


def test_the_narrower_of_the_two_limits_is_the_roof(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a memory of 3 GB/s that the layer fills to two thirds, and a peak of which it reaches a quarter."""
    machine = replace(MACHINE, bandwidth=3e-9 * MOVED)
    _timed(clock, monkeypatch, OURS, {})
    monkeypatch.setattr(conv, "burst", lambda: (clock.work("peak", 0.25), 4 * 4096.0))
    record = conv.run(machine, 3).records[0]
    assert record["share_of_peak"]["median"] == pytest.approx(0.25)
    assert record["share_of_copy"] == record["share_of_roof"] == pytest.approx(2 / 3)


def test_a_gpu_is_compared_with_each_rounding_apart(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conv, "ROTATED", 1)
    theirs = {"PyTorch": 4.0, "channels_last": 3.0, f"PyTorch{TF32}": 1.0, f"channels_last{TF32}": 2.0}
    report = _timed(clock, monkeypatch, {"fast": 0.5, "im2col": 2.0, "GEMM": 1.0}, theirs, "cuda")
    assert [(r["ratio"], r["ratio_tf32"]) for r in report.records] == [(6.0, 2.0)] * 3
    cells = dict(zip(report.columns, report.rows[0], strict=True))
    assert (cells["times as fast as TF32"], cells["share of roof"]) == ("2.00 (2.00 to 2.00)", "100%")
    assert (cells["PyTorch TF32 ms"], cells["channels_last TF32 ms"]) == ("1000.000", "2000.000")
    assert report.notes[-2] == "the note on TF32"


def test_the_notes_tell_the_mean_and_what_is_slower(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 4.0, 0.25, 4.0, 4.0, 4.0])  # the ratios 2, 8 and .5, their geometric mean is 2; and of another group 8

    def theirs(*_: Any) -> dict[str, Any]:
        return {"PyTorch": clock.work("PyTorch", next(times), np.ones(1))}

    _timed(clock, monkeypatch, OURS, {"PyTorch": 1.0})
    monkeypatch.setattr(conv, "_ours", lambda *_: {"fast": clock.work("fast", 0.5, np.ones(1))})
    monkeypatch.setattr(conv, "_theirs", theirs)
    monkeypatch.setattr(conv, "_conclusion", lambda records: "in words")
    monkeypatch.setattr(conv, "layers", lambda *_: [LAYER, LAYER._replace(group="large")])
    report = conv.run(MACHINE, 3)
    assert report.notes == [
        "geometric mean of the ratios: 4.00; below 1: 1 of 6", "  by group: nin 2.00, large 8.00",
        f"  0.50  {LAYER.label} weight gradient", "tiny", "in words",
    ]  # fmt: skip


def _record(kernel: int, share: float, copied: float, fast: float, im2col: float) -> dict[str, Any]:
    seconds = {"fast": (fast, fast, 9.0), "im2col": (im2col, im2col, 0.1)}
    return {"kernel": kernel, "share_of_peak": {"median": share}, "share_of_copy": copied, "seconds": seconds}


def test_the_conclusion_is_by_the_medians_of_1x1_and_of_k_x_k() -> None:
    some = [_record(1, 0.75, 0.8, 1.0, 2.0), _record(1, 0.5, 0.1, 1.0, 1.5), _record(1, 0.9, 0.1, 1.0, 8.0)]
    assert conv._conclusion(some) == (
        "In the median 1x1 layers reach 75% of the peak and are 2.0 times as fast as im2col, and the bytes rather than the "
        "multiply-adds limit 1 of 3."
    )
    both = conv._conclusion([*some, _record(3, 1.5, 0.2, 1.0, 3.0)])
    assert both.endswith(
        "; k x k layers reach 150% of the peak and are 3.0 times as fast as im2col, and the bytes rather than the "
        "multiply-adds limit 0 of 1."
    )
    assert conv._conclusion([]) == "No layers."


def test_without_pytorch_nothing_is_compared_but_with_the_processor(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    report = _timed(clock, monkeypatch, OURS, {})
    assert [r["ratio"] for r in report.records] == [None] * 3
    assert report.rows[0][-3:] == ["-", "-", "-"]
    assert report.notes[:-1] == ["tiny"]
    assert report.notes[-1].startswith("In the median 1x1 layers reach 100% of the peak and are 4.0 times as fast as im2col")


def test_the_gradient_of_a_picture_is_not_timed(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    _timed(clock, monkeypatch, OURS, {})
    for channels, directions in ((3, 2), (4, 3)):
        monkeypatch.setattr(conv, "layers", lambda *_, c=channels: [LAYER._replace(C=c)])
        assert len(conv.run(MACHINE, 1).records) == directions


def test_a_gpu_goes_through_several_inputs(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as are larger than the cache together, but not more than 64."""
    made: list[int] = []
    monkeypatch.setattr(conv, "_conclusion", lambda records: "in words")  # it tells of im2col, too
    size = 4 * (2 * 16 * 8 + 8 * 16 + 2 * 16 * 16)
    for rotated, sets in ((0, 1), (size * 3, 4), (size * 1000, 64)):
        made.clear()
        monkeypatch.setattr(conv, "ROTATED", rotated)
        _timed(clock, monkeypatch, {"fast": 1.0}, {}, "cuda")
        monkeypatch.setattr(conv, "_ours", lambda *_: made.append(1) or {"fast": clock.work("fast", 1.0, np.ones(1))})
        conv.run(replace(MACHINE, device="cuda"), 1)
        assert len(made) == 3 * (sets + 1)  # and once to be compared with the processor


def test_the_nested_loops_are_timed_beside_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, geometries = Clock(monkeypatch), []

    def tier(seconds: float) -> Any:
        def conv2d(x: Any, w: Any, b: Any, geo: Any) -> None:
            geometries.append((x.shape, w.shape, geo.macs))
            clock.now += seconds

        return types.SimpleNamespace(conv2d=conv2d)

    for name, seconds in (("loops", 0.25), ("strided", 4e-4), ("blocked", 3e-4), ("fast", 5e-5)):
        monkeypatch.setattr(conv, name, tier(seconds))
    rungs = "nested loops 250000 us, NumPy 400 us, blocked 300 us, compiled 50 us"
    assert conv._rungs(3) == f"1x16x8x8 -> 16 3x3, rung by rung: {rungs}"
    assert set(geometries) == {((1, 8, 8, 16), (16, 3, 3, 16), 64 * 16 * 9 * 16)}
