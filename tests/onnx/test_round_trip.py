"""A network out and in again: the same answers bit for bit, the same names, and trained on from there the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_nets import LARGE, NETWORKS, warm
from onnx_runtime import images, ours

import ninx
import ninx.functional as F
from ninx import models, nn, optim

pytestmark = pytest.mark.host_only("a file is written on the host")

STEPS = 5
PRESETS = [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in models.names()]


def shape_of(name: str) -> tuple[int, ...]:
    """A size at which a step takes no long time: a network that ends in global average pooling takes any."""
    if name in NETWORKS:
        return 3, 16, 16
    c, h, w = models.preset(name).input_shape
    small = {"nin-bn-fc": 32, "nin-d2l": 96}.get(name, 28 if "mnist" in name else 16)
    return (c, h, w) if name in LARGE else (c, small, small)


def made(name: str) -> nn.Module:
    return NETWORKS[name]() if name in NETWORKS else models.create(name)


def trained(net: nn.Module, shape: tuple[int, ...]) -> dict[str, Any]:
    """The state after some steps with momentum, from one seed, with what dropout and batch normalisation do there."""
    ninx.manual_seed(3)
    net.train()
    optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    for step in range(STEPS):
        loss = F.cross_entropy(net(ninx.tensor(images(2, shape, step))), ninx.tensor([0, 1]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {key: value.numpy().copy() for key, value in net.state_dict().items()}


@pytest.mark.parametrize("name", [*PRESETS, *NETWORKS])
def test_out_and_in_again_the_network_is_the_same(name: str, tmp_path: Path) -> None:
    shape = shape_of(name)
    net = made(name)
    if name not in LARGE:
        warm(net, shape)
    ninx.onnx.export(net, shape, tmp_path / "net.onnx")
    again = ninx.onnx.load(tmp_path / "net.onnx")
    assert set(again.state_dict()) == set(net.state_dict())
    x = images(3, shape)
    assert all(np.array_equal(a, b) for a, b in zip(ours(net, x), ours(again, x), strict=True))
    after, theirs = trained(net, shape), trained(again, shape)
    assert [key for key in after if not np.array_equal(after[key], theirs[key])] == []
