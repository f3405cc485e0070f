"""Max and average pooling and their adjoints: one pass over the memory, whole pixels at a time.

The forward kernels go over the output pixels: the taps of a window that lie inside the image are a rectangle of input pixels.
The adjoints go over the *input* pixels: the windows that see a pixel are a rectangle of output pixels, from which it gathers.
So every value is written once, and no two threads write the same one. What is done for all channels of one pixel stands in
`poolkernels`, which also says what happens to pixels of fewer channels than a vector holds.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .. import memory
from ..geometry import Geometry
from ..loops import dropout_key
from ..threads import get_num_threads
from ..types import MARK, Array, Drop
from .arguments import Call, Plain, flat
from .jit.compiled import helper, kernel
from .jit.vector import VECTOR_BYTES
from .poolkernels import (
    AverageArgs,
    AverageBackArgs,
    MaxArgs,
    UnpoolArgs,
    average,
    average_back,
    average_back_single,
    average_single,
    maximum,
    maximum_single,
    unpool,
    unpool_single,
)
from .window import Window, window_of


def fits(geo: Geometry) -> bool:
    """Are these kernels made for it? Not for dilated windows."""
    return (geo.DH, geo.DW) == (1, 1)


@lru_cache(maxsize=512)
def _plain(geo: Geometry) -> Plain:
    """Its sizes, for a kernel."""
    return tuple(window_of(geo))


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


@helper()
def _reach(channels: int, size: int) -> int:
    """How many numbers a pixel's vectors read and write from its first channel on: its channels, but at least one vector."""
    return max(channels, VECTOR_BYTES // size)


@kernel(thorough=True)
def _max_pool(
    t: int, x: Array, y: Array, arg: Array, scale: Array, window: Plain, mark: int, threshold: int, key: int, threads: int
) -> None:
    win, size = Window(*window), x.itemsize
    pixel, rows, reach = win.C * size, win.N * win.OH, _reach(win.C, size)
    last_row = (t + 1) * rows // threads
    for row in range(t * rows // threads, last_row):
        n, i = row // win.OH, row % win.OH
        h, r, taps_down = _taps(i, win.SH, win.PH, win.KH, win.H)
        for j in range(win.OW):
            w, q, taps_across = _taps(j, win.SW, win.PW, win.KW, win.W)
            start = (row * win.OW + j) * win.C
            last_tap = ((n * win.H + h + taps_down - 1) * win.W + w + taps_across - 1) * win.C
            args = MaxArgs(
                x=x.ctypes.data + ((n * win.H + h) * win.W + w) * pixel,
                rows=taps_down,
                columns=taps_across,
                row_step=win.W * pixel,
                column_step=pixel,
                tap=r * win.KW + q,
                KW=win.KW,
                channels=win.C,
                y=y.ctypes.data + start * size,
                arg=arg.ctypes.data + start,
                mark=mark,
                start=start,
                threshold=threshold,
                key=key,
                scale=scale.ctypes.data,
            )
            if last_tap + reach <= x.size and start + reach <= last_row * win.OW * win.C:
                maximum(x, args)
            else:
                maximum_single(x, args)


def max_pool2d(x: Array, geo: Geometry, mark: bool, drop: Drop | None) -> tuple[Array, Array]:
    """(y, arg) for windows of up to 127 taps; ``drop`` is (p < 1, seed, call)."""
    y = memory.empty((geo.N, geo.OH, geo.OW, geo.O), x.dtype)
    arg = memory.empty(y.shape, np.uint8)
    p, seed, call = drop or (0.0, 0, 0)
    scale, threshold, key = np.array([1 / (1 - p)], x.dtype), int(p * 2**32), dropout_key(seed, call)
    _max_pool(flat(x), flat(y), flat(arg), scale, _plain(geo), MARK if mark else 0, threshold, key, get_num_threads())
    return y, arg


def prepared_max(x: Array, y: Array, arg: Array, geo: Geometry) -> Call:
    """The call that writes the maxima to y, without dropout; ``arg`` (uint8, y's size) gets their places, as a kernel must."""
    arguments = flat(x), flat(y), flat(arg), np.ones(1, x.dtype), _plain(geo), 0, 0, 0, get_num_threads()
    return Call(_max_pool, arguments)


@kernel(thorough=True)
def _max_unpool(t: int, g: Array, arg: Array, dx: Array, scale: Array, window: Plain, threads: int) -> None:
    win, size = Window(*window), g.itemsize
    rows, reach = win.N * win.H, _reach(win.C, size)
    last_row = (t + 1) * rows // threads
    for row in range(t * rows // threads, last_row):
        n, h = row // win.H, row % win.H
        i, r, windows_down = _windows(h, win.SH, win.PH, win.KH, win.OH)
        for w in range(win.W):
            j, q, windows_across = _windows(w, win.SW, win.PW, win.KW, win.OW)
            first, start = ((n * win.OH + i) * win.OW + j) * win.C, (row * win.W + w) * win.C
            last_window = first + ((windows_down - 1) * win.OW + windows_across - 1) * win.C
            args = UnpoolArgs(
                g=g.ctypes.data + first * size,
                arg=arg.ctypes.data + first,
                rows=windows_down,
                columns=windows_across,
                width=win.OW,
                tap=r * win.KW + q,
                tap_row=win.SH * win.KW,
                tap_column=win.SW,
                channels=win.C,
                dx=dx.ctypes.data + start * size,
                scale=scale.ctypes.data,
            )
            if last_window + reach <= g.size and start + reach <= last_row * win.W * win.C:
                unpool(g, args)
            else:
                unpool_single(g, args)


def max_unpool2d(g: Array, arg: Array, geo: Geometry, scale: float) -> Array:
    """The adjoint of reading each window at ``arg``, times ``scale``; marked and NOWHERE entries read nothing."""
    dx = memory.empty((geo.N, geo.H, geo.W, geo.C), g.dtype)
    _max_unpool(flat(g), flat(arg), flat(dx), np.array([scale], g.dtype), _plain(geo), get_num_threads())
    return dx


@kernel()
def _average(t: int, x: Array, y: Array, shares: Array, window: Plain, threads: int) -> None:
    win, size = Window(*window), x.itemsize
    pixel, rows, reach = win.C * size, win.N * win.OH, _reach(win.C, size)
    last_row = (t + 1) * rows // threads
    for row in range(t * rows // threads, last_row):
        n, i = row // win.OH, row % win.OH
        h, _, taps_down = _taps(i, win.SH, win.PH, win.KH, win.H)
        for j in range(win.OW):
            w, _, taps_across = _taps(j, win.SW, win.PW, win.KW, win.W)
            start = (row * win.OW + j) * win.C
            last_tap = ((n * win.H + h + taps_down - 1) * win.W + w + taps_across - 1) * win.C
            args = AverageArgs(
                x=x.ctypes.data + ((n * win.H + h) * win.W + w) * pixel,
                rows=taps_down,
                columns=taps_across,
                row_step=win.W * pixel,
                column_step=pixel,
                channels=win.C,
                y=y.ctypes.data + start * size,
                share=shares.ctypes.data + (i * win.OW + j) * size,
            )
            if last_tap + reach <= x.size and start + reach <= last_row * win.OW * win.C:
                average(x, args)
            else:
                average_single(x, args)


def avg_pool2d(x: Array, geo: Geometry, divisor: Array) -> Array:
    """y = (sum of the window) / divisor."""
    y = memory.empty((geo.N, geo.OH, geo.OW, geo.O), x.dtype)
    prepared_average(x, y, geo, divisor).run()
    return y


def prepared_average(x: Array, y: Array, geo: Geometry, divisor: Array) -> Call:
    """The call that writes the averages to y."""
    return Call(_average, (flat(x), flat(y), flat((1 / divisor).astype(x.dtype)), _plain(geo), get_num_threads()))


@kernel()
def _average_back(t: int, g: Array, masked_by: Array, dx: Array, shares: Array, window: Plain, threads: int) -> None:
    win, size = Window(*window), g.itemsize
    rows, reach = win.N * win.H, _reach(win.C, size)
    last_row = (t + 1) * rows // threads
    for row in range(t * rows // threads, last_row):
        n, h = row // win.H, row % win.H
        i, _, windows_down = _windows(h, win.SH, win.PH, win.KH, win.OH)
        for w in range(win.W):
            j, _, windows_across = _windows(w, win.SW, win.PW, win.KW, win.OW)
            first, start = ((n * win.OH + i) * win.OW + j) * win.C, (row * win.W + w) * win.C
            last_window = first + ((windows_down - 1) * win.OW + windows_across - 1) * win.C
            args = AverageBackArgs(
                g=g.ctypes.data + first * size,
                shares=shares.ctypes.data + (i * win.OW + j) * size,
                rows=windows_down,
                columns=windows_across,
                width=win.OW,
                channels=win.C,
                dx=dx.ctypes.data + start * size,
                masked_by=masked_by.ctypes.data + start * size if masked_by.size > 0 else 0,
            )
            if last_window + reach <= g.size and start + reach <= last_row * win.W * win.C:
                average_back(g, args)
            else:
                average_back_single(g, args)


def avg_pool2d_input_grad(g: Array, geo: Geometry, divisor: Array, masked_by: Array | None) -> Array:
    """Every pixel of a window gets g / divisor; 0 where ``masked_by`` is not positive."""
    dx = memory.empty((geo.N, geo.H, geo.W, geo.C), g.dtype)
    shares, masks = flat((1 / divisor).astype(g.dtype)), flat(g)[:0] if masked_by is None else flat(masked_by)
    _average_back(flat(g), masks, flat(dx), shares, _plain(geo), get_num_threads())
    return dx


@kernel()
def _global_average(t: int, x: Array, y: Array, sums: Array, pixels: int, threads: int) -> None:
    images, channels = sums.shape
    for n in range(t * images // threads, (t + 1) * images // threads):
        for c in range(channels):
            sums[n, c] = 0
        for pixel in range(n * pixels, (n + 1) * pixels):
            for c in range(channels):
                sums[n, c] += x[pixel * channels + c]
        for c in range(channels):
            y[n * channels + c] = sums[n, c] / pixels


def prepared_global_average(x: Array, y: Array) -> Call:
    """The call that writes the mean of every map of x to y, summed in float64."""
    n, h, w, c = x.shape
    return Call(_global_average, (flat(x), flat(y), np.empty((n, c), np.float64), h * w, min(n, get_num_threads())))
