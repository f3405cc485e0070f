"""The kernels for NumPy arrays, compiled for this processor, and what they do not take. The peer for GPUs is `cuda`.

The functions and signatures are those of `strided`. A convolution has two ways: `conv.winograd` for kernels of 3x3 to 11x11
where that pays, else `conv.direct`; `explain` says which. What is unusual goes through `strided`: groups, dilation, the input
gradient of a convolution with stride, arrays of other types or with gaps, and a ``method`` that asks for another path.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from .. import strided
from ..geometry import Geometry
from ..loops import check_labels
from ..strided import col2im, dropout_keep, global_avg_pool2d, im2col, max_gather2d, pool_divisor
from ..threads import get_num_threads
from ..types import NOWHERE, Array, Drop
from . import loss, normalization, pointwise, pool
from .conv import direct, winograd
from .conv.plan import classes
from .conv.tiling import pieces_of
from .jit.vector import HOST
from .window import forward_window

# fmt: off
__all__ = [
    "adam", "avg_pool2d", "avg_pool2d_input_grad", "batch_norm", "batch_norm_grad", "col2im", "conv2d", "conv2d_input_grad",
    "conv2d_weight_bias_grad", "conv2d_weight_grad", "dropout", "dropout_keep", "explain", "global_avg_pool2d", "im2col",
    "max_gather2d", "max_pool2d", "max_unpool2d", "pool_divisor", "relu", "relu_mask", "sgd", "softmax_cross_entropy",
    "why_not",
]
# fmt: on

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


# -------------------------------------------------------------------- what is compiled


def _compiled_for(first: Array, *others: Array | None) -> bool:
    """Are these plain NumPy arrays, all of one type that the kernels are made for, and without gaps?"""
    kind = first.dtype
    if kind not in FLOATS:
        return False
    for a in (first, *others):
        if a is not None and (type(a) is not np.ndarray or a.dtype != kind or not a.flags.c_contiguous):
            return False
    return True


def _fills_vectors(a: Array) -> bool:
    """Is there at least a vector of entries for each thread?"""
    return bool(a.size >= 64 * get_num_threads())


def why_not(geo: Geometry, method: str = "auto") -> str | None:
    """Why a convolution goes through `strided`; None if it does not."""
    if method not in ("auto", "direct"):
        return f"method={method!r} was asked for"
    if geo.groups > 1:
        return f"it has {geo.groups} groups"
    return "it is dilated" if (geo.DH, geo.DW) != (1, 1) else None


def _way(geo: Geometry, dtype: np.dtype[np.generic], method: str) -> ModuleType:
    """Which of the two compiled ways a convolution takes; "direct" is asked for by name."""
    return winograd if method == "auto" and winograd.fits(geo, dtype) else direct


def explain(geo: Geometry, itemsize: int) -> str | None:
    """How a convolution is compiled, in one sentence; None if it is not."""
    if why_not(geo) is not None:
        return None
    vectors = f"compiled for vectors of {HOST.bytes} bytes ({HOST.lanes(itemsize)} channels at a time)"
    if _way(geo, FLOATS[itemsize > 4], "auto") is winograd:
        share, (taps, pieces) = winograd.products(geo) / (geo.OH * geo.OW * geo.KH * geo.KW), pieces_of(geo.KH)
        cut = f", the kernel in {pieces**2} pieces of {taps}x{taps}," if pieces > 1 else ""
        return (
            f"{geo.operation}: {vectors}, in transformed tiles of 6x6 pixels (Winograd){cut} with {share:.0%} of the "
            "multiplications; method='direct' does all"
        )
    count = len(classes(forward_window(geo)))
    how = "every pixel is a row of one matrix" if count == 1 and geo.pointwise else f"{count} class(es) of pixels"
    back = "" if geo.SH == geo.SW == 1 else "; its input gradient is im2col and a matrix product, because the stride is not 1"
    return f"{geo.operation}: {vectors}, {how}, without im2col, bias and a following ReLU in the same pass{back}"


# -------------------------------------------------------------------- convolution


def conv2d(x: Array, w: Array, b: Array | None, geo: Geometry, method: str = "auto", relu: bool = False) -> Array:
    """See `strided.conv2d`; bias and ReLU are applied while the result is still in registers."""
    if why_not(geo, method) or not _compiled_for(x, w, b):
        return strided.conv2d(x, w, b, geo, method, relu)
    return _way(geo, x.dtype, method).conv2d(x, w, b, geo, relu)


def conv2d_input_grad(g: Array, w: Array, geo: Geometry, method: str = "auto", masked_by: Array | None = None) -> Array:
    """See `strided.conv2d_input_grad`; for stride 1 a convolution of g with the kernel rotated by 180 degrees."""
    if why_not(geo, method) or (geo.SH, geo.SW) != (1, 1) or not _compiled_for(g, w, masked_by):
        return strided.conv2d_input_grad(g, w, geo, method, masked_by)
    return _way(geo, g.dtype, method).conv2d_input_grad(g, w, geo, masked_by)


def conv2d_weight_grad(x: Array, g: Array, geo: Geometry, method: str = "auto") -> Array:
    """See `strided.conv2d_weight_grad`."""
    if why_not(geo, method) or not _compiled_for(x, g):
        return strided.conv2d_weight_grad(x, g, geo, method)
    return _way(geo, x.dtype, method).conv2d_weight_grad(x, g, geo, False)[0]


def conv2d_weight_bias_grad(x: Array, g: Array, geo: Geometry, method: str = "auto") -> tuple[Array, Array]:
    """See `strided.conv2d_weight_bias_grad`; both in one pass over g."""
    if why_not(geo, method) or not _compiled_for(x, g):
        return strided.conv2d_weight_bias_grad(x, g, geo, method)
    dw, db = _way(geo, x.dtype, method).conv2d_weight_grad(x, g, geo, True)
    return dw, db


# -------------------------------------------------------------------- pooling


def max_pool2d(x: Array, geo: Geometry, mark: bool = False, drop: Drop | None = None) -> tuple[Array, Array]:
    """See `strided.max_pool2d`; dropout in the same pass."""
    if geo.KH * geo.KW > NOWHERE or not _compiled_for(x) or not pool.fits(geo) or (drop is not None and drop[0] >= 1):
        return strided.max_pool2d(x, geo, mark, drop)
    return pool.max_pool2d(x, geo, mark, drop)


def max_unpool2d(g: Array, arg: Array, geo: Geometry, scale: float = 1.0) -> Array:
    """See `strided.max_unpool2d`."""
    if not _compiled_for(g) or not pool.fits(geo) or arg.dtype != np.uint8 or not arg.flags.c_contiguous:
        return strided.max_unpool2d(g, arg, geo, scale)
    return pool.max_unpool2d(g, arg, geo, scale)


def avg_pool2d(x: Array, geo: Geometry, divisor: Array) -> Array:
    """See `strided.avg_pool2d`."""
    if not _compiled_for(x) or not pool.fits(geo):
        return strided.avg_pool2d(x, geo, divisor)
    return pool.avg_pool2d(x, geo, divisor)


def avg_pool2d_input_grad(g: Array, geo: Geometry, divisor: Array, masked_by: Array | None = None) -> Array:
    """See `strided.avg_pool2d_input_grad`."""
    if not _compiled_for(g, masked_by) or not pool.fits(geo):
        return strided.avg_pool2d_input_grad(g, geo, divisor, masked_by)
    return pool.avg_pool2d_input_grad(g, geo, divisor, masked_by)


# -------------------------------------------------------------------- all else


def batch_norm(x: Array, weight: Array | None, bias: Array | None, eps: float, relu: bool = False) -> tuple[Array, Array, Array]:
    """See `strided.batch_norm`; compiled for float32."""
    if x.dtype != np.float32 or not _compiled_for(x, weight, bias):
        return strided.batch_norm(x, weight, bias, eps, relu)
    return normalization.batch_norm(x, weight, bias, eps, relu)


def batch_norm_grad(g: Array, x: Array, mean: Array, var: Array, weight: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """See `strided.batch_norm_grad`; compiled for float32."""
    if x.dtype != np.float32 or not _compiled_for(g, x, mean, var, weight):
        return strided.batch_norm_grad(g, x, mean, var, weight, eps)
    return normalization.batch_norm_grad(g, x, mean, var, weight, eps)


def softmax_cross_entropy(logits: Array, labels: Array, ignore_index: int = -100) -> tuple[Array, Array]:
    """See `loops.softmax_cross_entropy`."""
    check_labels(labels, logits.shape[1], ignore_index)
    return loss.softmax_cross_entropy(np.ascontiguousarray(logits), labels, ignore_index)


def relu(x: Array) -> Array:
    """See `strided.relu`."""
    return pointwise.relu(x) if _compiled_for(x) and _fills_vectors(x) else strided.relu(x)


def relu_mask(g: Array, y: Array) -> Array:
    """See `strided.relu_mask`."""
    return pointwise.relu_mask(g, y) if _compiled_for(g, y) and _fills_vectors(g) else strided.relu_mask(g, y)


def dropout(x: Array, p: float, seed: int, call: int) -> Array:
    """See `strided.dropout`; the mask is never stored."""
    if not _compiled_for(x) or not _fills_vectors(x) or p >= 1:
        return strided.dropout(x, p, seed, call)
    return pointwise.dropout(x, p, seed, call)


def sgd(p: Array, g: Array, v: Array | None, *, lr: float, momentum: float, keep: float, decay: float, nesterov: bool) -> None:
    """See `strided.sgd`; one pass."""
    step = pointwise.sgd if _compiled_for(p, g, v) else strided.sgd
    step(p, g, v, lr=lr, momentum=momentum, keep=keep, decay=decay, nesterov=nesterov)


def adam(
    p: Array, g: Array, m: Array, v: Array, *, lr: float, beta1: float, beta2: float, scale: float, eps: float, decay: float,
    shrink: float,
) -> None:  # fmt: skip
    """See `strided.adam`; one pass."""
    step = pointwise.adam if _compiled_for(p, g, m, v) else strided.adam
    step(p, g, m, v, lr=lr, beta1=beta1, beta2=beta2, scale=scale, eps=eps, decay=decay, shrink=shrink)
