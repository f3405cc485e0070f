"""3x3 and 5x5 convolutions with stride 1, with less than half of the multiplications; `transforms` has the idea and the matrices.

Every image is cut into tiles of 6x6 pixels that overlap, so that each makes m*m outputs (m = 2 for 5x5, 4 for 3x3). In the
transformed tiles the window is gone: each of the 36 places, here called points, is a matrix product by itself, tiles x channels
times channels x outputs, as in a 1x1 convolution.

**Forward.** For each thread and each block of its tiles: transform the tiles; for each point, each panel of output channels and
mr tiles at a time call the micro-kernel `gemm`; transform back, with the epilogue (bias, ReLU, gate) on the way out.

**Input gradient.** The same over g, with the kernel rotated by 180 degrees.

**Weight gradient.** dw = G' (sum over tiles of (B' x B) * (A g A')) G. For each kc tiles: transform both on all threads, then,
each thread with its share of the points and panels, call `gemm_tn` for mr input channels at a time. No sums need to be added up
between threads, so the result does not depend on their number. The sum of g is its value at the node 1, summed over the tiles.

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
from ..arguments import Plain, flat
from ..jit.compiled import helper, kernel, part, program
from ..jit.launcher import spread
from ..jit.vector import HOST, MR1, MR2, VECTOR_BYTES
from ..window import Window, backward_window, forward_window
from .microkernels import GemmArgs, GemmTnArgs, gemm1, gemm2, gemm_tn2
from .packing import add_up, pack_backward_points, pack_forward_points
from .panels import PANEL, packed_size, panel_table
from .transforms import (
    ONE,
    POINTS,
    SIDE,
    TAPS,
    InputArgs,
    OutputArgs,
    TransformArgs,
    cotangent3,
    cotangent5,
    image,
    outputs3,
    outputs5,
    taps3,
    taps5,
)  # fmt: skip
from .weight_plan import Blocking

MC = 96  # tiles of a forward block: one point of it stays in the second-level cache
KC = 192  # tiles of a step of the weight gradient: two panels of it stay in the first-level cache
SKEW = 16  # numbers between two points, so that all 36 values of a tile do not fall on one cache set
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
        and geo.N * products(geo) >= FEWEST * POINTS
        and SAVED * products(geo) <= geo.OH * geo.OW * geo.KH * geo.KW
    )


def products(geo: Geometry) -> int:
    """Multiplications for each pair of channels in one image; the plain sum has OH * OW * KH * KW."""
    return math.prod(_tiles(forward_window(geo))) * POINTS


def _tiles(win: Window) -> tuple[int, int]:
    """How many tiles cover the outputs of one image, down and across."""
    m = SIDE + 1 - win.KH
    return -(-win.OH // m), -(-win.OW // m)


class Tiling(NamedTuple):
    """``down`` x ``across`` tiles cover an image; each makes m x m outputs.

    A transformed tile has a row of channels at each point. From one tile's row to the next one's are ``row_x`` numbers (of
    inputs) or ``row_y`` (of outputs).
    """

    m: int
    down: int
    across: int
    row_x: int
    row_y: int


class Image(NamedTuple):
    """Whose tiles are transformed: its address and sizes, and where the first tile starts (above and left of it by PH and PW)."""

    address: int
    H: int
    W: int
    C: int
    PH: int
    PW: int


class Points(NamedTuple):
    """Where transformed tiles lie: the value of tile i, channel c at a point is number point * plane + i * row + c."""

    address: int
    row: int
    plane: int


def _row(channels: int, itemsize: int) -> int:
    """Numbers from one tile's channels to the next one's: whole panels, and an odd number of cache lines, so that they fall on
    different cache sets.
    """  # fmt: skip
    lines = -(-(channels + 2 * HOST.lanes(itemsize)) * itemsize // memory.LINE)
    return (lines | 1) * memory.LINE // itemsize


@helper()
def _transform_tiles(
    kind: int, like: Array, source: Image, points: Points, zeros: int, first: int, last: int, start: int, tiling: Tiling
) -> None:
    """Transform the tiles ``first`` to ``last``; tile ``start`` is number 0 of ``points``.

    ``kind``: 0 for the 6x6 pixels of an image, 3 or 5 for the m x m pixels of a cotangent.
    """
    size = like.itemsize
    pixel, row = source.C * size, source.W * source.C * size
    for i in range(first, last):
        n, at = i // (tiling.down * tiling.across), i % (tiling.down * tiling.across)
        top, left = at // tiling.across * tiling.m - source.PH, at % tiling.across * tiling.m - source.PW
        args = InputArgs(
            source=source.address + (n * source.H + top) * row + left * pixel,
            source_row=row,
            source_column=pixel,
            target=points.address + (i - start) * points.row * size,
            target_row=SIDE * points.plane * size,
            target_column=points.plane * size,
            channels=source.C,
            outside=zeros,
            top=-top,
            bottom=source.H - top,
            left=-left,
            right=source.W - left,
        )
        if kind == 0:
            image(like, args)
        elif kind == 3:
            cotangent3(like, args)
        else:
            cotangent5(like, args)


# -------------------------------------------------------------------- forward and input gradient


@kernel()
def _convolve(
    t: int, x: Array, packed: Array, bias: Array, gate: Array, y: Array, spare: Array, workspace: Array, offsets: Array,
    panels: Array, window: Plain, tiling: Plain, relu: bool, threads: int,
) -> None:  # fmt: skip
    """``offsets``: where the rows of a micro-tile start in transformed x, and in y.

    ``spare``: zeros to read where the image ends, and a place to write to.
    """
    win, tiles, size = Window(*window), Tiling(*tiling), x.itemsize
    each, m = tiles.down * tiles.across, tiles.m
    u = Points(workspace.ctypes.data + t * workspace.shape[1] * size, tiles.row_x, MC * tiles.row_x + SKEW)
    v = Points(u.address + POINTS * u.plane * size, tiles.row_y, MC * tiles.row_y + SKEW)
    zeros = spare.ctypes.data + t * spare.shape[1] * size
    outside = zeros + spare.shape[1] // 2 * size
    source = Image(x.ctypes.data, win.H, win.W, win.C, win.PH, win.PW)
    start, end = t * win.N * each // threads, (t + 1) * win.N * each // threads
    for first in range(start, end, MC):
        last = min(first + MC, end)
        _transform_tiles(0, x, source, u, zeros, first, last, first, tiles)
        for point in range(POINTS):
            a, c = u.address + point * u.plane * size, v.address + point * v.plane * size
            for p in range(panels.shape[0]):
                vectors = panels[p, PANEL.vectors]
                b = packed.ctypes.data + (panels[p, PANEL.weights] + point * win.C * vectors * (VECTOR_BYTES // size)) * size
                for i in range(0, last - first, MR2 if vectors == 2 else MR1):
                    args = GemmArgs(
                        taps=1,
                        run=win.C,
                        a_tap=0,
                        b_tap=0,
                        a=a + i * u.row * size,
                        a_offsets=offsets.ctypes.data,
                        b=b,
                        c=c + i * v.row * size + panels[p, PANEL.channel],
                        c_offsets=offsets.ctypes.data + offsets.shape[1] * 8,
                        bias=0,
                        relu=0,
                        gate=0,
                        stream=0,
                        tail=panels[p, PANEL.tail],
                    )
                    if vectors == 2:
                        gemm2(x, args)
                    else:
                        gemm1(x, args)
        for i in range(first, last):
            top, left = i % each // tiles.across * m, i % each % tiles.across * m
            pixel = ((i // each * win.OH + top) * win.OW + left) * win.O * size
            back = OutputArgs(
                source=v.address + (i - first) * v.row * size,
                source_row=SIDE * v.plane * size,
                source_column=v.plane * size,
                target=y.ctypes.data + pixel,
                target_row=win.OW * win.O * size,
                target_column=win.O * size,
                channels=win.O,
                outside=outside,
                top=0,
                bottom=win.OH - top,
                left=0,
                right=win.OW - left,
                bias=bias.ctypes.data if bias.size > 0 else zeros,
                relu=relu,
                gate=gate.ctypes.data + pixel if gate.size > 0 else 0,
            )
            if m == SIDE - 2:  # 3x3
                outputs3(x, back)
            else:
                outputs5(x, back)


class _Setup(NamedTuple):
    """All that `_convolve` and the packing need to know of a `Window`, looked up once for each call."""

    panels: Array  # see `panel_table`
    offsets: Array
    packed: int  # numbers in the packed weights
    workspace: int  # numbers that each thread works in
    spare: int  # see `_convolve`
    window: Plain
    tiling: Plain
    lanes: int
    threads: int


@lru_cache(maxsize=512)
def _setup(win: Window, itemsize: int, threads: int) -> _Setup:
    depth, tiling = POINTS * win.C, _tiling(win, _row(win.C, itemsize), _row(win.O, itemsize))
    return _Setup(
        panels=panel_table(depth, win.O, itemsize),
        offsets=np.arange(max(MR1, MR2)) * np.array([[tiling.row_x], [tiling.row_y]]) * itemsize,
        packed=packed_size(depth, win.O, itemsize),
        workspace=POINTS * (MC * (tiling.row_x + tiling.row_y) + 2 * SKEW),
        spare=2 * max(win.C, win.O),
        window=tuple(win),
        tiling=tuple(tiling),
        lanes=HOST.lanes(itemsize),
        threads=threads,
    )


def _tiling(win: Window, row_x: int, row_y: int) -> Tiling:
    return Tiling(SIDE + 1 - win.KH, *_tiles(win), row_x, row_y)


def _run(setup: _Setup, x: Array, packed: Array, bias: Array, gate: Array | None, y: Array, relu: bool) -> None:
    workspace = memory.empty((setup.threads, setup.workspace), x.dtype)
    spare = np.zeros((setup.threads, setup.spare), x.dtype)
    _convolve(
        flat(x), packed, bias, packed[:0] if gate is None else flat(gate), flat(y), spare, workspace, setup.offsets, setup.panels,
        setup.window, setup.tiling, relu, setup.threads,
    )  # fmt: skip


def conv2d(x: Array, w: Array, b: Array | None, geo: Geometry, relu: bool) -> Array:
    """See `direct.conv2d`."""
    setup = _setup(forward_window(geo), x.itemsize, get_num_threads())
    y = memory.empty((geo.N, geo.OH, geo.OW, geo.O), x.dtype)
    packed = memory.empty((setup.packed,), x.dtype)
    scratch = memory.empty((setup.threads, setup.lanes * POINTS * geo.C), x.dtype)
    pack_forward_points(flat(w), packed, scratch, setup.panels, geo.KH, geo.C, setup.threads)
    _run(setup, x, packed, packed[:0] if b is None else flat(b), None, y, relu)
    return y


def conv2d_input_grad(g: Array, w: Array, geo: Geometry, gate: Array | None) -> Array:
    """See `direct.conv2d_input_grad`."""
    setup = _setup(backward_window(geo), g.itemsize, get_num_threads())
    dx = memory.empty((geo.N, geo.H, geo.W, geo.C), g.dtype)
    packed = memory.empty((setup.packed,), g.dtype)
    pack_backward_points(flat(w), packed, setup.panels, geo.KH, geo.O, geo.C, setup.threads)
    _run(setup, g, packed, packed[:0], gate, dx, False)
    return dx


# -------------------------------------------------------------------- weight gradient


@part()
def _clear(t: int, totals: Array, threads: int) -> None:
    totals[t * totals.size // threads : (t + 1) * totals.size // threads] = 0


@part()
def _transform_both(
    t: int,
    x: Array,
    g: Array,
    zeros: Array,
    u: Points,
    v: Points,
    first: int,
    count: int,
    win: Window,
    tiling: Tiling,
    threads: int,
) -> None:
    """The thread's share of the tiles ``first`` to ``first + count`` of x to ``u``, and of g to ``v``."""
    a, b = first + t * count // threads, first + (t + 1) * count // threads
    own = zeros.ctypes.data + t * zeros.shape[1] * x.itemsize
    _transform_tiles(0, x, Image(x.ctypes.data, win.H, win.W, win.C, win.PH, win.PW), u, own, a, b, first, tiling)
    _transform_tiles(win.KH, g, Image(g.ctypes.data, win.OH, win.OW, win.O, 0, 0), v, own, a, b, first, tiling)


