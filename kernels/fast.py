"""Tier ``fast``: the kernels of `strided`, compiled: for NumPy arrays by Numba (folder cpu), for CuPy arrays by CUDA (cuda).

On the CPU a convolution has two ways: `winograd` for 3x3 and 5x5 kernels where it pays, else `conv`.

What is unusual on the CPU goes through `strided`: groups, dilation, the input gradient of a convolution with stride, arrays
of other kinds, and where ``method`` asks for a certain path. `explain` says which.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import cuda, strided
from .cpu import loss, normalization, pointwise, pool
from .cpu.conv import direct, winograd
from .cpu.conv.plan import forward, tile_classes
from .cpu.jit.vector import HOST
from .geometry import Geometry, Part
from .loops import check_labels
from .strided import pool_divisor
from .threads import get_num_threads
from .types import NOWHERE, Array, Drop, xp_of

# fmt: off
__all__ = [
    "adam", "avg_pool2d", "avg_pool2d_input_grad", "batch_norm", "batch_norm_grad", "col2im", "conv2d", "conv2d_input_grad",
    "conv2d_weight_bias_grad", "conv2d_weight_grad", "dropout", "dropout_keep", "explain", "gate", "global_avg_pool2d",
    "im2col", "max_gather2d", "max_pool2d", "max_unpool2d", "pool_divisor", "relu", "sgd", "softmax_cross_entropy", "why_not",
]
# fmt: on

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def _ours(*arrays: Array | None) -> bool:
    """Are these all NumPy arrays of one type that the kernels are made for, without gaps?"""
    given = [a for a in arrays if a is not None]
    kind = given[0].dtype
    return kind in FLOATS and all(type(a) is np.ndarray and a.dtype == kind and a.flags.c_contiguous for a in given)


def _other(a: Array) -> Any:
    """Whose kernels take an array that is not ours: those of its device."""
    return strided if xp_of(a) is np else cuda


def _many(a: Array) -> bool:
    """Is there at least a vector of entries for each thread?"""
    return bool(a.size >= 64 * get_num_threads())


def why_not(geo: Geometry, method: str = "auto") -> str | None:
    """Why a convolution goes through `strided`; None if it does not."""
    if method not in ("auto", "direct"):
        return f"method={method!r} was asked for"
    if geo.groups > 1:
        return f"it has {geo.groups} groups"
    return "it is dilated" if (geo.DH, geo.DW) != (1, 1) else None


def _compiled(geo: Geometry, dtype: Any, method: str) -> Any:
    """Which of the two compiled ways a convolution takes; "direct" is asked for by name."""
    return winograd if method == "auto" and winograd.fits(geo, dtype) else direct


def explain(geo: Geometry, itemsize: int) -> str | None:
    """How a convolution is compiled, in one sentence; None if it is not."""
    if why_not(geo) is not None:
        return None
    if _compiled(geo, FLOATS[itemsize > 4], "auto") is winograd:
        share = winograd.products(geo) / (geo.OH * geo.OW * geo.KH * geo.KW)
        return (
            f"{geo.operation}: compiled for vectors of {HOST.bytes} bytes ({HOST.lanes(itemsize)} channels at a time), in "
            f"transformed tiles of 6x6 pixels (Winograd) with {share:.0%} of the multiplications; method='direct' does all"
        )
    classes = len(tile_classes(forward(geo)))
    how = "every pixel is a row of one matrix" if classes == 1 and geo.pointwise else f"{classes} class(es) of pixels"
    back = "" if geo.SH == geo.SW == 1 else "; its input gradient is im2col and a matrix product, because the stride is not 1"
    return (
        f"{geo.operation}: compiled for vectors of {HOST.bytes} bytes ({HOST.lanes(itemsize)} channels at a time), {how}, "
        f"without im2col, bias and a following ReLU in the same pass{back}"
    )


def conv2d(x: Array, w: Array, b: Array | None, geo: Geometry, method: str = "auto", relu: bool = False) -> Array:
    """See `strided.conv2d`; bias and ReLU are applied while the result is still in registers."""
    if why_not(geo, method) or not _ours(x, w, b):
        return _other(x).conv2d(x, w, b, geo, method, relu)
    return _compiled(geo, x.dtype, method).conv2d(x, w, b, geo, relu)


def conv2d_input_grad(g: Array, w: Array, geo: Geometry, method: str = "auto", gate: Array | None = None) -> Array:
    """See `strided.conv2d_input_grad`; for stride 1 a convolution of g with the kernel turned round."""
    if why_not(geo, method) or (geo.SH, geo.SW) != (1, 1) or not _ours(g, w, gate):
        return _other(g).conv2d_input_grad(g, w, geo, method, gate)
    return _compiled(geo, g.dtype, method).conv2d_input_grad(g, w, geo, gate)


def conv2d_weight_grad(x: Array, g: Array, geo: Geometry, method: str = "auto") -> Array:
    """See `strided.conv2d_weight_grad`."""
    if why_not(geo, method) or not _ours(x, g):
        return _other(x).conv2d_weight_grad(x, g, geo, method)
    return _compiled(geo, x.dtype, method).conv2d_weight_grad(x, g, geo, False)[0]


def conv2d_weight_bias_grad(x: Array, g: Array, geo: Geometry, method: str = "auto") -> tuple[Array, Array]:
    """See `strided.conv2d_weight_bias_grad`; both in one pass over g."""
    if why_not(geo, method) or not _ours(x, g):
        dw, db = _other(x).conv2d_weight_bias_grad(x, g, geo, method)
        return dw, db
    dw, db = _compiled(geo, x.dtype, method).conv2d_weight_grad(x, g, geo, True)
    return dw, db


def max_pool2d(x: Array, geo: Geometry, mark: bool = False, drop: Drop | None = None) -> tuple[Array, Array]:
    """See `strided.max_pool2d`; dropout in the same pass."""
    if geo.KH * geo.KW > NOWHERE or not _ours(x) or not pool.fits(geo, x) or (drop is not None and drop[0] >= 1):
        y, arg = _other(x).max_pool2d(x, geo, mark, drop)
        return y, arg
    return pool.max_pool2d(x, geo, mark, drop)


def max_unpool2d(g: Array, arg: Array, geo: Geometry, scale: float = 1.0) -> Array:
    """See `strided.max_unpool2d`."""
    if not _ours(g) or not pool.fits(geo, g) or arg.dtype != np.uint8 or not arg.flags.c_contiguous:
        return _other(g).max_unpool2d(g, arg, geo, scale)
    return pool.max_unpool2d(g, arg, geo, scale)


def avg_pool2d(x: Array, geo: Geometry, divisor: Array) -> Array:
    """See `strided.avg_pool2d`."""
    if not _ours(x) or not pool.fits(geo, x):
        return _other(x).avg_pool2d(x, geo, divisor)
    return pool.avg_pool2d(x, geo, divisor)


def avg_pool2d_input_grad(g: Array, geo: Geometry, divisor: Array, gate: Array | None = None) -> Array:
    """See `strided.avg_pool2d_input_grad`."""
    if not _ours(g, gate) or not pool.fits(geo, g):
        return _other(g).avg_pool2d_input_grad(g, geo, divisor, gate)
    return pool.avg_pool2d_input_grad(g, geo, divisor, gate)


def batch_norm(x: Array, weight: Array | None, bias: Array | None, eps: float, relu: bool = False) -> tuple[Array, Array, Array]:
    """See `strided.batch_norm`; compiled for float32."""
    if x.dtype != np.float32 or not _ours(x, weight, bias):
        y, mean, var = _other(x).batch_norm(x, weight, bias, eps, relu)
        return y, mean, var
    return normalization.batch_norm(x, weight, bias, eps, relu)


def batch_norm_grad(g: Array, x: Array, mean: Array, var: Array, weight: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """See `strided.batch_norm_grad`; compiled for float32."""
    if x.dtype != np.float32 or not _ours(g, x, mean, var, weight):
        dx, dweight, dbias = _other(x).batch_norm_grad(g, x, mean, var, weight, eps)
        return dx, dweight, dbias
    return normalization.batch_norm_grad(g, x, mean, var, weight, eps)


def softmax_cross_entropy(logits: Array, labels: Array, ignore_index: int = -100) -> tuple[Array, Array]:
    """See `loops.softmax_cross_entropy`. On a GPU a wrong label makes the loss NaN, and `cuda.check_labels` raises."""
    if xp_of(logits) is not np:
        value, slope = cuda.softmax_cross_entropy(logits, labels, ignore_index)
        return value, slope
    check_labels(labels, logits.shape[1], ignore_index)
    return loss.softmax_cross_entropy(np.ascontiguousarray(logits), labels, ignore_index)


def relu(x: Array) -> Array:
    """See `strided.relu`."""
    return pointwise.relu(x) if _ours(x) and _many(x) else _other(x).relu(x)


def gate(g: Array, y: Array) -> Array:
    """See `strided.gate`."""
    return pointwise.gate(g, y) if _ours(g, y) and _many(g) else _other(g).gate(g, y)


def dropout(x: Array, p: float, seed: int, call: int) -> Array:
    """See `strided.dropout`; the mask is never stored."""
    if not _ours(x) or not _many(x) or p >= 1:
        return _other(x).dropout(x, p, seed, call)
    return pointwise.dropout(x, p, seed, call)


def sgd(p: Array, g: Array, v: Array | None, **settings: Any) -> None:
    """See `strided.sgd`; one pass."""
    if _ours(p, g, v):
        pointwise.sgd(p, g, v, **settings)
    else:
        _other(p).sgd(p, g, v, **settings)


def adam(p: Array, g: Array, m: Array, v: Array, **settings: Any) -> None:
    """See `strided.adam`; one pass."""
    if _ours(p, g, m, v):
        pointwise.adam(p, g, m, v, **settings)
    else:
        _other(p).adam(p, g, m, v, **settings)


def max_gather2d(x: Array, arg: Array, geo: Geometry) -> Array:
    """See `strided.max_gather2d`."""
    return _other(x).max_gather2d(x, arg, geo)


def global_avg_pool2d(x: Array) -> Array:
    """See `strided.global_avg_pool2d`."""
    return _other(x).global_avg_pool2d(x)


def im2col(x: Array, geo: Geometry, part: Part | None = None) -> Array:
    """See `strided.im2col`."""
    return _other(x).im2col(x, geo, part)


def col2im(cols: Array, geo: Geometry, part: Part | None = None) -> Array:
    """See `strided.col2im`."""
    return _other(cols).col2im(cols, geo, part)


def dropout_keep(shape: tuple[int, ...], p: float, seed: int, call: int, xp: Any = np) -> Array:
    """See `strided.dropout_keep`."""
    return (strided if xp is np else cuda).dropout_keep(shape, p, seed, call, xp)
