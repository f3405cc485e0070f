"""The benchmarks on a GPU, as far as stand-ins show it: when a clock is read, who competes, what is compared."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import cupy_stand_in as cp
import host_cuda
import pytest
import torch
from rich.console import Console

from ninx import benchmarks, models
from ninx.benchmarks import conv, elementwise, measure, memory, peer, pool, scaling, step
from ninx.kernels import cuda

pytestmark = pytest.mark.skipif(not host_cuda.GXX, reason="g++ is not installed, so the CUDA kernels cannot run on the CPU")


@pytest.fixture(autouse=True, scope="module")
def _stand_in() -> Iterator[None]:
    with cp.installed():
        yield


def test_the_clock_is_read_when_the_device_is_done() -> None:
    """Between the work and the reading stands a wait, on both sides."""
    log = cp.streams
    log.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure.time, "perf_counter", lambda: log.append("clock") or float(len(log)))
        measure.take_turns([lambda: log.append("work")], 2, warm_up=1, device="cuda")
    clocks = [i for i, entry in enumerate(log) if entry == "clock"]
    assert len(clocks) == 6
    assert all(log[i - 1] == "synchronize" for i in clocks)
    log.clear()
    measure.take_turns([lambda: None], 1, least=0)
    assert log == []


def test_the_benchmarks_check_and_time_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones on the stand-in: the figures mean nothing, but they are there, and the results are right."""
    monkeypatch.setattr(measure, "MATRIX", 64)
    machine = measure.machine("cuda")
    assert (machine.device, machine.device_name) == ("cuda", "stand-in for a GPU")
    layers = [conv.Layer("bottleneck", 2, 8, 6, 4, k, padding=k // 2) for k in (1, 3)]
    monkeypatch.setattr(conv, "layers", lambda groups, batch: layers)
    cp.launches.clear()
    report = conv.run(machine, 1)
    assert [r["direction"] for r in report.records] == ["forward", "input gradient", "weight gradient"] * 2
    assert {"im2col", "col2im"} <= set(cp.launches)
    timed = {"fast", "im2col", "peak"}
    assert all(set(r["seconds"]) == timed | ({"GEMM"} if "1x1" in r["name"] else set()) for r in report.records)
    assert [r["workspace"] for r in report.records] == [0] * 3 + [4 * 2 * 36 * 8 * 9] * 3
    result = step.measure("nin-mnist-v2", 2, 28, 1, True, "cuda")
    assert result.ours.median > 0
    assert result.theirs == {}  # PyTorch sees no GPU
    console = Console(record=True, width=200)
    report.show(console)
    assert "device cuda: stand-in for a GPU" in console.export_text()


@pytest.fixture
def _pytorch_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch, which sees no GPU here, competes on the processor instead, with all that is done for a GPU."""
    monkeypatch.setattr(peer, "torch_device", lambda device: "cpu")
    monkeypatch.setattr(measure, "MATRIX", 64)
    monkeypatch.setattr(measure, "GPU_TURN", 0.0)
    monkeypatch.setattr(conv, "GPU_TURN", 0.0)
    monkeypatch.setattr(conv, "MOST_SETS", 2)


@pytest.fixture
def _settings_of_pytorch() -> Iterator[None]:
    cudnn, matmul = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = cudnn, matmul


BESIDE = ["PyTorch", "channels_last", "PyTorch TF32", "channels_last TF32"]


@pytest.mark.usefixtures("_pytorch_beside", "_settings_of_pytorch")
def test_pytorch_competes_on_the_gpu_in_float32_proper_and_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [conv.Layer("bottleneck", 2, 8, 6, 4, k, padding=k // 2) for k in (1, 3)]
    monkeypatch.setattr(conv, "layers", lambda groups, batch: layers)
    report = conv.run(measure.machine("cuda"), 3)
    for record in report.records:
        assert {"fast", "peak", *BESIDE} <= set(record["seconds"])
        assert min(record["ratio"], record["ratio_tf32"], record["share_of_roof"]) > 0
        assert record["share_of_roof"] >= record["share_of_copy"]
    assert [len(row) for row in report.rows] == [len(conv.COLUMNS + conv.WITH_TF32)] * 6
    assert any("ninx computes in float32 proper" in note for note in report.notes)
    monkeypatch.setenv("CUPY_TF32", "1")
    assert "CUPY_TF32 is set" in peer.tf32_note("cuda")[0]
    result = step.measure("nin-mnist-v2", 1, 28, 1, True, "cuda")
    assert list(result.theirs) == BESIDE
    record = result.as_json()
    assert min(record["ratio"], record["ratio_tf32"]) > 0
    assert len(result.row(["", peer.TF32])) == 4 + 2 * 3


@pytest.mark.usefixtures("_pytorch_beside", "_settings_of_pytorch")
def test_every_call_of_pytorch_is_made_with_the_settings_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that warm up and compare, whatever ran before."""
    seen: dict[str, set[tuple[bool, bool]]] = {}
    theirs = conv._theirs

    def watched(*arguments: Any) -> dict[str, Any]:
        def watch(name: str, work: Any) -> Any:
            def call() -> Any:
                settings = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
                seen.setdefault(name, set()).add(settings)
                return work()

            return call

        return {name: watch(name, work) for name, work in theirs(*arguments).items()}

    monkeypatch.setattr(conv, "_theirs", watched)
    monkeypatch.setattr(conv, "layers", lambda groups, batch: [conv.Layer("bottleneck", 2, 8, 6, 4, 1)])
    torch.backends.cudnn.allow_tf32 = True
    conv.run(measure.machine("cuda"), 2)
    assert seen == {name: {(name.endswith("TF32"), False)} for name in BESIDE}


@pytest.mark.usefixtures("_pytorch_beside", "_settings_of_pytorch")
def test_pytorchs_results_are_compared_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """TF32 may round coarsely, float32 may not."""
    theirs = conv._theirs
    monkeypatch.setattr(conv, "layers", lambda groups, batch: [conv.Layer("bottleneck", 2, 8, 6, 4, 1)])
    for wrong, factor, fails in (("channels_last", 1.001, True), ("PyTorch TF32", 1.001, False), ("PyTorch TF32", 1.1, True)):

        def spoilt(*arguments: Any, wrong: str = wrong, factor: float = factor) -> dict[str, Any]:
            made = theirs(*arguments)
            right = made[wrong]

            def work() -> Any:
                result = right()
                return tuple(r * factor for r in result) if isinstance(result, tuple) else result * factor

            return made | {wrong: work}

        monkeypatch.setattr(conv, "_theirs", spoilt)
        if fails:
            with pytest.raises(AssertionError, match=r"is off by"):
                conv.run(measure.machine("cuda"), 1)
        else:
            conv.run(measure.machine("cuda"), 1)


def test_inputs_take_turns() -> None:
    log: list[int] = []
    works = conv._rotated([{"a": lambda i=i: log.append(i)} for i in range(3)])  # type: ignore[misc]
    for _ in range(4):
        works["a"]()
    assert log == [0, 1, 2, 0]


def test_pytorch_without_a_gpu_does_not_compete_on_one() -> None:
    assert peer.peer("cuda") is None
    here = peer.peer("cpu")
    assert here is not None
    assert here.names == ["PyTorch", "channels_last"]


def test_a_wrong_result_on_the_device_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MATRIX", 64)
    right = cuda.bias_relu
    monkeypatch.setattr(cuda, "bias_relu", lambda y, b: right(y, b) * 1.001)
    monkeypatch.setattr(conv, "layers", lambda groups, batch: [conv.Layer("bottleneck", 2, 8, 6, 4, 1)])
    with pytest.raises(AssertionError, match="forward: fast is off by 1"):
        conv.run(measure.machine("cuda"), 1)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Suites of a size that the stand-in does in a second."""
    monkeypatch.setattr(measure, "MATRIX", 64)
    monkeypatch.setattr(benchmarks.suites, "GPU_ROUNDS", 5)
    monkeypatch.setattr(pool, "BATCH", 1)
    monkeypatch.setattr(elementwise, "IMAGES", (1, 8, 8, 4))
    monkeypatch.setattr(elementwise, "PARAMETERS", 100)
    case = scaling._case
    monkeypatch.setattr(scaling, "_case", lambda n, c, h, o, k: case(n // 8, c // 24, h // 4, o // 24, k))
    monkeypatch.setattr(memory, "QUICK", [("nin-mnist-v2", 2, 28)])


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("suite", ["pool", "elementwise", "scaling"])
def test_every_suite_reads_the_clock_when_the_device_is_done(suite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels ran between the readings, before each of which stands a wait."""
    log: list[Any] = []
    monkeypatch.setattr(cp, "streams", log)
    monkeypatch.setattr(cp, "launches", log)
    time = iter(range(10**6))
    monkeypatch.setattr(measure.time, "perf_counter", lambda: log.append("clock") or float(next(time)))
    machine = measure.machine("cuda")
    log.clear()
    report = benchmarks.suites.SUITES[suite](machine, True, 16)
    clocks = [i for i, entry in enumerate(log) if entry == "clock"]
    assert len(clocks) >= 12 * len(report.rows)  # two readings for each round, and two before them
    assert all(log[i - 1] == "synchronize" for i in clocks)
    assert any(isinstance(entry, str) and entry not in ("clock", "synchronize") for entry in log), "no kernel ran"
    console = Console(record=True, width=200)
    report.show(console)
    assert "device cuda: stand-in for a GPU" in console.export_text()


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize(("suite", "kernel"), [("pool", "max_unpool2d"), ("elementwise", "dropout"), ("elementwise", "adam")])
def test_a_suite_compares_the_device_with_the_processor(suite: str, kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = getattr(cuda, kernel)

    def wrong(*args: Any, **options: Any) -> Any:
        if kernel == "adam":
            return right(*args, **options | {"lr": 1.1 * options["lr"]})
        return right(*args, **options) * 1.001

    monkeypatch.setattr(cuda, kernel, wrong)
    with pytest.raises(AssertionError, match="off by"):
        benchmarks.run(suite, True, 16, "cuda")


@pytest.mark.usefixtures("_small", "_pytorch_beside")
@pytest.mark.parametrize("suite", ["pool", "elementwise"])
def test_pytorch_competes_in_the_other_suites_too(suite: str) -> None:
    report = benchmarks.run(suite, True, 16, "cuda")
    assert all(r["ratio"] > 0 for r in report.records)


class PyTorchsMemory:
    """What of torch.cuda the suite `memory` asks: bytes that PyTorch's pool took, as if a step took a megabyte."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def empty_cache(self) -> None:
        self.told.append("empty_cache")

    def reset_peak_memory_stats(self, device: str) -> None:
        self.told.append("reset")

    def max_memory_reserved(self, device: str) -> int:
        self.told.append("read")
        return 10**6 * self.told.count("read")


@pytest.mark.usefixtures("_small", "_pytorch_beside")
def test_pytorchs_memory_on_a_gpu_is_what_its_pool_took(monkeypatch: pytest.MonkeyPatch) -> None:
    pool_of_pytorch = PyTorchsMemory()
    there = peer.Peer(types.SimpleNamespace(**{n: getattr(torch, n) for n in NEEDED}, cuda=pool_of_pytorch), "cpu", True)
    monkeypatch.setattr(memory, "peer", lambda device: there)
    for who in peer.LAYOUTS:
        assert memory.growth(who, "nin-mnist-v2", 1, 28, "cuda") == 10**6
    assert pool_of_pytorch.told == ["empty_cache", "reset", "read", "read"] * 2
    monkeypatch.setattr(memory, "growth", lambda *a, device: len(a[0]))
    (record,) = benchmarks.run("memory", True, 16, "cuda").records
    assert record["bytes"] == {who: len(who) for who in ("ninx", "PyTorch", "channels_last")}


NEEDED = ["from_numpy", "contiguous_format", "channels_last", "optim", "nn", "no_grad"]


@pytest.mark.usefixtures("_small")
def test_memory_on_the_device_is_what_the_pool_took() -> None:
    """At least gradients and momenta, and what the backward pass needs of the images; not the weights, which were there."""
    report = benchmarks.run("memory", True, 16, "cuda")
    weights = 4 * sum(p.numel() for p in models.create("nin-mnist-v2").parameters())
    (record,) = report.records
    assert set(record["bytes"]) == {"ninx"}
    assert 2 * weights < record["bytes"]["ninx"] < 2 * weights + 2**19
