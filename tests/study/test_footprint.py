"""The memory of a training step, predicted without arithmetic, against processes that train.

All presets and batches, several minutes each for the large ones:

    pytest -m slow tests/study/test_footprint.py
"""

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import ninx
from ninx import nn, random, summary
from ninx.study.dry import Place, dry_steps

pytestmark = [
    pytest.mark.host_only("memory is predicted for the CPU"),
    pytest.mark.skipif(sys.platform != "linux", reason="what a process takes is read from /proc"),
]

PROGRAM = Path(__file__).parents[1] / "support" / "real_steps.py"
GENEROUS = 1_000_000  # bytes: what a process may grow by without any step
# The C library keeps up to 1 MB of what NumPy has freed for later; it is told to give everything back.
GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
PRESETS = [
    *("nin-cifar10", "nin-cifar100", "nin-mnist", "nin-svhn", "nin-d2l", "nin-mnist-v0", "nin-mnist-v1", "nin-mnist-v2"),
    *("nin-bn-fc", "nin-cifar10-bn", "nin-imagenet"),
]
CASES = [(name, batch) for name in PRESETS for batch in (1, 16, 64, 128) if (name, batch) != ("nin-bn-fc", 1)]


def measured(name: str, batch: int, optimizer: str = "sgd") -> dict[str, object]:
    command = [sys.executable, str(PROGRAM), name, str(batch), optimizer]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **GIVES_BACK})
    found: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return found


def predicted(name: str, batch: int, optimizer: str = "sgd") -> dict[str, object]:
    """In a process of its own, too, because here the plans of kernels may be there already."""
    code = (
        "import json, ninx; from ninx import models, nn; from ninx.study.dry import dry_steps\n"
        f"with nn.shapes_only(): net = models.create({name!r})\n"
        f"f = dry_steps(net, models.preset({name!r}).input_shape, {batch}, {optimizer!r})\n"
        "print(json.dumps({'growth': f.peak, 'pool': f.pool, 'place': f.place}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return found


def compare(name: str, batch: int, optimizer: str = "sgd") -> None:
    truth, told = measured(name, batch, optimizer), predicted(name, batch, optimizer)
    assert told["pool"] == truth["pool"]
    assert told["place"] == truth["place"]
    assert told["growth"] == pytest.approx(truth["growth"], rel=0.05, abs=GENEROUS)


@pytest.mark.parametrize(("name", "batch", "optimizer"), [("nin-mnist", 4, "sgd"), ("nin-cifar10-bn", 2, "adam")])
def test_a_step_takes_what_was_predicted(name: str, batch: int, optimizer: str) -> None:
    compare(name, batch, optimizer)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "batch"), CASES)
def test_the_steps_of_all_networks_take_what_was_predicted(name: str, batch: int) -> None:
    compare(name, batch)


def layered() -> nn.Sequential:
    first, second = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 8, 1)
    return nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(2), second, nn.Flatten(), nn.Linear(8 * 8 * 8, 10))


def test_what_each_layer_keeps_by_hand() -> None:
    found = dry_steps(layered(), (3, 16, 16), 100)
    value = 4 * 100  # bytes of one number of each image
    expected = {
        "0": value * 16 * 16 * 16,  # its value, which the pooling and the weight gradient need, is the ReLU's
        "2": value * 16 * 8 * 8 + 100 * 16 * 8 * 8,  # the value, and a byte for the place of each maximum
        "3": value * 8 * 8 * 8,
    }
    for name, size in expected.items():
        assert found.layers[name].kept == pytest.approx(size, rel=0.001, abs=10_000)
    assert found.weights == {"0": 4 * (3 * 16 * 9 + 16), "3": 4 * (16 * 8 + 8), "5": 4 * (512 * 10 + 10)}
    assert found.optimizer == found.weights  # one momentum for each
    assert dry_steps(layered(), (3, 16, 16), 100, "adam").optimizer == {k: 2 * n for k, n in found.weights.items()}
    assert found.kept <= found.used <= found.peak


def test_twice_the_images_keep_twice_as_much() -> None:
    small, large = (dry_steps(layered(), (3, 16, 16), batch) for batch in (200, 400))
    for name in ("0", "2", "3"):
        assert large.layers[name].kept == pytest.approx(2 * small.layers[name].kept, rel=0.01)


