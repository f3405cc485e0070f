"""Activations that are more than arithmetic; relu, tanh and sigmoid stand in `ninx.ops`."""

from __future__ import annotations

import numpy as np

from ninx.kernels.geometry import whole

from ..array import Array, nchw, nhwc, xp_of
from ..engine import Tensor, record
from ..ops import exp, sum, where
from ..ops.operands import floating
from ..ops.shapes import axes_of


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope * x; any shape, which stays. Adjoint: g, or negative_slope * g.

    >>> F.leaky_relu(ninx.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return where(input > 0, input, input * negative_slope)


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """x - log(sum(exp(x))) along ``dim``, the largest entry taken out first; the shape stays. Adjoint: g - softmax(x) * sum(g).

    >>> F.log_softmax(ninx.tensor([0.0, 0.0]), dim=0)  # log(1/2) twice
    tensor([-0.6931, -0.6931])
    """
    input, shifted = _shifted("log_softmax", input, dim)
    xp = xp_of(shifted)
    value = shifted - xp.log(xp.exp(shifted).sum(axis=dim, keepdims=True))
    return record(value, (input, lambda g, y: g - exp(y) * sum(g, dim, keepdim=True)))


def softmax(input: Tensor, dim: int) -> Tensor:
    """exp(x) / sum(exp(x)) along ``dim``: logits to shares that sum to 1; the shape stays. Adjoint: y * (g - sum(g * y)).

    >>> F.softmax(ninx.tensor([[0.0, 0.0], [0.0, 1.0]]), dim=1)
    tensor([[0.5000, 0.5000],
            [0.2689, 0.7311]])
    """
    input, shifted = _shifted("softmax", input, dim)
    value = xp_of(shifted).exp(shifted)
    value /= value.sum(axis=dim, keepdims=True)
    return record(value, (input, lambda g, y: y * (g - sum(g * y, dim, keepdim=True))))


def _shifted(operation: str, x: Tensor, dim: int) -> tuple[Tensor, Array]:
    """x as floats, and less its largest entry along ``dim``: no exponential overflows. An infinite one makes NaN of all."""
    x, axes = floating(x), axes_of(operation, x, dim)
    with np.errstate(invalid="ignore"):
        return x, x.array - x.array.max(axis=axes, keepdims=True)


def maxout(input: Tensor, pool_size: int) -> Tensor:
    """The largest of every ``pool_size`` channels that follow each other, (N, C, ...) -> (N, C / pool_size, ...).

    The first of equal values gets the gradient. Source: Goodfellow et al., 2013, arXiv 1302.4389.

    Raises ValueError where pool_size does not divide the channels.

    >>> F.maxout(ninx.tensor([[1.0, 5.0, 2.0, 3.0]]), pool_size=2)
    tensor([[5., 3.]])
    """
    pool_size = whole(pool_size, "maxout", "pool_size")
    if input.ndim < 2 or pool_size < 1 or input.shape[1] % pool_size or not input.shape[1]:
        raise ValueError(
            f"maxout: pool_size={pool_size} must divide the channels, axis 1 of an input (N, C, ...); got {input.shape}"
        )
    return _choose(input, _pieces(input.array, pool_size).argmax(axis=-1)[..., None], pool_size)


def _choose(x: Tensor, arg: Array, pool_size: int) -> Tensor:
    """The entry ``arg`` of every group of channels. Adjoint: `_put_back`."""
    value = xp_of(x.array).take_along_axis(_pieces(x.array, pool_size), arg, axis=-1)
    return record(_channels_second(value[..., 0]), (x, lambda g: _put_back(g, arg, pool_size)), name="maxout")


def _put_back(g: Tensor, arg: Array, pool_size: int) -> Tensor:
    """g at the entry ``arg`` of every group of channels, zeros elsewhere. Adjoint: `_choose`."""
    xp = xp_of(g.array)
    value = xp.where(arg == xp.arange(pool_size), _pieces(g.array, 1), xp.zeros((), g.array.dtype))
    flat = value.reshape(*value.shape[:-2], -1)
    return record(_channels_second(flat), (g, lambda h: _choose(h, arg, pool_size)), name="maxout")


def _pieces(x: Array, pool_size: int) -> Array:
    """(N, C, ...) -> (N, ..., C / pool_size, pool_size): an image as it lies, the groups of its channels as two axes."""
    rows = nhwc(x) if x.ndim == 4 else xp_of(x).moveaxis(x, 1, -1)
    return rows.reshape(*rows.shape[:-1], -1, pool_size)


def _channels_second(rows: Array) -> Array:
    """(N, ..., C) -> (N, C, ...)"""
    return nchw(rows) if rows.ndim == 4 else xp_of(rows).moveaxis(rows, -1, 1)
