"""Pooling: one number for each window and channel.

The derivatives are pairs of adjoints again: once the maxima are chosen, max pooling reads fixed entries (`max_gather2d`),
and its adjoint puts them back (`max_unpool2d`); averaging and `avg_pool2d_input_grad` are linear maps and their transposes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ninx import kernels
from ninx.kernels import geometry
from ninx.kernels.geometry import Geometry
from ninx.kernels.types import MARK, NOWHERE, Drop

from ..array import Array, nchw, nhwc, xp_of
from ..engine import Tensor, record
from ..ops import broadcast_to, cat, matmul, transpose
from ..ops.rectifier import Masked, ReluMask
from ..random import next_dropout
from .inputs import first, need_floats, need_tensors
from .regularisation import dropout

Size = int | tuple[int, int] | list[int]


def max_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest value of every window; (N, C, H, W), or (C, H, W), -> (N, C, OH, OW). The padding is -inf and never wins.

    The first of equal values gets the gradient; NaN wins over every number. ``ceil_mode`` lets a last window begin inside the
    image that does not end there. ``return_indices`` also gives the place h*W + w of every maximum, as in PyTorch.

    Raises ValueError where no window fits.

    >>> x = ninx.arange(16.0).reshape(1, 1, 4, 4)
    >>> F.max_pool2d(x, 2)[0, 0]
    tensor([[ 5.,  7.],
            [13., 15.]])
    >>> F.max_pool2d(x, 3, 2, ceil_mode=True).shape, F.max_pool2d(x, 3, 2).shape
    ((1, 1, 2, 2), (1, 1, 1, 1))
    """
    if type(input) is not Tensor:
        need_tensors("max_pool2d", input=input)
    if input.ndim == 3:
        y = max_pool2d(input.unsqueeze(0), kernel_size, stride, padding, dilation, ceil_mode, return_indices)
        return tuple(first(t, "max_pool2d") for t in y) if return_indices else first(y, "max_pool2d")
    geo = _geometry("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    y, arg = _max_pool2d(input, geo, plain=return_indices)
    return (y, Tensor(nchw(_places(arg, geo)))) if return_indices else y


def max_pool2d_dropout(input: Tensor, pool: tuple[Any, ...], p: float) -> Tensor:
    """dropout(max_pool2d(input, *pool), p), for 0 < p < 1, in one pass.

    ``pool``: kernel_size, stride, padding, dilation, ceil_mode.
    Values and gradients are those of the two functions one after the other.
    """
    geo = _geometry("max_pool2d", input, *pool)
    if geo.KH * geo.KW > NOWHERE:
        return dropout(max_pool2d(input, *pool), p)
    return _max_pool2d(input, geo, drop=(p, *next_dropout()))[0]


def _max_pool2d(x: Tensor, geo: Geometry, drop: Drop | None = None, plain: bool = False) -> tuple[Tensor, Array]:
    """The pooling, and which value of each window was chosen. If x is the value of a ReLU, its mask is applied in the adjoint."""
    node, mark = x.node, not plain and geo.KH * geo.KW <= NOWHERE and ReluMask.of(x.node) is not None
    value, arg = kernels.tier().max_pool2d(nhwc(x.array), geo, mark, drop)
    scale = 1.0 if drop is None else 1 / (1 - drop[0])

    def back(g: Tensor) -> Tensor:
        if mark and (relu := ReluMask.claim(node)) is not None:
            return Masked(nchw(kernels.tier().max_unpool2d(nhwc(g.array), arg, geo, scale)), relu)
        return max_unpool2d(g, arg & arg.dtype.type(MARK - 1) if mark else arg, geo, scale)

    return record(nchw(value), (x, back), name="max_pool2d"), arg


def _places(arg: Array, geo: Geometry) -> Array:
    """The positions r*KW + q in the windows as places h*W + w in the image."""
    xp = xp_of(arg)
    h = xp.arange(geo.OH)[:, None, None] * geo.SH - geo.PH + arg.astype(np.int64) // geo.KW * geo.DH
    w = xp.arange(geo.OW)[:, None] * geo.SW - geo.PW + arg.astype(np.int64) % geo.KW * geo.DW
    return h * geo.W + w


def max_unpool2d(g: Tensor, arg: Array, geo: Geometry, scale: float = 1.0) -> Tensor:
    """g * scale, sent back to the pixels whose values were chosen; zeros elsewhere."""
    value = kernels.tier().max_unpool2d(nhwc(g.array), arg, geo, scale)
    return record(nchw(value), (g, lambda h: max_gather2d(h, arg, geo, scale)))


def max_gather2d(x: Tensor, arg: Array, geo: Geometry, scale: float = 1.0) -> Tensor:
    """The values of x at the places that were chosen, times ``scale``."""
    value = kernels.tier().max_gather2d(nhwc(x.array), arg, geo)
    if scale != 1:
        value *= scale
    return record(nchw(value), (x, lambda g: max_unpool2d(g, arg, geo, scale)))


def avg_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of every window; (N, C, H, W), or (C, H, W), -> (N, C, OH, OW).

    The zeros of the padding count as values, unless ``count_include_pad=False``; ``divisor_override`` is divided by instead.

    Raises ValueError where no window fits.

    >>> F.avg_pool2d(ninx.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    tensor([[ 2.5000,  4.5000],
            [10.5000, 12.5000]])
    """
    if type(input) is not Tensor:
        need_tensors("avg_pool2d", input=input)
    if input.ndim == 3:
        y = avg_pool2d(input.unsqueeze(0), kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
        return first(y, "avg_pool2d")
    geo = _geometry("avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is not None and geometry.whole(divisor_override, "avg_pool2d", "divisor_override") == 0:
        raise ValueError("avg_pool2d: divisor_override must not be 0")
    tier = kernels.tier()
    divisor = (
        tier.pool_divisor(geo, count_include_pad) if divisor_override is None else np.full((geo.OH, geo.OW), divisor_override)
    )
    return _average(input, geo, divisor)


def _average(x: Tensor, geo: Geometry, divisor: Array) -> Tensor:
    value = kernels.tier().avg_pool2d(nhwc(x.array), geo, divisor)
    node, y = x.node, None if ReluMask.of(x.node) is None else x.array

    def back(g: Tensor) -> Tensor:
        if y is not None and (relu := ReluMask.claim(node)) is not None:
            return Masked(nchw(kernels.tier().avg_pool2d_input_grad(nhwc(g.array), geo, divisor, nhwc(y))), relu)
        return _average_back(g, geo, divisor)

    return record(nchw(value), (x, back), name="avg_pool2d")


def _average_back(g: Tensor, geo: Geometry, divisor: Array) -> Tensor:
    value = kernels.tier().avg_pool2d_input_grad(nhwc(g.array), geo, divisor)
    return record(nchw(value), (g, lambda h: _average(h, geo, divisor)), name="avg_pool2d")


def global_avg_pool2d(input: Tensor) -> Tensor:
    """Global average pooling: the mean of every map, (N, C, H, W) -> (N, C, 1, 1). The head of a Network in Network.

    Adjoint: every pixel of the map gets g / (H*W).

    >>> maps = ninx.stack([ninx.zeros(6, 6), ninx.ones(6, 6)]).unsqueeze(0)  # two classes' maps of one image
    >>> F.global_avg_pool2d(maps).flatten(1)
    tensor([[0., 1.]])
    """
    if type(input) is not Tensor:
        need_tensors("global_avg_pool2d", input=input)
    if input.ndim != 4:
        raise ValueError(f"global_avg_pool2d: input must have shape (N, C, H, W), got {input.shape}")
    if not input.is_floating_point():
        need_floats("global_avg_pool2d", input)
    shape = input.shape
    value = nchw(kernels.tier().global_avg_pool2d(nhwc(input.array)))
    return record(value, (input, lambda g: broadcast_to(g / (shape[2] * shape[3]), shape)))


def adaptive_avg_pool2d(input: Tensor, output_size: int | tuple[int | None, int | None] | None) -> Tensor:
    """Average pooling to a given size: output row i is the mean of the rows floor(i*H/OH) to ceil((i+1)*H/OH); columns alike.

    (N, C, H, W), or (C, H, W), -> (N, C, OH, OW); None keeps a size. Size 1 is global average pooling, and a size that divides
    the input's is ordinary pooling; any other is two small matrix products, one along each axis.

    >>> F.adaptive_avg_pool2d(ninx.ones(1, 3, 13, 9), 6).shape
    (1, 3, 6, 6)
    """
    if type(input) is not Tensor:
        need_tensors("adaptive_avg_pool2d", input=input)
    if input.ndim == 3:
        return first(adaptive_avg_pool2d(input.unsqueeze(0), output_size), "adaptive_avg_pool2d")
    (h, w), (oh, ow) = _adapted("adaptive_avg_pool2d", input, output_size)
    if oh == ow == 1:
        return global_avg_pool2d(input)
    if h % oh == 0 and w % ow == 0:
        return avg_pool2d(input, (h // oh, w // ow))
    rows, cols = (_averages(n, m, input) for n, m in ((h, oh), (w, ow)))
    return matmul(matmul(rows, input), transpose(cols, 0, 1))


def adaptive_max_pool2d(
    input: Tensor, output_size: int | tuple[int | None, int | None] | None, return_indices: bool = False
) -> Tensor:
    """Max pooling to a given size: output row i is the maximum of the rows floor(i*H/OH) to ceil((i+1)*H/OH); columns alike.

    (N, C, H, W), or (C, H, W), -> (N, C, OH, OW); None keeps a size. Raises ValueError for return_indices=True.

    >>> F.adaptive_max_pool2d(ninx.arange(9.0).reshape(1, 1, 3, 3), 2)[0, 0]
    tensor([[4., 5.],
            [7., 8.]])
    """
    name = "adaptive_max_pool2d"
    need_tensors(name, input=input)
    if return_indices:
        raise ValueError(f"{name}: return_indices=True is not supported; max_pool2d gives the places of its maxima")
    if input.ndim == 3:
        return first(adaptive_max_pool2d(input.unsqueeze(0), output_size), name)
    (h, w), (oh, ow) = _adapted(name, input, output_size)
    if h % oh == 0 and w % ow == 0:
        y: Tensor = max_pool2d(input, (h // oh, w // ow))
        return y
    rows, cols = ([(i * size // out, -(-(i + 1) * size // out)) for i in range(out)] for size, out in ((h, oh), (w, ow)))
    lines = (cat([max_pool2d(input[:, :, a:b, c:d], (b - a, d - c)) for c, d in cols], dim=3) for a, b in rows)
    return cat(list(lines), dim=2)


def _adapted(operation: str, x: Tensor, output_size: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """(H, W) and (OH, OW) of an adaptive pooling."""
    if x.ndim != 4:
        raise ValueError(f"{operation}: input must have shape (N, C, H, W), got {x.shape}")
    if not x.is_floating_point():
        need_floats(operation, x)
    wanted = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    if len(wanted) != 2:
        raise ValueError(f"{operation}: output_size must be one whole number or two, got {wanted}")
    h, w = x.shape[2:]
    oh, ow = (n if o is None else geometry.whole(o, operation, "output_size") for o, n in zip(wanted, (h, w), strict=True))
    if min(oh, ow) < 1:
        raise ValueError(f"{operation}: the output size must be at least 1x1, got {oh}x{ow}")
    if min(h, w) < 1:
        raise ValueError(f"{operation}: an image of {h}x{w} has no pixels")
    return (h, w), (oh, ow)


def _averages(size: int, out: int, like: Tensor) -> Tensor:
    """(out, size): the matrix whose row i averages the entries floor(i*size/out) to ceil((i+1)*size/out)."""
    matrix = np.zeros((out, size), like.dtype)
    for i in range(out):
        start, end = i * size // out, -(-(i + 1) * size // out)
        matrix[i, start:end] = 1 / (end - start)
    return Tensor(xp_of(like.array).asarray(matrix))


def _geometry(operation: str, x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Geometry:
    stride = kernel if stride is None or stride == () or stride == [] else stride  # PyTorch takes both for "as the window"
    pairs = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    if not x.is_floating_point():
        need_floats(operation, x)
    sizes = (geometry.pair(value, operation, name) for name, value in pairs.items())
    return geometry.pooling(operation, x.shape, *sizes, ceil_mode=ceil_mode)
