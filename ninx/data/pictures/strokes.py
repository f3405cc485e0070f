"""Ink by its form: what is thin, whatever the light, the shadows and the things around it are."""

from __future__ import annotations

import numpy as np

from ..dataset import Image
from .parts import mean_around, parts_of

THICK = 5  # a stroke is thinner than a fifth of the picture


def by_strokes(grey: Image, invert: bool | None = None) -> Image | None:
    """Light ink on 0 (H, W), or None unless all of it keeps away from the edge of the picture and is as tall as a digit.

    The top-hat of the morphologists (Serra, Image Analysis and Mathematical Morphology, 1982). Closing, which is the least of the
    greatest values around a pixel, takes dark strokes away and leaves the rest as it is, also a shadow with a hard edge, or a
    table; what it has taken is the ink. For light strokes, all the other way round.
    """
    smooth = mean_around(grey)
    found = [ink for dark in ((True, False) if invert is None else (invert,)) if (ink := _thin(smooth, dark)) is not None]
    return max(found, key=lambda ink: float((ink**3).sum()), default=None)


def _thin(grey: Image, dark: bool) -> Image | None:
    values = grey if dark else 255 - grey
    paper = -_greatest(-_greatest(values))
    hat = 255 * (1 - values / np.maximum(paper, 1)) if dark else paper - values  # in a shadow also the ink gets less light
    usual = float(np.median(hat))
    noise = 1.4826 * float(np.median(np.abs(hat - usual))) + 0.5
    ink = np.clip(hat - usual - 3 * noise, 0, None)
    labels, _ = parts_of(ink > 0.25 * ink.max())
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    large = (sizes >= max(0.1 * sizes.max(), 1))[labels]
    margin = max(2, max(grey.shape) // 50)
    if not large.any() or ink.max() < 0.25 * np.ptp(grey) or large[margin:-margin, margin:-margin].sum() < large.sum():
        return None
    if np.ptp(np.flatnonzero(large.any(axis=1))) < 0.15 * len(grey):
        return None
    middle = (float(values[large].mean()) + float(paper[large].mean())) / 2
    dark_parts, _ = parts_of(values < middle)  # in a thick stroke, not all of the ink is thin
    whole = np.isin(dark_parts, np.unique(dark_parts[large & (dark_parts > 0)]))
    return ink if whole.sum() < 1.5 * large.sum() else None


def _greatest(values: Image) -> Image:
    """Of a square around each pixel: the greatest of two neighbours, of two such pairs, and so on."""
    reach = max(values.shape) // THICK // 2 + 1
    for _ in range(2):  # down the columns; then, turned, along the rows
        size, span = len(values), 1
        values = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
        while 2 * span <= 2 * reach + 1:
            values = np.maximum(values[:-span], values[span:])
            span *= 2
        values = np.maximum(values[:size], values[-size:]).T  # two that overlap
    return values
