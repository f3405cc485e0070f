"""Batch normalisation (Ioffe and Szegedy, 2015, arXiv 1502.03167)."""

from __future__ import annotations

import math

import numpy as np

from ..array import xp_of
from ..engine import Tensor, record
from ..modes import no_grad
from ..ops import mean, reshape, sqrt, sum


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """y = (x - mean) / sqrt(var + eps) * weight + bias, for each channel; input (N, C) or (N, C, ...), the others (C).

    In training, mean and var (divided by m, the number of values) are the batch's, and the running ones move towards them:
    running += momentum * (batch - running), with the variance divided by m - 1. Otherwise the running ones are used.

    With xhat the normalised input, the adjoint is  dbias = sum(g),  dweight = sum(g * xhat),
    dx = weight / sqrt(var + eps) * (g - dbias / m - xhat * dweight / m).
    Of an input without values nothing is learnt: the running ones stay.
    """
    if input.ndim < 2:
        raise ValueError(f"batch_norm: input must have shape (N, C, ...), got {input.shape}")
    channels = input.shape[1]
    for name, t in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)):
        if t is not None and t.shape != (channels,):
            raise ValueError(f"batch_norm: {name} must have shape ({channels},) for input {input.shape}, got {t.shape}")
    wide = (1, channels, *(1,) * (input.ndim - 2))
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: without running_mean and running_var only training=True is possible")
        scale = 1 / sqrt(running_var + eps) if weight is None else weight / sqrt(running_var + eps)
        shift = -running_mean * scale if bias is None else bias - running_mean * scale
        return input * reshape(scale, wide) + reshape(shift, wide)

    axes = (0, *range(2, input.ndim))
    m = math.prod(input.shape[a] for a in axes)
    if m == 1:
        raise ValueError(f"batch_norm: training needs more than one value for each channel, got input {input.shape}")
    if not input.data.size:
        y = input * (1.0 if weight is None else reshape(weight, wide))
        return y if bias is None else y + reshape(bias, wide)
    xp = xp_of(input.data)
    mu = input.data.mean(axis=axes, keepdims=True)
    xhat = input.data - mu
    variance = (xhat * xhat).mean(axis=axes, keepdims=True)
    xhat *= 1 / xp.sqrt(variance + eps)
    if weight is not None:
        xhat *= weight.data.reshape(wide)
    if bias is not None:
        xhat += bias.data.reshape(wide)
    with no_grad():
        if running_mean is not None:
            running_mean += momentum * (Tensor(mu.reshape(-1)) - running_mean)
        if running_var is not None:
            running_var += momentum * (Tensor(variance.reshape(-1) * np.asarray(m / (m - 1), mu.dtype)) - running_var)

    def back(g: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        # xhat is computed again from x: half the memory, and under create_graph the way through mean and var is recorded.
        centred = input - mean(input, axes, keepdim=True)
        inverse = 1 / sqrt(mean(centred * centred, axes, keepdim=True) + eps)
        normal = centred * inverse
        dbias, dweight = sum(g, axes, keepdim=True), sum(g * normal, axes, keepdim=True)
        dx = inverse * (g - dbias / m - normal * (dweight / m))
        if weight is not None:
            dx = dx * reshape(weight, wide)
        return dx, reshape(dweight, (channels,)), reshape(dbias, (channels,))

    return record(xhat, ((input, weight, bias), back))
