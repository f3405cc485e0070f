"""Arithmetic, entry by entry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ... import nn, ops
from ...engine import Tensor
from .given import Given
from .operation import Operation


def of_one(function: Callable[[Tensor], Tensor]) -> Callable[[Given], nn.Module]:
    """What makes the module of an operator that is this function of one tensor."""

    def make(given: Given) -> nn.Module:
        given.check_inputs(1)
        return Operation(given, function)

    return make


def of_two(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Given], nn.Module]:
    """What makes the module of an operator that is this function of two tensors."""

    def make(given: Given) -> nn.Module:
        given.check_inputs(2)
        return Operation(given, function)

    return make


def divided(a: Tensor, b: Tensor) -> Tensor:
    """a / b; of whole numbers cut off towards 0."""
    return ops.div(a, b) if a.is_floating_point() else ops.div(a, b, rounding_mode="trunc")


def power(a: Tensor, b: Tensor) -> Tensor:
    """a to the power of b, in the dtype of a."""
    if a.dtype == b.dtype:
        return ops.pow(a, b)
    wide = a if a.is_floating_point() else ops.astype(a, np.float64) if b.is_floating_point() else a
    return ops.astype(ops.pow(wide, ops.astype(b, wide.dtype)), a.dtype)
