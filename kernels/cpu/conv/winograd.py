"""Convolutions of 3x3 to 11x11 with stride 1, with less than half of the multiplications; `transforms` has idea and matrices.

Every image is cut into tiles of 6x6 pixels that overlap, so that each makes m*m outputs (m = 4 for 3x3, 3 for 4x4, 2 for 5x5).
In the transformed tiles the window is gone: each of the 36 places, here called points, is a matrix product by itself, tiles x
channels times channels x outputs, as in a 1x1 convolution.

**Large kernels.** A kernel is a sum of pieces with zeros around them, and so its convolution is the sum of those with the pieces:
for 7x7 there are four of 4x4. (The last ones end with the kernel, and have zeros where two overlap.) A piece sees the tiles from
its first tap on. A block's tiles are transformed and multiplied once for each piece, the products are added up at each point, and
the transform back is the same as for a single piece.

**Forward.** For each thread and each block of its tiles, and for each piece: transform the tiles; for each point, each panel of
output channels and mr tiles at a time call the micro-kernel `gemm`. Then transform back, with the epilogue (bias, ReLU, mask) on
the way out.

**Input gradient.** The same over g, with the kernel rotated by 180 degrees.

**Weight gradient.** See `winograd_weights`.

Rounding. Factors of about 1 are added and subtracted on the way, so an error is relative to the largest values of a tile rather
than to each output: about 2 to 3 times that of the plain sum, or the same with several pieces, whose sums are shorter. A NaN
or infinity reaches all outputs of its tile.
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
from ..arguments import Call, Packed, Plain, flat
from ..jit.compiled import helper, kernel, part, program, spread
from ..jit.vector import HOST, MR1, MR2, VECTOR_BYTES
from ..window import Window, backward_window, forward_window, inside
from .microkernels import GemmArgs, gemm1, gemm2
from .packing import pack_backward_points, pack_forward_points
from .panels import PANEL, packed_size, panel_table
from .tiling import SKEW, Image, Points, Tiling, pieces_of, row_of, seen, tiles_of, tiling_of, transform_tiles
from .transforms import POINTS, SIDE, OutputArgs, outputs3, outputs4, outputs5
from .winograd_weights import conv2d_weight_grad as conv2d_weight_grad

TILES = 36 // MR2 * MR2  # in a block: few, as their points, 36 times as many, are to lie in a cache near by
MC = -(-TILES // MR1) * MR1  # rows of a block: the last micro-tile of either height ends in it
FEWEST = 4  # tiles; with fewer most rows of a micro-tile would be repeats
FEW = 32  # tiles; with fewer, and packed weights of SHARED bytes or more, all threads do each step together:
SHARED = 4 * 2**20  # so each reads only a part of the weights; to wait for each other takes 0.03 ms
MANY = 256  # channels; over more of them the rounding errors of 5x5 kernels add up to 5 times those of PyTorch's sums
LARGEST = 11  # taps along an axis

# What it costs beside the products, in products that take as long (measured; see docs/KERNELS.md, "Where it pays"):
TRANSFORM = 18  # a channel at a point, there or back
WEIGHT = 5  # a weight at a point
CALL, CALL_PACKED = 2_000_000, 500_000  # a call, and one with packed weights


def fits(geo: Geometry, dtype: np.dtype[np.generic], packed: bool = False) -> bool:
    """Is a convolution done here? float32 alone: who asks for float64 asks for digits, and these cost some.

    ``packed``: its weights are packed once, for many calls.
    """
    return (
        geo.KH == geo.KW
        and 3 <= geo.KH <= LARGEST
        and (geo.SH, geo.SW, geo.DH, geo.DW, geo.groups) == (1, 1, 1, 1, 1)
        and dtype == np.float32
        and (geo.KH == 3 or max(geo.C, geo.O) <= MANY)
        and tiles(geo) >= FEWEST
        and _pays(geo, packed)
    )


@lru_cache(maxsize=512)
def _pays(geo: Geometry, packed: bool) -> bool:
    """Do the products that are saved outweigh what Winograd's way costs beside its own?

    N (C O (D - P) - TRANSFORM (C' + O') P) >= WEIGHT C O POINTS pieces^2 + CALL

    D and P are the products for a pair of channels in one image, by the plain sum (which has none where the kernel lies beside
    the image) and by Winograd's way; C' and O' are the channels in whole vectors.
    """
    rows, columns = inside(geo.OH, geo.SH, geo.PH, geo.KH, geo.H), inside(geo.OW, geo.SW, geo.PW, geo.KW, geo.W)
    lanes = HOST.lanes(4)
    transformed = (-(-geo.C // lanes) + -(-geo.O // lanes)) * lanes  # channels, in whole vectors
    saved = geo.C * geo.O * (rows * columns - products(geo)) - TRANSFORM * transformed * products(geo)
    weights = WEIGHT * geo.C * geo.O * POINTS * pieces_of(geo.KH)[1] ** 2
    return geo.N * saved >= (CALL_PACKED if packed else CALL + weights)


def products(geo: Geometry) -> int:
    """Multiplications for each pair of channels in one image; the plain sum has OH * OW * KH * KW."""
    return math.prod(tiles_of(forward_window(geo))) * POINTS * pieces_of(geo.KH)[1] ** 2


def tiles(geo: Geometry) -> int:
    """Of all images of a convolution."""
    return geo.N * math.prod(tiles_of(forward_window(geo)))


class _Transformed(NamedTuple):
    """Where a block's transformed tiles lie, of x and of y; zeros to read where the image ends, and a place to write to."""

    u: Points
    v: Points
    zeros: int
    outside: int