@part()
def _add_products(t: int, totals: Array, u: Points, v: Points, count: int, blk: Blocking, threads: int) -> None:
    """totals[panel, point, c, :] += sum over ``count`` tiles of u * v, for the thread's share of the points and panels."""
    size, jobs, rows = totals.itemsize, POINTS * blk.panels, blk.x_panels * blk.mr
    for job in range(t * jobs // threads, (t + 1) * jobs // threads):
        point, p = job // blk.panels, job % blk.panels
        for k in range(0, rows, blk.mr):
            args = GemmTnArgs(
                images=1,
                rows=1,
                pixels=count,
                a=u.address + (point * u.plane + k) * size,
                a_image=0,
                a_row=0,
                a_pixel=u.row * size,
                b=v.address + (point * v.plane + p * blk.nr) * size,
                b_image=0,
                b_row=0,
                b_pixel=v.row * size,
                c=totals.ctypes.data + ((p * POINTS + point) * rows + k) * blk.nr * size,
                c_row=blk.nr * size,
            )
            gemm_tn2(totals, args)


@part()
def _transform_back(t: int, totals: Array, partial: Array, blk: Blocking, threads: int) -> None:
    """partial[panel, tap, c, :] = G' totals[panel, :, c, :] G for the thread's share of the input channels."""
    size, rows = totals.itemsize, blk.x_panels * blk.mr
    plane, r = rows * blk.nr, 3 if blk.taps == 9 else 5
    a, b = t * rows // threads * blk.nr, (t + 1) * rows // threads * blk.nr
    for p in range(blk.panels):
        args = TransformArgs(
            source=totals.ctypes.data + (p * POINTS * plane + a) * size,
            source_row=SIDE * plane * size,
            source_column=plane * size,
            target=partial.ctypes.data + (p * blk.taps * plane + a) * size,
            target_row=r * plane * size,
            target_column=plane * size,
            channels=b - a,
        )
        if r == 3:
            taps3(totals, args)
        else:
            taps5(totals, args)


@program()
def _correlate(
    runner: int, workers: int, threads: int, x: Array, g: Array, zeros: Array, workspace: Array, totals: Array, partial: Array,
    sums: Array, window: Plain, tiling: Plain, blocking: Plain, _: int,
) -> None:  # fmt: skip
    """partial[panel, tap, c, :] = the weight gradient, and sums[o] = sum of g. ``totals``: the same at each point, before G.

    Every `spread` runs its function on all threads and waits for them.
    """
    win, tiles, blk, size = Window(*window), Tiling(*tiling), Blocking(*blocking), x.itemsize
    u = Points(workspace.ctypes.data, tiles.row_x, KC * tiles.row_x + SKEW)
    v = Points(u.address + POINTS * u.plane * size, tiles.row_y, KC * tiles.row_y + SKEW)
    ones = POINTS * u.plane + (ONE * SIDE + ONE) * v.plane  # where g's values at the node 1 start in the workspace
    spread(_clear, runner, workers, threads, (totals, threads))
    for first in range(0, win.N * tiles.down * tiles.across, KC):
        count = min(KC, win.N * tiles.down * tiles.across - first)
        spread(_transform_both, runner, workers, threads, (x, g, zeros, u, v, first, count, win, tiles, threads))
        spread(_add_products, runner, workers, threads, (totals, u, v, count, blk, threads))
        for i in range(count):
            for o in range(sums.size):
                sums[o] += workspace[ones + i * v.row + o]
    spread(_transform_back, runner, workers, threads, (totals, partial, blk, threads))


class _WeightSetup(NamedTuple):
    """All that `_correlate` needs to know of a `Window`, looked up once for each call; sizes in numbers."""

    window: Plain
    tiling: Plain
    blocking: Plain
    workspace: int
    totals: int
    partial: int
    zeros: int


@lru_cache(maxsize=512)
def _weight_setup(win: Window, itemsize: int) -> _WeightSetup:
    nr = 2 * HOST.lanes(itemsize)
    blk = Blocking(
        vectors=2, nr=nr, panels=-(-win.O // nr), mr=MR2, x_panels=-(-win.C // MR2), run=win.C, taps=win.KH * win.KW,
        unrolled=False, in_place=False, columns=0,
    )  # fmt: skip
    tiling, sums = _tiling(win, _row(blk.rows, itemsize), _row(blk.panels * nr, itemsize)), blk.panels * blk.rows * nr
    workspace = POINTS * (KC * (tiling.row_x + tiling.row_y) + 2 * SKEW)
    return _WeightSetup(tuple(win), tuple(tiling), tuple(blk), workspace, POINTS * sums, blk.taps * sums, max(win.C, win.O))


def conv2d_weight_grad(x: Array, g: Array, geo: Geometry, bias: bool) -> tuple[Array, Array | None]:
    """See `direct.conv2d_weight_grad`."""
    setup, threads = _weight_setup(forward_window(geo), x.itemsize), get_num_threads()
    workspace, totals = memory.empty((setup.workspace,), x.dtype), memory.empty((setup.totals,), x.dtype)
    partial = memory.empty((1, setup.partial), x.dtype)
    zeros = np.zeros((threads, setup.zeros), x.dtype)
    sums = np.zeros(geo.O if bias else 0)
    dw = memory.empty((geo.O, geo.KH, geo.KW, geo.C), x.dtype)
    _correlate(flat(x), flat(g), zeros, workspace, totals, partial, sums, setup.window, setup.tiling, setup.blocking, threads)
    add_up(partial, partial[:, :0], flat(dw), dw[:0].reshape(-1), setup.blocking, threads)
    return dw, sums.astype(x.dtype) if bias else None
