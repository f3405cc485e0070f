"""Where gradients arrive: added in place, whatever the user put there, and from outputs that lead nowhere, as in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import ninx
from ninx import Tensor, ops


def both() -> list[Any]:
    return [ninx, torch]


def test_a_gradient_that_is_added_to_counts_as_changed() -> None:
    for lib in both():
        w, x = lib.ones(2, requires_grad=True), lib.ones(2, requires_grad=True)
        (w * 3).sum().backward()
        y = (x * w.grad).sum()
        (w * 5).sum().backward()
        with pytest.raises(RuntimeError, match=r"modified by an inplace|changed in place"):
            y.backward()
        assert w.grad.tolist() == [8, 8]


def test_who_holds_a_gradient_sees_the_sum() -> None:
    for lib in both():
        w = lib.ones(2, requires_grad=True)
        (w * 3).sum().backward()
        held = w.grad
        (w * 5).sum().backward()
        assert held is w.grad
        assert held.tolist() == [8, 8]


def test_a_gradient_of_another_shape_or_type_that_the_user_put_there() -> None:
    w = ninx.ones(3, requires_grad=True)
    w.grad = ninx.ones(1)
    with pytest.raises(ValueError, match=r"add_: a result of shape \(3,\) does not fit in place into shape \(1,\)"):
        (w * 2).sum().backward()
    w.grad = ninx.ones(3, dtype="float64")
    (w * 2).sum().backward()
    assert (w.grad.tolist(), w.grad.dtype) == ([3, 3, 3], "float64")
    array = np.ones(3, np.float32)
    array.flags.writeable = False
    w.grad = Tensor(array)
    with pytest.raises(ValueError, match="add_: the array of this tensor is read-only"):
        (w * 2).sum().backward()
    w.grad = ninx.ones(1).expand(3)
    with pytest.raises(RuntimeError, match="a copy where a view was asked for"):
        (w * 2).sum().backward()


def test_an_output_that_does_not_lead_to_the_input_is_not_asked() -> None:
    for lib in both():
        x, z, called = lib.ones(1, requires_grad=True), lib.ones(1, requires_grad=True), []
        a, b = x * 2, z * 3
        b.register_hook(called.append)
        grad = lib.grad if lib is ninx else lib.autograd.grad
        assert grad([a, b], x)[0].tolist() == [2]
        assert called == []


def test_a_leaf_that_becomes_a_buffer_keeps_its_gradient_and_its_hooks() -> None:
    for lib in both():
        module, called = lib.nn.Module(), []
        w = lib.ones(2, requires_grad=True)
        w.register_hook(called.append)
        (w * 2).sum().backward()
        module.register_buffer("w", w)
        del w
        (module.w * 3).sum().backward()
        assert module.w.grad.tolist() == [5, 5]
        assert [g.tolist() for g in called] == [[2, 2], [3, 3]]


def in_a_module_of_ninx(code: str) -> Any:
    """What ninx itself could have written: the short way looks through it first."""
    made = dict[str, Any]()
    exec(f"def make(w):\n    {code}", vars(ops.arithmetic), made)
    return made["make"]


@pytest.mark.parametrize(
    "code",
    [
        "return lambda g: g * w",
        "return lambda g, w=w: g * w",
        "return lambda g, *, w=w: g * w",
        "kept = [w]; return lambda g: g * kept[0]",
        "kept = (w, 1); return lambda g: g * kept[0]",
        "inner = lambda g: g * w; return lambda g: inner(g)",
    ],
)
def test_the_short_way_misses_nothing(code: str) -> None:
    x, w = ninx.tensor([2.0], requires_grad=True), ninx.tensor([3.0])
    _ = x * 1  # whoever records first is looked through the long way
    y = ninx.record(x.array * w.array, (x, in_a_module_of_ninx(code)(w)), name="scaled")
    w.add_(1)
    with pytest.raises(RuntimeError, match="backward of scaled"):
        y.backward()
