"""Max and average pooling and their adjoints: one pass over the memory, whole pixels at a time.

The forward kernels go over the output pixels: the taps of a window that lie inside the image are a rectangle of input pixels.
The adjoints go over the *input* pixels: the windows that see a pixel are a rectangle of output pixels, from which it gathers.
So every value is written once, and no two threads write the same one. What is done for all channels of one pixel stands in
`poolkernels`.
"""

from __future__ import annotations

import numpy as np

from .. import memory
from ..geometry import Geometry
from ..loops import dropout_key
from ..threads import get_num_threads
from ..types import MARK, Array
from .flat import flat
from .jit.compiled import helper, kernel
from .jit.vector import HOST
from .poolkernels import maximum, share, spread, total


def fits(geo: Geometry, a: Array) -> bool:
    """Are these kernels made for it? Not for dilated windows, nor for fewer channels than a vector holds."""
    return (geo.DH, geo.DW) == (1, 1) and HOST.lanes(a.itemsize) <= geo.C


@helper()
def _taps(window: int, stride: int, padding: int, kernel: int, size: int) -> tuple[int, int, int]:
    """(first pixel, first tap, number of taps) of a window along one axis, inside the image."""
    start = window * stride - padding
    first = max(0, -start)
    return start + first, first, max(0, min(kernel, size - start) - first)


