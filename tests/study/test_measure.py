"""How the benchmarks measure: turns, medians, the peak and the copying, by a clock that only goes on when somebody works."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest
from clock import Clock

pytest.importorskip("numba", reason="the benchmarks need the compiled kernels")

from ninx.benchmarks import measure
from ninx.benchmarks.measure import Machine, Ratio, Timing, ratio, take_turns
from ninx.kernels.cpu import peak


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(monkeypatch)
    monkeypatch.setattr(measure, "synchronize", made.wait)
    return made


def test_functions_take_turns_after_a_warm_up(clock: Clock) -> None:
    """Each time is the mean of as many calls as last ``least`` seconds; the pause and the first call of a turn are not timed."""
    times = take_turns([clock.work("a", 0.25), clock.work("b", 1.0)], rounds=2, least=0.75)
    assert [t.seconds for t in times] == [(0.25, 0.25), (1.0, 1.0)]
    events = [e for e in clock.log if e != "wait"]
    warm_up = ["a", "a", "clock", "a", "clock", "b", "b", "clock", "b", "clock"]
    turns = ["pause", "a", "clock", "a", "a", "a", "clock", "pause", "b", "clock", "b", "clock"]
    assert events == warm_up + turns + turns


def test_a_turn_begins_when_all_threads_are_idle(clock: Clock) -> None:
    """Those of a matrix product may wait busily for the next one; that is a tenth of a second at most here, then they sleep."""
    clock.spinning = 0.09
    measure.rest()
    assert clock.log == ["pause"] * 6  # four that are full, half a one, and one that is quiet
    clock.log.clear()
    measure.rest()
    assert clock.log == ["pause"]
    clock.log.clear()
    clock.spinning = 1e9  # whoever never sleeps is not waited for
    measure.rest()
    assert clock.log == ["pause"] * measure.PAUSES


def test_each_round_has_its_own_time(clock: Clock) -> None:
    """What is timed: not the warm-up of 9 seconds, nor the first call of a turn, of 5."""
    work = clock.work("a", [9, 9, 1, 5, 2, 5, 4, 5, 3])
    (timing,) = take_turns([work], rounds=3, least=0.0)
    assert timing.seconds == (2.0, 4.0, 3.0)


def test_the_number_of_calls_in_a_row_is_rounded_and_at_least_one(clock: Clock) -> None:
    for seconds, calls in ((10.0, 1), (0.5, 2), (0.3, 3), (0.41, 2)):
        clock.log.clear()
        take_turns([clock.work("a", seconds)], rounds=1, least=1.0, warm_up=0)
        events = [e for e in clock.log if e not in ("wait", "pause")]
        assert events == ["clock", "a", "clock", "a", "clock", *["a"] * calls, "clock"]


def test_what_is_done_before_a_turn_is_not_timed(clock: Clock) -> None:
    before = [clock.work("set a", 7.0), clock.work("set b", 8.0)]
    works = [clock.work("a", 1.0), clock.work("b", 2.0)]
    times = take_turns(works, rounds=2, least=0.0, warm_up=1, before=before)
    assert [t.seconds for t in times] == [(1.0, 1.0), (2.0, 2.0)]
    events = [e for e in clock.log if e not in ("clock", "wait")]
    assert events == ["set a", "a", "a", "set b", "b", "b"] + ["set a", "pause", "a", "a", "set b", "pause", "b", "b"] * 2
    with pytest.raises(ValueError, match="zip"):
        take_turns(works, 1, before=before[:1])


def test_a_gpu_is_waited_for_before_the_clock_is_read(clock: Clock) -> None:
    times = take_turns([clock.told("a", 1.0), clock.told("b", 4.0)], rounds=3, least=2.0, device="cuda")
    assert [t.seconds for t in times] == [(1.0,) * 3, (4.0,) * 3]
    assert all(clock.log[i - 1] == "wait" for i, e in enumerate(clock.log) if e == "clock")
    assert "pause" not in clock.log  # nobody takes a processor away from it


def test_median_and_quartiles() -> None:
    timing = Timing((5.0, 1.0, 2.0, 3.0, 40.0))
    assert timing.median == 3.0
    assert timing.quartiles == (2.0, 5.0)


def test_a_ratio_above_one_means_that_the_first_is_faster() -> None:
    found = ratio(Timing((1.0, 1.0, 2.0, 1.0, 1.0)), Timing((2.0, 3.0, 2.0, 5.0, 4.0)))
    assert found == Ratio(3.0, 2.0, 4.0)
    assert found.times(0.5) == Ratio(1.5, 1.0, 2.0)
    assert str(found) == "3.00 (2.00 to 4.00)"


def test_the_peak_is_the_best_of_several_runs(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """3 GFLOP in a second, half a second, .75 s; the first run, which compiles, counts nothing."""
    monkeypatch.setattr(measure, "burst", lambda: (clock.work("spin", [0.001, 1.0, 0.5, 0.75, 60.0]), 3e9))
    assert measure.peak(seconds=2.0) == pytest.approx(6.0)


def test_the_bandwidth_counts_what_is_read_and_what_is_written(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """128 MB (2**27 bytes) in an eighth of a second at best: 2**31 bytes a second."""
    sizes = []
    slow = clock.work("copy", [0.25, 0.125, 0.5])

    def copy(a: Any, b: Any, threads: int) -> None:
        sizes.append((a.nbytes, b.nbytes))
        slow()

    monkeypatch.setattr(peak, "copy", copy)
    assert measure.bandwidth() == pytest.approx(2**31 / 1e9)
    assert set(sizes) == {(2**27, 2**27)}


def test_the_rates_of_a_gpu_are_read_when_it_has_done_its_work(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A product of 4 GFLOP in 2 seconds, and 256 MB (2**28 bytes) read and written in half a second."""
    moved = clock.told("copy", 0.5)

    class OnTheGpu:
        nbytes = 2**28

        def __setitem__(self, index: Any, value: OnTheGpu) -> None:
            assert index is ...
            moved()

    monkeypatch.setattr(measure, "gpu_burst", lambda device: (clock.told("product", 2.0), 4e9))
    monkeypatch.setattr(measure, "on_device", lambda array, device: OnTheGpu())
    monkeypatch.setattr(measure, "xp_of", lambda array: types.SimpleNamespace(empty_like=lambda a: OnTheGpu()))
    monkeypatch.setattr(measure, "MATRIX", 8)
    rate, copied = measure.gpu_rates("cuda")
    assert rate == pytest.approx(2.0)
    assert copied == pytest.approx(2 * 2**28 / 0.5 / 1e9)


