"""Activations that are more than arithmetic; relu, tanh and sigmoid stand in `ninx.ops`."""

from __future__ import annotations

from ..array import xp_of
from ..engine import Tensor, record
from ..ops import exp, sum, where


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope * x"""
    return where(input > 0, input, input * negative_slope)


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """x - log(sum(exp(x))) along ``dim``, the largest entry taken out first. Adjoint: g - softmax(x) * sum(g)."""
    xp = xp_of(input.data)
    shifted = input.data - input.data.max(axis=dim, keepdims=True)
    value = shifted - xp.log(xp.exp(shifted).sum(axis=dim, keepdims=True))
    return record(value, (input, lambda g, y: g - exp(y) * sum(g, dim, keepdim=True)))


def softmax(input: Tensor, dim: int) -> Tensor:
    """exp(x) / sum(exp(x)) along ``dim``. Adjoint: y * (g - sum(g * y))."""
    xp = xp_of(input.data)
    value = xp.exp(input.data - input.data.max(axis=dim, keepdims=True))
    value /= value.sum(axis=dim, keepdims=True)
    return record(value, (input, lambda g, y: y * (g - sum(g * y, dim, keepdim=True))))
