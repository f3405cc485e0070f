"""The sizes of a sliding window over images, worked out and checked in one place.

Notation, used by every kernel:

    N  images                 C  channels of the input       O  channels of the output
    H, W   input pixels       OH, OW  output pixels          KH, KW  kernel (window) size
    SH, SW stride             PH, PW  padding on each side   DH, DW  dilation

Output size along one axis (PyTorch's rule; "floor" becomes "ceil" with ``ceil_mode``):

    OH = floor((H + 2*PH - DH*(KH - 1) - 1) / SH) + 1
"""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

Pair = tuple[int, int]


def whole(value: Any, operation: str, name: str) -> int:
    """A whole number of Python or NumPy as an int; not a boolean, which would count as 0 or 1."""
    try:
        if not isinstance(value, (bool, np.bool_)):
            return operator.index(value)
    except TypeError:
        pass
    raise ValueError(f"{operation}: {name} must be a whole number, got {value!r}")


def pair(value: Any, operation: str, name: str) -> Pair:
    """One number for both axes, or a sequence of two: (vertical, horizontal)."""
    if type(value) is int:
        return value, value
    if type(value) is tuple and len(value) == 2 and type(value[0]) is type(value[1]) is int:  # what layers hold
        return value
    items = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(items) not in (1, 2):
        raise ValueError(f"{operation}: {name} must be one whole number or two, got {value!r}")
    first, last = whole(items[0], operation, name), whole(items[-1], operation, name)
    return first, last


