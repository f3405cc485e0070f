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
PIXELS = 16 * 1024  # output pixels of a block at most, if it has more than one image: its tables should be short, too
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
    tasks, first_task = _tasks(window, itemsize, threads, blocks, work, table[:, PANEL.narrow])
    after = np.repeat(write[-1][-1:], max(heights))  # the last micro-tile's call prefetches those of one more
    return Plan(tasks, first_task, table, np.concatenate(tiles), np.concatenate(read), np.concatenate([*write, after]))


def _tasks(
    window: Window, itemsize: int, threads: int, blocks: Array, work: dict[tuple[int, int], tuple[int, Array]], narrow: Array
) -> tuple[Array, Array]:
    """(tasks, first_task): the blocks, cut where one thread's share of all images ends and the next one's begins.

    ``work``: for each size of a block and height of micro-tiles the first of these and their cumulated work. ``narrow``: for each
    panel whether it takes the second height.
    """
    ends, shares = blocks * threads, np.arange(threads + 1) * blocks[-1]  # in units in which both are whole numbers
    cuts = merged(ends, shares)
    low, high = cuts[:-1], cuts[1:]
    block = np.searchsorted(ends, low, "right") - 1
    n0, n1 = blocks[block], blocks[block + 1]
    tasks = np.zeros((len(low), len(Task._fields)), np.int64)
    image_x, image_y = (n * itemsize for n in (window.H * window.W * window.C, window.OH * window.OW * window.O))
    tasks[:, TASK.x], tasks[:, TASK.y], tasks[:, TASK.next_x] = n0 * image_x, n0 * image_y, n1 * image_x
    for (images, k), (first, cumulated) in work.items():
        those = n1 - n0 == images
        for column, edge in ((TASK.first, low), (TASK.end, high)):
            done = (edge[those] - ends[block[those]]) * cumulated[-1] // (images * threads)
            tasks[those, column + 2 * k] = first + np.searchsorted(cumulated, done)
    first, end, first_narrow, end_narrow = tasks[:, TASK.first :].T
    calls = (narrow == 0).sum() * (end - first) + (narrow == 1).sum() * (end_narrow - first_narrow)
    another = shares[np.searchsorted(shares, high)] > high  # does the thread go on after this block?
    tasks[:, TASK.next_lines] = np.where(another, lines_for_each((n1 - n0) * image_x, calls), 0)
    return tasks, np.searchsorted(low, shares)


def merged(a: Array, b: Array) -> Array:
    """The numbers of two sorted arrays in order, each once; ``np.union1d`` forgets that they are sorted, and takes far longer."""
    both = np.sort(np.append(a, b), kind="stable")
    return both[np.append(both[1:] != both[:-1], True)]


