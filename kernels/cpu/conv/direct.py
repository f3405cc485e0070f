"""Convolution and its gradients, on all cores and without an im2col buffer.

**Forward.** For each thread, each of its blocks of images, each panel of output channels (whose packed weights then stay in the
second-level cache) and each micro-tile of pixels: one call of the micro-kernel `gemm`, which finds the windows of its pixels in
the image itself. The epilogue (bias, ReLU, the mask of a gradient) is applied while the result is still in registers.

**Input gradient** (stride 1): dx[n,h,w,c] = sum over r, q, o of g[n, h+PH-r, w+PW-q, o] * w[o,r,q,c] is again a sum over
windows, now of g, with the kernel rotated by 180 degrees: the same loops with weights packed the other way.

**Weight gradient**: see `direct_weights`.

For 1x1 kernels all pixels of all images form one matrix, which forward and input gradient read where it lies.

Where x and g come from memory, that takes about as long as multiplying them. So each call of a micro-kernel also prefetches a
few cache lines of what the thread reads next.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ... import memory
from ...geometry import Geometry
from ...threads import get_num_threads
from ...types import Array
from ..arguments import Call, Packed, Plain, flat
from ..jit.compiled import kernel
from ..jit.vector import HOST, VECTOR_BYTES
from ..window import Window, backward_window, forward_window
from .copies import PrefetchArgs, prefetch
from .direct_weights import conv2d_weight_grad as conv2d_weight_grad
from .microkernels import GemmArgs, gemm1, gemm2, gemm_masked
from .packing import pack_backward, pack_forward
from .panels import PANEL, packed_size
from .plan import TASK, TILE, Plan, plan

STREAM = 24 * 2**20  # bytes of an output that is written past the caches, because it would not stay in them anyway


@kernel()
def _convolve(
    t: int, x: Array, packed: Array, masked_by: Array, y: Array, plan: Plain, image_row: int, kernel_row: int, bias: int,
    relu: bool, stream: bool, threads: int,
) -> None:  # fmt: skip
    """``image_row``, ``kernel_row``: their numbers. ``bias``: where it starts in ``packed``, in bytes (0: none)."""
    tables, size = Plan(*plan), x.itemsize
    tasks, panels, tiles = tables.tasks, tables.panels, tables.tiles
    for u in range(tables.first_task[t], tables.first_task[t + 1]):
        source, target = x.ctypes.data + tasks[u, TASK.x], y.ctypes.data + tasks[u, TASK.y]
        next_x, next_lines = x.ctypes.data + tasks[u, TASK.next_x], tasks[u, TASK.next_lines]
        for p in range(panels.shape[0]):
            vectors, channel = panels[p, PANEL.vectors], panels[p, PANEL.channel]
            nr = max(vectors, 1) * (VECTOR_BYTES // size)
            weights = packed.ctypes.data + panels[p, PANEL.weights] * size
            first, end = tasks[u, TASK.first], tasks[u, TASK.end]
            if panels[p, PANEL.narrow] == 1:
                first, end = tasks[u, TASK.first_narrow], tasks[u, TASK.end_narrow]
            for z in range(first, end):
                prefetch(x, PrefetchArgs(address=next_x, lines=next_lines))
                next_x += next_lines * memory.LINE
                args = GemmArgs(
                    taps=tiles[z, TILE.taps],
                    run=tiles[z, TILE.run],
                    a_tap=image_row * size,
                    b_tap=kernel_row * nr * size,
                    a=source,
                    a_offsets=tables.read.ctypes.data + tiles[z, TILE.pixels] * 8,
                    b=weights + tiles[z, TILE.weights] * nr * size,
                    c=target + channel,
                    c_offsets=tables.write.ctypes.data + tiles[z, TILE.pixels] * 8,
                    add=0,
                    bias=packed.ctypes.data + bias + panels[p, PANEL.bias] if bias > 0 else 0,
                    relu=relu,
                    masked_by=masked_by.ctypes.data + tasks[u, TASK.y] + channel if masked_by.size > 0 else 0,
                    stream=stream,
                    tail=panels[p, PANEL.tail],
                )
                if vectors == 2:
                    gemm2(x, args)
                elif vectors == 1:
                    gemm1(x, args)
                else:
                    gemm_masked(x, args)


class _Setup(NamedTuple):
    """All that `_convolve` and the packing need to know of a `Window`, looked up once for each call."""

    window: Window
    plan: Plain
    panels: Array
    packed: int  # numbers in the packed weights
    bias: int  # where the bias starts behind them, in bytes
    streams: bool  # is the output too large for the caches?
    threads: int


@lru_cache(maxsize=512)
def _setup(geo: Geometry, itemsize: int, threads: int, back: bool) -> _Setup:
    win = backward_window(geo) if back else forward_window(geo)
    tables = plan(win, itemsize, threads)
    packed, output = packed_size(win.depth, win.O, itemsize), win.N * win.OH * win.OW * win.O * itemsize
    bias = packed // (win.depth + 1) * win.depth * itemsize
    streams = output >= STREAM and win.O * itemsize % HOST.bytes == 0
    return _Setup(win, tuple(tables), tables.panels, packed, bias, streams, threads)


def _call(setup: _Setup, x: Array, packed: Array, y: Array, bias: bool, relu: bool, masked_by: Array | None) -> Call:
    win = setup.window
    return Call(_convolve, (
        flat(x), packed, packed[:0] if masked_by is None else flat(masked_by), flat(y), setup.plan, win.W * win.C, win.KW * win.C,
        setup.bias if bias else 0, relu, setup.streams and y.ctypes.data % HOST.bytes == 0, setup.threads,
    ))  # fmt: skip


def pack(w: Array, b: Array | None, geo: Geometry) -> Packed:
    """Weights and bias for `prepared`: they are the same for any number of images."""
    setup = _setup(geo, w.itemsize, get_num_threads(), False)
    packed = memory.empty((setup.packed,), w.dtype)
    bias = packed[:0] if b is None else flat(b)
    pack_forward(flat(w), packed, bias, setup.panels, setup.window.depth, geo.O, setup.threads)
    return Packed(packed, bias)


def prepared(x: Array, packed: Packed, y: Array, geo: Geometry, relu: bool, workspace: Array | None = None) -> Call:
    """The call that writes conv(x, w) + b to y, with weights that `pack` made. No ``workspace`` is needed here."""
    setup = _setup(geo, x.itemsize, get_num_threads(), False)
    return _call(setup, x, packed.weights, y, packed.bias.size > 0, relu, None)


def conv2d(x: Array, w: Array, b: Array | None, geo: Geometry, relu: bool) -> Array:
    """y = conv(x, w) + b, and 0 where that is negative with ``relu``."""
    y = memory.empty((geo.N, geo.OH, geo.OW, geo.O), x.dtype)
    if y.size:
        prepared(x, pack(w, b, geo), y, geo, relu).run()
    return y


def conv2d_input_grad(g: Array, w: Array, geo: Geometry, masked_by: Array | None) -> Array:
    """dx for stride 1; 0 where ``masked_by`` (the ReLU's value that x was) is not positive."""
    dx = memory.empty((geo.N, geo.H, geo.W, geo.C), g.dtype)
    if dx.size:
        setup = _setup(geo, g.itemsize, get_num_threads(), True)
        packed = memory.empty((setup.packed,), g.dtype)
        pack_backward(flat(w), packed, setup.panels, geo.KH * geo.KW, geo.C, geo.O, setup.threads)
        _call(setup, g, packed, dx, False, False, masked_by).run()
    return dx
