"""The sheet of paper in a picture that shows more than the sheet: a dark table around it."""

from __future__ import annotations

import numpy as np

from ..dataset import Image
from .paper import reduced, two_greys
from .parts import box_of, dented, filled, grown, mean_around, parts_of, rim_of


def cut_out(grey: Image) -> tuple[Image, Image | None]:
    """(the picture, or what it shows of a sheet (H, W), which of these pixels are of the sheet, or None for all).

    A sheet is a quarter of a picture of two greys, at the least a tenth of it, that fills a rectangle, turned or not. It bears
    ink of the other grey, thin as a stroke; or nothing, if it is large and lies on a table that surrounds it.
    """
    small = reduced(grey)
    smooth = mean_around(small)
    threshold = two_greys(smooth)
    if threshold is None:
        return grey, None
    for mask in (smooth > threshold, smooth <= threshold):
        labels, _ = parts_of(mask)
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        for part in np.flatnonzero(sizes > 0.05 * mask.size)[:20]:
            sheet = filled(labels == part)
            if 0.1 < sheet.mean() < 0.97 and _is_sheet(sheet, sheet & ~mask):
                return _cut(grey, sheet, -(-len(grey) // len(small)))
    return grey, None


def _cut(grey: Image, sheet: Image, step: int) -> tuple[Image, Image]:
    """The rectangle around the sheet, whose mask is ``step`` times smaller than the picture."""
    rows, cols = box_of(sheet)
    inner = ~grown(np.pad(~sheet, 1, constant_values=True), 3)[1:-1, 1:-1]  # not the soft edge
    cut = grey[rows.start * step : rows.stop * step, cols.start * step : cols.stop * step]
    inside = np.repeat(np.repeat(inner[rows, cols], step, axis=0), step, axis=1)
    return cut, inside[: cut.shape[0], : cut.shape[1]]


def _is_sheet(sheet: Image, ink: Image) -> bool:
    area, long, short = _rectangle(sheet)
    if sheet.sum() < 0.85 * area or dented(sheet):
        return False
    labels, count = parts_of(ink)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:] / sheet.sum()
    if sizes.sum() > 0.25:
        return False
    strokes = np.flatnonzero(sizes > 0.002) + 1
    if len(strokes):  # the holes of an 8 are round; strokes are not
        return any(_is_stroke(labels == i) for i in strokes)
    touched = sum(bool(side.any()) for side in (sheet[0], sheet[-1], sheet[:, 0], sheet[:, -1]))
    return bool(sheet.mean() > 0.35 and sheet.sum() > 0.92 * area and long < 2 * short and touched <= 1)


def _is_stroke(part: Image) -> bool:
    area, long, short = _rectangle(part)
    return bool(part.sum() < 0.7 * area or long > 2.5 * short)


def _rectangle(mask: Image) -> tuple[float, float, float]:
    """(area, longer side, shorter side) of the smallest rectangle around the mask, at any angle."""
    y, x = np.nonzero(rim_of(mask))
    angles = np.deg2rad(np.arange(0, 90, 2))[:, None]
    along, across = np.cos(angles) * x + np.sin(angles) * y, np.cos(angles) * y - np.sin(angles) * x
    sides = np.stack([np.ptp(along, axis=1), np.ptp(across, axis=1)]) + 1
    least = sides[:, sides.prod(axis=0).argmin()]
    return float(least.prod()), float(least.max()), float(least.min())