class Geometry(NamedTuple):
    """A convolution or a pooling: every size that a kernel needs. Make one with `convolution`, `transposed` or `pooling`."""

    operation: str
    N: int
    C: int
    H: int
    W: int
    O: int  # noqa: E741 - the field's letter for output channels
    KH: int
    KW: int
    SH: int
    SW: int
    PH: int
    PW: int
    DH: int
    DW: int
    groups: int
    OH: int
    OW: int

    @property
    def pointwise(self) -> bool:
        """A 1x1 kernel without padding: a window is a pixel, the convolution is a matrix product over the pixels."""
        return self.KH == self.KW == 1 and self.PH == self.PW == 0

    @property
    def identity(self) -> bool:
        """Is im2col the identity? `pointwise`, and every pixel has its window.

        With stride > 1 windows step over pixels, and so they may with the output padding of a transposed convolution.
        """
        return self.pointwise and self.SH == self.SW == 1 and (self.H, self.W) == (self.OH, self.OW)

    @property
    def why_columns(self) -> str:
        """Why im2col is not the identity, for a sentence that ends with the reason."""
        if not self.pointwise:
            return f"the kernel is {self.KH}x{self.KW} with padding {self.PH}x{self.PW}"
        if (self.SH, self.SW) != (1, 1):
            return f"the kernel is 1x1 with stride {self.SH}x{self.SW}, which steps over pixels"
        return "the kernel is 1x1, but the output padding makes pixels that it does not see"

    @property
    def columns(self) -> int:
        """Length of one im2col row: the values that one window sees in one group, KH * KW * C / groups."""
        return self.KH * self.KW * self.C // self.groups

    @property
    def macs(self) -> int:
        """Multiply-adds of the whole convolution (1 MAC = 2 FLOP), bias not counted."""
        return self.N * self.OH * self.OW * self.O * self.columns

    def traffic(self, itemsize: int) -> int:
        """Bytes that must move at least once: input + weight + output.

        >>> from ninx.kernels.geometry import convolution
        >>> convolution("conv2d", (1, 3, 8, 8), (4, 3, 1, 1)).traffic(itemsize=4)  # 4 * (8*8*3 + 4*3 + 8*8*4)
        1840
        """
        pixels = self.N * (self.H * self.W * self.C + self.OH * self.OW * self.O)
        return itemsize * (pixels + self.O * self.columns)

    def workspace(self, itemsize: int, budget: int) -> int:
        """Bytes of the largest im2col matrix that is made at once, if each may take ``budget`` bytes; 0 where none is needed.

        >>> from ninx.kernels.geometry import convolution
        >>> pixels, windows = (convolution("conv2d", (1, 3, 8, 8), (4, 3, k, k)) for k in (1, 3))
        >>> pixels.workspace(4, budget=2**20), windows.workspace(4, budget=2**20)  # 0, and 6*6 windows of 3*3*3 values
        (0, 3888)
        """
        if self.identity:
            return 0
        row = itemsize * self.OW * self.columns * self.groups
        return max((p.images * p.rows for p in self.parts(itemsize, budget)), default=0) * row

    @property
    def everything(self) -> Part:
        """The part that is everything."""
        return Part(0, self.N, 0, self.OH)

    def parts(self, itemsize: int, budget: int) -> list[Part]:
        """Cut the output into parts whose im2col columns fit in ``budget`` bytes: whole images, or else rows of one image.

        One output row is the smallest part, so the columns never grow with the batch.

        >>> from ninx.kernels.geometry import convolution
        >>> geo = convolution("conv2d", (4, 3, 8, 8), (4, 3, 3, 3))
        >>> [(part.n0, part.n1) for part in geo.parts(4, budget=8000)]  # two images' columns fit
        [(0, 2), (2, 4)]
        """
        row = max(1, itemsize * self.OW * self.columns * self.groups)
        rows = min(self.OH, max(1, budget // row))
        images = max(1, budget // (row * self.OH)) if rows == self.OH else 1
        return [
            Part(n, min(n + images, self.N), r, min(r + rows, self.OH))
            for n in range(0, self.N, images)
            for r in range(0, self.OH, rows)
        ]


class Part(NamedTuple):
    """Output rows r0..r1 of the images n0..n1 (ends excluded)."""

    n0: int
    n1: int
    r0: int
    r1: int

    @property
    def images(self) -> int:
        """How many images."""
        return self.n1 - self.n0

    @property
    def rows(self) -> int:
        """How many rows of each."""
        return self.r1 - self.r0


def _output_size(operation: str, size: Pair, k: Pair, s: Pair, p: Pair, d: Pair, ceil_mode: bool = False) -> Pair:
    out = []
    for i in range(2):
        span = size[i] + 2 * p[i] - d[i] * (k[i] - 1) - 1
        n = span // s[i] + 1
        if ceil_mode:
            n = -(-span // s[i]) + 1
            if (n - 1) * s[i] >= size[i] + p[i]:  # the last window must start inside the image or its left padding
                n -= 1
        if n < 1:
            raise ValueError(
                f"{operation}: kernel {k[0]}x{k[1]} with dilation {d[0]}x{d[1]} does not fit input {size[0]}x{size[1]} "
                f"with padding {p[0]}x{p[1]}: ({size[i]} + 2*{p[i]} - {d[i]}*({k[i]}-1) - 1)/{s[i]} + 1 = {span // s[i] + 1}"
            )
        out.append(n)
    return out[0], out[1]


def _check(operation: str, k: Pair, s: Pair, p: Pair, d: Pair, groups: int = 1) -> None:
    for name, value, least in (("kernel_size", k, 1), ("stride", s, 1), ("padding", p, 0), ("dilation", d, 1)):
        if min(value) < least:
            raise ValueError(f"{operation}: {name} must be at least {least}, got {value}")
    if whole(groups, operation, "groups") < 1:
        raise ValueError(f"{operation}: groups must be at least 1, got {groups}")


def need_4d(operation: str, name: str, shape: tuple[int, ...], layout: str) -> None:
    """Raises ValueError unless ``shape`` has 4 dimensions; ``layout`` says which."""
    if len(shape) != 4:
        raise ValueError(f"{operation}: {name} must have 4 dimensions {layout}, got shape {shape}")


def _need_channels(operation: str, w_shape: tuple[int, ...], inputs: int, outputs: int) -> None:
    for name, count in (("input", inputs), ("output", outputs)):
        if count < 1:
            raise ValueError(f"{operation}: weight {w_shape} has no {name} channels; it needs at least one")


@lru_cache(maxsize=1024, typed=True)  # a network asks for the same ones in every step
def convolution(
    operation: str,
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Geometry:
    """Geometry of a convolution of x (N, C, H, W) with weight (O, C/groups, KH, KW). Raises ValueError if they do not fit."""
    need_4d(operation, "input", x_shape, "(N, C, H, W)")
    need_4d(operation, "weight", w_shape, "(O, C/groups, KH, KW)")
    n, c, h, w = x_shape
    o, per_group, kh, kw = w_shape
    _check(operation, (kh, kw), stride, padding, dilation, groups)
    _need_channels(operation, w_shape, per_group, o)
    if c != per_group * groups:
        raise ValueError(
            f"{operation}: input has {c} channels, but weight {w_shape} with groups={groups} wants "
            f"{per_group} * {groups} = {per_group * groups}"
        )
    if o % groups:
        raise ValueError(f"{operation}: {o} output channels cannot be split into groups={groups}")
    oh, ow = _output_size(operation, (h, w), (kh, kw), stride, padding, dilation)
    return Geometry(operation, n, c, h, w, o, kh, kw, *stride, *padding, *dilation, groups, oh, ow)


@lru_cache(maxsize=1024, typed=True)
def transposed(
    operation: str,
    g_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    output_padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Geometry:
    """Geometry of the convolution whose adjoint maps g (N, O, OH, OW) with weight (O, C/groups, KH, KW) to (N, C, H, W).

    H = (OH - 1)*SH - 2*PH + DH*(KH - 1) + output_padding + 1
    """
    need_4d(operation, "input", g_shape, "(N, C, H, W)")
    need_4d(operation, "weight", w_shape, "(in_channels, out_channels/groups, KH, KW)")
    n, o, oh, ow = g_shape
    k = (w_shape[2], w_shape[3])
    _check(operation, k, stride, padding, dilation, groups)
    _need_channels(operation, w_shape, w_shape[0], w_shape[1])
    if w_shape[0] != o:
        raise ValueError(f"{operation}: input has {o} channels, but weight {w_shape} wants {w_shape[0]}")
    if o % groups:
        raise ValueError(f"{operation}: {o} input channels cannot be split into groups={groups}")
    for i in range(2):
        if not 0 <= output_padding[i] < max(stride[i], dilation[i]):
            raise ValueError(
                f"{operation}: output_padding must be smaller than stride or dilation, got {output_padding} "
                f"with stride {stride} and dilation {dilation}"
            )
    h, w = (
        (g_shape[2 + i] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (k[i] - 1) + output_padding[i] + 1 for i in range(2)
    )
    if min(h, w) < 1:
        raise ValueError(f"{operation}: output would be {h}x{w} for input {oh}x{ow}, kernel {k[0]}x{k[1]} and padding {padding}")
    c = w_shape[1] * groups
    return Geometry(operation, n, c, h, w, o, *k, *stride, *padding, *dilation, groups, oh, ow)


@lru_cache(maxsize=1024, typed=True)
def pooling(
    operation: str,
    x_shape: tuple[int, ...],
    kernel: Pair,
    stride: Pair,
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    ceil_mode: bool = False,
) -> Geometry:
    """Geometry of a pooling of x (N, C, H, W): every channel by itself, so O = C = groups."""
    need_4d(operation, "input", x_shape, "(N, C, H, W)")
    n, c, h, w = x_shape
    _check(operation, kernel, stride, padding, dilation)
    if 2 * padding[0] > kernel[0] or 2 * padding[1] > kernel[1]:
        raise ValueError(f"{operation}: padding must be at most half of the kernel, got padding {padding} for kernel {kernel}")
    oh, ow = _output_size(operation, (h, w), kernel, stride, padding, dilation, ceil_mode)
    return Geometry(operation, n, c, h, w, c, *kernel, *stride, *padding, *dilation, max(c, 1), oh, ow)
