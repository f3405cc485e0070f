"""Choosing between values, element by element: the larger, the one a condition picks, the nearest within bounds.

The derivative goes to what was chosen.
"""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from ..array import Array, xp_of
from ..engine import Tensor, record
from .operands import operand, pair, unbroadcast


def maximum(input: Any, other: Any) -> Tensor:
    """The larger of the two, element by element; the shapes broadcast. Equal values share the gradient, half each.

    >>> ninx.maximum(ninx.tensor([1, 5]), 3)
    tensor([3, 5])
    """
    a, b = pair("maximum", input, other)
    return record(
        xp_of(a.array).maximum(a.array, b.array),
        (a, unbroadcast(a, lambda g: g * _share(a > b, a == b))),
        (b, unbroadcast(b, lambda g: g * _share(b > a, a == b))),
    )


def minimum(input: Any, other: Any) -> Tensor:
    """The smaller of the two, element by element; the shapes broadcast. Equal values share the gradient, half each.

    >>> ninx.minimum(ninx.tensor([1, 5]), 3)
    tensor([1, 3])
    """
    a, b = pair("minimum", input, other)
    return record(
        xp_of(a.array).minimum(a.array, b.array),
        (a, unbroadcast(a, lambda g: g * _share(a < b, a == b))),
        (b, unbroadcast(b, lambda g: g * _share(b < a, a == b))),
    )


def _share(wins: Tensor, ties: Tensor) -> Tensor:
    return where(ties, 0.5, where(wins, 1.0, 0.0))


@overload
def where(condition: Any) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Any, input: Any, other: Any) -> Tensor: ...
def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """``a`` where the condition holds, else ``b``; all three shapes broadcast. Each gets the gradient of the entries it gave.

    The condition alone is asked where it holds: ``nonzero(as_tuple=True)``. Raises TypeError for one that is not boolean.

    >>> x = ninx.tensor([-1.0, 2.0])
    >>> ninx.where(x > 0, x, 0.0)
    tensor([0., 2.])
    """
    condition = condition if isinstance(condition, Tensor) else Tensor(np.array(condition))  # a copy: the caller may change it
    if input is None and other is None:
        return tuple(Tensor(i) for i in condition.array.reshape(condition.array.shape or (1,)).nonzero())
    if condition.array.dtype != np.bool_:
        raise TypeError(f"where: the condition must be boolean, not {condition.array.dtype}")
    a, b = pair("where", input, other)
    return record(
        xp_of(a.array).where(condition.array, a.array, b.array),
        (a, unbroadcast(a, lambda g: where(condition, g, 0.0))),
        (b, unbroadcast(b, lambda g: where(condition, 0.0, g))),
    )


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """x with ``value``, a number or a tensor of one, wherever the boolean mask holds; the shapes broadcast. Adjoint: g elsewhere.

    The dtype stays that of x: the value is cut off for whole numbers. Raises TypeError for a mask that is not boolean.

    >>> x = ninx.tensor([1.0, -2.0, 3.0])
    >>> x.masked_fill(x < 0, 0)
    tensor([1., 0., 3.])
    """
    x, mask = operand("masked_fill", input), operand("masked_fill", mask)
    if mask.array.dtype.kind != "b":
        raise TypeError(f"masked_fill: the mask must be boolean, not {mask.dtype}; write mask == 1 or mask.bool()")
    value = operand("masked_fill", value, x)
    if value.ndim:
        raise ValueError(f"masked_fill: one value for all, not a tensor of shape {value.shape}; use where(mask, values, x)")
    return where(mask, value.to(x.device, x.dtype), x)


def clip(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """x held between two bounds (numbers or arrays, either may be None); at a bound the derivative is 1, outside 0.

    A bound that is a tensor gets the gradient of the entries it took the place of. Raises ValueError without any bound.

    >>> ninx.clip(ninx.tensor([-2.0, 0.5, 2.0]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise ValueError("clip: give min, max or both")
    x = operand("clip", input)
    if any(isinstance(bound, Tensor) and bound.requires_grad for bound in (min, max)):
        x = x if min is None else where(x < min, min, x)
        return x if max is None else where(x > max, max, x)
    bounds: list[Array | None] = []
    for bound in (min, max):
        if bound is not None:
            x, bound = pair("clip", x, bound)
        bounds.append(None if bound is None else bound.array)
    low, high = bounds
    inside = (True if low is None else x.array >= low) & (True if high is None else x.array <= high)
    return record(xp_of(x.array).clip(x.array, low, high), (x, unbroadcast(x, lambda g: where(inside, g, 0.0))))


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """x where it is above the bound, else the bound: `clip` with one of two bounds.

    >>> ninx.tensor([-2.0, 0.5]).clamp_min(0)
    tensor([0.0000, 0.5000])
    """
    return clip(input, min)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """x where it is below the bound, else the bound: `clip` with one of two bounds.

    >>> ninx.tensor([0.5, 2.0]).clamp_max(1)
    tensor([0.5000, 1.0000])
    """
    return clip(input, None, max)


clamp = clip  # another name of PyTorch's
