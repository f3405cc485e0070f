"""Operators that compare, choose, and fill."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce

import numpy as np

from ... import nn, ops
from ...engine import Tensor
from .arguments import axis_in, wholes
from .given import Given
from .operation import Operation
from .stored import Stored

LARGEST = 2**28  # entries of a tensor that is filled, or made larger: a gigabyte of float32


def of_several(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Given], nn.Module]:
    """What makes the module of an operator that takes any number of tensors, two by two."""

    def make(given: Given) -> nn.Module:
        given.check_inputs(1, 10_000)
        return Operation(given, folded, by=function)

    return make


def folded(*tensors: Tensor, by: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """by(by(a, b), c), and so on."""
    return reduce(by, tensors)


def make_where(given: Given) -> nn.Module:
    """A condition, and what is taken where it holds and where not."""
    given.check_inputs(3)
    return Operation(given, ops.where)


def make_cast_like(given: Given) -> nn.Module:
    """To the dtype of the second input."""
    given.check_inputs(2)
    given.ignore("saturate", "round_mode")
    return Operation(given, cast_like)


def cast_like(x: Tensor, like: Tensor) -> Tensor:
    """x with the dtype of ``like``."""
    return ops.astype(x, like.dtype)


def make_expand(given: Given) -> nn.Module:
    """The shape is an input."""
    given.check_inputs(2)
    return Operation(given, expanded)


def expanded(x: Tensor, shape: Tensor) -> Tensor:
    """x repeated along axes of size 1; a size of 1 keeps what is there."""
    wanted = np.broadcast_shapes(x.shape, _size("Expand", wholes(shape, "Expand: the shape")))
    return ops.broadcast_to(x, _size("Expand", wanted))


def make_constant_of_shape(given: Given) -> nn.Module:
    """The shape is an input, and the value a setting."""
    given.check_inputs(1)
    value: Stored | None = given.tensor("value") if given.has("value") else None
    if value is not None and math.prod(value.shape) != 1:
        raise ValueError(f"its value must be one number, got shape {value.shape}")
    array = np.zeros(1, np.float32) if value is None else value.array()
    return Operation(given, filled, value=array.reshape(-1)[0].item(), dtype=array.dtype.name)


def filled(shape: Tensor, value: float, dtype: str) -> Tensor:
    """A tensor that holds one number everywhere."""
    return Tensor(np.full(_size("ConstantOfShape", wholes(shape, "ConstantOfShape: the shape")), value, dtype))


def _size(operator: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if min(shape, default=0) < 0 or math.prod(shape) > LARGEST:
        raise ValueError(f"{operator}: a tensor of shape {shape} is not made, it may have {LARGEST:,} entries at most")
    return shape


def make_split(given: Given) -> nn.Module:
    """Into parts of given sizes (a setting, since opset 13 an input), or as many as there are outputs."""
    axis, count = given.whole("axis"), len(given.node.outputs)
    if given.opset < 13:
        given.check_inputs(1)
        return Operation(given, parts, axis=axis, count=count, fixed=given.wholes("split"))
    given.check_inputs(1, 2)
    return Operation(given, parts, axis=axis, count=given.whole("num_outputs", count))


def parts(x: Tensor, sizes: Tensor | None = None, *, axis: int, count: int, fixed: tuple[int, ...] = ()) -> tuple[Tensor, ...]:
    """The parts along an axis; without sizes so many of one size, of which the last may be smaller."""
    at = axis_in(x, axis)
    given = fixed or wholes(sizes, "Split: the sizes")
    if given:
        return ops.split(x, list(given), at)
    if count < 1:
        raise ValueError(f"Split: into at least one part, not {count}")
    n, each = x.shape[at], -(-x.shape[at] // count)
    return ops.split(x, [max(0, min(each, n - i * each)) for i in range(count)], at)
