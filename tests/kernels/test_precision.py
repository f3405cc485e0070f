"""Whole networks against PyTorch, training and evaluating: its float64 is the truth, and its float32 the yardstick of ours."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torch_nets
from oracle import error

import ninx
import ninx.functional as F
from ninx import kernels, models
from ninx.kernels.geometry import convolution

# Four images of 28 or 32 pixels (a last normalisation wants several values of each channel), one of more. And smaller ones than
# published where the network takes any size: all that end in an average, and the VGGs, which bring their maps to 7x7.
SIDE = {"nin-mnist-v0": 28, "nin-mnist-v1": 28, "nin-mnist-v2": 28, "nin-imagenet": 131, "nin-d2l": 131, "vgg11": 64, "vgg16": 64}


def drawn(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels."""
    rng, (c, h, w) = np.random.default_rng(seed), models.preset(name).input_shape
    h, w = SIDE.get(name, h), SIDE.get(name, w)
    n = 4 if h <= 32 else 1
    return rng.standard_normal((n, c, h, w), np.float32), rng.integers(0, 10, n)


def load(ours: ninx.nn.Module, theirs: torch.nn.Module, name: str) -> None:
    """PyTorch's weights into ours. The classics' twins come in two parts, and so with names of their own."""
    state = {k: v.numpy() for k, v in theirs.state_dict().items()}
    ours.load_state_dict(state if name in torch_nets.NETS else dict(zip(ours.state_dict(), state.values(), strict=True)))


def results(net: Any, x: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """Logits and every gradient of a network of either library; always with the same masks."""
    tensor, of = (torch.from_numpy, torch.nn.functional) if isinstance(net, torch.nn.Module) else (ninx.from_numpy, F)
    ninx.manual_seed(0)
    net.zero_grad()
    logits = net(tensor(x))
    of.cross_entropy(logits, tensor(labels)).backward()
    return [logits.detach().numpy(), *(p.grad.numpy() for p in net.parameters())]


def distances(ours: Any, single: Any, exact: Any, x: np.ndarray, labels: np.ndarray) -> list[list[float]]:
    """Our errors of logits and gradients, and those of PyTorch in float32."""
    truth = results(exact, x.astype(np.float64), labels)
    found = [results(net, x, labels) for net in (ours, single)]
    return [[error(a, t) for a, t in zip(arrays, truth, strict=True)] for arrays in found]


def hold(what: str, measured: list[list[list[float]]]) -> None:
    """Logits to 1e-4; gradients to 4 times PyTorch's own error, in the median over the seeds."""
    assert np.max(measured, axis=0)[0, 0] <= 1e-4, "logits"
    of_ours, of_theirs = np.median(measured, axis=0)[:, 1:]
    ratios = of_ours / of_theirs
    print(f"{what}: {ratios.max():.2f} at worst, {np.median(ratios):.2f} in the middle")
    assert (of_ours <= 4 * of_theirs).all(), ratios.round(1)


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", models.names())
def test_float64_is_that_of_pytorch(name: str, training: bool) -> None:
    theirs = torch_nets.alive(torch_nets.whole(name).double()).train(training)
    ours = models.create(name).double().train(training)
    load(ours, theirs, name)
    x, labels = drawn(name, 0)
    found, truth = (results(net, x.astype(np.float64), labels) for net in (ours, theirs))
    before = truth[0]
    for key, a, t in zip(["logits", *dict(ours.named_parameters())], found, truth, strict=True):
        # A bias that the normalisation takes out again has the gradient 0, but for rounding; not so its layer's weight.
        nothing = 1e-12 * np.abs(before).max()
        if training and key.endswith("bias") and np.abs(t).max() < nothing:
            assert np.abs(a).max() < nothing, key
        else:
            assert error(a, t) <= 1e-8, key
        before = t


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "channels", "pixels"),
    [*itertools.product([7, 9, 11], [64, 128], [16]), (3, 16, 40), (3, 32, 16), (5, 24, 48), (5, 32, 16)],
)
def test_large_kernels_and_thin_layers_are_as_near_to_the_truth_as_those_of_pytorch(
    kernel: int, channels: int, pixels: int
) -> None:
    """No preset has a kernel of 7x7 and more with stride 1, nor one of few channels that goes through Winograd's way: so a
    network of two such layers, held to the bar of the presets.
    """

    def net(nn: Any) -> Any:
        first, second = (nn.Conv2d(channels, channels, kernel, padding=kernel // 2) for _ in range(2))
        return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))

    shapes = (4, channels, pixels, pixels), (channels, channels, kernel, kernel)
    if kernels.tier_name() == "fast":
        assert "Winograd" in kernels.explain(convolution("conv2d", *shapes, padding=(kernel // 2, kernel // 2)))
    ours, single, exact = net(ninx.nn), net(torch.nn), net(torch.nn).double()
    measured = []
    for seed in range(20):
        torch_nets.alive(single, seed)
        exact.load_state_dict(single.state_dict())
        ours.load_state_dict({k: v.numpy() for k, v in single.state_dict().items()})
        rng = np.random.default_rng(seed)
        x, labels = rng.standard_normal(shapes[0], np.float32), rng.integers(0, 10, 4)
        measured.append(distances(ours, single, exact, x, labels))
    hold(f"{kernel}x{kernel}, {channels} channels", measured)


@pytest.mark.slow
@pytest.mark.parametrize("name", models.names())
def test_float32_is_as_near_to_the_truth_as_that_of_pytorch(name: str) -> None:
    """Logits to 1e-4; gradients to 4 times PyTorch's own error, in the median over 20 seeds: a draw may flip a maximum's tie."""
    ours, single, exact = models.create(name), torch_nets.whole(name), torch_nets.whole(name).double()
    measured: dict[bool, list[list[list[float]]]] = {False: [], True: []}
    for seed in range(20):
        torch_nets.alive(single, seed)
        exact.load_state_dict(single.state_dict())
        load(ours, single, name)
        x, labels = drawn(name, seed)
        for training in measured:  # last, because it changes the running statistics
            nets = [net.train(training) for net in (ours, single, exact)]
            measured[training].append(distances(*nets, x, labels))
    for training, found in measured.items():
        hold(f"{name}, {'train' if training else 'eval'}", found)
