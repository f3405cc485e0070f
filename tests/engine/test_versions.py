"""A value that backward needs, changed in place through any of its aliases and in any way: an error, as in PyTorch."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
import torch

import ninx
from ninx import record

pytestmark = pytest.mark.usefixtures("device")

# Tensors on the same memory. Each gives the same in both libraries.
ALIASES = {
    "itself": lambda x: x,
    "detach": lambda x: x.detach(),
    "a detached view": lambda x: x[1].detach(),
    "a view of a detached one": lambda x: x.detach()[1],
    "row": lambda x: x[0],
    "row by a negative index": lambda x: x[-1],
    "part of a row": lambda x: x[0, 1:],
    "every other column": lambda x: x[:, ::2],
    "with a new axis": lambda x: x[None],
    "one of iteration": lambda x: next(iter(x)),
    "reshape": lambda x: x.reshape(6),
    "view": lambda x: x.view(3, 2),
    "flatten": lambda x: x.flatten(),
    "transposed": lambda x: x.T,
    "permute": lambda x: x.permute(1, 0),
    "transpose": lambda x: x.transpose(0, 1),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "squeeze": lambda x: x.unsqueeze(0).squeeze(0),
    "select": lambda x: x.select(1, 2),
    "narrow": lambda x: x.narrow(1, 0, 2),
    "chunk": lambda x: x.chunk(2)[1],
    "split": lambda x: x.split(1)[0],
    "unbind": lambda x: x.unbind()[1],
    "unflatten": lambda x: x.unflatten(1, (3, 1)),
    "movedim": lambda x: x.movedim(0, 1),
}

# Changes that any tensor of floating-point numbers takes.
CHANGES = {
    **{name: lambda x, name=name: getattr(x, name)() for name in (
        "abs_", "ceil_", "cos_", "exp_", "floor_", "log_", "neg_", "reciprocal_", "relu_", "round_", "rsqrt_", "sigmoid_", "sin_",
        "sqrt_", "square_", "tanh_", "trunc_", "zero_", "normal_", "uniform_", "bernoulli_", "random_",
    )},
    **{name: lambda x, name=name: getattr(x, name)(2) for name in (
        "add_", "sub_", "mul_", "div_", "pow_", "remainder_", "floor_divide_", "fill_", "clamp_", "clamp_min_", "clamp_max_",
        "clip_",
    )},
    **{op.__name__: lambda x, op=op: op(x, 2) for op in (
        operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow, operator.imod, operator.ifloordiv,
    )},
    "setitem": lambda x: operator.setitem(x, 0, 5.0),
    "setitem of all": lambda x: operator.setitem(x, ..., x * 2),
    "copy_": lambda x: x.copy_(x * 2),
    "masked_fill_": lambda x: x.masked_fill_(x > 0, 3.0),
    "lerp_": lambda x: x.lerp_(x * 2, 0.5),
    "addcmul_": lambda x: x.addcmul_(x * 2, x * 3),
    "addcdiv_": lambda x: x.addcdiv_(x * 2, x * 3),
}  # fmt: skip

# What keeps a value: as an input, as its own value, as one of several.
KEPT = {
    "an input": lambda x: x * x,
    "its own value": lambda x: x.exp(),
    "a factor of a matrix product": lambda x: x @ x.T,
}


def _noticed(lib: Any, keep: Any, alias: Any, change: Any, inner: bool) -> bool:
    """Does backward raise after the change? ``inner``: of a value of the graph, else of a leaf."""
    leaf = (torch.from_numpy if lib is torch else ninx.from_numpy)(np.arange(1.0, 7).reshape(2, 3)).requires_grad_()
    x = leaf * 1 if inner else leaf
    y = keep(x)
    kept = y if keep is KEPT["its own value"] else x
    with lib.no_grad():
        change(alias(kept))
    try:
        y.sum().backward()
    except RuntimeError as error:
        assert "changed in place" in str(error) or "inplace operation" in str(error)  # noqa: PT017 - not to raise is no failure yet
        return True
    return False


@pytest.mark.parametrize("inner", [True, False], ids=["inner", "leaf"])
@pytest.mark.parametrize("keep", KEPT)
@pytest.mark.parametrize("alias", ALIASES)
def test_a_change_through_any_alias_is_noticed(alias: str, keep: str, inner: bool) -> None:
    case = KEPT[keep], ALIASES[alias], lambda x: x.mul_(2), inner
    assert _noticed(torch, *case)
    assert _noticed(ninx, *case)


@pytest.mark.parametrize("alias", ["itself", "detach", "row"])
@pytest.mark.parametrize("change", CHANGES)
def test_any_change_is_noticed(change: str, alias: str) -> None:
    case = KEPT["an input"], ALIASES[alias], CHANGES[change], True
    assert _noticed(torch, *case)
    assert _noticed(ninx, *case)


@pytest.mark.parametrize("container", [tuple, list])
@pytest.mark.parametrize("which", [0, 1])
def test_a_value_is_watched_in_a_tuple_or_a_list(container: Any, which: int) -> None:
    """The cotangent of each factor needs the other, and finds it in what the function closes over."""
    a, b = (ninx.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    factors = container([a, b])

    def back(g: Any) -> Any:
        return g * factors[1], g * factors[0]

    y = record(a.array * b.array, ((a, b), back), name="product")
    with ninx.no_grad():
        factors[which].detach().add_(1)
    with pytest.raises(RuntimeError, match=r"backward of product.*changed in place"):
        y.sum().backward()


def test_a_change_before_the_value_was_kept_or_of_a_copy_is_none() -> None:
    x = ninx.tensor([1.0, 2.0], requires_grad=True)
    with ninx.no_grad():
        x.detach().mul_(3)
    y = x * x
    with ninx.no_grad():
        x.clone().mul_(3)
        x.detach().clone().mul_(3)
        (x + 0).mul_(3)
    y.sum().backward()
    assert x.grad.tolist() == [6, 12]


@pytest.mark.parametrize("alias", [a for a in ALIASES if a not in ("itself", "detach")])
def test_a_view_that_was_taken_before_a_recorded_change_is_refused(alias: str) -> None:
    """In PyTorch it follows the change; here it says that it cannot."""
    x = ninx.ones((2, 3), requires_grad=True) * 1
    view = ALIASES[alias](x)
    x *= 2
    if "detach" in alias:  # no history, so there is none to lose
        assert not view.requires_grad
        return
    with pytest.raises(RuntimeError, match="shares memory"):
        view * 2