def test_the_burst_of_a_gpu_is_a_product_of_its_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry of the product is a sum of as many products as the matrix has columns: 2 * 8**3 operations."""
    monkeypatch.setattr(measure, "MATRIX", 8)
    made: list[Any] = []
    monkeypatch.setattr(measure, "on_device", lambda array, device: made.append(array) or array)
    work, operations = measure.gpu_burst("cuda")
    assert operations == 2 * 8**3
    np.testing.assert_allclose(work(), made[0] @ made[0], rtol=1e-6)
    assert len(np.unique(made[0])) > 32  # not all alike: a GPU needs less power for these, and runs faster


def test_the_operations_of_a_burst_are_those_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """All factors are 1, so the sums count the products; each is one multiplication and one addition."""
    spin, sums = peak._spin, []

    def watched(a: Any, b: Any, c: Any, offsets: Any, tail: int, count: int, threads: int) -> None:
        spin(a, b, c, offsets, tail, count, threads)
        sums.append(c.sum())

    monkeypatch.setattr(peak, "_spin", watched)
    for threads in (1, 2):
        peak.spin(1, threads)
        assert peak.flops(1, threads) == 2 * sums[-1]
    assert peak.flops(2000, 2) == 2000 * peak.flops(1, 2)
    work, operations = measure.burst()
    work()
    assert operations == peak.flops(2000, measure.get_num_threads()) == 2000 * 2 * sums[-1]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_copy_copies_all(threads: int) -> None:
    a, b = np.arange(1000.0), np.zeros(1000)
    peak.copy(a, b, threads)
    assert np.array_equal(a, b)


@pytest.mark.parametrize("device", ["cpu", "cuda:1"])
def test_a_machine_is_described_with_the_rates_of_the_device(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "peak", lambda: 11.0)
    monkeypatch.setattr(measure, "bandwidth", lambda: 22.0)
    monkeypatch.setattr(measure, "gpu_rates", lambda place: (33.0, 44.0) if place == device else None)
    monkeypatch.setattr(measure.gpu, "names", lambda: ["one", "another"])
    found = measure.machine(device)
    assert isinstance(found, Machine)
    expected = (11.0, 22.0, "") if device == "cpu" else (33.0, 44.0, "another")
    assert (found.peak, found.bandwidth, found.device_name) == expected
    assert (found.device, found.numpy, found.threads) == (device, np.__version__, measure.get_num_threads())
    assert bool(found.layer) is (device == "cpu")
    assert "processor(s), vectors of up to" in found.processor
