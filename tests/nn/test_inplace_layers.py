"""inplace=True: the input itself is changed, as in PyTorch, with its gradients; and what PyTorch refuses is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import ninx
import ninx.functional as F
from ninx import nn
from ninx.nn.fusion import fused

pytestmark = pytest.mark.usefixtures("device")

LAYERS: dict[str, Callable[[Any], Any]] = {  # by name: a layer in place, of lib's
    "ReLU": lambda lib: lib.ReLU(True),
    "ReLU6": lambda lib: lib.ReLU6(inplace=True),
    "LeakyReLU": lambda lib: lib.LeakyReLU(0.1, True),
    "ELU": lambda lib: lib.ELU(0.5, True),
    "SiLU": lambda lib: lib.SiLU(inplace=True),
    "Hardtanh": lambda lib: lib.Hardtanh(-1.0, 2.0, inplace=True),
    "Dropout of nothing": lambda lib: lib.Dropout(0.0, True),
    "Dropout in evaluation": lambda lib: lib.Dropout(0.9, inplace=True).eval(),
    "Dropout of all": lambda lib: lib.Dropout(1.0, inplace=True),
    "Dropout2d of all": lambda lib: lib.Dropout2d(1.0, True),
}


def both(array: np.ndarray) -> Any:
    """(nn, a tensor of ninx), (torch.nn, one of PyTorch)."""
    return (nn, ninx.tensor(array, requires_grad=True)), (torch.nn, torch.tensor(array, requires_grad=True))


@pytest.mark.parametrize("name", LAYERS)
def test_who_reads_the_input_afterwards_finds_the_result(name: str) -> None:
    """The product before it, which is also read afterwards, gets the gradient of both uses."""
    array, found = np.random.default_rng(0).standard_normal((2, 3, 4, 5)) * 4, []
    for lib, leaf in both(array):
        x = leaf * 2
        y = LAYERS[name](lib)(x)
        assert y is x
        (y * y + x).sum().backward()
        found.append((x.detach().numpy(), leaf.grad.numpy()))
    for got, expected in zip(*found, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_without_gradients_the_memory_is_written(name: str) -> None:
    array, found = np.random.default_rng(0).standard_normal((2, 3, 4, 5)), []
    for lib, leaf in both(array):
        x = leaf.detach()
        view = x[1]
        y = LAYERS[name](lib)(x)
        assert y is x
        found.append(view.numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


def test_second_derivatives_go_through() -> None:
    found = []
    for lib, x in both(np.array([-1.0, 0.5, 2.0])):
        y = lib.ELU(inplace=True)(x * 1)
        engine = ninx.grad if lib is nn else torch.autograd.grad
        (g,) = engine((y**3).sum(), [x], create_graph=True)
        (g * g).sum().backward()
        found.append(x.grad.numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU", "Dropout of all"])
def test_a_leaf_is_refused(name: str) -> None:
    for lib, x in both(np.ones(3)):
        with pytest.raises(RuntimeError, match="leaf"):
            LAYERS[name](lib)(x)


def test_what_an_operation_needs_is_not_overwritten() -> None:
    """exp needs its value for the derivative: PyTorch and ninx refuse the backward pass."""
    for lib, x in both(np.ones(3)):
        y = lib.ReLU(inplace=True)(x.exp())
        with pytest.raises(RuntimeError, match=r"in place|inplace"):
            y.sum().backward()


def test_functions_take_pytorchs_places() -> None:
    x = ninx.tensor([-1.0, 2.0])
    assert F.relu(x, True) is x
    assert F.leaky_relu(x, 0.1, True) is x
    assert F.dropout(x, 0.5, False, True) is x
    assert F.dropout(x, 1.0, True, True) is x
    assert x.tolist() == [0, 0]
    maps = ninx.ones(2, 3, 2, 2)
    assert F.dropout2d(maps, 0.5, True, True) is maps
    assert set(maps.sum((2, 3)).flatten().tolist()) <= {0.0, 8.0}


def test_dropout_in_place_is_dropout() -> None:
    """The same mask, and the gradient goes through it."""
    found = []
    for inplace in (False, True):
        ninx.manual_seed(4)
        x = ninx.ones(4, 6, requires_grad=True)
        F.dropout(x * 3, 0.4, inplace=inplace).sum().backward()
        found.append(x.grad.numpy())
    assert np.array_equal(*found)
    assert 0 < (found[0] == 0).mean() < 1


def tutorial(lib: Any) -> Any:
    """A stage as the files of Network in Network write it."""
    block = [lib.Conv2d(3, 6, 5, padding=2), lib.ReLU(inplace=True), lib.Conv2d(6, 4, 1), lib.ReLU(inplace=True)]
    pooled = [lib.MaxPool2d(3, stride=2, padding=1), lib.Dropout(0.0, inplace=True), lib.BatchNorm2d(4), lib.ReLU(True)]
    return lib.Sequential(*block, *pooled, lib.AdaptiveAvgPool2d((1, 1)), lib.Flatten())


def test_in_a_sequential_neighbours_are_still_one_pass_and_equal_pytorch() -> None:
    ours, theirs = tutorial(nn).double(), tutorial(torch.nn).double()
    assert len(fused(list(ours))) == len(list(ours)) - 3
    ours.load_state_dict(theirs.state_dict())
    array = np.random.default_rng(1).standard_normal((2, 3, 9, 8))
    (_, x), (_, t) = both(array)
    for _ in range(2):
        y, u = ours(x), theirs(t)
        (y * y).sum().backward()
        (u * u).sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), u.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-9, atol=1e-12)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-9, atol=1e-11)


def test_one_image_without_a_batch_may_be_changed_in_place() -> None:
    """What a convolution or a pooling makes of (C, H, W) is no view that a ReLU in place would refuse."""
    array, found = np.random.default_rng(1).standard_normal((3, 6, 6)), []
    w = np.random.default_rng(2).standard_normal((2, 3, 3, 3))
    for lib, x in both(array):
        functions, make = (F, ninx.tensor) if lib is nn else (torch.nn.functional, torch.tensor)
        y = functions.relu(functions.conv2d(x, make(w)), inplace=True)
        y = functions.relu(functions.max_pool2d(y, 2) - 0.1, inplace=True)
        y = functions.leaky_relu(functions.avg_pool2d(y, 2), 0.1, True)
        y.sum().backward()
        found.append((y.detach().numpy(), x.grad.numpy()))
    for got, expected in zip(*found, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_a_change_of_such_an_image_is_noticed() -> None:
    """Max pooling keeps no value; the ReLU that a convolution ends in does, and its image shares that memory."""
    y = F.conv2d(ninx.randn(1, 4, 4), ninx.ones(1, 1, 1, 1, requires_grad=True), relu=True)
    with ninx.no_grad():
        y += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()
