"""The suites of whole steps and of their memory: what a step does, what is compared, and the figures from fixed ones."""

from __future__ import annotations

import copy
import io
import json
import subprocess
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from clock import Clock

pytest.importorskip("numba", reason="the benchmarks need the compiled kernels")

import ninx
from ninx import models, nn
from ninx.benchmarks import measure, memory, step
from ninx.benchmarks.measure import Machine, Timing
from ninx.benchmarks.peer import TF32, Peer
from ninx.benchmarks.twins import twin

MACHINE = Machine("some processor", 2, "16 of 32 bytes", "some BLAS", "tbb", "2.0", "2.13", 100.0, 8.0)
HERE = Peer(torch, "cpu", False)


def _net() -> nn.Module:
    ninx.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1), nn.GlobalAvgPool2d(), nn.Flatten())
    return step.alive(net)


def _batch() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((4, 3, 6, 6), np.float32), rng.integers(0, 4, 4)


def _weights(net: Any) -> list[Any]:
    return [p.detach().numpy().copy() for p in net.parameters()]


# -------------------------------------------------------------------- what is timed


@pytest.mark.parametrize("name", ["PyTorch", "channels_last"])
def test_both_steps_learn_the_same(name: str) -> None:
    """Three steps, so that the momentum shows; the weights go as far in both, and no gradient adds up."""
    net = _net()
    other = twin(net, name == "channels_last")
    start = _weights(net)
    steps = step.ours(net, *_batch(), True), step.theirs(HERE, name, other, *_batch(), True)
    for _ in range(3):
        for one in steps:
            one()
    for before, a, b in zip(start, _weights(net), _weights(other), strict=True):
        moved = b.astype(np.float64) - before
        assert np.abs(moved).max() > 1e-6
        np.testing.assert_allclose(a.astype(np.float64) - before, moved, atol=0.02 * np.abs(moved).max())


def test_an_inference_records_and_changes_nothing() -> None:
    net, seen = _net(), []
    net.register_forward_hook(lambda *_: seen.append(ninx.is_grad_enabled()))
    start, other = _weights(net), twin(net)
    other.register_forward_hook(lambda *_: seen.append(torch.is_grad_enabled()))
    step.ours(net, *_batch(), False)()
    step.theirs(HERE, "PyTorch", other, *_batch(), False)()
    assert seen == [False, False]
    assert all(np.array_equal(a, b) for a, b in zip(start, _weights(net), strict=True))
    assert all(p.grad is None for p in [*net.parameters(), *other.parameters()])


def test_pytorch_gets_its_images_in_the_format_of_the_name() -> None:
    formats = []
    for name in ("PyTorch", "channels_last"):
        other = twin(_net(), name == "channels_last")
        other.register_forward_hook(lambda _, inputs, __: formats.append(inputs[0].is_contiguous()))
        step.theirs(HERE, name, other, *_batch(), False)()
    assert formats == [True, False]


# -------------------------------------------------------------------- what is compared


