"""The suites `pool`, `elementwise` and `scaling`: what they compute and move, and their figures from fixed times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from clock import Clock

pytest.importorskip("numba", reason="the benchmarks need the compiled kernels")

from ninx.benchmarks import elementwise, measure, pool, scaling, versus
from ninx.benchmarks.measure import Machine
from ninx.benchmarks.peer import Peer
from ninx.benchmarks.versus import Pair
from ninx.kernels import get_num_threads, memory, set_num_threads

MACHINE = Machine("some processor", 2, "16 of 32 bytes", "some BLAS", "tbb", "2.0", "2.13", 100.0, 8.0)
HERE = Peer(torch, "cpu", False)
SOUND = np.array([1.0, -2.0, 4.0], np.float32)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(monkeypatch)
    monkeypatch.setattr(measure, "synchronize", made.wait)
    return made


def _pairs(clock: Clock) -> Any:
    right = torch.from_numpy(SOUND.copy())
    return lambda put: [Pair("it", clock.work("ours", 0.5, SOUND), lambda p: clock.work("theirs", 1.5, right), 2_000_000_000)]


# -------------------------------------------------------------------- figures


def test_every_figure_of_a_pair(clock: Clock) -> None:
    """2 GB in half a second are 4 GB/s, half of what copying reaches; PyTorch takes three times as long."""
    report = versus.run("it", MACHINE, _pairs(clock), 3)
    assert report.rows == [["it", "500.00", "4.0", "50 %", "1500.00", "3.00 (3.00 to 3.00)"]]
    assert report.records == [{"name": "it", "gbs": 4.0, "seconds": [(0.5,) * 3, (1.5,) * 3], "ratio": 3.0}]


def test_without_pytorch_there_is_no_ratio(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versus, "peer", lambda device: None)
    report = versus.run("it", MACHINE, _pairs(clock), 3)
    assert report.rows == [["it", "500.00", "4.0", "50 %", "-", "-"]]
    assert report.records[0]["ratio"] is None


@pytest.mark.parametrize("factor", [1.001, np.nan, np.inf, -1.0])
@pytest.mark.parametrize("which", ["ours", "theirs"])
def test_a_wrong_result_is_not_timed(clock: Clock, which: str, factor: float) -> None:
    ours = SOUND * np.float32(factor if which == "ours" else 1)
    theirs = torch.from_numpy(SOUND * np.float32(factor if which == "theirs" else 1))

    def pairs(put: Any, compare: bool = True) -> list[Pair]:
        return [Pair("it", lambda: ours, lambda p: lambda: theirs, 1, compare)]

    with pytest.raises(AssertionError, match="it: off by"), np.errstate(invalid="ignore"):
        versus.run("it", MACHINE, pairs, 1)
    assert "clock" not in clock.log
    versus._verify("it", SOUND * np.float32(1 + 5e-6), SOUND)


def test_on_a_gpu_each_result_is_compared_with_the_processors(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that are not compared with PyTorch's."""
    monkeypatch.setattr(versus, "on_device", lambda array, device: array * np.float32(1.001))
    monkeypatch.setattr(versus, "peer", lambda device: None)

    def pairs(put: Any) -> list[Pair]:
        x = put(SOUND)
        return [Pair("it", clock.work("ours", 1.0, x), lambda p: lambda: None, 1, compare=False)]

    with pytest.raises(AssertionError, match="it: off by"):
        versus.run("it", replace(MACHINE, device="cuda"), pairs, 1)
    monkeypatch.setattr(versus, "on_device", lambda array, device: array)
    monkeypatch.setattr(versus, "GPU_TURN", 0.0)
    versus.run("it", replace(MACHINE, device="cuda"), pairs, 1)
    assert "wait" in clock.log


# -------------------------------------------------------------------- what is timed, really

SIZES = {  # of what each moves: images of 2x4x4x16 at batch 2 and parameters, all of 4 bytes
    "relu": 2 * 512, "the ReLU's mask": 3 * 512, "dropout": 2 * 512, "SGD, momentum": 5 * 100, "Adam": 7 * 100,
}  # fmt: skip


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "BATCH", 2)
    monkeypatch.setattr(elementwise, "IMAGES", (2, 4, 4, 16))
    monkeypatch.setattr(elementwise, "PARAMETERS", 100)


@pytest.mark.usefixtures("_small")
def test_what_moves_entry_by_entry() -> None:
    """SGD with momentum reads p, g, v and writes p, v; Adam reads p, g, m, v and writes p, m, v."""
    assert {p.name: p.bytes for p in elementwise._pairs(lambda a: a)} == {name: 4 * n for name, n in SIZES.items()}


