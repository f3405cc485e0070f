"""3x3 and 5x5 convolutions with stride 1, with less than half of the multiplications; `transforms` has the idea and the matrices.

Every image is cut into tiles of 6x6 pixels that overlap, so that each makes m*m outputs (m = 2 for 5x5, 4 for 3x3). In the
transformed tiles the window is gone: each of the 36 places, here called points, is a matrix product by itself, tiles x channels
times channels x outputs, as in a 1x1 convolution.

**Forward.** For each thread and each block of its tiles: transform the tiles; for each point, each panel of output channels and
mr tiles at a time call the micro-kernel `gemm`; transform back, with the epilogue (bias, ReLU, mask) on the way out.

**Input gradient.** The same over g, with the kernel rotated by 180 degrees.

**Weight gradient.** See `winograd_weights`.

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
from ..jit.compiled import kernel
from ..jit.vector import HOST, MR1, MR2, VECTOR_BYTES
from ..window import Window, backward_window, forward_window
from .microkernels import GemmArgs, gemm1, gemm2
from .packing import pack_backward_points, pack_forward_points
from .panels import PANEL, packed_size, panel_table
from .tiling import SKEW, Image, Points, Tiling, row_of, tiles_of, tiling_of, transform_tiles
from .transforms import POINTS, SIDE, TAPS, OutputArgs, outputs3, outputs5
from .winograd_weights import conv2d_weight_grad as conv2d_weight_grad

MC = 96 // math.lcm(MR1, MR2) * math.lcm(MR1, MR2)  # tiles of a forward block: one point of it stays in the second-level cache
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
    return math.prod(tiles_of(forward_window(geo))) * POINTS


@kernel()
def _convolve(
    t: int, x: Array, packed: Array, bias: Array, masked_by: Array, y: Array, spare: Array, workspace: Array, offsets: Array,
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
        transform_tiles(0, x, source, u, zeros, first, last, first, tiles)
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
                        masked_by=0,
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
                masked_by=masked_by.ctypes.data + pixel if masked_by.size > 0 else 0,
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
    depth, tiling = POINTS * win.C, tiling_of(win, row_of(win.C, itemsize), row_of(win.O, itemsize))
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


def _run(setup: _Setup, x: Array, packed: Array, bias: Array, masked_by: Array | None, y: Array, relu: bool) -> None:
    workspace = memory.empty((setup.threads, setup.workspace), x.dtype)
    spare = np.zeros((setup.threads, setup.spare), x.dtype)
    _convolve(
        flat(x), packed, bias, packed[:0] if masked_by is None else flat(masked_by), flat(y), spare, workspace, setup.offsets,
        setup.panels, setup.window, setup.tiling, relu, setup.threads,
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


def conv2d_input_grad(g: Array, w: Array, geo: Geometry, masked_by: Array | None) -> Array:
    """See `direct.conv2d_input_grad`."""
    setup = _setup(backward_window(geo), g.itemsize, get_num_threads())
    dx = memory.empty((geo.N, geo.H, geo.W, geo.C), g.dtype)
    packed = memory.empty((setup.packed,), g.dtype)
    pack_backward_points(flat(w), packed, setup.panels, geo.KH, geo.O, geo.C, setup.threads)
    _run(setup, g, packed, packed[:0], masked_by, dx, False)
    return dx
