"""Convolution and its two gradients, on all cores and without an im2col buffer.

**Forward.** For each thread, each of its groups of images, each panel of output channels (whose packed weights then stay in
the second-level cache) and each tile of pixels: one call of the micro-kernel `product`, which finds the windows of its pixels
in the image itself. Bias, ReLU and the ReLU of a gradient are applied while the result is still in registers.

**Input gradient** (stride 1): dx[n,h,w,c] = sum over r, q, o of g[n, h+PH-r, w+PW-q, o] * w[o,r,q,c] is again a sum over
windows, now of g, with the kernel turned by 180 degrees: the same kernel with weights packed the other way.

**Weight gradient**: dw[o,r,q,c] = sum over n, i, j of g[n,i,j,o] * x[n, i*SH-PH+r, j*SW-PW+q, c]. For each block of pixels, whose
part of g is copied into panels of o and whose part of x into strips of c (a few channels of every pixel, side by side, so that
both stay in the first-level cache): for each panel, each strip and each tap (r, q) one call of `outer` over the rectangle of
pixels whose tap lies inside the image. With few channels x is read where it lies, or a strip holds whole kernel rows; the plan
decides. Every thread sums into memory of its own; at the end these sums are added in a fixed order.

For 1x1 kernels all pixels of all images form one matrix, which forward and input gradient read where it lies.

Where x and g come from memory, that takes about as long as multiplying them. So with each call of a micro-kernel a few lines
of what the thread reads next are asked for, and arrive meanwhile.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ... import memory
from ...geometry import Geometry
from ...threads import get_num_threads
from ...types import Array
from ..flat import flat
from ..jit.compiled import helper, kernel
from ..jit.vector import HOST
from .microkernels import fetch, outer1, outer2, panel1, panel2, product0, product1, product2, strips
from .packing import gather, pack_backward, pack_forward
from .plan import Plan, Window, backward, forward, pack_size, panel_table, plan, weight_plan

SKEW = 16  # numbers between two strips, so that they do not fall on the same places of the cache
STREAM = 24 * 2**20  # bytes of an output that is written past the caches, because it would not stay in them anyway


# -------------------------------------------------------------------- forward and input gradient


@kernel()
def _product(
    t: int, x: Array, packed: Array, gate: Array, y: Array, units: Array, of_thread: Array, panels: Array, tiles: Array, read: Array,
    write: Array, a_jump: int, b_row: int, bias: int, relu: int, stream: int, lanes: int, threads: int,
) -> None:  # fmt: skip
    """The loop nest of the file's head. ``bias``: where it starts in ``packed``, in bytes (0: none)."""
    size = x.itemsize
    for u in range(of_thread[t], of_thread[t + 1]):
        source, target = x.ctypes.data + units[u, 0], y.ctypes.data + units[u, 1]
        coming, lines = x.ctypes.data + units[u, 2], units[u, 3]
        for p in range(panels.shape[0]):
            kind, vectors, tail = panels[p, 0], panels[p, 1], panels[p, 3]
            row = max(vectors, 1) * lanes * size
            weights = packed.ctypes.data + panels[p, 4] * size
            biases = packed.ctypes.data + bias + panels[p, 5] if bias > 0 else 0
            c = target + panels[p, 2]
            gates = gate.ctypes.data + units[u, 1] + panels[p, 2] if gate.size > 0 else 0
            for z in range(units[u, 4 + 2 * kind], units[u, 5 + 2 * kind]):
                fetch(x, (coming, lines))
                coming += lines * memory.LINE
                ao, co = read.ctypes.data + tiles[z, 3] * 8, write.ctypes.data + tiles[z, 3] * 8
                b = weights + tiles[z, 2] * row
                arguments = (
                    tiles[z, 0], tiles[z, 1], a_jump, b_row * row, source, ao, b, c, co, biases, relu, gates, stream, tail,
                )  # fmt: skip
                if vectors == 2:
                    product2(x, arguments)
                elif vectors == 1:
                    product1(x, arguments)
                else:
                    product0(x, arguments)


