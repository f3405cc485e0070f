"""Convolution and pooling for bare arrays of NumPy or CuPy: the same kernels that the layers run on, without a Tensor.

Shapes are PyTorch's: images (N, C, H, W), weights (O, C/groups, KH, KW). In memory an image is best channels-last, as results
are: they are views whose memory is (N, H, W, C). An array that lies otherwise is copied once. All arrays of a call are of one
library, on one device and of one type, float32 or float64; CuPy's stay on their GPU, and nothing waits for it.

There is no record of anything here: a program that trains calls the gradients itself.

>>> x, w = np.ones((1, 2, 4, 4)), np.ones((3, 2, 3, 3))
>>> y = ninx.kernels.conv2d(x, w, padding=1)
>>> dx = ninx.kernels.conv2d_input_grad(y, w, x.shape, padding=1)
>>> dw = ninx.kernels.conv2d_weight_grad(x, y, w.shape, padding=1)
>>> y.shape, dx.shape, dw.shape
((1, 3, 4, 4), (1, 2, 4, 4), (3, 2, 3, 3))
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import numpy as np

from . import geometry
from .geometry import Geometry
from .layout import nchw, nhwc
from .types import Array, xp_of

__all__ = ["avg_pool2d", "conv2d", "conv2d_input_grad", "conv2d_weight_grad", "global_avg_pool2d", "max_pool2d"]

Size = int | tuple[int, int] | list[int]
Shape = tuple[int, ...]
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def conv2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """y[n,o,i,j] = b[o] + sum over c,r,q of x[n, c, i*SH - PH + r*DH, j*SW - PW + q*DW] * w[o,c,r,q]  (zeros outside).

    x (N, C, H, W), w (O, C/groups, KH, KW), b (O) -> (N, O, OH, OW), with OH = (H + 2*PH - DH*(KH - 1) - 1) // SH + 1.

    Raises ValueError for shapes that do not fit, TypeError for arrays of two libraries or types; MemoryError if a GPU is full.

    >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> ninx.kernels.conv2d(x, np.ones((1, 1, 2, 2)), np.array([100.0]), stride=2)[0, 0]
    array([[110., 118.],
           [142., 150.]])
    """
    with _device("conv2d", {"x": x, "w": w} | ({} if b is None else {"b": b})):
        geo = _convolution("conv2d", x.shape, w.shape, stride, padding, dilation, groups)
        if b is not None:
            _need_shape("conv2d", "b", b, (geo.O,))
            b = xp_of(b).ascontiguousarray(b)
        return nchw(_tier().conv2d(nhwc(x), nhwc(w), b, geo))


def conv2d_input_grad(
    g: Array, w: Array, x_shape: Shape, stride: Size = 1, padding: Size = 0, dilation: Size = 1, groups: int = 1
) -> Array:
    """The adjoint of `conv2d` in x: dx[n,c,h,v] = the sum of g[n,o,i,j] * w[o,c,r,q] over all products that read x[n,c,h,v].

    g (N, O, OH, OW), w (O, C/groups, KH, KW), x_shape = (N, C, H, W), which a stride leaves open -> (N, C, H, W). The errors
    are those of `conv2d`.

    >>> g, w = np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2))
    >>> ninx.kernels.conv2d_input_grad(g, w, (1, 1, 3, 3))[0, 0]  # how many windows see each pixel
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    name = "conv2d_input_grad"
    with _device(name, {"g": g, "w": w}):
        geo = _convolution(name, x_shape, w.shape, stride, padding, dilation, groups)
        _need_shape(name, "g", g, (geo.N, geo.O, geo.OH, geo.OW))
        return nchw(_tier().conv2d_input_grad(nhwc(g), nhwc(w), geo))


def conv2d_weight_grad(
    x: Array, g: Array, w_shape: Shape, stride: Size = 1, padding: Size = 0, dilation: Size = 1, groups: int = 1
) -> Array:
    """The adjoint of `conv2d` in w: dw[o,c,r,q] = the sum of g[n,o,i,j] * x[n,c,h,v] over all products with w[o,c,r,q].

    x (N, C, H, W), g (N, O, OH, OW), w_shape = (O, C/groups, KH, KW) -> (O, C/groups, KH, KW). The adjoint in b is
    ``g.sum(axis=(0, 2, 3))``. The errors are those of `conv2d`.

    >>> x, g = np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2))
    >>> ninx.kernels.conv2d_weight_grad(x, g, (1, 1, 2, 2))[0, 0]  # each weight meets four pixels
    array([[4., 4.],
           [4., 4.]])
    """
    name = "conv2d_weight_grad"
    with _device(name, {"x": x, "g": g}):
        geo = _convolution(name, x.shape, w_shape, stride, padding, dilation, groups)
        _need_shape(name, "g", g, (geo.N, geo.O, geo.OH, geo.OW))
        return nchw(_tier().conv2d_weight_grad(nhwc(x), nhwc(g), geo))


