"""How a weight gradient is summed: blocks of output pixels, dealt out to the threads.

dw is a product of two matrices, with a row for each input channel (at each tap), a column for each output channel, and the output
pixels to sum over. A block is kc pixels: of it a packed panel of dy, nr output channels wide, stays in the first-level cache,
and all of dy and x in the second.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...types import Array
from ..jit.vector import HOST
from ..window import Window
from .plan import lines_for_each, merged

# Output pixels of one block. Where each value of x meets many taps, there are more sums to load and store for each block, hence
# larger blocks.
KC, KC_TAPS = 256, 512
FEWEST = 8  # output pixels of a thread: with fewer, adding up its sums would take longer than making them
NARROW = 32  # channels; a copy of fewer costs more than it saves


class WeightTask(NamedTuple):
    """A row of `WeightPlan.tasks`, one block; `WEIGHT_TASK` has its column numbers.

    x, dy       numbers to its first image in x and in dy
    images      how many; of each the output rows ``top`` to ``bottom`` (excluded), ``width`` pixels wide
    next_x      bytes to what the thread reads next of x, and ``next_x_lines``: how many cache lines of it to prefetch with
                each call of the micro-kernel; ``next_dy`` and ``next_dy_lines`` likewise
    """

    x: int
    dy: int
    images: int
    top: int
    bottom: int
    width: int
    next_x: int
    next_x_lines: int
    next_dy: int
    next_dy_lines: int


WEIGHT_TASK = WeightTask(*range(10))


class Tap(NamedTuple):
    """A row of `WeightPlan.taps`; `TAP` has its column numbers.

    top, bottom, left, right    the output pixels that see it inside the image, whatever the block's own borders are
    row, column                 where in x, counted from where the block's rows begin, pixel (0, left) sees it
    """

    top: int
    bottom: int
    left: int
    right: int
    row: int
    column: int


TAP = Tap(*range(6))


class Blocking(NamedTuple):
    """The shapes of panels and micro-tiles.

    vectors     width of a panel of dy; nr: the same in numbers; panels: how many of them cover the output channels
    mr          width of a panel of x; x_panels: how many of them cover a run
    run         numbers that one tap sees: C, or KW * C if unrolled
    taps        of the kernel; if unrolled its rows
    unrolled    does a panel of x hold whole kernel rows, KW * C numbers of every window, instead of the C numbers of every pixel?
    in_place    is x read where it lies, without panels?
    columns     pixels of one row of a panel of x, or windows if unrolled (0: as many as the task is wide)
    """

    vectors: int
    nr: int
    panels: int
    mr: int
    x_panels: int
    run: int
    taps: int
    unrolled: bool
    in_place: bool
    columns: int

    @property
    def rows(self) -> int:
        """Of the sums of one tap: ``run``, rounded up to whole panels."""
        return self.x_panels * self.mr


class WeightPlan(NamedTuple):
    """Of one `Window`: ``window`` again (for a 1x1 kernel all pixels as one row of one image), the blocking, and the tables.

    tasks       rows of `WeightTask`; those of thread t are ``first_task[t]`` to ``first_task[t + 1]``; with few pixels fewer
                threads have a part than there are
    taps        rows of `Tap`
    kc          pixels of the largest block; area: places in one panel of x for it
    end         numbers of either end of a row of x, with the zeros beside it, that are copied before they are packed
    """

    window: Window
    blocking: Blocking
    tasks: Array
    first_task: Array
    taps: Array
    kc: int
    area: int
    end: int


@lru_cache(maxsize=512)
def weight_plan(window: Window, itemsize: int, threads: int) -> WeightPlan:
    """The blocks of the weight gradient of ``window``."""
    win = window
    vectors_of_y = -(-win.O // HOST.lanes(itemsize))
    vectors, mr = min(vectors_of_y, 2), HOST.mr(2)
    # Unrolling copies KW times as much, but wastes less of the last panel; and of pixels with a stride it leaves no gaps.
    unrolled = win.KW > 1 and 4 * mr * win.SW > win.C and _waste(win.KW * win.C, mr) < 0.95 * _waste(win.C, mr)
    threads = max(1, min(threads, win.N * win.OH * win.OW // FEWEST))
    if win.pointwise:
        blocks, first_task = _pixel_blocks(win, threads)
    else:
        few = unrolled and win.KW * win.C < win.O  # numbers to pack; then it hardly counts that blocks share rows of x
        blocks, first_task = _row_blocks(win, KC if few else KC_TAPS, threads)
    _, _, images, top, bottom, width = blocks
    kc, x_rows = int((images * (bottom - top) * width).max()), images * ((bottom - top - 1) * win.SH + win.KH)
    run = win.KW * win.C if unrolled else win.C
    columns = kc if win.pointwise else win.OW if unrolled else win.W
    blocking = Blocking(
        vectors=vectors,
        nr=vectors * HOST.lanes(itemsize),
        panels=-(-vectors_of_y // vectors),
        mr=mr,
        x_panels=-(-run // mr),
        run=run,
        taps=win.KH if unrolled else win.KH * win.KW,
        unrolled=unrolled,
        in_place=not unrolled and mr <= win.C <= NARROW,
        columns=0 if win.pointwise else columns,
    )
    seen = Window(1, 1, win.N, win.C, 1, win.N, win.O, 1, 1, 1, 1, 0, 0) if win.pointwise else win
    return WeightPlan(
        seen,
        blocking,
        _with_prefetch(blocks, win, blocking, itemsize),
        first_task,
        _taps(seen, unrolled),
        kc,
        int(x_rows.max()) * columns,
        (win.OW - 1) * win.SW * win.C + blocking.rows if unrolled else 2 * blocking.rows,
    )


def _pixel_blocks(win: Window, threads: int) -> tuple[list[Array], Array]:
    """(blocks, first_task) of a 1x1 kernel, whose pixels are one row of one image; of `WeightTask` the first six columns."""
    kc = _even(-(-win.N // threads), KC)
    first = np.arange(0, win.N, kc)
    width, one = np.minimum(kc, win.N - first), np.ones_like(first)
    return [first * win.C, first * win.O, one, 0 * one, one, width], np.arange(threads + 1) * len(first) // threads


def _row_blocks(win: Window, most: int, threads: int) -> tuple[list[Array], Array]:
    """(blocks, first_task) of any other kernel: of whole images, or of some rows of one, with about ``most`` pixels.

    Each thread has the same number of rows, and so perhaps a part of an image at its start and at its end.
    """
    shares = np.arange(threads + 1) * (win.N * win.OH) // threads  # in rows of all images, as are the cuts
    height = _even(win.OH, most // win.OW)
    if height < win.OH:
        inside = np.arange(win.N)[:, None] * win.OH + np.arange(0, win.OH, height)
    else:
        first, end = -(-shares[:-1] // win.OH), shares[1:] // win.OH  # of the whole images of each thread
        images = _even(max(1, int((end - first).max())), most // (win.OH * win.OW))
        groups = [np.append(np.arange(a, b, images), b) for a, b in zip(first.tolist(), end.tolist(), strict=True)]
        inside = np.concatenate(groups) * win.OH
    cuts = merged(shares, inside)
    n, top = np.divmod(cuts[:-1], win.OH)
    images, rest = np.divmod(np.diff(cuts), win.OH)
    x, dy = n * (win.H * win.W * win.C), n * (win.OH * win.OW * win.O)
    bottom = np.where(images > 0, win.OH, top + rest)
    return [x, dy, np.maximum(images, 1), top, bottom, np.full_like(n, win.OW)], np.searchsorted(cuts, shares)


def _with_prefetch(blocks: list[Array], win: Window, blocking: Blocking, itemsize: int) -> Array:
    """The tasks: each block, and what comes after it."""
    x, dy, images, top, bottom, width = blocks
    calls, pixels = blocking.panels * blocking.x_panels * blocking.taps, images * (bottom - top) * width
    tasks = np.empty((len(x), len(WeightTask._fields)), np.int64)
    for column, values in enumerate(blocks):
        tasks[:, column] = values
    tasks[:, WEIGHT_TASK.next_x] = np.roll((x + np.maximum(top * win.SH - win.PH, 0) * (win.W * win.C)) * itemsize, -1)
    tasks[:, WEIGHT_TASK.next_x_lines] = np.roll(lines_for_each(pixels * (win.SH * win.SW * win.C * itemsize), calls), -1)
    tasks[:, WEIGHT_TASK.next_dy] = np.roll((dy + top * (win.OW * win.O)) * itemsize, -1)
    tasks[:, WEIGHT_TASK.next_dy_lines] = np.roll(lines_for_each(pixels * (win.O * itemsize), calls), -1)
    return tasks


def _taps(win: Window, unrolled: bool) -> Array:
    """If unrolled a tap is a kernel row, and the windows that leave the image to the left or right have zeros there."""
    row, q = np.divmod(np.arange(win.KH * (1 if unrolled else win.KW)), 1 if unrolled else win.KW)  # q is 0 if unrolled
    left = np.maximum(0, -((q - win.PW) // win.SW))
    right = -((q - win.W - win.PW) // win.SW)
    taps = [-((row - win.PH) // win.SH), -((row - win.H - win.PH) // win.SH), left, right, row, left * win.SW - win.PW + q]
    if unrolled:
        taps[TAP.left], taps[TAP.right], taps[TAP.column] = q, q + win.OW, q
    return np.stack(taps, axis=1)


def _even(count: int, most: int) -> int:
    """The size of the fewest parts, as equal as possible, of at most ``most`` (and at least one) of ``count`` things."""
    return -(-count // -(-count // max(1, most)))


def _waste(run: int, mr: int) -> float:
    """How much longer a run gets when it is rounded up to whole panels."""
    return -(-run // mr) * mr / run