class _Job(NamedTuple):
    """All that `_product` and the packing need to know of a `Window`, looked up once for each call."""

    window: Window
    plan: Plan
    table: Array  # see `panel_table`
    packed: int  # numbers in the packed weights
    bias: int  # where the bias starts behind them, in bytes
    streams: bool  # is the output too large for the caches?
    lanes: int
    threads: int


@lru_cache(maxsize=512)
def _job(geo: Geometry, itemsize: int, threads: int, back: bool) -> _Job:
    q = backward(geo) if back else forward(geo)
    packed, output = pack_size(q.depth, q.O, itemsize), q.N * q.OH * q.OW * q.O * itemsize
    streams = output >= STREAM and q.O * itemsize % HOST.bytes == 0
    table, bias = panel_table(q.depth, q.O, itemsize), packed // (q.depth + 1) * q.depth * itemsize
    return _Job(q, plan(q, itemsize, threads), table, packed, bias, streams, HOST.lanes(itemsize), threads)


def _run(job: _Job, x: Array, packed: Array, y: Array, bias: bool, relu: bool, gate: Array | None) -> None:
    q, p = job.window, job.plan
    _product(
        flat(x), packed, packed[:0] if gate is None else flat(gate), flat(y), p.units, p.threads, p.panels, p.tiles, p.read,
        p.write, q.W * q.C * x.itemsize, q.KW * q.C, job.bias if bias else 0, int(relu),
        int(job.streams and y.ctypes.data % HOST.bytes == 0), job.lanes, job.threads,
    )  # fmt: skip


def conv2d(x: Array, w: Array, b: Array | None, geo: Geometry, relu: bool) -> Array:
    """y = conv(x, w) + b, and 0 where that is negative with ``relu``."""
    y = memory.empty((geo.N, geo.OH, geo.OW, geo.O), x.dtype)
    if y.size:
        job = _job(geo, x.itemsize, get_num_threads(), False)
        packed = memory.empty((job.packed,), x.dtype)
        bias = packed[:0] if b is None else flat(b)
        pack_forward(flat(w), packed, bias, job.table, job.window.depth, geo.O, job.lanes, job.threads)
        _run(job, x, packed, y, b is not None, relu, None)
    return y


def conv2d_input_grad(g: Array, w: Array, geo: Geometry, gate: Array | None) -> Array:
    """dx for stride 1; 0 where ``gate`` (the ReLU's value that x was) is not positive."""
    dx = memory.empty((geo.N, geo.H, geo.W, geo.C), g.dtype)
    if dx.size:
        job = _job(geo, g.itemsize, get_num_threads(), True)
        packed = memory.empty((job.packed,), g.dtype)
        pack_backward(flat(w), packed, job.table, geo.KH, geo.KW, geo.C, geo.O, job.lanes, job.threads)
        _run(job, g, packed, dx, False, False, gate)
    return dx


# -------------------------------------------------------------------- weight gradient


