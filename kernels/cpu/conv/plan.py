"""What a convolution reads and writes, as tables: worked out once for each geometry by NumPy, then followed by the kernels.

No padded copy of the image is made, and no zero is multiplied. Instead the output pixels are sorted into *classes*: those whose
window meets the image in the same rows r0..r1 and columns c0..c1 of the kernel. Inside the image there is one class, the whole
kernel; along the borders some more. In channels-last memory the part of one kernel row that lies inside the image is one run
of (c1 - c0) * C neighbouring numbers, so a pixel's share of the sum is r1 - r0 runs, a row of the image apart.

A class is cut into *tiles* of as many pixels as a micro-kernel has rows; the last tile repeats its last pixel, which then is
written twice with the same value. Images are taken in *groups* whose pixels stay in a core's cache, and groups are dealt out
to the threads so that each has the same number of multiplications; a group may be split between two threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...geometry import Geometry
from ...memory import LINE
from ...types import Array
from ..jit.vector import HOST, Panel, panels

CACHED = 128 * 1024  # bytes of input that one group of a 1x1 convolution reads: a part of a core's second-level cache
AHEAD = 256 * 1024  # bytes that are asked for in advance at most: half of a usual second-level cache


class Window(NamedTuple):
    """A sum over windows: x (N, H, W, C) to y (N, OH, OW, O). Padding may be negative (the input gradient of a padded layer)."""

    N: int
    H: int
    W: int
    C: int
    OH: int
    OW: int
    O: int  # noqa: E741 - the field's letter for output channels
    KH: int
    KW: int
    SH: int
    SW: int
    PH: int
    PW: int

    @property
    def depth(self) -> int:
        """Products for each output value where the whole kernel lies inside the image."""
        return self.KH * self.KW * self.C

    @property
    def pointwise(self) -> bool:
        """A 1x1 kernel with stride 1 and no padding: im2col is the identity."""
        return (self.KH, self.KW, self.SH, self.SW, self.PH, self.PW) == (1, 1, 1, 1, 0, 0)

    def flattened(self) -> Window:
        """For a pointwise kernel every pixel is an image of its own."""
        if not self.pointwise:
            return self
        return Window(self.N * self.H * self.W, 1, 1, self.C, 1, 1, self.O, 1, 1, 1, 1, 0, 0)


@lru_cache(maxsize=512)
def forward(geo: Geometry) -> Window:
    """The window of the convolution itself."""
    g = geo
    return Window(g.N, g.H, g.W, g.C, g.OH, g.OW, g.O, g.KH, g.KW, g.SH, g.SW, g.PH, g.PW).flattened()


@lru_cache(maxsize=512)
def backward(geo: Geometry) -> Window:
    """The window of the input gradient of a convolution with stride 1: over g, with the kernel turned by 180 degrees."""
    g = geo
    return Window(g.N, g.OH, g.OW, g.O, g.H, g.W, g.C, g.KH, g.KW, 1, 1, g.KH - 1 - g.PH, g.KW - 1 - g.PW).flattened()


@dataclass(frozen=True)
class Plan:
    """The tables of one `Window`, all of 64-bit numbers; offsets are in bytes where not said otherwise.

    units    (units, 4 + 2 * kinds): offset of the group in x, in y; offset in x of what the thread reads next, and how many lines
             of it to ask for with each tile; and for each kind of tile the first and the end
    threads  (threads + 1): the units of thread t are threads[t] to threads[t + 1]
    panels   (panels, 6): kind of tile, vectors, offset of its channels in a pixel of y, tail, its start in the packed weights
             (elements), its start in the packed bias
    tiles    (tiles, 4): kernel rows, numbers in one run, start in the packed weights (rows), first entry in the two next tables
    read     where each pixel's first run starts in x; write: where the pixel lies in y
    """

    units: Array
    threads: Array
    panels: Array
    tiles: Array
    read: Array
    write: Array


def pack_size(depth: int, channels: int, itemsize: int) -> int:
    """Elements of the packed weights, with the bias behind them."""
    lanes = HOST.lanes(itemsize)
    return (depth + 1) * -(-channels // lanes) * lanes


@lru_cache(maxsize=512)
def panel_table(depth: int, channels: int, itemsize: int) -> Array:
    """The rows of `Plan.panels`. A panel of less than one vector has 0 vectors and its number of channels for a tail."""
    lanes, rows = HOST.lanes(itemsize), []
    cut = panels(channels, itemsize)
    kinds = _kinds(cut)
    for p in cut:
        narrow = channels < lanes
        tail = channels if narrow else p.tail * itemsize
        rows.append(
            (
                kinds.index(p.vectors),
                0 if narrow else p.vectors,
                p.channel * itemsize,
                tail,
                p.first * lanes * depth,
                p.first * lanes * itemsize,
            )
        )
    return np.array(rows, np.int64)


def _kinds(cut: list[Panel]) -> list[int]:
    """The widths that occur: each has tiles of its own height."""
    return sorted({p.vectors for p in cut}, reverse=True)


@lru_cache(maxsize=512)
def plan(window: Window, itemsize: int, threads: int) -> Plan:
    """The tables of ``window`` for ``threads`` threads."""
    kinds = _kinds(panels(window.O, itemsize))
    groups = _groups(window, itemsize, threads, HOST.rows(kinds[0]))
    tiles, read, write, work = [], [], [], {}
    count = pixels = 0
    for size in sorted(set(np.diff(groups).tolist())):
        for k, vectors in enumerate(kinds):
            t, r, w = _tiles(window, size, HOST.rows(vectors), itemsize)
            _check(window, size, t, r, w, HOST.rows(vectors), itemsize)
            # Cumulated multiplications, plus one for each tile, which also costs where nothing is multiplied.
            work[size, k] = count, np.concatenate([[0], np.cumsum(t[:, 0] * t[:, 1] + 1)])
            t[:, 3] += pixels
            count, pixels = count + len(t), pixels + len(r)
            tiles.append(t)
            read.append(r)
            write.append(w)
    table = panel_table(window.depth, window.O, itemsize)
    image_x, image_y = (n * itemsize for n in (window.H * window.W * window.C, window.OH * window.OW * window.O))
    units, starts = [], [0]
    total = int(groups[-1])
    for thread in range(threads):
        lo, hi = thread * total / threads, (thread + 1) * total / threads
        for n0, n1 in zip(groups[:-1].tolist(), groups[1:].tolist(), strict=True):
            a, b = (min(max((edge - n0) / (n1 - n0), 0.0), 1.0) for edge in (lo, hi))  # the thread's share of this group
            if a < b:
                unit = [n0 * image_x, n0 * image_y, n1 * image_x, 0]
                for k in range(len(kinds)):
                    first, cumulated = work[n1 - n0, k]
                    unit += [first + int(np.searchsorted(cumulated, edge * cumulated[-1])) for edge in (a, b)]
                if hi > n1:
                    calls = sum(unit[5 + 2 * k] - unit[4 + 2 * k] for k in table[:, 0].tolist())
                    unit[3] = _lines((n1 - n0) * image_x, calls)
                units.append(unit)
        starts.append(len(units))
    return Plan(
        np.array(units, np.int64).reshape(len(units), 4 + 2 * len(kinds)),
        np.array(starts, np.int64),
        table,
        np.concatenate(tiles),
        np.concatenate(read),
        np.concatenate(write),
    )


def _lines(size: int, calls: int) -> int:
    """How many lines of the next ``size`` bytes to ask for with each of ``calls`` tiles; 0 if they would fill the cache."""
    return -(-size // (LINE * max(calls, 1))) if size <= AHEAD else 0


def _groups(window: Window, itemsize: int, threads: int, rows: int) -> Array:
    """The first image of each group, and the end: groups of about one size, a multiple of the threads where possible."""
    n = window.N
    if window.pointwise:
        size = max(4 * rows, CACHED // (window.C * itemsize) // rows * rows)
    elif window.PH or window.PW:
        size = 12  # border classes have few pixels in one image; the rows of all tiles divide 12 or 24
    else:
        size = max(1, 1024 // (window.OH * window.OW))
    count = max(1, min(n, threads * -(-n // (threads * size))))
    if not window.pointwise and n <= 2 * size * threads:  # few images: cut them so that the fewest rows of tiles stay empty
        count = min(range(count, 0, -1), key=lambda c: _rows(window, np.arange(c + 1) * n // c, rows))
    if window.pointwise:
        share = -(-n // count)
        size = -(-share // rows) * rows  # whole tiles
        return np.append(np.arange(0, n, size), n)
    return np.arange(count + 1) * n // count


def _rows(window: Window, groups: Array, rows: int) -> int:
    """The numbers that the rows of all tiles read, those included that only repeat the last pixel of a class."""
    q = window
    vertical, horizontal = _classes(q.OH, q.SH, q.PH, q.KH, q.H), _classes(q.OW, q.SW, q.PW, q.KW, q.W)
    return sum(
        int((-(-np.diff(groups) * len(i) * len(j) // rows)).sum()) * ((r1 - r0) * (c1 - c0) * q.C + 1)
        for r0, r1, i in vertical
        for c0, c1, j in horizontal
    )


def _tiles(window: Window, images: int, rows: int, itemsize: int) -> tuple[Array, Array, Array]:
    """(tiles, read, write) of a group of ``images``; the biggest class, the interior, comes first."""
    q = window
    vertical, horizontal = _classes(q.OH, q.SH, q.PH, q.KH, q.H), _classes(q.OW, q.SW, q.PW, q.KW, q.W)
    both = sorted(((h, w) for h in vertical for w in horizontal), key=lambda c: -len(c[0][2]) * len(c[1][2]))
    tiles, read, write = [], [], []
    image, done = np.arange(images)[:, None, None], 0
    for (r0, r1, i), (c0, c1, j) in both:
        inside = r1 > r0 and c1 > c0
        row, column = i[:, None] * q.SH - q.PH + r0, j * q.SW - q.PW + c0
        source = ((image * q.H + row) * q.W + column) * q.C if inside else np.zeros((images, len(i), len(j)), np.int64)
        target = ((image * q.OH + i[:, None]) * q.OW + j) * q.O
        source, target = source.ravel() * itemsize, target.ravel() * itemsize
        missing = -len(source) % rows
        read += [source, np.repeat(source[-1:], missing)]
        write += [target, np.repeat(target[-1:], missing)]
        number = (len(source) + missing) // rows
        tile = np.zeros((number, 4), np.int64)
        if inside:
            tile[:, 0], tile[:, 1], tile[:, 2] = r1 - r0, (c1 - c0) * q.C, (r0 * q.KW + c0) * q.C
        tile[:, 3] = done + np.arange(number) * rows
        tiles.append(tile)
        done += number * rows
    return np.concatenate(tiles), np.concatenate(read), np.concatenate(write)


def tile_classes(window: Window) -> list[tuple[int, int, int, int]]:
    """(r0, r1, c0, c1) of every class of pixels."""
    q = window
    vertical, horizontal = _classes(q.OH, q.SH, q.PH, q.KH, q.H), _classes(q.OW, q.SW, q.PW, q.KW, q.W)
    return [(r0, r1, c0, c1) for r0, r1, _ in vertical for c0, c1, _ in horizontal]


def _classes(out: int, stride: int, padding: int, kernel: int, size: int) -> list[tuple[int, int, Array]]:
    """(first tap inside, end, the output positions of which this holds) along one axis."""
    start = np.arange(out) * stride - padding
    first, end = np.clip(-start, 0, kernel), np.clip(size - start, 0, kernel)
    end = np.maximum(end, first)
    kinds = sorted(set(zip(first.tolist(), end.tolist(), strict=True)))
    return [(a, b, np.flatnonzero((first == a) & (end == b))) for a, b in kinds]


def _check(window: Window, images: int, tiles: Array, read: Array, write: Array, rows: int, itemsize: int) -> None:
    """Prove that no address leaves the group's part of x, of y, or the packed panel: the kernels themselves never look."""
    q, last = window, np.maximum(tiles[:, 0] - 1, 0)
    end = read + np.repeat(last * q.W * q.C + tiles[:, 1], rows) * itemsize
    fits = (
        len(read) == len(write) == rows * len(tiles)
        and read.min() >= 0
        and end.max() <= images * q.H * q.W * q.C * itemsize
        and write.min() >= 0
        and write.max() + q.O * itemsize <= images * q.OH * q.OW * q.O * itemsize
        and tiles.min() >= 0
        and (tiles[:, 2] + last * q.KW * q.C + tiles[:, 1]).max() <= q.depth
        and np.array_equal(tiles[:, 3], np.arange(len(tiles)) * rows)
    )
    if not fits:
        raise RuntimeError(f"the plan of {window} would leave its arrays; please report this")


