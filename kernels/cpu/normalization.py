"""Batch normalisation of rows of channels in float32, and its adjoint: two passes over the memory each.

The first pass sums what the second one needs, for every channel and in float64, so that one pass is enough for mean and
variance, var = mean(x^2) - mean^2, without losing digits. Every thread sums its own rows; the sums are added in a fixed order.
"""

from __future__ import annotations

import numpy as np

from .. import memory
from ..threads import get_num_threads
from ..types import Array
from .jit.compiled import kernel


@kernel(fastmath={"contract"})
def _moments(t: int, x: Array, sums: Array, threads: int) -> None:
    """sums[t, 0] and sums[t, 1]: of x and of x^2 over the rows of thread t."""
    sums[t] = 0
    for i in range(t * x.shape[0] // threads, (t + 1) * x.shape[0] // threads):
        for c in range(x.shape[1]):
            value = np.float64(x[i, c])
            sums[t, 0, c] += value
            sums[t, 1, c] += value * value


@kernel(fastmath={"contract"})
def _normalise(t: int, x: Array, mean: Array, scale: Array, shift: Array, y: Array, relu: bool, threads: int) -> None:
    for i in range(t * x.shape[0] // threads, (t + 1) * x.shape[0] // threads):
        if relu:
            for c in range(x.shape[1]):
                value = (x[i, c] - mean[c]) * scale[c] + shift[c]
                y[i, c] = x.dtype.type(0) if value < 0 else value
        else:
            for c in range(x.shape[1]):
                y[i, c] = (x[i, c] - mean[c]) * scale[c] + shift[c]


def batch_norm(x: Array, weight: Array | None, bias: Array | None, eps: float, relu: bool) -> tuple[Array, Array, Array]:
    """See `loops.batch_norm`."""
    rows, channels = x.shape
    sums = np.empty((get_num_threads(), 2, channels))
    _moments(x, sums, len(sums))
    first, second = sums.sum(axis=0) / rows
    exact = np.maximum(second - first * first, 0)
    mean, var = first.astype(x.dtype), exact.astype(x.dtype)
    scale = (1 if weight is None else weight) / np.sqrt(exact + eps)
    y = memory.empty(x.shape, x.dtype)
    shift = np.zeros_like(mean) if bias is None else bias
    _normalise(x, mean, scale.astype(x.dtype), shift, y, relu, len(sums))
    return y, mean, var


@kernel(fastmath={"contract"})
def _products(t: int, g: Array, x: Array, mean: Array, sums: Array, threads: int) -> None:
    """sums[t, 0] and sums[t, 1]: of g and of g * (x - mean) over the rows of thread t."""
    sums[t] = 0
    for i in range(t * x.shape[0] // threads, (t + 1) * x.shape[0] // threads):
        for c in range(x.shape[1]):
            sums[t, 0, c] += np.float64(g[i, c])
            sums[t, 1, c] += np.float64(g[i, c]) * np.float64(x[i, c] - mean[c])


@kernel(fastmath={"contract"})
def _back(t: int, g: Array, x: Array, mean: Array, scale: Array, lost: Array, slope: Array, dx: Array, threads: int) -> None:
    """dx = scale * (g - lost - (x - mean) * slope)"""
    for i in range(t * x.shape[0] // threads, (t + 1) * x.shape[0] // threads):
        for c in range(x.shape[1]):
            dx[i, c] = scale[c] * (g[i, c] - lost[c] - (x[i, c] - mean[c]) * slope[c])


def batch_norm_grad(g: Array, x: Array, mean: Array, var: Array, weight: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """See `loops.batch_norm_grad`."""
    rows, channels = x.shape
    sums = np.empty((get_num_threads(), 2, channels))
    _products(g, x, mean, sums, len(sums))
    dbias, inverse = sums[:, 0].sum(axis=0), 1 / np.sqrt(var.astype(np.float64) + eps)
    dweight = sums[:, 1].sum(axis=0) * inverse
    scale = inverse if weight is None else inverse * weight
    dx = memory.empty(x.shape, x.dtype)
    single = (a.astype(x.dtype) for a in (scale, dbias / rows, dweight * inverse / rows))
    _back(g, x, mean, *single, dx, len(sums))
    return dx, dweight.astype(x.dtype), dbias.astype(x.dtype)