def max_pool2d(
    x: Array, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, ceil_mode: bool = False
) -> Array:
    """The largest value of every window; (N, C, H, W) -> (N, C, OH, OW). The padding never wins, NaN always does.

    ``stride`` is the kernel's size unless given; ``ceil_mode`` lets a last window begin inside the image that ends outside.

    Raises ValueError where no window fits, TypeError for another type than float32 and float64.

    >>> ninx.kernels.max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    with _device("max_pool2d", {"x": x}):
        geo = _pooling("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
        return nchw(_tier().max_pool2d(nhwc(x), geo)[0])


def avg_pool2d(
    x: Array,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """The mean of every window; (N, C, H, W) -> (N, C, OH, OW).

    The zeros of the padding count as values unless ``count_include_pad=False``. The rest is as in `max_pool2d`.

    >>> ninx.kernels.avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    with _device("avg_pool2d", {"x": x}):
        geo = _pooling("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)
        return nchw(_tier().avg_pool2d(nhwc(x), geo, _tier().pool_divisor(geo, count_include_pad)))


def global_avg_pool2d(x: Array) -> Array:
    """The mean of every map; (N, C, H, W) -> (N, C, 1, 1).

    Raises ValueError for maps without pixels, TypeError for another type than float32 and float64.

    >>> ninx.kernels.global_avg_pool2d(np.arange(8.0).reshape(1, 2, 2, 2)).ravel()
    array([1.5, 5.5])
    """
    with _device("global_avg_pool2d", {"x": x}):
        geometry.need_4d("global_avg_pool2d", "x", x.shape, "(N, C, H, W)")
        if 0 in x.shape[2:]:
            raise ValueError(f"global_avg_pool2d: the maps of x have no pixels, its shape is {x.shape}")
        return nchw(_tier().global_avg_pool2d(nhwc(x)))


# -------------------------------------------------------------------- checks, and the way in and out


def _tier() -> ModuleType:
    from . import tier  # here, because the package imports this file

    return tier()


def _device(operation: str, arrays: dict[str, Array]) -> AbstractContextManager[Any]:
    """The context for the kernels: on a GPU that of the arrays is the current one. Raises if they do not go together."""
    from . import tier_name

    xp, (first, *others) = xp_of(*arrays.values()), arrays
    for name, a in arrays.items():
        if not isinstance(a, xp.ndarray):
            kind = f"{type(a).__module__}.{type(a).__name__}"
            wanted = "a NumPy or CuPy array" if xp is np else "a CuPy array, as another is"
            raise TypeError(f"{operation}: {name} must be {wanted}, got {kind}")
        if a.dtype not in FLOATS:
            raise TypeError(f"{operation}: {name} must be float32 or float64, got {a.dtype}; write {name}.astype(np.float32)")
    for name in others:
        if arrays[name].dtype != arrays[first].dtype:
            types = f"{first} is {arrays[first].dtype}, {name} {arrays[name].dtype}"
            raise TypeError(f"{operation}: all arrays must be of one type, but {types}")
    if xp is np:
        return nullcontext()
    if tier_name() == "loops":
        raise ValueError(f"{operation}: the tier 'loops' takes NumPy arrays only; use 'strided' or 'fast' for CuPy's")
    for name in others:
        if arrays[name].device != arrays[first].device:
            places = f"{first} is on cuda:{arrays[first].device.id}, {name} on cuda:{arrays[name].device.id}"
            raise ValueError(f"{operation}: all arrays must be on one device, but {places}")
    context: AbstractContextManager[Any] = arrays[first].device
    return context


def _convolution(
    operation: str, x_shape: Shape, w_shape: Shape, stride: Size, padding: Size, dilation: Size, groups: int
) -> Geometry:
    shapes = [tuple(geometry.whole(n, operation, "every size") for n in shape) for shape in (x_shape, w_shape)]
    pairs = [geometry.pair(v, operation, n) for v, n in ((stride, "stride"), (padding, "padding"), (dilation, "dilation"))]
    return geometry.convolution(operation, *shapes, *pairs, geometry.whole(groups, operation, "groups"))


def _pooling(
    operation: str, x: Array, kernel_size: Size, stride: Size | None, padding: Size, dilation: Size, ceil_mode: bool
) -> Geometry:
    kernel = geometry.pair(kernel_size, operation, "kernel_size")
    step = kernel if stride is None else geometry.pair(stride, operation, "stride")
    edge, gaps = geometry.pair(padding, operation, "padding"), geometry.pair(dilation, operation, "dilation")
    return geometry.pooling(operation, x.shape, kernel, step, edge, gaps, bool(ceil_mode))


def _need_shape(operation: str, name: str, a: Array, wanted: Shape) -> None:
    if a.shape != wanted:
        raise ValueError(f"{operation}: {name} must have shape {wanted}, got {a.shape}")
