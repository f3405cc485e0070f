"""What a convolution reads and writes, as tables: worked out once for each geometry by NumPy, then followed by the kernels.

No padded copy of the image is made, and no zero is multiplied. Instead the output pixels are sorted into *classes*: those whose
window meets the image in the same rows r0..r1 and columns c0..c1 of the kernel. Inside the image there is one class, the whole
kernel; along the borders some more. In channels-last memory the part of one kernel row that lies inside the image is one run
of (c1 - c0) * C neighbouring numbers, so a pixel's share of the sum is r1 - r0 runs, a row of the image apart.

A class is cut into *micro-tiles* of mr pixels each; the last one repeats its last pixel, which then is written twice with the
same value. Images are taken in *blocks*, whose pixels stay in a core's second-level cache (mc in BLIS), and a *task* is what
one thread does of one block: each thread has the same number of multiplications, so two may share a block.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...memory import LINE
from ...types import Array
from ..jit.vector import HOST
from ..window import Window
from .panels import PANEL, panel_table, widths

# Bytes of input that one block of a 1x1 convolution reads, or of output that it writes and of the mask of that output: a part of
# a core's second-level cache.
CACHED = 128 * 1024
AHEAD = 256 * 1024  # bytes that are prefetched at most: half of a usual second-level cache


class Task(NamedTuple):
    """A row of `Plan.tasks`; `TASK` has its column numbers.

    x, y         bytes to the block's first image in x and in y
    next_x       bytes to what the thread reads next, and ``next_lines``: how many cache lines of it to prefetch with each call
    first, end   its micro-tiles of the first panel's height
    first_narrow, end_narrow   those of a narrower panel's height
    """

    x: int
    y: int
    next_x: int
    next_lines: int
    first: int
    end: int
    first_narrow: int
    end_narrow: int


class MicroTile(NamedTuple):
    """A row of `Plan.tiles`, mr pixels of one class; `TILE` has its column numbers.

    taps     kernel rows inside the image
    run      numbers of each of them, all channels of its taps
    weights  the row of the packed weights where its first run starts
    pixels   its first entry in `Plan.read` and `Plan.write`
    """

    taps: int
    run: int
    weights: int
    pixels: int


TASK, TILE = Task(*range(8)), MicroTile(*range(4))


class Plan(NamedTuple):
    """The tables of one `Window`, all of 64-bit numbers.

    tasks       rows of `Task`; those of thread t are ``first_task[t]`` to ``first_task[t + 1]``
    panels      rows of `panels.Panel`
    tiles       rows of `MicroTile`
    read        bytes from the block's first image to each pixel's first run in x; write: to the pixel in y, with a micro-tile
                more at the end, because each call of a micro-kernel prefetches what the next one writes
    """

    tasks: Array
    first_task: Array
    panels: Array
    tiles: Array
    read: Array
    write: Array


@lru_cache(maxsize=512)
def plan(window: Window, itemsize: int, threads: int) -> Plan:
    """The tables of ``window`` for ``threads`` threads."""
    heights = [HOST.mr(vectors) for vectors in widths(window.O, itemsize)]
    blocks = _blocks(window, itemsize, threads, heights[0])
    tiles, read, write, work = [], [], [], {}
    count = pixels = 0
    for images in sorted(set(np.diff(blocks).tolist())):
        for k, mr in enumerate(heights):
            t, r, w = _tiles(window, images, mr, itemsize)
            _check(window, images, t, r, w, mr, itemsize)
            # Cumulated multiplications, plus one for each micro-tile, which also costs where nothing is multiplied.
            work[images, k] = count, np.concatenate([[0], np.cumsum(t[:, TILE.taps] * t[:, TILE.run] + 1)])
            t[:, TILE.pixels] += pixels
            count, pixels = count + len(t), pixels + len(r)
            tiles.append(t)
            read.append(r)
            write.append(w)
    table = panel_table(window.depth, window.O, itemsize)
    image_x, image_y = (n * itemsize for n in (window.H * window.W * window.C, window.OH * window.OW * window.O))
    tasks: list[Task] = []
    first_task = [0]
    total = int(blocks[-1])
    for thread in range(threads):
        lo, hi = thread * total / threads, (thread + 1) * total / threads
        for n0, n1 in zip(blocks[:-1].tolist(), blocks[1:].tolist(), strict=True):
            share = [min(max((edge - n0) / (n1 - n0), 0.0), 1.0) for edge in (lo, hi)]  # the thread's part of this block
            if share[0] == share[1]:
                continue
            ranges = [(0, 0), (0, 0)]
            for k in range(len(heights)):
                first, cumulated = work[n1 - n0, k]
                a, b = (first + int(np.searchsorted(cumulated, edge * cumulated[-1])) for edge in share)
                ranges[k] = a, b
            lines = 0
            if hi > n1:  # another block follows
                calls = sum(ranges[k][1] - ranges[k][0] for k in table[:, PANEL.narrow].tolist())
                lines = lines_for_each((n1 - n0) * image_x, calls)
            tasks.append(Task(n0 * image_x, n0 * image_y, n1 * image_x, lines, *ranges[0], *ranges[1]))
        first_task.append(len(tasks))
    return Plan(
        np.array(tasks, np.int64).reshape(len(tasks), len(Task._fields)),
        np.array(first_task, np.int64),
        table,
        np.concatenate(tiles),
        np.concatenate(read),
        np.concatenate([*write, np.repeat(write[-1][-1:], max(heights))]),
    )


def lines_for_each(size: int, calls: int) -> int:
    """How many cache lines of ``size`` bytes to prefetch with each of ``calls`` calls; 0 if they would fill the cache."""
    return -(-size // (LINE * max(calls, 1))) if size <= AHEAD else 0


def _blocks(window: Window, itemsize: int, threads: int, mr: int) -> Array:
    """The first image of each block, and the end: blocks of about one size, a multiple of the threads where possible."""
    n = window.N
    if window.pointwise:
        size = max(4 * mr, CACHED // (max(window.C, 2 * window.O) * itemsize) // mr * mr)
    elif window.PH or window.PW:
        size = 12  # border classes have few pixels in one image; mr divides 12 or 24
    else:
        size = max(1, 1024 // (window.OH * window.OW))
    count = max(1, min(n, threads * -(-n // (threads * size))))
    few = n <= 2 * size * threads  # then they are cut so that the fewest rows of micro-tiles are repeats
    if few and not window.pointwise:
        count = min(range(count, 0, -1), key=lambda c: _numbers_read(window, np.arange(c + 1) * n // c, mr))
    if window.pointwise:
        share = -(-n // count)
        size = -(-share // mr) * mr  # whole micro-tiles
        return np.append(np.arange(0, n, size), n)
    return np.arange(count + 1) * n // count


def _numbers_read(window: Window, blocks: Array, mr: int) -> int:
    """What the rows of all micro-tiles read, those included that only repeat the last pixel of a class."""
    vertical, horizontal = _classes_of(window)
    return sum(
        int((-(-np.diff(blocks) * len(i) * len(j) // mr)).sum()) * ((r1 - r0) * (c1 - c0) * window.C + 1)
        for r0, r1, i in vertical
        for c0, c1, j in horizontal
    )


def _tiles(window: Window, images: int, mr: int, itemsize: int) -> tuple[Array, Array, Array]:
    """(tiles, read, write) of a block of ``images``; the biggest class, the interior, comes first."""
    win = window
    vertical, horizontal = _classes_of(win)
    both = sorted(((h, w) for h in vertical for w in horizontal), key=lambda c: -len(c[0][2]) * len(c[1][2]))
    tiles, read, write = [], [], []
    image, done = np.arange(images)[:, None, None], 0
    for (r0, r1, i), (c0, c1, j) in both:
        inside = r1 > r0 and c1 > c0
        row, column = i[:, None] * win.SH - win.PH + r0, j * win.SW - win.PW + c0
        source = ((image * win.H + row) * win.W + column) * win.C if inside else np.zeros((images, len(i), len(j)), np.int64)
        target = ((image * win.OH + i[:, None]) * win.OW + j) * win.O
        source, target = source.ravel() * itemsize, target.ravel() * itemsize
        missing = -len(source) % mr
        read += [source, np.repeat(source[-1:], missing)]
        write += [target, np.repeat(target[-1:], missing)]
        count = (len(source) + missing) // mr
        made = np.zeros((count, len(MicroTile._fields)), np.int64)
        if inside:
            made[:, TILE.taps], made[:, TILE.run] = r1 - r0, (c1 - c0) * win.C
            made[:, TILE.weights] = (r0 * win.KW + c0) * win.C
        made[:, TILE.pixels] = done + np.arange(count) * mr
        tiles.append(made)
        done += count * mr
    return np.concatenate(tiles), np.concatenate(read), np.concatenate(write)


def classes(window: Window) -> list[tuple[int, int, int, int]]:
    """(r0, r1, c0, c1) of every class of pixels."""
    vertical, horizontal = _classes_of(window)
    return [(r0, r1, c0, c1) for r0, r1, _ in vertical for c0, c1, _ in horizontal]


Class = tuple[int, int, Array]  # along one axis: first tap inside the image, end, the output positions of which this holds


def _classes_of(window: Window) -> tuple[list[Class], list[Class]]:
    """The classes along the vertical and the horizontal axis."""
    win = window
    return _along_axis(win.OH, win.SH, win.PH, win.KH, win.H), _along_axis(win.OW, win.SW, win.PW, win.KW, win.W)


def _along_axis(out: int, stride: int, padding: int, kernel: int, size: int) -> list[Class]:
    start = np.arange(out) * stride - padding
    first, end = np.clip(-start, 0, kernel), np.clip(size - start, 0, kernel)
    end = np.maximum(end, first)
    kinds = sorted(set(zip(first.tolist(), end.tolist(), strict=True)))
    return [(a, b, np.flatnonzero((first == a) & (end == b))) for a, b in kinds]


def _check(window: Window, images: int, tiles: Array, read: Array, write: Array, mr: int, itemsize: int) -> None:
    """Prove that no address leaves the block's part of x, of y, or the packed panel: the kernels themselves never look."""
    win, run, last = window, tiles[:, TILE.run], np.maximum(tiles[:, TILE.taps] - 1, 0)
    end = read + np.repeat(last * win.W * win.C + run, mr) * itemsize
    fits = (
        len(read) == len(write) == mr * len(tiles)
        and read.min() >= 0
        and end.max() <= images * win.H * win.W * win.C * itemsize
        and write.min() >= 0
        and write.max() + win.O * itemsize <= images * win.OH * win.OW * win.O * itemsize
        and tiles.min() >= 0
        and (tiles[:, TILE.weights] + last * win.KW * win.C + run).max() <= win.depth
        and np.array_equal(tiles[:, TILE.pixels], np.arange(len(tiles)) * mr)
    )
    if not fits:
        raise RuntimeError(f"the plan of {window} would leave its arrays; please report this")