class WeightPlan(NamedTuple):
    """How a weight gradient is summed: blocks of output pixels, dealt out to the threads.

    units     (units, 10): its first image in x and in dy (elements), images, first output row, end, output columns; offset in x
              of what comes next (bytes), how many lines of it to ask for with each micro-kernel; the same in dy
    threads   (threads + 1): the units of thread t are threads[t] to threads[t + 1]
    vectors   width of a panel of dy, in vectors; panels of that width cover all output channels
    unrolled  does one strip hold a whole kernel row, KW * C numbers of every window, instead of the C numbers of every pixel?
    in_place  is x read where it lies? With few channels the copy costs more than it saves
    columns   of a strip: pixels, or windows if unrolled (0: as many as the unit has pixels)
    H, W      the image of x; for a 1x1 kernel all pixels stand in one row
    run       numbers that one tap sees: C, or KW * C if unrolled
    strips    their number: ``run`` is cut into strips of as many numbers as a tile has rows
    pixels    of the largest block; ``area``: places in one strip of x for the largest block
    """

    units: Array
    threads: Array
    vectors: int
    rows: int
    panels: int
    unrolled: bool
    in_place: bool
    columns: int
    H: int
    W: int
    run: int
    strips: int
    pixels: int
    area: int


# Output pixels of one block: a panel of dy then stays in the first-level cache, all of dy and x in the second. Where each value
# of x meets many taps, there are more sums to load and store for each block, hence larger blocks.
BLOCK, BLOCK_TAPS = 256, 512
NARROW = 32  # channels