def test_a_network_is_compared_with_its_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sound; with a wrong value; with a gradient that is wrong in one parameter only; with NaN."""
    net = _net().train()
    step._verify(net, *_batch(), True)
    assert net.training
    assert all(p.grad is None for p in net.parameters())
    for wrong, what in ((1.01, "logits"), (np.nan, "logits")):
        with monkeypatch.context() as m:
            m.setattr(step, "twin", lambda n, w=wrong: torch.nn.Sequential(twin(n), _Times(w)))
            with pytest.raises(AssertionError, match=f"{what} differs from PyTorch's"):
                step._verify(net, *_batch(), False)
    for wrong in (1.01, np.nan):
        with monkeypatch.context() as m:
            m.setattr(step, "twin", lambda n, w=wrong: _with_gradient(twin(n), w))
            with pytest.raises(AssertionError, match=r"the gradient of 2\.bias differs"):
                step._verify(net, *_batch(), False)


class _Times(torch.nn.Module):
    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x: Any) -> Any:
        return x * self.factor


def _with_gradient(net: Any, factor: float) -> Any:
    [*net.parameters()][-1].register_hook(lambda g: g * factor)
    return net


def test_how_close_is_close() -> None:
    good = np.array([3.0, 4.0])
    step._close("it", good * (1 + 5e-4), good)
    for bad in (good * (1 + 2e-3), good * np.nan, np.array([np.inf, 4.0]), -good):
        with pytest.raises(AssertionError, match="it differs from PyTorch's by"):
            step._close("it", bad, good)
    with pytest.raises(AssertionError):
        step._close("it", good, good * np.nan)
    with pytest.raises(AssertionError):
        step._close("it", good, good * 0)


# -------------------------------------------------------------------- figures of a step

OURS = Timing((1.0, 2.0, 1.0))


@pytest.mark.parametrize(("first", "second", "better"), [(2.0, 3.0, 2.0), (3.0, 2.0, 2.0), (0.5, 9.0, 0.5)])
def test_a_step_is_compared_with_the_better_format(first: float, second: float, better: float) -> None:
    theirs = {"PyTorch": Timing((first,) * 3), "channels_last": Timing((second,) * 3)}
    theirs |= {n + TF32: Timing((t.seconds[0] / 4,) * 3) for n, t in theirs.items()}
    result = step.Result("net", 16, 28, True, OURS, theirs)
    assert result.speed().median == better
    assert result.speed(TF32).median == better / 4
    record = result.as_json()
    assert (record["ratio"], record["ratio_tf32"], record["name"]) == (better, better / 4, "net step, batch 16")
    assert record["speed"] == {"median": better, "low": 0.75 * better, "high": better}
    row = result.row(["", TF32])
    assert row[:6] == ["net", "training step", "16x28x28", "1000.00", f"{1e3 * first:.2f}", f"{1e3 * second:.2f}"]
    assert row[6] == f"{better:.2f} ({0.75 * better:.2f} to {better:.2f})"
    assert row[7:9] == [f"{250 * first:.2f}", f"{250 * second:.2f}"]


def test_a_step_without_a_competitor() -> None:
    result = step.Result("net", 1, 28, False, OURS, {})
    assert result.row([""]) == ["net", "inference", "1x28x28", "1000.00", "-", "-", "-"]
    assert (result.as_json()["speed"], result.as_json()["ratio"]) == (None, None)


def test_each_time_stands_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 second for ours, 2 and 3 for PyTorch's, on the processor and on a GPU."""
    clock, verified = Clock(monkeypatch), []
    monkeypatch.setattr(measure, "synchronize", clock.wait)
    monkeypatch.setattr(step, "ours", lambda *_: clock.work("ours", 1.0))
    theirs = {"PyTorch": 2.0, "channels_last": 3.0, f"PyTorch{TF32}": 4.0, f"channels_last{TF32}": 5.0}
    monkeypatch.setattr(step, "theirs", lambda beside, name, *_: clock.work(name, theirs[name]))
    monkeypatch.setattr(step, "_verify", lambda net, images, labels, training: verified.append((images.shape, training)))
    for training in (True, False):
        result = step.measure("nin-mnist-v0", 2, 28, 3, training)
        assert result.ours.seconds == (1.0,) * 3
        assert {n: t.seconds for n, t in result.theirs.items()} == {"PyTorch": (2.0,) * 3, "channels_last": (3.0,) * 3}
        assert (result.name, result.batch, result.pixels, result.training) == ("nin-mnist-v0", 2, 28, training)
    assert verified == [((2, 1, 28, 28), True), ((2, 1, 28, 28), False)]


@pytest.mark.parametrize(
    ("device", "quick", "count"), [("cpu", True, 2), ("cpu", False, 6), ("cuda", True, 4), ("cuda", False, 6)]
)
def test_which_cases_are_timed(monkeypatch: pytest.MonkeyPatch, device: str, quick: bool, count: int) -> None:
    made = []

    def measured(name: str, batch: int, pixels: int, rounds: int, training: bool, where: str) -> Any:
        made.append((name, batch, pixels, training, where))
        return step.Result(name, batch, pixels, training, OURS, {})

    monkeypatch.setattr(step, "measure", measured)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "7")
    report = step.run(replace(MACHINE, device=device), 3, quick)
    assert len(made) == len(report.rows) == len(set(made)) == count
    assert {case[-1] for case in made} == {device}
    assert all(len(row) == len(report.columns) for row in report.rows)
    assert ("nin-mnist-v2", 64, 28, True, device) in made
    assert (("nin-d2l", 16, 224, True, device) in made) is not (quick and device == "cpu")
    assert any(not case[3] for case in made) is not quick
    assert "MALLOC_TRIM_THRESHOLD_ 7" in report.notes[0]