def lines_for_each(size: Array, calls: Array | int) -> Array:
    """How many cache lines of ``size`` bytes to prefetch with each of ``calls`` calls; 0 if they would fill the cache."""
    return np.where(size <= AHEAD, -(-size // (LINE * np.maximum(calls, 1))), 0)


def _blocks(window: Window, itemsize: int, threads: int, mr: int) -> Array:
    """The first image of each block, and the end: blocks of about one size, a multiple of the threads where possible."""
    n, most = window.N, max(1, PIXELS // (window.OH * window.OW))
    if window.pointwise:
        size = max(4 * mr, CACHED // (max(window.C, 2 * window.O) * itemsize) // mr * mr)
    elif window.PH or window.PW:
        size = min(12 // mr * mr, most)  # border classes have few pixels in one image; so they fill whole micro-tiles
    else:
        size = max(1, 1024 // (window.OH * window.OW))
    count = max(1, min(n, threads * -(-n // (threads * size))))
    few = n <= 2 * size * threads  # then they are cut so that the fewest rows of micro-tiles are repeats
    if few and not window.pointwise:
        counts = np.arange(count, min(count, -(-n // most)) - 1, -1)
        count = int(counts[_numbers_read(window, counts, mr).argmin()])
    if window.pointwise:
        share = -(-n // count)
        size = -(-share // mr) * mr  # whole micro-tiles
        return np.append(np.arange(0, n, size), n)
    return np.arange(count + 1) * n // count


def _numbers_read(window: Window, counts: Array, mr: int) -> Array:
    """What the rows of all micro-tiles read, those included that only repeat a class's last pixel; for each count of blocks."""
    vertical, horizontal = _classes_of(window)
    read, (size, larger) = np.zeros_like(counts), np.divmod(window.N, counts)  # blocks of size images, some with one more
    for r0, r1, i in vertical:
        for c0, c1, j in horizontal:
            rows, rows_larger = (-(-images * len(i) * len(j) // mr) for images in (size, size + 1))
            read += ((counts - larger) * rows + larger * rows_larger) * ((r1 - r0) * (c1 - c0) * window.C + 1)
    return read


def _tiles(window: Window, images: int, mr: int, itemsize: int) -> tuple[Array, Array, Array]:
    """(tiles, read, write) of a block of ``images``; the biggest class, the interior, comes first."""
    win = window
    vertical, horizontal = _classes_of(win)
    both = sorted(((h, w) for h in vertical for w in horizontal), key=lambda c: -len(c[0][2]) * len(c[1][2]))
    counts = [-(-images * len(i) * len(j) // mr) for (_, _, i), (_, _, j) in both]
    read, write = np.empty((2, sum(counts) * mr), np.int64)
    tiles = np.zeros((sum(counts), len(MicroTile._fields)), np.int64)
    tiles[:, TILE.pixels] = np.arange(len(tiles)) * mr
    image, first = np.arange(images)[:, None], 0
    for ((r0, r1, i), (c0, c1, j)), count in zip(both, counts, strict=True):
        end, inside = first + count, r1 > r0 and c1 > c0
        above, left = (image * win.H + i * win.SH - win.PH + r0) * win.W, j * win.SW - win.PW + c0
        _outer_sum(win.C * itemsize * inside, above, left, read[first * mr : end * mr])
        _outer_sum(win.O * itemsize, (image * win.OH + i) * win.OW, j, write[first * mr : end * mr])
        if inside:
            tiles[first:end, TILE.taps], tiles[first:end, TILE.run] = r1 - r0, (c1 - c0) * win.C
            tiles[first:end, TILE.weights] = (r0 * win.KW + c0) * win.C
        first = end
    return tiles, read, write


def _outer_sum(factor: int, a: Array, b: Array, out: Array) -> None:
    """factor * (a + b) for each of ``a`` and then each of ``b``, and what is left of ``out`` the same as the last one."""
    count = a.size * b.size
    np.add(factor * a.reshape(-1, 1), factor * b, out=out[:count].reshape(a.size, b.size))
    out[count:] = out[count - 1]


def classes(window: Window) -> list[tuple[int, int, int, int]]:
    """(r0, r1, c0, c1) of every class of pixels."""
    vertical, horizontal = _classes_of(window)
    return [(r0, r1, c0, c1) for r0, r1, _ in vertical for c0, c1, _ in horizontal]


Class = tuple[int, int, Array]  # along one axis: first tap inside the image, end, the output positions of which this holds


def _classes_of(window: Window) -> tuple[list[Class], list[Class]]:
    """The classes along the vertical and the horizontal axis."""
    win = window
    return _along_axis(win.OH, win.SH, win.PH, win.KH, win.H), _along_axis(win.OW, win.SW, win.PW, win.KW, win.W)


@lru_cache(maxsize=512)
def _along_axis(out: int, stride: int, padding: int, kernel: int, size: int) -> list[Class]:
    start = np.arange(out) * stride - padding
    first, end = np.clip(-start, 0, kernel), np.clip(size - start, 0, kernel)
    end = np.maximum(end, first)
    kinds = sorted(set(zip(first.tolist(), end.tolist(), strict=True)))
    return [(a, b, np.flatnonzero((first == a) & (end == b))) for a, b in kinds]


def _check(window: Window, images: int, tiles: Array, read: Array, write: Array, mr: int, itemsize: int) -> None:
    """Prove that no address leaves the block's part of x, of y, or the packed panel: the kernels themselves never look."""
    win, run, last = window, tiles[:, TILE.run], np.maximum(tiles[:, TILE.taps] - 1, 0)
    fits = (
        len(read) == len(write) == mr * len(tiles)
        and read.min() >= 0
        and (read.reshape(-1, mr) + ((last * win.W * win.C + run) * itemsize)[:, None]).max()
        <= images * win.H * win.W * win.C * itemsize
        and write.min() >= 0
        and write.max() + win.O * itemsize <= images * win.OH * win.OW * win.O * itemsize
        and tiles.min() >= 0
        and (tiles[:, TILE.weights] + last * win.KW * win.C + run).max() <= win.depth
        and np.array_equal(tiles[:, TILE.pixels], np.arange(len(tiles)) * mr)
    )
    if not fits:
        raise RuntimeError(f"the plan of {window} would leave its arrays; please report this")