@helper()
def _pack_x(
    x: Array, start: int, packed: Array, images: int, top: int, height: int, columns: int, H: int, W: int, C: int, SW: int,
    PW: int, run: int, rows: int, unrolled: bool,
) -> None:  # fmt: skip
    """The rows ``top`` to ``top + height`` of some images as strips: (strip, image, row, column, rows numbers).

    A column is a pixel, or if unrolled a window, whose kernel row starts at pixel column * SW - PW and may leave the image
    (zeros). Rows outside the image are left as they are, because no tap reads them; if unrolled they are zero as well.
    """
    size, count = x.itemsize, (run + rows - 1) // rows
    apart = images * height * columns * rows + SKEW  # from strip to strip
    step, left, right = C, 0, columns
    if unrolled:  # the columns whose whole kernel row lies inside the image
        step = SW * C
        left = min(columns, max(0, (PW + SW - 1) // SW))
        right = max(left, min(columns, (W - run // C + PW) // SW + 1))
    for n in range(images):
        for h in range(height):
            target, inside = (n * height + h) * columns * rows, 0 <= top + h < H
            if not inside and not unrolled:
                continue
            source = start + (n * H + top + h) * W * C - (PW * C if unrolled else 0)
            first, last = left, left
            if inside:  # the columns that are copied as they are
                last = right
                # The last strip may be narrower. It then takes in what lies behind, for sums that nobody reads; but x ends.
                while last > first and source + (last - 1) * step + count * rows > x.size:
                    last -= 1
                arguments = (
                    last - first, x.ctypes.data + (source + first * step) * size, step * size,
                    packed.ctypes.data + (target + first * rows) * size, rows * size, count, apart * size,
                )  # fmt: skip
                strips(x, arguments)
            for j in range(columns):
                if first <= j < last:
                    continue
                for k in range(count * rows):
                    value, w = x.dtype.type(0), (j * SW - PW) * C + k if unrolled else 0
                    if inside and k < run and 0 <= w < W * C:
                        value = x[source + j * step + k]
                    packed[k // rows * apart + target + j * rows + k % rows] = value


@helper()
def _pack_dy(
    dy: Array, start: int, step: int, images: int, pixels: int, packed: Array, sums: Array, vectors: int, wide: int, O: int,  # noqa: E741
) -> None:  # fmt: skip
    """A block of dy as panels (panel, image, pixel, wide numbers), zeros beyond the last channel; and its sum."""
    size = dy.itemsize
    for o in range(0, O, wide):
        for n in range(images):
            source, target = start + n * step + o, (o * images + n * wide) * pixels
            arguments = (
                pixels, dy.ctypes.data + source * size, O * size, packed.ctypes.data + target * size, wide * size,
                sums.ctypes.data + o * 8, O - o,
            )  # fmt: skip
            if vectors == 2:
                panel2(dy, arguments)
            else:
                panel1(dy, arguments)


@helper()
def _cut(value: int, stride: int) -> int:
    """value / stride, rounded up."""
    return -((-value) // stride)


@kernel()
def _outer(
    t: int, x: Array, dy: Array, part: Array, sums: Array, packed: Array, packed_x: Array, units: Array, of_thread: Array, vectors: int,
    rows: int, unrolled: bool, in_place: bool, stored: int, H: int, W: int, C: int, OH: int, OW: int, O: int, KH: int, KW: int,  # noqa: E741
    SH: int, SW: int, PH: int, PW: int, run: int, height: int, wide: int, threads: int,
) -> None:  # fmt: skip
    """part[t, panel, (tap, k), :] = sum of x * dy, and sums[t, o] = sum of dy, over the blocks of thread t."""
    size = x.itemsize
    taps = KH if unrolled else KH * KW
    part[t] = 0
    sums[t] = 0
    here, there_x = packed.ctypes.data + t * packed.shape[1] * size, packed_x.ctypes.data + t * packed_x.shape[1] * size
    for u in range(of_thread[t], of_thread[t + 1]):
        images, h0, h1, width = units[u, 2], units[u, 3], units[u, 4], units[u, 5]
        pixels, x_height = (h1 - h0) * width, (h1 - h0 - 1) * SH + KH
        columns = stored if stored > 0 else width
        top = h0 * SH - PH
        _pack_dy(dy, units[u, 1] + h0 * OW * O, OH * OW * O, images, pixels, packed[t], sums[t], vectors, wide, O)
        b_image, b_row, b_pixel = pixels * wide * size, width * wide * size, wide * size
        if in_place:
            a_column, a_row, a_image, a_strips = C * size, W * C * size, H * W * C * size, 0
            there = x.ctypes.data + (units[u, 0] + top * W * C) * size
        else:
            _pack_x(x, units[u, 0], packed_x[t], images, top, x_height, columns, H, W, C, SW, PW, run, rows, unrolled)
            there = there_x
            a_column, a_row, a_image = rows * size, columns * rows * size, x_height * columns * rows * size
            a_strips = images * a_image + SKEW * size
        a_pixel = a_column if unrolled else SW * a_column
        coming_x, coming_dy = x.ctypes.data + units[u, 6], dy.ctypes.data + units[u, 8]
        lines_x, lines_dy = units[u, 7], units[u, 9]
        for p in range(0, O, wide):
            panel = here + p * images * pixels * size
            c_panel = part.ctypes.data + (t * part.shape[1] + p * taps * height) * size
            for k in range(0, run, rows):
                # In place the last tile overlaps the one before it, so that it ends with the last channel.
                a_strip = there + (min(k, run - rows) * size if in_place else k // rows * a_strips)
                for tap in range(taps):
                    r, q = (tap, 0) if unrolled else (tap // KW, tap % KW)
                    # The output pixels whose tap (r, q) lies inside the image.
                    i0, i1 = max(h0, _cut(PH - r, SH)), min(h1, (H - 1 + PH - r) // SH + 1)
                    j0, j1 = 0, width
                    if not unrolled:
                        j0, j1 = max(0, _cut(PW - q, SW)), min(width, (W - 1 + PW - q) // SW + 1)
                    if i1 <= i0 or j1 <= j0:
                        continue
                    column = j0 if unrolled else j0 * SW - PW + q
                    a = a_strip + ((i0 - h0) * SH + r) * a_row + column * a_column
                    b = panel + (i0 - h0) * b_row + j0 * b_pixel
                    c = c_panel + (tap * height + k) * wide * size
                    arguments = (
                        images, i1 - i0, j1 - j0, a, a_image, SH * a_row, a_pixel, b, b_image, b_row, b_pixel, c, wide * size,
                    )  # fmt: skip
                    fetch(x, (coming_x, lines_x))
                    fetch(x, (coming_dy, lines_dy))
                    coming_x, coming_dy = coming_x + lines_x * memory.LINE, coming_dy + lines_dy * memory.LINE
                    if vectors == 2:
                        outer2(x, arguments)
                    else:
                        outer1(x, arguments)


def conv2d_weight_grad(x: Array, g: Array, geo: Geometry, bias: bool) -> tuple[Array, Array | None]:
    """(dw, db); db, the sum of g over all pixels, is None without ``bias``."""
    q, size, threads = forward(geo), x.itemsize, get_num_threads()
    dw = memory.empty((geo.O, geo.KH, geo.KW, geo.C), x.dtype)
    db = np.empty(geo.O if bias else 0, x.dtype)
    if not dw.size or not g.size:
        dw[...], db[...] = 0, 0
        return dw, db if bias else None
    p = weight_plan(q, size, threads)
    wide, height = p.vectors * HOST.lanes(size), p.strips * p.rows
    taps = q.KH if p.unrolled else q.KH * q.KW
    part = memory.empty((threads, p.panels * taps * height * wide), x.dtype)
    sums = np.empty((threads, p.panels * wide))  # float64
    packed = memory.empty((threads, p.panels * p.pixels * wide), x.dtype)
    packed_x = memory.empty((threads, 0 if p.in_place else height * p.area + p.strips * SKEW), x.dtype)
    _outer(
        flat(x), flat(g), part, sums, packed, packed_x, p.units, p.threads, p.vectors, p.rows, p.unrolled, p.in_place, p.columns,
        p.H, p.W, q.C, q.OH, q.OW, q.O, q.KH, q.KW, q.SH, q.SW, q.PH, q.PW, p.run, height, wide, threads,
    )  # fmt: skip
    gather(part, sums, flat(dw), db, taps, p.run, p.rows, height, p.in_place, wide, HOST.lanes(size), threads)
    return dw, db if bias else None
