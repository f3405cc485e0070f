"""3x3 and 5x5 convolutions with stride 1, with less than half of the multiplications; tiles.py has the idea and the matrices.

Every image is cut into tiles of 6x6 pixels that overlap, so that each makes m*m outputs (m = 2 for 5x5, 4 for 3x3). In the
transformed tiles the window is gone: each of the 36 places, here called points, is a matrix product by itself, tiles x channels
times channels x outputs, as in a 1x1 convolution.

**Forward.** For each thread and each block of its tiles: transform the tiles; for each point, each panel of output channels and
a few tiles at a time call the micro-kernel `product`; transform back, with bias, ReLU or a gate on the way out.

**Input gradient.** The same over g, with the kernel turned by 180 degrees.

**Weight gradient.** dw = G' (sum over tiles of (B' x B) * (A g A')) G. For each step of some tiles: transform both on all
threads, then, each thread with its share of the points and panels, call `outer` for each few input channels. No sums need to be
added up between threads, so the result does not depend on their number. The sum of g is its value at the point 1, summed over
the tiles.

Rounding. Factors of about 1 are added and subtracted on the way, so an error is relative to the largest values of a tile rather
than to each output: for 3x3 and 5x5 about 2 to 3 times that of the plain sum. A NaN or infinity reaches all outputs of its tile.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ... import memory
from ...geometry import Geometry
from ...threads import get_num_threads
from ...types import Array
from ..flat import flat
from ..jit.compiled import helper, kernel, part, program, spread
from ..jit.vector import HOST
from .microkernels import outer2, product1, product2
from .packing import gather, pack_backward_tiles, pack_forward_tiles
from .plan import Window, backward, forward, pack_size, panel_table
from .transforms import CELLS, ONES, SIDE, TAPS, cotangent3, cotangent5, image, outputs3, outputs5, taps3, taps5

BLOCK = 96  # tiles of a forward block: one point of it stays in the second-level cache
SKEW = 16  # numbers between two points, so that all 36 values of a tile do not fall on one place of the cache
STEP = 192  # tiles of a step of the weight gradient: two panels of it stay in the first-level cache
CHANNELS = 32  # with fewer the transforms cost more than the products save
FEWEST = 32  # tiles; with fewer the weights' transform does
MANY = 256  # channels; over more of them the rounding errors of 5x5 kernels add up to 5 times those of PyTorch's sums
SAVED = 2.5  # how many times fewer products there must be


def fits(geo: Geometry, dtype: np.dtype[np.generic]) -> bool:
    """Is a convolution done here? float32 alone: who asks for float64 asks for digits, and these cost some."""
    return (
        geo.KH == geo.KW
        and geo.KH in TAPS
        and (geo.SH, geo.SW, geo.DH, geo.DW, geo.groups) == (1, 1, 1, 1, 1)
        and dtype == np.float32
        and min(geo.C, geo.O) >= CHANNELS
        and (geo.KH == 3 or max(geo.C, geo.O) <= MANY)
        and geo.N * products(geo) >= FEWEST * CELLS
        and SAVED * products(geo) <= geo.OH * geo.OW * geo.KH * geo.KW
    )


def products(geo: Geometry) -> int:
    """Multiplications for each pair of channels in one image; the plain sum has OH * OW * KH * KW."""
    return math.prod(_tiles(forward(geo))) * CELLS


def _tiles(q: Window) -> tuple[int, int]:
    """How many tiles cover the outputs of one image, down and across."""
    m = SIDE + 1 - q.KH
    return -(-q.OH // m), -(-q.OW // m)


def _row(channels: int, itemsize: int) -> int:
    """Numbers from one tile's channels to the next one's: an odd number of cache lines, which all fall on different places of the
    cache, with room for whole panels and strips.
    """  # fmt: skip
    lines = -(-(channels + 2 * HOST.lanes(itemsize)) * itemsize // memory.LINE)
    return (lines | 1) * memory.LINE // itemsize


@helper()
def _gather_tiles(
    kind: int, x: Array, made: int, spare: int, first: int, last: int, row: int, plane: int, down: int, across: int, m: int,
    H: int, W: int, C: int, PH: int, PW: int,
) -> None:  # fmt: skip
    """Transform the tiles first to last: ``kind`` 0 the 6x6 pixels of an image, 3 or 5 the m x m pixels of a cotangent.

    The value of tile i, channel c at a point goes to made + (point * plane + (i - first) * row + c) numbers.
    """
    size = x.itemsize
    for i in range(first, last):
        n, at = i // (down * across), i % (down * across)
        top, left = at // across * m - PH, at % across * m - PW
        arguments = (
            x.ctypes.data + ((n * H + top) * W + left) * C * size, W * C * size, C * size, made + (i - first) * row * size,
            SIDE * plane * size, plane * size, C, spare, -top, H - top, -left, W - left, 0, 0, 0,
        )  # fmt: skip
        if kind == 0:
            image(x, arguments)
        elif kind == 3:
            cotangent3(x, arguments)
        else:
            cotangent5(x, arguments)


@kernel()
def _convolve(
    t: int, x: Array, packed: Array, bias: Array, gate: Array, y: Array, spare: Array, work: Array, offsets: Array, panels: Array, r: int,
    N: int, H: int, W: int, C: int, OH: int, OW: int, O: int, PH: int, PW: int, down: int, across: int, row_x: int, row_y: int,  # noqa: E741
    relu: bool, lanes: int, rows: int, rows_1: int, threads: int,
) -> None:  # fmt: skip
    """The loop nest of the file's head. ``offsets``: where the rows of a micro-kernel start in transformed x, and in y."""
    size, m = x.itemsize, SIDE + 1 - r
    plane_x, plane_y = BLOCK * row_x + SKEW, BLOCK * row_y + SKEW
    u = work.ctypes.data + t * work.shape[1] * size
    v = u + CELLS * plane_x * size
    zeros = spare.ctypes.data + t * spare.shape[1] * size
    dump = zeros + spare.shape[1] // 2 * size
    start, end = t * N * down * across // threads, (t + 1) * N * down * across // threads
    for first in range(start, end, BLOCK):
        last = min(first + BLOCK, end)
        _gather_tiles(0, x, u, zeros, first, last, row_x, plane_x, down, across, m, H, W, C, PH, PW)
        for point in range(CELLS):
            a, c = u + point * plane_x * size, v + point * plane_y * size
            for p in range(panels.shape[0]):
                vectors = panels[p, 1]
                high = rows if vectors == 2 else rows_1
                b = packed.ctypes.data + (panels[p, 4] + point * C * vectors * lanes) * size
                for i in range(0, last - first, high):
                    arguments = (
                        1, C, 0, 0, a + i * row_x * size, offsets.ctypes.data, b, c + i * row_y * size + panels[p, 2],
                        offsets.ctypes.data + offsets.shape[1] * 8, 0, 0, 0, 0, panels[p, 3],
                    )  # fmt: skip
                    if vectors == 2:
                        product2(x, arguments)
                    else:
                        product1(x, arguments)
        for i in range(first, last):
            n, at = i // (down * across), i % (down * across)
            top, left = at // across * m, at % across * m
            pixel = ((n * OH + top) * OW + left) * O * size
            back = (
                v + (i - first) * row_y * size, SIDE * plane_y * size, plane_y * size, y.ctypes.data + pixel,
                OW * O * size, O * size, O, dump, 0, OH - top, 0, OW - left, bias.ctypes.data if bias.size > 0 else zeros,
                relu, gate.ctypes.data + pixel if gate.size > 0 else 0,
            )  # fmt: skip
            if r == 3:
                outputs3(x, back)
            else:
                outputs5(x, back)


