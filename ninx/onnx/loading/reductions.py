"""Operators that make one number of many."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import nn, ops
from ...engine import Tensor
from .arguments import axes_in, axis_in, wholes
from .given import Given
from .operation import Operation


def reduction(function: Callable[[Tensor, tuple[int, ...], bool], Tensor], since: int) -> Callable[[Given], nn.Module]:
    """What makes the module of a reduction; its axes are a setting, and from the opset ``since`` on an input."""

    def make(given: Given) -> nn.Module:
        keepdims = given.flag("keepdims", True)
        if given.opset < since:
            given.check_inputs(1)
            return Operation(given, reduced, by=function, keepdims=keepdims, fixed=given.wholes("axes"))
        given.check_inputs(1, 2)
        return Operation(given, reduced, by=function, keepdims=keepdims, noop=given.flag("noop_with_empty_axes"))

    return make


def reduced(
    x: Tensor,
    axes: Tensor | None = None,
    *,
    by: Callable[[Tensor, tuple[int, ...], bool], Tensor],
    keepdims: bool,
    fixed: tuple[int, ...] = (),
    noop: bool = False,
) -> Tensor:
    """``by`` over the axes; without any over all, or with ``noop`` over none."""
    named = fixed or wholes(axes, "axes")
    chosen = axes_in(x, named) if named else () if noop else tuple(range(x.ndim))
    return by(x, chosen, keepdims) if chosen else x


def total(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The sum, in the dtype of x."""
    return ops.sum(x, axes, keepdims) if x.is_floating_point() else ops.sum(x, axes, keepdims, dtype=x.dtype)


def average(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The mean; of whole numbers cut off towards 0."""
    if x.is_floating_point():
        return ops.mean(x, axes, keepdims)
    return ops.astype(ops.mean(x, axes, keepdims, dtype=np.float64), x.dtype)


def largest(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The largest entry; of none the lowest number that there is."""
    return _extreme(ops.amax, x, axes, keepdims, sign=-1)


def smallest(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The smallest entry; of none the highest number that there is."""
    return _extreme(ops.amin, x, axes, keepdims, sign=1)


def _extreme(function: Any, x: Tensor, axes: tuple[int, ...], keepdims: bool, sign: int) -> Tensor:
    if math.prod(x.shape[a] for a in axes):
        y: Tensor = function(x, axes, keepdims)
        return y
    sizes = tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes)
    if x.dtype.kind == "f":
        value: float = sign * math.inf
    else:
        value = sign > 0 if x.dtype.kind == "b" else int(getattr(np.iinfo(x.dtype), "max" if sign > 0 else "min"))
    return ops.full(sizes, value, dtype=x.dtype)


def make_argmax(given: Given) -> nn.Module:
    """The place of the largest along one axis."""
    given.check_inputs(1)
    settings = {"keepdims": given.flag("keepdims", True), "last": given.flag("select_last_index")}
    return Operation(given, place_of_largest, axis=given.whole("axis"), **settings)


def place_of_largest(x: Tensor, axis: int, keepdims: bool, last: bool) -> Tensor:
    """Where the largest entry lies along an axis: of equals the first, or the ``last``."""
    at = axis_in(x, axis)
    if not last:
        return ops.argmax(x, at, keepdims)
    return x.shape[at] - 1 - ops.argmax(ops.flip(x, at), at, keepdims)
