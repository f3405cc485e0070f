"""im2col and col2im as differentiable operations, under PyTorch's names: `unfold` and `fold`.

Both are linear, and each is the other's adjoint, <fold(c), x> = <c, unfold(x)>: so each is the other's derivative, of any order.
A convolution is a product with these columns; `functional.conv2d` finds the same without making them.

Shapes: x (N, C, H, W); columns (N, C*KH*KW, L) with L = OH*OW windows. The windows are counted row by row, and so are the
values of a window in each channel, as in PyTorch. The kernels hold a column as a row, with the channels last.
"""

from __future__ import annotations

from typing import Any

from ninx import kernels
from ninx.kernels import geometry
from ninx.kernels.geometry import Geometry
from ninx.kernels.layout import nchw, nhwc

from ..engine import Tensor, record
from .inputs import first, need_floats, need_tensors

Size = int | tuple[int, int] | list[int]


def unfold(input: Tensor, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> Tensor:
    """Every window of the image as a column (im2col); zeros around the image. (N, C, H, W), or (C, H, W), -> (N, C*KH*KW, L).

    columns[n, (c*KH + r)*KW + q, i*OW + j] = x[n, c, i*SH - PH + r*DH, j*SW - PW + q*DW]

    Adjoint: `fold`, which adds every value to its pixel. Raises ValueError where no window fits.

    >>> x = ninx.arange(9.0).reshape(1, 1, 3, 3)
    >>> F.unfold(x, 2)[0]  # four windows; the first column is [0, 1, 3, 4]
    tensor([[0., 1., 3., 4.],
            [1., 2., 4., 5.],
            [3., 4., 6., 7.],
            [4., 5., 7., 8.]])
    >>> weight = ninx.ones(1, 1, 2, 2)  # a convolution is a product with these columns
    >>> (weight.reshape(1, 4) @ F.unfold(x, 2)).reshape(1, 1, 2, 2).equal(F.conv2d(x, weight))
    True
    """
    if type(input) is not Tensor:
        need_tensors("unfold", input=input)
    if input.ndim == 3:
        return first(unfold(input.unsqueeze(0), kernel_size, dilation, padding, stride), "unfold")
    need_floats("unfold", input)
    return _unfold(input, _geometry("unfold", input.array.shape, kernel_size, dilation, padding, stride))


def fold(input: Tensor, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> Tensor:
    """The adjoint of `unfold` (col2im): an image of zeros, to which every value of every column is added at its pixel.

    (N, C*KH*KW, L), or (C*KH*KW, L), -> (N, C, H, W) with (H, W) = ``output_size``. What lies in the padding is dropped.
    fold(unfold(x)) is x times the number of windows that hold each pixel.

    Adjoint: `unfold`. Raises ValueError unless an image of that size has L windows.

    >>> columns = F.unfold(ninx.ones(1, 1, 3, 3), 2)
    >>> F.fold(columns, (3, 3), 2)[0, 0]  # how many windows see each pixel
    tensor([[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]])
    """
    if type(input) is not Tensor:
        need_tensors("fold", input=input)
    if input.ndim == 2:
        return first(fold(input.unsqueeze(0), output_size, kernel_size, dilation, padding, stride), "fold")
    need_floats("fold", input)
    if input.ndim != 3:
        raise ValueError(f"fold: input must have shape (N, C*KH*KW, L) or (C*KH*KW, L), got {input.shape}")
    (n, rows, windows), (kh, kw) = input.shape, geometry.pair(kernel_size, "fold", "kernel_size")
    if kh * kw < 1 or rows < kh * kw or rows % (kh * kw):
        raise ValueError(f"fold: a column of C*{kh}*{kw} values has a multiple of {kh * kw} of them, got input {input.shape}")
    image = (n, rows // (kh * kw), *geometry.pair(output_size, "fold", "output_size"))
    geo = _geometry("fold", image, (kh, kw), dilation, padding, stride)
    if windows != geo.OH * geo.OW:
        raise ValueError(
            f"fold: an image of {geo.H}x{geo.W} has {geo.OH}x{geo.OW} = {geo.OH * geo.OW} windows of {kh}x{kw} with these "
            f"settings, but input {input.shape} has {windows} columns"
        )
    return _fold(input, geo)


def _geometry(operation: str, image: tuple[int, ...], kernel: Any, dilation: Any, padding: Any, stride: Any) -> Geometry:
    """That of a convolution with one output channel."""
    geometry.need_4d(operation, "input", image, "(N, C, H, W)")
    weight = (1, image[1], *geometry.pair(kernel, operation, "kernel_size"))
    named = ((stride, "stride"), (padding, "padding"), (dilation, "dilation"))
    return geometry.convolution(operation, image, weight, *(geometry.pair(value, operation, name) for value, name in named))


def _unfold(x: Tensor, geo: Geometry) -> Tensor:
    rows = kernels.tier().im2col(nhwc(x.array), geo).reshape(geo.N, geo.OH * geo.OW, geo.KH * geo.KW, geo.C)
    columns = rows.transpose(0, 3, 2, 1).reshape(geo.N, geo.C * geo.KH * geo.KW, geo.OH * geo.OW)
    return record(columns, (x, lambda g: _fold(g, geo)), name="unfold")


def _fold(columns: Tensor, geo: Geometry) -> Tensor:
    parts = columns.array.reshape(geo.N, geo.C, geo.KH * geo.KW, geo.OH * geo.OW)
    rows = parts.transpose(0, 3, 2, 1).reshape(geo.N * geo.OH * geo.OW, geo.KH * geo.KW * geo.C)
    return record(nchw(kernels.tier().col2im(rows, geo)), (columns, lambda g: _unfold(g, geo)), name="fold")