@helper()
def _transformed(like: Array, workspace: Array, spare: Array, tiles: Tiling, block: int, t: int) -> _Transformed:
    """Those of block number ``block`` of the workspace, for thread t."""
    size = like.itemsize
    u = Points(workspace.ctypes.data + block * workspace.shape[1] * size, tiles.row_x, MC * tiles.row_x + SKEW)
    v = Points(u.address + POINTS * u.plane * size, tiles.row_y, MC * tiles.row_y + SKEW)
    zeros = spare.ctypes.data + t * spare.shape[1] * size
    return _Transformed(u, v, zeros, zeros + spare.shape[1] // 2 * size)


@helper()
def _multiply(
    x: Array, packed: Array, u: Points, v: Points, offsets: Array, panels: Array, C: int, piece: int, count: int, first: int,
    last: int,
) -> None:  # fmt: skip
    """The products of ``count`` tiles: of point i and panel j where i * panels + j is ``first`` to before ``last``.

    Those of the first piece of a kernel are written to ``v``, those of the others added to what is there. So no two vectors of
    outputs may overlap: in ``v`` they lie side by side, as the bias does behind packed weights.
    """
    size, many = x.itemsize, panels.shape[0]
    for job in range(first, last):
        point, p = job // many, job % many
        vectors = panels[p, PANEL.vectors]
        a, c = u.address + point * u.plane * size, v.address + point * v.plane * size
        b = (
            packed.ctypes.data
            + (panels[p, PANEL.weights] + (piece * POINTS + point) * C * vectors * (VECTOR_BYTES // size)) * size
        )
        for i in range(0, count, MR2 if vectors == 2 else MR1):
            args = GemmArgs(
                taps=1,
                run=C,
                a_tap=0,
                b_tap=0,
                a=a + i * u.row * size,
                a_offsets=offsets.ctypes.data,
                b=b,
                c=c + i * v.row * size + panels[p, PANEL.bias],
                c_offsets=offsets.ctypes.data + offsets.shape[1] * 8,
                add=piece > 0,
                bias=0,
                relu=0,
                masked_by=0,
                stream=0,
                tail=(vectors - 1) * VECTOR_BYTES,
            )
            if vectors == 2:
                gemm2(x, args)
            else:
                gemm1(x, args)


@helper()
def _transform_back(
    y: Array, bias: Array, masked_by: Array, both: _Transformed, win: Window, tiles: Tiling, relu: bool, first: int, last: int,
    start: int,
) -> None:  # fmt: skip
    """The outputs of tiles ``first`` to before ``last``; ``start`` is number 0 of the transformed ones."""
    size, v = y.itemsize, both.v
    each, m = tiles.down * tiles.across, tiles.m
    for i in range(first, last):
        top, left = i % each // tiles.across * m, i % each % tiles.across * m
        pixel = ((i // each * win.OH + top) * win.OW + left) * win.O * size
        back = OutputArgs(
            source=v.address + (i - start) * v.row * size,
            source_row=SIDE * v.plane * size,
            source_column=v.plane * size,
            target=y.ctypes.data + pixel,
            target_row=win.OW * win.O * size,
            target_column=win.O * size,
            channels=win.O,
            outside=both.outside,
            top=0,
            bottom=win.OH - top,
            left=0,
            right=win.OW - left,
            bias=bias.ctypes.data if bias.size > 0 else both.zeros,
            relu=relu,
            masked_by=masked_by.ctypes.data + pixel if masked_by.size > 0 else 0,
        )
        if tiles.taps == 3:
            outputs3(y, back)
        elif tiles.taps == 4:
            outputs4(y, back)
        else:
            outputs5(y, back)


@kernel()
def _convolve(
    t: int, x: Array, packed: Array, bias: Array, masked_by: Array, y: Array, spare: Array, workspace: Array, offsets: Array,
    panels: Array, window: Plain, tiling: Plain, relu: bool, threads: int,
) -> None:  # fmt: skip
    """``offsets``: where the rows of a micro-tile, and of the next one, start in transformed x, and in y.

    ``spare``: zeros to read where the image ends, and a place to write to.
    """
    win, tiles = Window(*window), Tiling(*tiling)
    both = _transformed(x, workspace, spare, tiles, t, t)
    source = Image(x.ctypes.data, win.H, win.W, win.C, win.PH, win.PW)
    count = win.N * tiles.down * tiles.across
    begin, end = t * count // threads, (t + 1) * count // threads
    blocks = max(1, -(-(end - begin) // TILES))
    step = max(1, -(-(end - begin) // (blocks * MR2))) * MR2  # alike: a block of a few tiles would read all weights for them
    for first in range(begin, end, step):
        last = min(first + step, end)
        for piece in range(tiles.pieces * tiles.pieces):
            transform_tiles(0, x, seen(source, piece, tiles), both.u, both.zeros, first, last, first, tiles)
            _multiply(x, packed, both.u, both.v, offsets, panels, win.C, piece, last - first, 0, POINTS * panels.shape[0])
        _transform_back(y, bias, masked_by, both, win, tiles, relu, first, last, first)


@part()
def _into_points(
    t: int, x: Array, spare: Array, workspace: Array, window: Plain, tiling: Plain, piece: int, threads: int
) -> None:  # fmt: skip
    win, tiles = Window(*window), Tiling(*tiling)
    both = _transformed(x, workspace, spare, tiles, 0, t)
    source = seen(Image(x.ctypes.data, win.H, win.W, win.C, win.PH, win.PW), piece, tiles)
    count = win.N * tiles.down * tiles.across
    transform_tiles(0, x, source, both.u, both.zeros, t * count // threads, (t + 1) * count // threads, 0, tiles)


@part()
def _products(
    t: int, x: Array, packed: Array, spare: Array, workspace: Array, offsets: Array, panels: Array, window: Plain, tiling: Plain,
    piece: int, threads: int,
) -> None:  # fmt: skip
    win, tiles = Window(*window), Tiling(*tiling)
    both = _transformed(x, workspace, spare, tiles, 0, t)
    count, jobs = win.N * tiles.down * tiles.across, POINTS * panels.shape[0]
    first, last = t * jobs // threads, (t + 1) * jobs // threads
    _multiply(x, packed, both.u, both.v, offsets, panels, win.C, piece, count, first, last)


@part()
def _out_of_points(
    t: int, y: Array, bias: Array, spare: Array, workspace: Array, window: Plain, tiling: Plain, relu: bool, threads: int
) -> None:
    win, tiles = Window(*window), Tiling(*tiling)
    both = _transformed(y, workspace, spare, tiles, 0, t)
    count = win.N * tiles.down * tiles.across
    first, last = t * count // threads, (t + 1) * count // threads
    _transform_back(y, bias, y[:0], both, win, tiles, relu, first, last, 0)


@program()
def _convolve_few(
    runner: int, workers: int, x: Array, packed: Array, bias: Array, y: Array, spare: Array, workspace: Array, offsets: Array,
    panels: Array, window: Plain, tiling: Plain, relu: bool, threads: int,
) -> None:  # fmt: skip
    """`_convolve` for at most MC tiles: all threads work on all of them, one step after the other, the products cut by points.

    So each thread reads only its part of the weights. With few tiles these are what takes the time: they come from the
    third-level cache, and are used a few times.
    """
    pieces = Tiling(*tiling).pieces
    for piece in range(pieces * pieces):
        spread(_into_points, runner, workers, threads, (x, spare, workspace, window, tiling, piece, threads))
        spread(
            _products, runner, workers, threads, (x, packed, spare, workspace, offsets, panels, window, tiling, piece, threads)
        )
    spread(_out_of_points, runner, workers, threads, (y, bias, spare, workspace, window, tiling, relu, threads))


class _Setup(NamedTuple):
    """All that `_convolve` and the packing need to know of a `Window`, looked up once for each call."""

    panels: Array  # see `panel_table`
    offsets: Array
    packed: int  # numbers in the packed weights
    workspace: int  # numbers that each thread works in
    scratch: int  # numbers of a vector of outputs' transformed weights
    spare: int  # see `_convolve`
    window: Plain
    tiling: Plain
    threads: int


@lru_cache(maxsize=512)
def _setup(win: Window, itemsize: int, threads: int) -> _Setup:
    tiling = tiling_of(win, row_of(win.C, itemsize), row_of(win.O, itemsize))
    depth = tiling.pieces**2 * POINTS * win.C
    return _Setup(
        panels=panel_table(depth, win.O, itemsize),
        offsets=np.arange(2 * max(MR1, MR2)) * np.array([[tiling.row_x], [tiling.row_y]]) * itemsize,
        packed=packed_size(depth, win.O, itemsize),
        workspace=POINTS * (MC * (tiling.row_x + tiling.row_y) + 2 * SKEW),
        scratch=HOST.lanes(itemsize) * POINTS * win.C,
        spare=2 * max(win.C, win.O),
        window=tuple(win),
        tiling=tuple(tiling),
        threads=threads,
    )


def _call(
    setup: _Setup, x: Array, packed: Array, bias: Array, masked_by: Array | None, y: Array, relu: bool, workspace: Array
) -> Call:
    spare = np.zeros((setup.threads, setup.spare), x.dtype)
    return Call(_convolve, (
        flat(x), packed, bias, packed[:0] if masked_by is None else flat(masked_by), flat(y), spare, workspace, setup.offsets,
        setup.panels, setup.window, setup.tiling, relu, setup.threads,
    ))  # fmt: skip


def pack(w: Array, b: Array | None, geo: Geometry) -> Packed:
    """See `direct.pack`; the weights are transformed."""
    setup = _setup(forward_window(geo), w.itemsize, get_num_threads())
    packed = memory.empty((setup.packed,), w.dtype)
    scratch, zeros = memory.empty((setup.threads, setup.scratch), w.dtype), np.zeros(geo.C, w.dtype)
    pack_forward_points(flat(w), packed, zeros, scratch, setup.panels, setup.tiling, geo.C, setup.threads)
    return Packed(packed, packed[:0] if b is None else flat(b))


def workspace_size(geo: Geometry, itemsize: int) -> int:
    """Numbers that each thread of `prepared` works in."""
    return _setup(forward_window(geo), itemsize, get_num_threads()).workspace


def prepared(x: Array, packed: Packed, y: Array, geo: Geometry, relu: bool, workspace: Array) -> Call:
    """See `direct.prepared`. ``workspace``: (threads, `workspace_size` or more) numbers."""
    setup = _setup(forward_window(geo), x.itemsize, get_num_threads())
    if tiles(geo) >= FEW or packed.weights.nbytes < SHARED:
        return _call(setup, x, packed.weights, packed.bias, None, y, relu, workspace)
    spare = np.zeros((setup.threads, setup.spare), x.dtype)
    return Call(_convolve_few, (
        flat(x), packed.weights, packed.bias, flat(y), spare, workspace, setup.offsets, setup.panels, setup.window, setup.tiling,
        relu, setup.threads,
    ))  # fmt: skip


def conv2d(x: Array, w: Array, b: Array | None, geo: Geometry, relu: bool) -> Array:
    """See `direct.conv2d`."""
    y = memory.empty((geo.N, geo.OH, geo.OW, geo.O), x.dtype)
    workspace = memory.empty((get_num_threads(), workspace_size(geo, x.itemsize)), x.dtype)
    prepared(x, pack(w, b, geo), y, geo, relu, workspace).run()
    return y


def conv2d_input_grad(g: Array, w: Array, geo: Geometry, masked_by: Array | None) -> Array:
    """See `direct.conv2d_input_grad`."""
    setup = _setup(backward_window(geo), g.itemsize, get_num_threads())
    dx = memory.empty((geo.N, geo.H, geo.W, geo.C), g.dtype)
    packed = memory.empty((setup.packed,), g.dtype)
    zeros = np.zeros(geo.C, g.dtype)
    pack_backward_points(flat(w), packed, zeros, setup.panels, setup.tiling, geo.O, geo.C, setup.threads)
    workspace = memory.empty((setup.threads, setup.workspace), g.dtype)
    _call(setup, g, packed, packed[:0], masked_by, dx, False, workspace).run()
    return dx