@lru_cache(maxsize=512)
def weight_plan(window: Window, itemsize: int, threads: int) -> WeightPlan:
    """The blocks of the weight gradient of ``window``."""
    q = window
    count = -(-q.O // HOST.lanes(itemsize))
    vectors, rows = min(count, 2), HOST.rows(2)
    pixel, window_row = _waste(q.C, rows), _waste(q.KW * q.C, rows)
    unrolled = q.KW > 1 and 4 * rows > q.C and window_row < 0.95 * pixel  # unrolling copies KW times as much
    x_image, y_image = q.H * q.W * q.C, q.OH * q.OW * q.O
    images = lines = 1
    if q.pointwise:
        pixels = _even(-(-q.N // threads), BLOCK)
        units = [(n * x_image, n * y_image, 1, 0, 1, min(pixels, q.N - n)) for n in range(0, q.N, pixels)]
    else:
        block = BLOCK if unrolled else BLOCK_TAPS
        lines = _even(q.OH, block // q.OW)
        images = _even(-(-q.N // threads), block // (q.OH * q.OW))
        pixels = images * lines * q.OW
        units = [
            (n * x_image, n * y_image, min(images, q.N - n), h, min(h + lines, q.OH), q.OW)
            for n in range(0, q.N, images)
            for h in range(0, q.OH, lines)
        ]
    run = q.KW * q.C if unrolled else q.C
    columns = pixels if q.pointwise else q.OW if unrolled else q.W
    area = images * ((lines - 1) * q.SH + q.KH) * columns
    panels, strips = -(-count // vectors), -(-run // rows)
    table = np.array(units, np.int64).reshape(-1, 6)
    x, dy, n, top, end, width = np.roll(table, -1, axis=0).T  # what comes next
    calls, read = panels * strips * q.KH * (1 if unrolled else q.KW), n * (end - top) * width
    ahead = [
        (x + np.maximum(top * q.SH - q.PH, 0) * q.W * q.C) * itemsize,
        [_lines(count * q.SH * q.SW * q.C * itemsize, calls) for count in read.tolist()],
        (dy + top * q.OW * q.O) * itemsize,
        [_lines(count * q.O * itemsize, calls) for count in read.tolist()],
    ]
    return WeightPlan(
        np.column_stack([table, *ahead]),
        np.arange(threads + 1, dtype=np.int64) * len(units) // threads,
        vectors,
        rows,
        panels,
        unrolled,
        not unrolled and rows <= q.C <= NARROW,
        0 if q.pointwise else columns,
        q.H,
        q.N if q.pointwise else q.W,
        run,
        strips,
        pixels,
        area,
    )


def _even(count: int, most: int) -> int:
    """The size of the fewest parts, as equal as possible, of at most ``most`` (and at least one) of ``count`` things."""
    return -(-count // -(-count // max(1, most)))


def _waste(run: int, rows: int) -> float:
    """How much longer a run gets when it is rounded up to whole tiles."""
    return -(-run // rows) * rows / run