def test_each_case_has_the_size_that_its_preset_is_made_for() -> None:
    for name, _, pixels in (*step.CASES, *step.INFERENCE, *memory.CASES, *memory.QUICK):
        if name != "nin-mnist-v2":  # which takes any
            assert models.preset(name).input_shape[1:] == (pixels, pixels), name


# -------------------------------------------------------------------- memory


def test_the_growth_is_that_of_five_steps_after_the_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[Any] = []
    monkeypatch.setattr(memory, "ours", lambda net, images, labels, training: lambda: log.append(len(images)))
    monkeypatch.setattr(memory, "forget", lambda *what: log.append(("forget", *what)))
    monkeypatch.setattr(memory, "high_water", lambda *what: log.append(("look", *what)) or 100 * len(log))
    assert memory.growth("ninx", "nin-mnist-v0", 3, 28) == 600
    assert log == [1, ("forget", "ninx", "cpu"), ("look", "ninx", "cpu"), 3, 3, 3, 3, 3, ("look", "ninx", "cpu")]


@pytest.mark.parametrize("who", ["PyTorch", "channels_last"])
def test_the_growth_of_pytorch_is_that_of_its_own_step(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    log: list[Any] = []
    monkeypatch.setattr(memory, "twin", lambda net, last: log.append(last) or "the twin")
    monkeypatch.setattr(memory, "theirs", lambda beside, name, net, *_: lambda: log.append((name, net)))
    monkeypatch.setattr(memory, "high_water", lambda who, device: 0)
    memory.growth(who, "nin-mnist-v0", 3, 28)
    assert log == [who == "channels_last", (who, "the twin"), who == "channels_last", *[(who, "the twin")] * 5]


def test_the_high_water_mark_is_what_linux_says(monkeypatch: pytest.MonkeyPatch) -> None:
    status = "Name:\tpython\nVmPeak:\t  9 kB\nVmHWM:\t   1234 kB\nVmRSS:\t 1 kB\n"
    monkeypatch.setattr("builtins.open", lambda *_, **__: io.StringIO(status))
    assert memory.high_water("ninx") == 1234 * 1024


@pytest.mark.parametrize(("first", "second", "share"), [(200, 400, 0.5), (400, 200, 0.5), (50, 400, 2.0)])
def test_memory_is_compared_with_the_smaller(monkeypatch: pytest.MonkeyPatch, first: int, second: int, share: float) -> None:
    bytes_ = {"ninx": 100e6, "PyTorch": first * 1e6, "channels_last": second * 1e6}
    monkeypatch.setattr(memory, "_in_a_process", lambda who, *_: bytes_[who])
    report = memory.run(MACHINE, True)
    assert report.records == [{"name": "nin-mnist", "batch": 64, "bytes": bytes_, "share": share}]
    assert report.rows == [["nin-mnist", "64", "100", str(first), str(second), f"{share:.2f}"]]
    assert len(memory.run(MACHINE, False).rows) == 3
    monkeypatch.setattr(memory, "peer", lambda device: None)
    assert memory.run(MACHINE, True).rows == [["nin-mnist", "64", "100", "-", "-", "-"]]


def test_a_process_of_its_own_gives_its_number_or_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = []

    def run(command: list[str], **_: Any) -> Any:
        codes.append(command[-1])
        return subprocess.CompletedProcess(command, len(codes) - 1, "noise\n4321\n", "Traceback\nMemoryError: gone\n")

    monkeypatch.setattr(memory.subprocess, "run", run)
    assert memory._in_a_process("ninx", "nin-mnist", 64, 28) == 4321
    assert codes == ["from ninx.benchmarks import memory; print(memory.growth(*('ninx', 'nin-mnist', 64, 28)))"]
    with pytest.raises(RuntimeError, match="memory: the process of ninx failed: MemoryError: gone"):
        memory._in_a_process("ninx", "nin-mnist", 64, 28)


def test_what_is_saved_can_be_read_again() -> None:
    result = step.Result("net", 16, 28, True, OURS, {"PyTorch": Timing((2.0, 2.0, 2.0))})
    assert json.loads(json.dumps(copy.deepcopy(result.as_json())))["theirs"]["PyTorch"]["seconds"] == [2.0] * 3
