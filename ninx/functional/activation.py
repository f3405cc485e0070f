"""Activations that are more than arithmetic; relu, tanh and sigmoid stand in `ninx.ops`."""

from __future__ import annotations

import numpy as np

from ..array import Array, xp_of
from ..engine import Tensor, record
from ..ops import exp, sum, where


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope * x"""
    return where(input > 0, input, input * negative_slope)


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """x - log(sum(exp(x))) along ``dim``, the largest entry taken out first. Adjoint: g - softmax(x) * sum(g)."""
    shifted = _shifted(input.data, dim)
    xp = xp_of(shifted)
    value = shifted - xp.log(xp.exp(shifted).sum(axis=dim, keepdims=True))
    return record(value, (input, lambda g, y: g - exp(y) * sum(g, dim, keepdim=True)))


def softmax(input: Tensor, dim: int) -> Tensor:
    """exp(x) / sum(exp(x)) along ``dim``. Adjoint: y * (g - sum(g * y))."""
    value = xp_of(input.data).exp(_shifted(input.data, dim))
    value /= value.sum(axis=dim, keepdims=True)
    return record(value, (input, lambda g, y: y * (g - sum(g * y, dim, keepdim=True))))


def _shifted(x: Array, dim: int) -> Array:
    """x less its largest entry along ``dim``: no exponential overflows. Where that entry is infinite, all becomes NaN."""
    with np.errstate(invalid="ignore"):
        return x - x.max(axis=dim, keepdims=True)