class _Job(NamedTuple):
    """All that `_convolve` and the packing need to know of a `Window`, looked up once for each call."""

    table: Array  # see `panel_table`
    offsets: Array
    packed: int  # numbers in the packed weights
    work: int  # numbers that each thread works in
    spare: int  # see `_convolve`
    known: tuple[int, ...]  # r to row_y of `_convolve`
    lanes: int
    rows: tuple[int, int]
    threads: int


@lru_cache(maxsize=512)
def _job(q: Window, itemsize: int, threads: int) -> _Job:
    depth, rows = CELLS * q.C, (HOST.rows(2), HOST.rows(1))
    row_x, row_y = _row(q.C, itemsize), _row(q.O, itemsize)
    return _Job(
        panel_table(depth, q.O, itemsize),
        np.arange(max(rows)) * np.array([[row_x], [row_y]]) * itemsize,
        pack_size(depth, q.O, itemsize),
        CELLS * (BLOCK * (row_x + row_y) + 2 * SKEW),
        2 * max(q.C, q.O),
        (q.KH, q.N, q.H, q.W, q.C, q.OH, q.OW, q.O, q.PH, q.PW, *_tiles(q), row_x, row_y),
        HOST.lanes(itemsize),
        rows,
        threads,
    )


def _run(job: _Job, x: Array, packed: Array, bias: Array, gate: Array | None, y: Array, relu: bool) -> None:
    work = memory.empty((job.threads, job.work), x.dtype)
    spare = np.zeros((job.threads, job.spare), x.dtype)
    _convolve(
        flat(x), packed, bias, packed[:0] if gate is None else flat(gate), flat(y), spare, work, job.offsets, job.table,
        *job.known, relu, job.lanes, *job.rows, job.threads,
    )  # fmt: skip