@pytest.mark.usefixtures("_small")
def test_what_moves_in_a_pooling() -> None:
    """The windows of 3x3 with stride 2 and ceil_mode lead from 32 to 16 pixels, from 16 to 8; a place has one byte."""
    a, of_a, b, of_b, c = 2 * 96 * 32**2, 2 * 96 * 16**2, 2 * 192 * 16**2, 2 * 192 * 8**2, 2 * 192 * 8**2
    assert {p.name: p.bytes for p in pool._pairs(lambda a: a)} == {
        "max_pool2d": 4 * (a + of_a), "max_pool2d backward": 4 * (a + of_a) + of_a, "avg_pool2d": 4 * (b + of_b),
        "avg_pool2d backward": 4 * (b + of_b), "global_avg_pool2d": 4 * c,
    }  # fmt: skip


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("suite", [pool, elementwise])
def test_ours_and_pytorchs_do_the_same(suite: Any) -> None:
    """Whatever can be compared is; a dropout keeps about one half and doubles it in both."""
    for pair in suite._pairs(lambda a: a):
        if pair.compare:
            expected = pair.theirs(HERE)()
            versus._verify(pair.name, pair.ours(), expected.permute(0, 2, 3, 1) if expected.ndim == 4 else expected)
        elif pair.name == "dropout":
            for found in (pair.ours(), pair.theirs(HERE)().numpy()):
                assert 0.4 < (found == 0).mean() < 0.6
    assert {p.name for p in suite._pairs(lambda a: a) if not p.compare} <= {"dropout", "SGD, momentum", "Adam"}


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("name", ["SGD, momentum", "Adam"])
def test_a_step_of_an_optimiser_changes_its_parameters(name: str) -> None:
    """Ours, and PyTorch's on a copy."""
    (pair,) = (p for p in elementwise._pairs(lambda a: a) if p.name == name)
    first = pair.ours().copy()
    second = pair.ours().copy()
    assert not np.array_equal(first, second)
    leaves: list[Any] = []

    class Watching(Peer):
        def tensor(self, array: Any) -> Any:
            made = super().tensor(array)
            leaves.append(made)
            return made

    step = pair.theirs(Watching(torch, "cpu", False))
    step()
    assert np.array_equal(leaves[0].numpy(), second)  # PyTorch's step has changed a copy


@pytest.mark.usefixtures("_small")
def test_both_optimisers_have_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step without momentum or without decay would move fewer bytes than it is said to."""
    given: dict[str, dict[str, Any]] = {}
    for name in ("sgd", "adam"):
        monkeypatch.setattr(elementwise.fast, name, lambda *arrays, n=name, **settings: given.update({n: settings}))
    theirs: dict[str, dict[str, Any]] = {}
    for pair in elementwise._pairs(lambda a: a)[-2:]:
        pair.ours()
        theirs[pair.name] = pair.theirs(HERE).__self__.defaults
    sgd, adam = theirs["SGD, momentum"], theirs["Adam"]
    assert given["sgd"] == {
        "lr": sgd["lr"], "momentum": sgd["momentum"], "keep": 1 - sgd["dampening"], "decay": sgd["weight_decay"],
        "nesterov": sgd["nesterov"],
    }  # fmt: skip
    assert given["adam"] == {
        "lr": adam["lr"], "beta1": adam["betas"][0], "beta2": adam["betas"][1], "eps": adam["eps"],
        "decay": adam["weight_decay"], "scale": 1.0, "shrink": 1.0,
    }  # fmt: skip
    assert sgd["lr"] == adam["lr"] == 1e-3
    assert (sgd["momentum"], sgd["weight_decay"]) == (0.9, 1e-4)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("suite", [pool, elementwise])
def test_a_whole_suite_by_a_clock_that_goes_on_by_itself(suite: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are compared in our order of the axes, whatever PyTorch's is; one second passes between two readings."""
    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock.__dict__.update(now=clock.now + 1) or clock.now)
    report = suite.run(MACHINE, 2)
    pairs = suite._pairs(lambda a: a)
    assert {r["name"]: r["gbs"] for r in report.records} == {p.name: pytest.approx(p.bytes / 1e9) for p in pairs}
    assert {r["ratio"] for r in report.records} == {1.0}
    assert {len(r["seconds"][0]) for r in report.records} == {2}


# -------------------------------------------------------------------- how time grows