def test_the_network_and_all_else_are_left_as_they_were() -> None:
    net = layered().eval()
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    state, arrays = random.get_rng_state(), [p.array for p in net.parameters()]
    empty, node, fill = ninx.kernels.memory.empty, ninx.engine.graph.Node, ninx.engine.graph.Leaf.fill
    stats = ninx.memory_stats()
    found = dry_steps(net, (3, 16, 16), 64)
    assert found.pool > 1_000_000
    assert ninx.memory_stats() == stats  # all that was taken came from elsewhere
    assert all(np.array_equal(before[k], v.numpy()) for k, v in net.state_dict().items())
    assert all(a is p.array for a, p in zip(arrays, net.parameters(), strict=True))
    assert all(p.grad is None for p in net.parameters())
    assert not net.training
    assert random.get_rng_state() == state
    assert not tracemalloc.is_tracing()
    assert (ninx.kernels.memory.empty, ninx.engine.graph.Node, ninx.engine.graph.Leaf.fill) == (empty, node, fill)
    assert ninx.kernels.silent.thread == 0


def test_the_engine_comes_back_after_an_error() -> None:
    class Wrong(nn.Module):
        def __init__(self) -> None:
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x: ninx.Tensor) -> ninx.Tensor:
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        dry_steps(Wrong(), (3, 4, 4), 2)
    assert ninx.kernels.silent.thread == 0
    assert isinstance(convolved(), np.ndarray)


def convolved() -> np.ndarray:
    y = nn.functional.conv2d(ninx.ones(1, 3, 4, 4), ninx.ones(2, 3, 1, 1))
    assert (y.numpy() == 3).all()
    return y.numpy()


def test_a_network_far_too_large_for_this_machine() -> None:
    """Address space is all that it takes: 100 images of 224x224 keep 1.3 GB in each of 40 layers."""
    with nn.shapes_only():
        net = nn.Sequential(*[layer for _ in range(40) for layer in (nn.Conv2d(64, 64, 1), nn.ReLU())])
    found = dry_steps(net, (64, 224, 224), 100)
    assert found.kept == pytest.approx(40 * 4 * 100 * 64 * 224 * 224, rel=0.001)
    assert found.peak > found.kept


def test_the_largest_layer_of_a_network_with_one_wide_layer() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 500, 1), nn.ReLU(), nn.Conv2d(500, 8, 1), nn.Flatten())
    assert dry_steps(net, (3, 32, 32), 16).place == Place("backward", "4")  # with the gradient of the wide image


def test_frozen_layers_have_no_gradient() -> None:
    net = layered()
    net[0].requires_grad_(False)
    assert set(dry_steps(net, (3, 16, 16), 8).optimizer) == {"3", "5"}


def test_another_thread_computes_meanwhile() -> None:
    import threading

    class Waiting(nn.Module):
        """In its forward another thread does a convolution and a matrix product."""

        def __init__(self) -> None:
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x: ninx.Tensor) -> ninx.Tensor:
            def compute() -> None:
                results.append((convolved().max(), (np.ones((2, 3)) @ np.ones((3, 2))).max(), np.matmul([[2.0]], [[3.0]]).item()))

            thread = threading.Thread(target=compute)
            thread.start()
            thread.join()
            y: ninx.Tensor = self.conv(x)
            return y

    results: list[tuple[float, float, float]] = []
    dry_steps(Waiting(), (3, 4, 4), 2)
    assert results == [(3, 3, 6)] * 2


def test_what_cannot_be_copied_is_said() -> None:
    class Held(nn.Module):
        def __init__(self) -> None:
            self.conv, self.lock = nn.Conv2d(3, 4, 1), __import__("threading").Lock()

        def forward(self, x: ninx.Tensor) -> ninx.Tensor:
            y: ninx.Tensor = self.conv(x)
            return y

    with pytest.raises(TypeError, match=r"this network cannot be copied.*lock"):
        summary(Held(), (3, 4, 4), batch=2)
    assert summary(Held(), (3, 4, 4)).macs == 192