def conv2d(x: Array, w: Array, b: Array | None, geo: Geometry, relu: bool) -> Array:
    """See `conv.conv2d`."""
    job = _job(forward(geo), x.itemsize, get_num_threads())
    y = memory.empty((geo.N, geo.OH, geo.OW, geo.O), x.dtype)
    packed = memory.empty((job.packed,), x.dtype)
    made = memory.empty((job.threads, job.lanes * CELLS * geo.C), x.dtype)
    pack_forward_tiles(flat(w), packed, made, job.table, geo.KH, geo.C, job.lanes, job.threads)
    _run(job, x, packed, packed[:0] if b is None else flat(b), None, y, relu)
    return y


def conv2d_input_grad(g: Array, w: Array, geo: Geometry, gate: Array | None) -> Array:
    """See `conv.conv2d_input_grad`."""
    job = _job(backward(geo), g.itemsize, get_num_threads())
    dx = memory.empty((geo.N, geo.H, geo.W, geo.C), g.dtype)
    packed = memory.empty((job.packed,), g.dtype)
    pack_backward_tiles(flat(w), packed, job.table, geo.KH, geo.O, geo.C, job.lanes, job.threads)
    _run(job, g, packed, packed[:0], gate, dx, False)
    return dx


@part()
def _clear(t: int, total: Array, cell: int, jobs: int, threads: int) -> None:
    total[t * jobs // threads * cell : (t + 1) * jobs // threads * cell] = 0


@part()
def _both(
    t: int, x: Array, g: Array, spare: Array, u: int, v: int, first: int, count: int, r: int, H: int, W: int, C: int,
    OH: int, OW: int, O: int, PH: int, PW: int, down: int, across: int, row_x: int, row_g: int, plane_x: int, plane_g: int, threads: int,
) -> None:  # fmt: skip
    size, m = x.itemsize, SIDE + 1 - r
    a, b = t * count // threads, (t + 1) * count // threads
    zeros = spare.ctypes.data + t * spare.shape[1] * size
    _gather_tiles(0, x, u + a * row_x * size, zeros, first + a, first + b, row_x, plane_x, down, across, m, H, W, C, PH, PW)
    _gather_tiles(r, g, v + a * row_g * size, zeros, first + a, first + b, row_g, plane_g, down, across, m, OH, OW, O, 0, 0)


@part()
def _points(
    t: int, x: Array, total: Array, u: int, v: int, count: int, panels: int, height: int, wide: int, rows: int, row_x: int,
    row_g: int, plane_x: int, plane_g: int, threads: int,
) -> None:  # fmt: skip
    size, jobs, cell = x.itemsize, CELLS * panels, height * wide
    for job in range(t * jobs // threads, (t + 1) * jobs // threads):
        point, p = job // panels, job % panels
        left, right = u + point * plane_x * size, v + (point * plane_g + p * wide) * size
        for k in range(0, height, rows):
            arguments = (
                1, 1, count, left + k * size, 0, 0, row_x * size, right, 0, 0, row_g * size,
                total.ctypes.data + ((p * CELLS + point) * cell + k * wide) * size, wide * size,
            )  # fmt: skip
            outer2(x, arguments)


@part()
def _taps(t: int, x: Array, total: Array, part: Array, r: int, panels: int, height: int, wide: int, threads: int) -> None:
    size, cell = x.itemsize, height * wide
    a, b = t * height // threads * wide, (t + 1) * height // threads * wide
    for p in range(panels):
        back = (
            total.ctypes.data + (p * CELLS * cell + a) * size, SIDE * cell * size, cell * size,
            part.ctypes.data + (p * r * r * cell + a) * size, r * cell * size, cell * size, b - a, 0, 0, 0, 0, 0, 0, 0, 0,
        )  # fmt: skip
        if r == 3:
            taps3(x, back)
        else:
            taps5(x, back)


@program()
def _correlate(
    runner: int, workers: int, x: Array, g: Array, spare: Array, work: Array, total: Array, part: Array, sums: Array, r: int, N: int, H: int, W: int, C: int,
    OH: int, OW: int, O: int, PH: int, PW: int, down: int, across: int, row_x: int, row_g: int, panels: int,  # noqa: E741
    height: int, wide: int, rows: int, threads: int,
) -> None:  # fmt: skip
    """part[panel, tap, c, :] = the weight gradient, and sums[o] = sum of g. ``total``: the same at each point, before G."""
    size, jobs = x.itemsize, CELLS * panels
    plane_x, plane_g = STEP * row_x + SKEW, STEP * row_g + SKEW
    u, v = work.ctypes.data, work.ctypes.data + CELLS * plane_x * size
    cell = height * wide  # numbers of one point in one panel
    spread(_clear, runner, workers, threads, (total, cell, jobs, threads))
    for first in range(0, N * down * across, STEP):
        count = min(STEP, N * down * across - first)
        spread(_both, runner, workers, threads, (
            x, g, spare, u, v, first, count, r, H, W, C, OH, OW, O, PH, PW, down, across, row_x, row_g, plane_x, plane_g, threads,
        ))  # fmt: skip
        spread(_points, runner, workers, threads, (
            x, total, u, v, count, panels, height, wide, rows, row_x, row_g, plane_x, plane_g, threads,
        ))  # fmt: skip
        at = CELLS * plane_x + (ONES * SIDE + ONES) * plane_g
        for i in range(count):
            for o in range(sums.size):
                sums[o] += work[at + i * row_g + o]
    spread(_taps, runner, workers, threads, (x, total, part, r, panels, height, wide, threads))


def conv2d_weight_grad(x: Array, g: Array, geo: Geometry, bias: bool) -> tuple[Array, Array | None]:
    """See `conv.conv2d_weight_grad`."""
    q, size, threads, (down, across) = forward(geo), x.itemsize, get_num_threads(), _tiles(forward(geo))
    rows, lanes = HOST.rows(2), HOST.lanes(size)
    wide = 2 * lanes
    panels, strips = -(-q.O // wide), -(-q.C // rows)
    height = strips * rows
    row_x, row_g = _row(height, size), _row(panels * wide, size)
    work = memory.empty((CELLS * (STEP * (row_x + row_g) + 2 * SKEW),), x.dtype)
    total = memory.empty((panels * CELLS * height * wide,), x.dtype)
    part = memory.empty((1, panels * q.KH * q.KW * height * wide), x.dtype)
    spare = memory.empty((threads, max(q.C, q.O)), x.dtype)
    spare[...] = 0
    sums = np.zeros(q.O if bias else 0)
    dw = memory.empty((q.O, q.KH, q.KW, q.C), x.dtype)
    _correlate(
        flat(x), flat(g), spare, work, total, part, sums, q.KH, q.N, q.H, q.W, q.C, q.OH, q.OW, q.O, q.PH, q.PW, down, across,
        row_x, row_g, panels, height, wide, rows, threads,
    )  # fmt: skip
    gather(part, sums[None, :0], flat(dw), dw[:0].reshape(-1), q.KH * q.KW, q.C, rows, height, False, wide, lanes, threads)
    return dw, sums.astype(x.dtype) if bias else None