def test_the_exponents_are_those_of_the_times(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times in proportion to the images to the power 2, to the pixels to the power .5, and to the channels' products."""

    def work(geo: Any, device: str) -> Any:
        return clock.work("work", geo.N**2 * (geo.H * geo.W) ** 0.5 * (geo.C * geo.O) * 1e-6)

    monkeypatch.setattr(scaling, "_work", work)
    monkeypatch.setattr(scaling, "_workspace", lambda geo, work, device: 1_000_000 * geo.N)
    monkeypatch.setattr(scaling, "get_num_threads", lambda: 1)
    report = scaling.run(MACHINE, True)
    found = {r["name"]: r["exponent"] for r in report.records}
    expected = {"batch": 2.0, "pixels": 0.5, "channel products": 1.0}
    assert found == {f"{k}x{k} {what}": pytest.approx(e) for k in (1, 3) for what, e in expected.items()}
    batch = report.records[0]
    assert batch["sizes"] == [8, 16, 32, 64]
    assert batch["workspace"] == [1_000_000 * n for n in (8, 16, 32, 64)]
    assert batch["seconds"] == [pytest.approx(n**2 * 16 * 96**2 * 1e-6) for n in (8, 16, 32, 64)]
    times = ", ".join(f"{1e3 * n**2 * 16 * 96**2 * 1e-6:.2f}" for n in (8, 16, 32, 64))
    assert report.rows[0] == ["1x1", "batch", "8, 16, 32, 64", times, "2.00", "8.00, 16.00, 32.00, 64.00"]
    assert report.records[1]["sizes"] == [64, 256, 1024, 4096]
    assert report.records[2]["sizes"] == [48**2, 96**2, 192**2, 384**2]


def test_the_convolutions_that_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """One size grows, the others stay: 16 images of 96 channels and 16 pixels to 96 channels; 32 images for the threads."""
    asked: list[tuple[int, ...]] = []

    def turns(works: Any, *_: Any, **__: Any) -> Any:
        return [measure.Timing((1.0,)) for _ in works]

    monkeypatch.setattr(
        scaling, "_work", lambda geo, device: asked.append((geo.N, geo.C, geo.H, geo.O, geo.KH)) or measure.nothing
    )
    monkeypatch.setattr(scaling, "_workspace", lambda geo, work, device: 0)
    monkeypatch.setattr(scaling, "take_turns", turns)
    monkeypatch.setattr(scaling, "get_num_threads", lambda: 2)
    scaling.run(MACHINE, True)
    assert asked == [
        case
        for k in (1, 3)
        for case in (
            *[(n, 96, 16, 96, k) for n in (8, 16, 32, 64)],
            *[(16, 96, h, 96, k) for h in (8, 16, 32, 64)],
            *[(16, c, 16, c, k) for c in (48, 96, 192, 384)],
            (32, 96, 16, 96, k),
        )
    ]


def test_threads_are_tried_from_one_to_all_and_given_back(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that is shared fairly: the exponent is -1."""
    now = [3]
    monkeypatch.setattr(scaling, "get_num_threads", lambda: now[0])
    monkeypatch.setattr(scaling, "set_num_threads", lambda count: now.__setitem__(0, count))

    def work(geo: Any, device: str) -> Any:
        def shared() -> None:
            clock.now += 6.0 / now[0]

        return shared

    monkeypatch.setattr(scaling, "_work", work)
    monkeypatch.setattr(scaling, "_workspace", lambda geo, work, device: 0)
    report = scaling.run(MACHINE, True)
    threads = [r for r in report.records if r["name"].endswith("threads")]
    assert [(r["sizes"], r["seconds"], r["exponent"]) for r in threads] == [([1, 2, 3], [6.0, 3.0, 2.0], pytest.approx(-1.0))] * 2
    assert now == [3]
    assert [row[-1] for row in report.rows if row[1] == "threads"] == ["-", "-"]
    report = scaling.run(replace(MACHINE, device="cuda"), True)
    assert not any("threads" in r["name"] for r in report.records)


def test_the_threads_are_given_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    before, calls = get_num_threads(), iter(range(100))

    def turns(works: Any, *_: Any, **__: Any) -> Any:
        if len(works) == 2:
            set_num_threads(1)
            raise KeyboardInterrupt
        return [measure.Timing((1.0 + next(calls),)) for _ in works]

    monkeypatch.setattr(scaling, "_work", lambda geo, device: measure.nothing)
    monkeypatch.setattr(scaling, "_workspace", lambda geo, work, device: 0)
    monkeypatch.setattr(scaling, "take_turns", turns)
    set_num_threads(2)
    try:
        with pytest.raises(KeyboardInterrupt):
            scaling.run(MACHINE, True)
        assert get_num_threads() == 2
    finally:
        set_num_threads(before)


def test_the_work_that_grows_is_all_three_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    geo, done = scaling._case(2, 4, 6, 5, 3), []
    assert (geo.N, geo.C, geo.H, geo.O, geo.KH, geo.OH) == (2, 4, 6, 5, 3, 6)
    for name in ("conv2d", "conv2d_input_grad", "conv2d_weight_grad"):
        right = getattr(scaling.fast, name)
        monkeypatch.setattr(scaling.fast, name, lambda *a, n=name, f=right: done.append(n) or f(*a))
    scaling._work(geo, "cpu")()
    assert done == ["conv2d", "conv2d_input_grad", "conv2d_weight_grad"]


def test_the_workspace_is_what_is_lent_beyond_the_largest_result() -> None:
    geo = scaling._case(8, 64, 16, 32, 1)  # the input gradient is the largest: 8*16*16*64 numbers of 4 bytes
    largest = 4 * 8 * 16 * 16 * 64

    def work() -> None:
        a = memory.empty((largest,), np.uint8)
        b = memory.empty((300_032,), np.uint8)
        del a, b

    assert scaling._workspace(geo, work, "cpu") == 300_032
    assert scaling._workspace(geo, lambda: None, "cpu") == 0
    assert scaling._workspace(geo, work, "cuda") == geo.workspace(4, scaling.cuda.BUDGET)
