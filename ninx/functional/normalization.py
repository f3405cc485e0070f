"""Normalisation: over the batch (Ioffe and Szegedy, 2015, arXiv 1502.03167), and over neighbouring channels (AlexNet, 2012)."""

from __future__ import annotations

import math

import numpy as np

from ninx import kernels
from ninx.kernels.geometry import whole
from ninx.kernels.layout import channels_last, channels_second

from ..array import Array, empty, xp_of
from ..engine import Tensor, kernel_or_formula, no_grad, record
from ..ops import broadcast_to, mean, reshape, sqrt, sum
from ..ops.rectifier import ReluMask
from ..ops.rectifier import relu as rectified
from .inputs import need_floats, need_tensors


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    relu: bool = False,
) -> Tensor:
    """y = (x - mean) / sqrt(var + eps) * weight + bias, for each channel; input (N, C) or (N, C, ...), the others (C).

    In training, mean and var (divided by m, the number of values) are the batch's, and the running ones move towards them:
    running += momentum * (batch - running), with the variance divided by m - 1. Outside training, the running ones take the
    place of the batch's.

    With xhat the normalised input, the adjoint is  dbias = sum(g),  dweight = sum(g * xhat),
    dx = weight / sqrt(var + eps) * (g - dbias / m - xhat * dweight / m).
    An empty batch leaves the running ones as they are. ``relu``: max(y, 0), in the same pass.

    >>> x = ninx.tensor([[1.0, 10.0], [3.0, 30.0]])
    >>> mean, var = ninx.zeros(2), ninx.ones(2)
    >>> F.batch_norm(x, mean, var, training=True)
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    >>> mean  # a tenth of the way to the batch's
    tensor([0.2000, 2.0000])
    """
    if type(input) is not Tensor:
        need_tensors("batch_norm", input=input)
    if input.ndim < 2:
        raise ValueError(f"batch_norm: input must have shape (N, C, ...), got {input.shape}")
    if not input.is_floating_point():
        need_floats("batch_norm", input)
    channels = input.shape[1]
    for name, t in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)):
        if t is not None and t.shape != (channels,):
            raise ValueError(f"batch_norm: {name} must have shape ({channels},) for input {input.shape}, got {t.shape}")
    axes, wide = (0, *range(2, input.ndim)), (1, channels, *(1,) * (input.ndim - 2))
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: without running_mean and running_var only training=True is possible")
        with no_grad():
            mu, inverse = running_mean.clone(), 1 / sqrt(running_var + eps)  # as they are now: training would change them
            scale = inverse if weight is None else weight * inverse
            shift = -mu * scale if bias is None else bias - mu * scale
            value = _ended(input * reshape(scale, wide) + reshape(shift, wide), relu)
        # Through scale and shift the weight's gradient would be a difference of two large sums where the mean is far from 0.
        return record(
            value.array,
            (input, lambda g: g * reshape(inverse if weight is None else inverse * weight, wide)),
            ((weight,), lambda g: (_total(g * ((input - reshape(mu, wide)) * reshape(inverse, wide)), axes),)),
            ((bias,), lambda g: (_total(g, axes),)),
            epilogue=ReluMask() if relu else None,
        )

    m = math.prod(input.shape[a] for a in axes)
    if m == 1:
        raise ValueError(f"batch_norm: training needs more than one value for each channel, got input {input.shape}")
    if not input.array.size:
        y = input * (1.0 if weight is None else reshape(weight, wide))
        return _ended(y if bias is None else y + reshape(bias, wide), relu)
    w, b = (None if t is None else t.array for t in (weight, bias))
    rows, mu, variance = kernels.tier().batch_norm(_rows(input.array), w, b, eps, relu)
    with no_grad():
        if running_mean is not None:
            running_mean += momentum * (Tensor(mu) - running_mean)
        if running_var is not None:
            running_var += momentum * (Tensor(variance * mu.dtype.type(m / (m - 1))) - running_var)

    def kernel(g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        dx, dweight, dbias = kernels.tier().batch_norm_grad(_rows(g.array), _rows(input.array), mu, variance, w, eps)
        return Tensor(_like(dx, input)), Tensor(dweight), Tensor(dbias)

    def formula(g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # xhat is computed again from x, so that the way through mean and var is recorded too.
        centred = input - mean(input, axes, keepdim=True)
        inverse = 1 / sqrt(mean(centred * centred, axes, keepdim=True) + eps)
        normal = centred * inverse
        total, slope = sum(g, axes, keepdim=True), sum(g * normal, axes, keepdim=True)
        recorded = inverse * (g - total / m - normal * (slope / m))
        if weight is not None:
            recorded = recorded * reshape(weight, wide)
        return recorded, reshape(slope, (channels,)), reshape(total, (channels,))

    back = kernel_or_formula(kernel, formula)
    return record(_like(rows, input), ((input, weight, bias), back), epilogue=ReluMask() if relu else None)


def _ended(y: Tensor, relu: bool) -> Tensor:
    return rectified(y) if relu else y


def _total(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The sum for each channel, in float64: NumPy adds one row to the next, and there are many."""
    shape, wide = x.shape, tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    value = x.array.sum(axis=axes, dtype=np.float64).astype(x.dtype)
    return record(value, (x, lambda g: broadcast_to(reshape(g, wide), shape)))


def _rows(a: Array) -> Array:
    """(N, C, ...) as rows of channels, (M, C): a view of channels-last memory."""
    return xp_of(a).ascontiguousarray(channels_last(a).reshape(-1, a.shape[1]))


def _like(rows: Array, input: Tensor) -> Array:
    """What `_rows` made, back in the shape of the input."""
    n, channels, *places = input.shape
    return channels_second(rows.reshape(n, *places, channels))


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """y = x / d^beta with d = k + alpha/size * (sum of x^2 over ``size`` neighbouring channels); input (N, C, ...), 3-d or more.

    The channels c - size//2 to c + (size - 1)//2 are the neighbours of c; those outside count as 0. With W the sum over
    neighbours and W' its adjoint, the adjoint is  dx = g / d^beta - 2 alpha beta / size * x * W'(g * x / d^(beta + 1)).

    Source: Krizhevsky, Sutskever and Hinton, 2012; PyTorch and Caffe divide alpha by ``size``, the paper does not.

    >>> F.local_response_norm(ninx.ones(1, 3, 1, 1), size=2, alpha=2.0, beta=1.0).flatten()  # 1 / (1 + neighbours)
    tensor([0.5000, 0.3333, 0.3333])
    """
    need_tensors("local_response_norm", input=input)
    size = whole(size, "local_response_norm", "size")
    if size < 1:
        raise ValueError(f"local_response_norm: size must be at least 1, got {size}")
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: input must have shape (N, C, ...) with 3 dimensions or more, got {input.shape}")
    if not input.is_floating_point():
        need_floats("local_response_norm", input)
    before, after = size // 2, (size - 1) // 2
    share = alpha / size

    def back(g: Tensor) -> Tensor:
        # d is computed again from x: half the memory, and under create_graph the way through it is recorded.
        d = channel_window_sum(input * input, before, after) * share + k
        shrunk = g * d**-beta
        return shrunk - input * channel_window_sum(shrunk * input / d, after, before) * (2 * beta * share)

    d = _window_sum(input.array * input.array, before, after)
    d *= share
    d += k
    return record(input.array * d**-beta, (input, back))


def channel_window_sum(input: Tensor, before: int, after: int) -> Tensor:
    """At channel c the sum over the channels c - before to c + after. Adjoint: the same with the two sides exchanged."""
    value = _window_sum(input.array, before, after)
    return record(value, (input, lambda g: channel_window_sum(g, after, before)))


def _window_sum(x: Array, before: int, after: int) -> Array:
    """One shifted addition for each neighbour: a running sum over all channels would lose digits."""
    channels = x.shape[1]
    out = empty(x.shape, x.dtype, xp_of(x))
    out[...] = x
    for shift in range(1, min(before, channels - 1) + 1):
        out[:, shift:] += x[:, :-shift]
    for shift in range(1, min(after, channels - 1) + 1):
        out[:, :-shift] += x[:, shift:]
    return out
