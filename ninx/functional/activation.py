"""Activations that are more than arithmetic; relu, tanh and sigmoid stand in `ninx.ops`."""

from __future__ import annotations

import numpy as np

from ..array import Array, xp_of
from ..engine import Tensor, record
from ..ops import exp, sum, where
from ..ops.arithmetic import floating
from ..ops.shapes import axes_of


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope * x"""
    return where(input > 0, input, input * negative_slope)


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """x - log(sum(exp(x))) along ``dim``, the largest entry taken out first. Adjoint: g - softmax(x) * sum(g)."""
    input, shifted = _shifted("log_softmax", input, dim)
    xp = xp_of(shifted)
    value = shifted - xp.log(xp.exp(shifted).sum(axis=dim, keepdims=True))
    return record(value, (input, lambda g, y: g - exp(y) * sum(g, dim, keepdim=True)))


def softmax(input: Tensor, dim: int) -> Tensor:
    """exp(x) / sum(exp(x)) along ``dim``. Adjoint: y * (g - sum(g * y))."""
    input, shifted = _shifted("softmax", input, dim)
    value = xp_of(shifted).exp(shifted)
    value /= value.sum(axis=dim, keepdims=True)
    return record(value, (input, lambda g, y: y * (g - sum(g * y, dim, keepdim=True))))


def _shifted(operation: str, x: Tensor, dim: int) -> tuple[Tensor, Array]:
    """x as floats, and less its largest entry along ``dim``: no exponential overflows. An infinite one makes NaN of all."""
    x, axes = floating(x), axes_of(operation, x, dim)
    with np.errstate(invalid="ignore"):
        return x, x.data - x.data.max(axis=axes, keepdims=True)
