"""How images are cut into Winograd's tiles, kernels into pieces, and where the transformed tiles lie."""

from __future__ import annotations

from typing import NamedTuple

from ... import memory
from ...types import Array
from ..jit.compiled import helper
from ..jit.vector import HOST
from ..window import Window
from .transforms import SIDE, TAPS, InputArgs, cotangent3, cotangent4, cotangent5, image

SKEW = 16  # numbers between two points, so that all 36 values of a tile do not fall on one cache set


def pieces_of(kernel: int) -> tuple[int, int]:
    """(taps, pieces): how long the pieces of a kernel are along each axis, and how many: those that need the fewest products.

    >>> from ninx.kernels.cpu.conv.tiling import pieces_of
    >>> pieces_of(5), pieces_of(7)
    ((5, 1), (4, 2))
    """
    taps = min(TAPS, key=lambda r: ((-(-kernel // r) / (SIDE + 1 - r)) ** 2, -r))
    return taps, -(-kernel // taps)


def tiles_of(win: Window) -> tuple[int, int]:
    """How many tiles cover the outputs of one image, down and across."""
    m = SIDE + 1 - pieces_of(win.KH)[0]
    return -(-win.OH // m), -(-win.OW // m)


class Tiling(NamedTuple):
    """``down`` x ``across`` tiles cover an image; each makes m x m outputs.

    A transformed tile has a row of channels at each point. From one tile's row to the next one's are ``row_x`` numbers (of
    inputs) or ``row_y`` (of outputs). The kernel has ``kernel`` taps along each axis, in ``pieces`` of ``taps``.
    """

    m: int
    down: int
    across: int
    row_x: int
    row_y: int
    kernel: int
    taps: int
    pieces: int


def tiling_of(win: Window, row_x: int, row_y: int) -> Tiling:
    """The tiles of a window."""
    taps, pieces = pieces_of(win.KH)
    return Tiling(SIDE + 1 - taps, *tiles_of(win), row_x, row_y, win.KH, taps, pieces)


@helper()
def first_tap(piece: int, tiling: Tiling) -> int:
    """Where a piece starts along an axis. The last one ends with the kernel, so it may overlap the one before it."""
    return min(piece * tiling.taps, tiling.kernel - tiling.taps)


class Image(NamedTuple):
    """Whose tiles are transformed: its address and sizes, and where the first tile starts (above and left of it by PH and PW)."""

    address: int
    H: int
    W: int
    C: int
    PH: int
    PW: int


@helper()
def seen(source: Image, piece: int, tiling: Tiling) -> Image:
    """The image whose tiles a piece sees: those of the whole kernel from the piece's first tap on."""
    top, left = first_tap(piece // tiling.pieces, tiling), first_tap(piece % tiling.pieces, tiling)
    return Image(source.address, source.H, source.W, source.C, source.PH - top, source.PW - left)


class Points(NamedTuple):
    """Where transformed tiles lie: the value of tile i, channel c at a point is number point * plane + i * row + c."""

    address: int
    row: int
    plane: int


def row_of(channels: int, itemsize: int) -> int:
    """Numbers from one tile's channels to the next one's: whole panels, and an odd number of cache lines, so that they fall on
    different cache sets.
    """  # fmt: skip
    lines = -(-(channels + 2 * HOST.lanes(itemsize)) * itemsize // memory.LINE)
    return (lines | 1) * memory.LINE // itemsize


@helper()
def transform_tiles(
    kind: int, like: Array, source: Image, points: Points, zeros: int, first: int, last: int, start: int, tiling: Tiling
) -> None:
    """Transform the tiles ``first`` to ``last``; tile ``start`` is number 0 of ``points``.

    ``kind``: 0 for the 6x6 pixels of an image, 3, 4 or 5 for the m x m pixels of a cotangent.
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
        elif kind == 4:
            cotangent4(like, args)
        else:
            cotangent5(like, args)
