"""What each way to compute a convolution does, counted from its sizes alone: before anything runs.

A way's work has parts, and each part takes its own kind of time: multiply-adds the processor's peak, arrays that are copied the
bandwidth of the caches, the start of many short loops so many nanoseconds each. `calibration` makes seconds of them.

    products   floating-point operations, with those for rows and columns that only fill a micro-tile, and for Winograd's
               convolution with its smaller number
    memory     bytes of the input and of the result, each once
    packing    bytes of weights (for the weight gradient: of images) that are brought into the order of the micro-kernels,
               read and written
    transforms bytes of Winograd's transformed tiles, read and written
    sums       bytes of a weight gradient's running sums, read and written
    columns    bytes of the im2col matrix, read and written; the same on the way back (col2im)
    fresh      bytes of arrays for which NumPy asks the system, page by page
    starts     how often an innermost loop begins
    calls      1
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...kernels import blocked, cpu, strided
from ...kernels.cpu.conv import winograd, winograd_weights
from ...kernels.cpu.conv.panels import PANEL
from ...kernels.cpu.conv.plan import TASK, TILE, plan
from ...kernels.cpu.conv.tiling import pieces_of, tiles_of
from ...kernels.cpu.conv.transforms import POINTS
from ...kernels.cpu.conv.weight_plan import WEIGHT_TASK, weight_plan
from ...kernels.cpu.jit.vector import HOST
from ...kernels.cpu.window import Window, backward_window, forward_window, inside
from ...kernels.geometry import Geometry
from ...kernels.memory import LINE
from ...kernels.threads import get_num_threads

DIRECTIONS = ("forward", "input", "weight")
FLOAT = 4  # bytes of a float32
FRESH = 2**17  # bytes from which on the C library asks the system for memory of its own


class Work(NamedTuple):
    """What a way does: ``kind`` says which kernels do it, and so which calibration holds. ``moved``: bytes, see `moved`."""

    kind: str
    parts: dict[str, float]
    moved: float

    @property
    def flops(self) -> float:
        """Floating-point operations that are carried out."""
        return self.parts["products"]


def work(way: str, direction: str, geo: Geometry) -> Work:
    """The work of a way: "loops", "im2col", "product", "blocked", "direct" or "fast"; in a direction of `DIRECTIONS`.

    >>> from ninx.kernels.geometry import convolution
    >>> geo = convolution("conv2d", (8, 192, 28, 28), (32, 192, 1, 1))
    >>> from ninx.benchmarks.lab.counts import work
    >>> work("product", "forward", geo).flops == 2 * geo.macs
    True
    """
    if way == "loops":
        return Work("loops", {"products": 2.0 * geo.macs, "calls": 1.0}, 2.0 * FLOAT * geo.macs)
    if way == "blocked":
        return _blocked(geo)
    if way in ("im2col", "product") or cpu.why_not(geo) is not None or (direction == "input" and (geo.SH, geo.SW) != (1, 1)):
        return _numpy(direction, geo, way == "product" or (way != "im2col" and geo.pointwise))
    if way == "fast" and winograd.fits(geo, np.dtype(np.float32)):
        return _winograd_weights(geo) if direction == "weight" else _winograd(_window(direction, geo))
    return _direct_weights(geo) if direction == "weight" else _direct(_window(direction, geo))


def _window(direction: str, geo: Geometry) -> Window:
    return backward_window(geo) if direction == "input" else forward_window(geo)


def _images(win: Window) -> int:
    """Bytes of input and output."""
    return FLOAT * win.N * (win.H * win.W * win.C + win.OH * win.OW * win.O)


def _direct(win: Window) -> Work:
    """`kernels.cpu.conv.direct`: its plan says which micro-tiles there are, and how long the sum of each is."""
    tables = plan(win, FLOAT, get_num_threads())
    tiles, tasks = tables.tiles, tables.tasks
    steps = np.append(0, np.cumsum(tiles[:, TILE.taps] * tiles[:, TILE.run]))
    loops = np.append(0, np.cumsum(tiles[:, TILE.taps] + 1))  # a loop for each kernel row, and the micro-tile itself
    products = starts = 0
    for panel in tables.panels:
        columns = (TASK.first_narrow, TASK.end_narrow) if panel[PANEL.narrow] else (TASK.first, TASK.end)
        first, end = (tasks[:, column] for column in columns)
        vectors = max(1, int(panel[PANEL.vectors]))
        products += 2 * int((steps[end] - steps[first]).sum()) * HOST.mr(vectors) * vectors * HOST.lanes(FLOAT)
        starts += int((loops[end] - loops[first]).sum())
    packed, images = 2 * FLOAT * win.depth * win.O, _images(win)
    parts = {"products": products, "memory": images, "packing": packed, "starts": starts, "calls": 1}
    return Work("direct", _floats(parts), images + 1.5 * packed)


def _direct_weights(geo: Geometry) -> Work:
    """`kernels.cpu.conv.direct_weights`: x and g are packed block by block, every thread has sums of its own."""
    win, tables = forward_window(geo), weight_plan(forward_window(geo), FLOAT, get_num_threads())
    blk, tasks = tables.blocking, tables.tasks
    across = win.OW if blk.unrolled else inside(win.OW, win.SW, win.PW, win.KW, win.W)
    products = 2 * win.N * inside(win.OH, win.SH, win.PH, win.KH, win.H) * across * blk.rows * blk.panels * blk.nr
    row = win.OW * blk.rows if blk.unrolled else win.W * blk.rows
    packed = win.N * win.OH * win.OW * blk.panels * blk.nr + (0 if blk.in_place else win.N * win.H * row)
    rows = (tasks[:, WEIGHT_TASK.images] * (tasks[:, WEIGHT_TASK.bottom] - tasks[:, WEIGHT_TASK.top])).sum() + 2 * len(tasks)
    sums = (len(tables.first_task) - 1) * blk.panels * blk.nr * blk.taps * blk.rows
    parts = {
        "products": products, "packing": 2 * FLOAT * packed, "sums": 2 * FLOAT * sums,
        "starts": int(rows) * blk.panels * blk.x_panels * blk.taps, "calls": 1,
    }  # fmt: skip
    return Work("direct, weights", _floats(parts), _images(win) + 2 * FLOAT * (packed + sums) + FLOAT * geo.O * geo.columns)


def _winograd(win: Window) -> Work:
    """`kernels.cpu.conv.winograd`: tiles are transformed, 36 products made, and the sums transformed back."""
    tiles, lanes, mr = win.N * math.prod(tiles_of(win)), HOST.lanes(FLOAT), HOST.mr(2)
    depth = pieces_of(win.KH)[1] ** 2 * win.C
    parts = {
        "products": 2 * POINTS * depth * _up(win.O, lanes) * _up(tiles, mr),
        "transforms": 2 * FLOAT * POINTS * tiles * (depth + win.O),
        "packing": 2 * FLOAT * POINTS * depth * win.O,
        "calls": 1,
    }
    return Work("Winograd", _floats(parts), _images(win) + parts["transforms"] + 1.5 * parts["packing"])


def _winograd_weights(geo: Geometry) -> Work:
    """`kernels.cpu.conv.winograd_weights`."""
    win = forward_window(geo)
    tiles, nr, mr = win.N * math.prod(tiles_of(win)), 2 * HOST.lanes(FLOAT), HOST.mr(2)
    pieces = pieces_of(win.KH)[1] ** 2
    sums = pieces * POINTS * _up(win.C, mr) * _up(win.O, nr)
    parts = {
        "products": 2 * sums * tiles,
        "transforms": 2 * FLOAT * POINTS * tiles * (pieces * win.C + win.O),
        "sums": 2 * FLOAT * sums * (1 + -(-tiles // winograd_weights.KC)),
        "calls": 1,
    }
    return Work("Winograd, weights", _floats(parts), _images(win) + parts["transforms"] + parts["sums"])


def _numpy(direction: str, geo: Geometry, product: bool) -> Work:
    """`kernels.strided`: im2col and a product, or for a 1x1 kernel the product alone."""
    cuts = 1 if product and geo.identity else len(geo.parts(FLOAT, strided.BUDGET))
    columns = FLOAT * geo.N * geo.OH * geo.OW * geo.columns * geo.groups
    x, y = FLOAT * geo.N * geo.H * geo.W * geo.C, FLOAT * geo.N * geo.OH * geo.OW * geo.O
    slab = x if (geo.PH or geo.PW) and not product else 0  # a copy with the padding around it
    copied = 0 if product and geo.identity and direction != "input" else columns + slab
    if direction == "input" and not product:  # tap by tap through the matrix: of each row a few channels, but a whole cache line
        copied = max(columns, LINE * geo.N * geo.OH * geo.OW * geo.KH * geo.KW * geo.groups) + slab
    if direction == "input":  # NumPy adds tap by tap: a loop over the channels of each pixel, or over the pixels of one channel
        starts = geo.N * geo.OH * geo.KH * geo.KW * geo.groups * (geo.OW if geo.groups < geo.C else 1)
    else:
        starts = geo.N * geo.OH * geo.OW * geo.KH * (geo.KW * geo.groups if geo.groups > 1 or geo.DW > 1 else 1) * (copied > 0)
    made = {"forward": [y], "input": [x, slab, columns], "weight": []}[direction]
    if direction != "input" and copied:
        made += [columns, slab]
    parts = {
        "products": 2 * geo.macs, "columns": 2 * copied, "fresh": sum(m for m in made if m / cuts >= FRESH), "starts": starts,
        "calls": cuts,
    }  # fmt: skip
    return Work(f"NumPy, {direction}", _floats(parts), x + y + FLOAT * geo.O * geo.columns + 2 * copied)


def _blocked(geo: Geometry) -> Work:
    """`kernels.blocked`: both matrices are packed block by block."""
    rows, depth = geo.N * geo.OH * geo.OW, geo.columns
    a, b = rows * depth * -(-geo.O // blocked.NC), depth * geo.O
    sums = rows * geo.O * -(-depth // blocked.KC)
    parts = {
        "products": 2 * _up(rows, blocked.MR) * _up(geo.O, blocked.NR) * depth, "packing": 2 * FLOAT * (a + b),
        "sums": 2 * FLOAT * sums, "calls": 1,
    }  # fmt: skip
    return Work("blocked", _floats(parts), 2 * FLOAT * (a + b + sums))


def _up(count: int, step: int) -> int:
    """``count`` rounded up to a multiple of ``step``."""
    return -(-count // step) * step


def _floats(parts: dict[str, int]) -> dict[str, float]:
    return {name: float(amount) for name, amount in parts.items()}
