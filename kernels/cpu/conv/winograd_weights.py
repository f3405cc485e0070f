"""The weight gradient of Winograd's convolution: dw = G' (sum over tiles of (B' x B) * (A g A')) G, for each piece of a kernel.

For each kc tiles: transform both on all threads, then, each thread with its share of the points and panels, call `gemm_tn` for mr
input channels at a time. No sums need to be added up between threads, so the result does not depend on their number. The sum of g
is its value at the node 1, summed over the tiles.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ... import memory
from ...geometry import Geometry
from ...threads import get_num_threads
from ...types import Array
from ..arguments import Plain, flat
from ..jit.compiled import part, program
from ..jit.launcher import spread
from ..jit.vector import HOST, MR2
from ..window import Window, forward_window
from .microkernels import GemmTnArgs, gemm_tn2
from .packing import add_up
from .tiling import SKEW, Image, Points, Tiling, first_tap, row_of, seen, tiling_of, transform_tiles
from .transforms import ONE, POINTS, SIDE, TransformArgs, taps3, taps4, taps5
from .weight_plan import Blocking

KC = 192  # tiles of a step of the weight gradient: two panels of it stay in the first-level cache


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
    piece: int,
    first: int,
    count: int,
    win: Window,
    tiling: Tiling,
    threads: int,
) -> None:
    """The thread's share of the tiles ``first`` to ``first + count`` of x, as a piece sees them, to ``u``; with the first piece
    also those of g to ``v``.
    """  # fmt: skip
    a, b = first + t * count // threads, first + (t + 1) * count // threads
    own = zeros.ctypes.data + t * zeros.shape[1] * x.itemsize
    image = seen(Image(x.ctypes.data, win.H, win.W, win.C, win.PH, win.PW), piece, tiling)
    transform_tiles(0, x, image, u, own, a, b, first, tiling)
    if piece == 0:
        transform_tiles(tiling.taps, g, Image(g.ctypes.data, win.OH, win.OW, win.O, 0, 0), v, own, a, b, first, tiling)


@part()
def _add_products(t: int, totals: Array, u: Points, v: Points, piece: int, count: int, blk: Blocking, threads: int) -> None:
    """totals[piece, panel, point, c, :] += sum over ``count`` tiles of u * v, for the thread's share of the points and panels."""
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
                c=totals.ctypes.data + (((piece * blk.panels + p) * POINTS + point) * rows + k) * blk.nr * size,
                c_row=blk.nr * size,
            )
            gemm_tn2(totals, args)


@part()
def _transform_back(t: int, totals: Array, partial: Array, blk: Blocking, tiling: Tiling, threads: int) -> None:
    """partial[panel, tap, c, :] = G' totals[piece, panel, :, c, :] G for the thread's share of the input channels."""
    size, rows = totals.itemsize, blk.x_panels * blk.mr
    plane, kernel, pieces = rows * blk.nr, tiling.kernel, tiling.pieces
    a, b = t * rows // threads * blk.nr, (t + 1) * rows // threads * blk.nr
    for i in range(pieces * pieces * blk.panels):
        piece, p = i // blk.panels, i % blk.panels
        tap = first_tap(piece // pieces, tiling) * kernel + first_tap(piece % pieces, tiling)
        args = TransformArgs(
            source=totals.ctypes.data + (i * POINTS * plane + a) * size,
            source_row=SIDE * plane * size,
            source_column=plane * size,
            target=partial.ctypes.data + ((p * blk.taps + tap) * plane + a) * size,
            target_row=kernel * plane * size,
            target_column=plane * size,
            channels=b - a,
        )
        if tiling.taps == 3:
            taps3(totals, args)
        elif tiling.taps == 4:
            taps4(totals, args)
        else:
            taps5(totals, args)


@program()
def _correlate(
    runner: int, workers: int, x: Array, g: Array, zeros: Array, workspace: Array, totals: Array, partial: Array, sums: Array,
    window: Plain, tiling: Plain, blocking: Plain, threads: int,
) -> None:  # fmt: skip
    """partial[panel, tap, c, :] = the weight gradient, and sums[o] = sum of g. ``totals``: that of each piece before G.

    Every `spread` runs its function on all threads and waits for them.
    """
    win, tiles, blk, size = Window(*window), Tiling(*tiling), Blocking(*blocking), x.itemsize
    u = Points(workspace.ctypes.data, tiles.row_x, KC * tiles.row_x + SKEW)
    v = Points(u.address + POINTS * u.plane * size, tiles.row_y, KC * tiles.row_y + SKEW)
    ones = POINTS * u.plane + (ONE * SIDE + ONE) * v.plane  # where g's values at the node 1 start in the workspace
    spread(_clear, runner, workers, threads, (totals, threads))
    for first in range(0, win.N * tiles.down * tiles.across, KC):
        count = min(KC, win.N * tiles.down * tiles.across - first)
        for piece in range(tiles.pieces * tiles.pieces):
            spread(_transform_both, runner, workers, threads, (x, g, zeros, u, v, piece, first, count, win, tiles, threads))
            spread(_add_products, runner, workers, threads, (totals, u, v, piece, count, blk, threads))
        for i in range(count):
            for o in range(sums.size):
                sums[o] += workspace[ones + i * v.row + o]
    spread(_transform_back, runner, workers, threads, (totals, partial, blk, tiles, threads))


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
    tiling, sums = tiling_of(win, row_of(blk.rows, itemsize), row_of(blk.panels * nr, itemsize)), blk.panels * blk.rows * nr
    workspace = POINTS * (KC * (tiling.row_x + tiling.row_y) + 2 * SKEW)
    totals = tiling.pieces**2 * POINTS * sums
    return _WeightSetup(tuple(win), tuple(tiling), tuple(blk), workspace, totals, blk.taps * sums, max(win.C, win.O))


def conv2d_weight_grad(x: Array, g: Array, geo: Geometry, bias: bool) -> tuple[Array, Array | None]:
    """See `direct.conv2d_weight_grad`."""
    setup, threads = _weight_setup(forward_window(geo), x.itemsize), get_num_threads()
    workspace, totals = memory.empty((setup.workspace,), x.dtype), memory.empty((setup.totals,), x.dtype)
    partial = memory.empty((1, setup.partial), x.dtype)
    zeros = np.zeros((threads, setup.zeros), x.dtype)
    sums = np.zeros(geo.O if bias else 0)
    dw = memory.empty((geo.O, geo.KH, geo.KW, geo.C), x.dtype)
    _correlate(flat(x), flat(g), zeros, workspace, totals, partial, sums, setup.window, setup.tiling, setup.blocking, threads)
    add_up(partial, sums[None, :0], flat(dw), dw[:0].reshape(-1), setup.blocking, threads)
    return dw, sums.astype(x.dtype) if bias else None
