"""Activations; tanh and sigmoid stand in `ninx.ops`, and so does what ReLU computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ninx.kernels.geometry import whole
from ninx.kernels.layout import channels_last, channels_second

from ..array import Array, xp_of
from ..engine import Tensor, record
from ..ops import exp, reshape, sigmoid, sum, where
from ..ops import relu as rectified
from ..ops.axes import axes_of
from ..ops.inplace import become
from ..ops.operands import floating
from .inputs import need_floats, need_tensors


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), as `ninx.relu`; any shape, which stays. Adjoint: g where x > 0, else 0. NaN stays NaN.

    ``inplace``: x itself is changed, as in PyTorch: whoever reads x afterwards finds the result. Then a leaf that requires
    grad, and a view where gradients are recorded, raise RuntimeError. It saves no memory here; leave it out.

    >>> x = ninx.tensor([-1.0, 0.0, 2.0])
    >>> F.relu(x)
    tensor([0., 0., 2.])
    """
    if type(input) is not Tensor:
        need_tensors("relu", input=input)
    return become("relu_", input, rectified) if inplace else rectified(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope * x; any shape, which stays. Adjoint: g, or negative_slope * g. ``inplace``: as `relu`.

    >>> F.leaky_relu(ninx.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    if type(input) is not Tensor:
        need_tensors("leaky_relu", input=input)

    def leaky(x: Tensor) -> Tensor:
        return where(x > 0, x, x * negative_slope)

    return become("leaky_relu_", input, leaky) if inplace else leaky(input)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha * (e^x - 1); any shape, which stays. ``inplace``: as `relu`. (Clevert et al., arXiv 1511.07289.)

    >>> F.elu(ninx.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    need_tensors("elu", input=input)

    def exponential(x: Tensor) -> Tensor:
        return where(x > 0, x, (exp(where(x > 0, 0.0, x)) - 1) * alpha)  # e^x of a large x would be infinite

    return become("elu_", input, exponential) if inplace else exponential(input)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x), also called swish; any shape, which stays. ``inplace``: as `relu`.

    >>> F.silu(ninx.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """
    need_tensors("silu", input=input)
    return become("silu_", input, lambda x: x * sigmoid(x)) if inplace else input * sigmoid(input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(beta * x)) / beta, a smooth ReLU; x itself where beta * x > threshold. The shape stays. Adjoint: g * sigmoid.

    >>> F.softplus(ninx.tensor([-1.0, 0.0, 25.0]))
    tensor([ 0.3133,  0.6931, 25.0000])
    """
    need_tensors("softplus", input=input)
    need_floats("softplus", input)
    scaled, xp = input * beta, xp_of(input.array)
    linear = scaled > threshold
    bent = xp.log1p(xp.exp(xp.minimum(scaled.array, threshold))) / beta  # log1p: of e^-20 float32 has digits, of 1 + e^-20 none
    value = xp.where(linear.array, input.array, bent).astype(input.dtype, copy=False)
    return record(value, (input, lambda g: g * where(linear, 1.0, sigmoid(scaled))))


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6); any shape, which stays. ``inplace``: as `relu`.

    >>> F.relu6(ninx.tensor([-1.0, 2.0, 9.0]))
    tensor([0., 2., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x, cut off at ``min_val`` and ``max_val``; the shape stays. Adjoint: g between them, else 0. ``inplace``: as `relu`.

    >>> F.hardtanh(ninx.tensor([-3.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    need_tensors("hardtanh", input=input)
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val must not be above max_val, got {min_val} and {max_val}")

    def cut(x: Tensor) -> Tensor:
        return where(x <= min_val, min_val, where(x >= max_val, max_val, x)).to(x.dtype)

    return become("hardtanh_", input, cut) if inplace else cut(input)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, else weight * x; weight of one entry, or one for each channel of (N, C, ...). (He et al., arXiv 1502.01852.)

    >>> F.prelu(ninx.tensor([[-1.0, 2.0]]), ninx.tensor([0.25]))
    tensor([[-0.2500,  2.0000]])
    """
    need_tensors("prelu", input=input, weight=weight)
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.numel() not in (1, channels):
        raise ValueError(f"prelu: weight must have 1 or {channels} entries for input {input.shape}, got shape {weight.shape}")
    slope = reshape(weight, (1, -1, *(1,) * (input.ndim - 2)) if weight.numel() > 1 else (1,) * input.ndim)
    return where(input > 0, input, input * slope)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """x - log(sum(exp(x))) along ``dim``, the largest entry taken out first; the shape stays. Adjoint: g - softmax(x) * sum(g).

    ``dtype`` is what the input is cast to first. Without ``dim`` see `softmax`.

    >>> F.log_softmax(ninx.tensor([0.0, 0.0]), dim=0)  # log(1/2) twice
    tensor([-0.6931, -0.6931])
    """
    input, dim, shifted = _shifted("log_softmax", input, dim, dtype)
    xp = xp_of(shifted)
    value = shifted - xp.log(xp.exp(shifted).sum(axis=dim, keepdims=True))
    return record(value, (input, lambda g, y: g - exp(y) * sum(g, dim, keepdim=True)))


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along ``dim``: logits to shares that sum to 1; the shape stays. Adjoint: y * (g - sum(g * y)).

    ``dtype`` is what the input is cast to first. Without ``dim`` it is chosen as in PyTorch, with a warning: 0 for an input of
    0, 1 or 3 dimensions, else 1; so say it.

    >>> F.softmax(ninx.tensor([[0.0, 0.0], [0.0, 1.0]]), dim=1)
    tensor([[0.5000, 0.5000],
            [0.2689, 0.7311]])
    """
    input, dim, shifted = _shifted("softmax", input, dim, dtype)
    value = xp_of(shifted).exp(shifted)
    value /= value.sum(axis=dim, keepdims=True)
    return record(value, (input, lambda g, y: y * (g - sum(g * y, dim, keepdim=True))))


def _shifted(operation: str, x: Tensor, dim: int | None, dtype: Any) -> tuple[Tensor, int, Array]:
    """x as floats, ``dim``, and x less its largest entry along it: no exponential overflows. An infinite one makes NaN of all."""
    if type(x) is not Tensor:
        need_tensors(operation, input=x)
    if dim is None:
        import warnings  # here, because few need it

        dim = 0 if x.ndim in (0, 1, 3) else 1
        warnings.warn(
            f"{operation}: say the axis; without it dim={dim} is taken for an input of {x.ndim} dimensions", stacklevel=3
        )
    x, axes = floating(x if dtype is None else x.to(dtype)), axes_of(operation, x, dim)
    if not x.array.size:
        return x, dim, x.array.copy()
    with np.errstate(invalid="ignore"):
        return x, dim, x.array - x.array.max(axis=axes, keepdims=True)


def maxout(input: Tensor, pool_size: int) -> Tensor:
    """The largest of every ``pool_size`` channels that follow each other, (N, C, ...) -> (N, C / pool_size, ...).

    The first of equal values gets the gradient. Source: Goodfellow et al., 2013, arXiv 1302.4389.

    Raises ValueError where pool_size does not divide the channels.

    >>> F.maxout(ninx.tensor([[1.0, 5.0, 2.0, 3.0]]), pool_size=2)
    tensor([[5., 3.]])
    """
    need_tensors("maxout", input=input)
    pool_size = whole(pool_size, "maxout", "pool_size")
    if input.ndim < 2 or pool_size < 1 or input.shape[1] % pool_size or not input.shape[1]:
        raise ValueError(
            f"maxout: pool_size={pool_size} must divide the channels, axis 1 of an input (N, C, ...); got {input.shape}"
        )
    return _choose(input, _pieces(input.array, pool_size).argmax(axis=-1)[..., None], pool_size)


def _choose(x: Tensor, arg: Array, pool_size: int) -> Tensor:
    """The entry ``arg`` of every group of channels. Adjoint: `_put_back`."""
    value = xp_of(x.array).take_along_axis(_pieces(x.array, pool_size), arg, axis=-1)
    return record(channels_second(value[..., 0]), (x, lambda g: _put_back(g, arg, pool_size)), name="maxout")


def _put_back(g: Tensor, arg: Array, pool_size: int) -> Tensor:
    """g at the entry ``arg`` of every group of channels, zeros elsewhere. Adjoint: `_choose`."""
    xp = xp_of(g.array)
    value = xp.where(arg == xp.arange(pool_size), _pieces(g.array, 1), xp.zeros((), g.array.dtype))
    flat = value.reshape(*value.shape[:-2], -1)
    return record(channels_second(flat), (g, lambda h: _choose(h, arg, pool_size)), name="maxout")


def _pieces(x: Array, pool_size: int) -> Array:
    """(N, C, ...) -> (N, ..., C / pool_size, pool_size): an image as it lies, the groups of its channels as two axes."""
    rows = channels_last(x)
    return rows.reshape(*rows.shape[:-1], -1, pool_size)