@helper()
def _windows(pixel: int, stride: int, padding: int, kernel: int, out: int) -> tuple[int, int, int]:
    """(first window, the tap at which it sees the pixel, number of windows) that see a pixel, along one axis."""
    place = pixel + padding
    first = max(0, (place - kernel + stride) // stride)
    return first, place - first * stride, max(0, min(out - 1, place // stride) - first + 1)


@kernel()
def _max_pool(
    t: int, x: Array, y: Array, arg: Array, scale: Array, N: int, C: int, H: int, W: int, OH: int, OW: int, KH: int, KW: int, SH: int,
    SW: int, PH: int, PW: int, mark: int, threshold: int, key: int, threads: int,
) -> None:  # fmt: skip
    size, lines = x.itemsize, N * OH
    for line in range(t * lines // threads, (t + 1) * lines // threads):
        n, i = line // OH, line % OH
        h, r, rows = _taps(i, SH, PH, KH, H)
        for j in range(OW):
            w, q, columns = _taps(j, SW, PW, KW, W)
            at = (line * OW + j) * C
            arguments = (
                x.ctypes.data + ((n * H + h) * W + w) * C * size, rows, columns, W * C * size, C * size, r * KW + q, KW, C,
                y.ctypes.data + at * size, arg.ctypes.data + at, mark, at, threshold, key, scale.ctypes.data,
            )  # fmt: skip
            maximum(x, arguments)


def max_pool2d(x: Array, geo: Geometry, mark: bool, drop: tuple[float, int, int] | None) -> tuple[Array, Array]:
    """(y, arg) for windows of up to 127 taps; ``drop`` is (p < 1, seed, call)."""
    y = memory.empty((geo.N, geo.OH, geo.OW, geo.O), x.dtype)
    arg = memory.empty(y.shape, np.uint8)
    p, seed, call = drop or (0.0, 0, 0)
    _max_pool(
        flat(x), flat(y), flat(arg), np.array([1 / (1 - p)], x.dtype), geo.N, geo.C, geo.H, geo.W, geo.OH, geo.OW, geo.KH, geo.KW,
        geo.SH, geo.SW, geo.PH, geo.PW, MARK if mark else 0, int(p * 2**32), dropout_key(seed, call), get_num_threads(),
    )  # fmt: skip
    return y, arg


@kernel()
def _max_unpool(
    t: int, g: Array, arg: Array, dx: Array, scale: Array, N: int, C: int, H: int, W: int, OH: int, OW: int, KH: int, KW: int, SH: int,
    SW: int, PH: int, PW: int, threads: int,
) -> None:  # fmt: skip
    size, lines = g.itemsize, N * H
    for line in range(t * lines // threads, (t + 1) * lines // threads):
        n, h = line // H, line % H
        i, r, rows = _windows(h, SH, PH, KH, OH)
        for w in range(W):
            j, q, columns = _windows(w, SW, PW, KW, OW)
            at = ((n * OH + i) * OW + j) * C
            arguments = (
                g.ctypes.data + at * size, arg.ctypes.data + at, rows, columns, OW, r * KW + q, SH * KW, SW, C,
                dx.ctypes.data + (line * W + w) * C * size, scale.ctypes.data,
            )  # fmt: skip
            spread(g, arguments)


def max_unpool2d(g: Array, arg: Array, geo: Geometry, scale: float) -> Array:
    """The adjoint of reading each window at ``arg``, times ``scale``; marked and NOWHERE entries read nothing."""
    dx = memory.empty((geo.N, geo.H, geo.W, geo.C), g.dtype)
    _max_unpool(
        flat(g), flat(arg), flat(dx), np.array([scale], g.dtype), geo.N, geo.C, geo.H, geo.W, geo.OH, geo.OW, geo.KH, geo.KW,
        geo.SH, geo.SW, geo.PH, geo.PW, get_num_threads(),
    )  # fmt: skip
    return dx


@kernel()
def _average(
    t: int, x: Array, y: Array, shares: Array, N: int, C: int, H: int, W: int, OH: int, OW: int, KH: int, KW: int, SH: int, SW: int,
    PH: int, PW: int, threads: int,
) -> None:  # fmt: skip
    size, lines = x.itemsize, N * OH
    for line in range(t * lines // threads, (t + 1) * lines // threads):
        n, i = line // OH, line % OH
        h, _, rows = _taps(i, SH, PH, KH, H)
        for j in range(OW):
            w, _, columns = _taps(j, SW, PW, KW, W)
            arguments = (
                x.ctypes.data + ((n * H + h) * W + w) * C * size, rows, columns, W * C * size, C * size, C,
                y.ctypes.data + (line * OW + j) * C * size, shares.ctypes.data + (i * OW + j) * size,
            )  # fmt: skip
            total(x, arguments)


def avg_pool2d(x: Array, geo: Geometry, divisor: Array) -> Array:
    """y = (sum of the window) / divisor."""
    y = memory.empty((geo.N, geo.OH, geo.OW, geo.O), x.dtype)
    shares = flat((1 / divisor).astype(x.dtype))
    _average(
        flat(x), flat(y), shares, geo.N, geo.C, geo.H, geo.W, geo.OH, geo.OW, geo.KH, geo.KW, geo.SH, geo.SW, geo.PH, geo.PW,
        get_num_threads(),
    )  # fmt: skip
    return y


@kernel()
def _average_back(
    t: int, g: Array, gate: Array, dx: Array, shares: Array, N: int, C: int, H: int, W: int, OH: int, OW: int, KH: int, KW: int, SH: int,
    SW: int, PH: int, PW: int, threads: int,
) -> None:  # fmt: skip
    size, lines = g.itemsize, N * H
    for line in range(t * lines // threads, (t + 1) * lines // threads):
        n, h = line // H, line % H
        i, _, rows = _windows(h, SH, PH, KH, OH)
        for w in range(W):
            j, _, columns = _windows(w, SW, PW, KW, OW)
            at = (line * W + w) * C * size
            arguments = (
                g.ctypes.data + ((n * OH + i) * OW + j) * C * size, shares.ctypes.data + (i * OW + j) * size, rows, columns,
                OW, C, dx.ctypes.data + at, gate.ctypes.data + at if gate.size > 0 else 0,
            )  # fmt: skip
            share(g, arguments)


def avg_pool2d_input_grad(g: Array, geo: Geometry, divisor: Array, gate: Array | None) -> Array:
    """Every pixel of a window gets g / divisor; 0 where ``gate`` is not positive."""
    dx = memory.empty((geo.N, geo.H, geo.W, geo.C), g.dtype)
    shares = flat((1 / divisor).astype(g.dtype))
    _average_back(
        flat(g), flat(g)[:0] if gate is None else flat(gate), flat(dx), shares, geo.N, geo.C, geo.H, geo.W, geo.OH, geo.OW,
        geo.KH, geo.KW, geo.SH, geo.SW, geo.PH, geo.PW, get_num_threads(),
    )  # fmt: skip
    return dx
