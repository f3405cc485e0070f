"""Paper and ink: a digit in ink of either kind as a light one on dark, without lamp light, shadows, rules, noise and specks."""

from __future__ import annotations

import numpy as np
from PIL import Image as PillowImage

from ..dataset import Image
from .parts import dented, grown, parts_of, rim_of
from .rules import without_rules
from .strokes import by_strokes

SIDE, FLAT = 200, 8  # pixels of a reduced photograph; greys that lie this near to each other are one
CLEAR = 0.8  # of the variance lies between two greys, where a picture has but two; of an even slope between its halves: 0.75


def light_on_dark(grey: Image, invert: bool | None = None, inside: Image | None = None) -> Image:
    """A digit (H, W) in ink of either kind as a light one on dark; lamp light, shadows, noise and specks are taken away.

    The paper is where the edge of the picture is; its brightness may change like a quadratic polynomial of the place. What
    differs from it is ink: darker or lighter, whichever prevails. Paper of one grey is left as it is. In a tight crop the ink
    itself reaches the edge; there the paper is one grey, the one that prevails on the edge. What is not ``inside`` (a mask, the
    sheet) is paper too.
    """
    small = reduced(grey)
    step = -(-max(grey.shape) // SIDE)
    within = np.ones(small.shape, bool) if inside is None else inside[::step, ::step]
    plain = without_rules(small)
    paper, tight = _edge(plain, within)
    rest, noise, spread = _without_one_grey(plain, paper, within) if tight else _without_paper(plain, paper, within)
    # The third power: few pixels of ink outweigh much paper. In a tight crop it may be the other way round.
    dark = float((rest**3).sum()) < 0 if not tight else float(plain[paper].mean()) > float(plain[within].mean())
    flip = dark if invert is None else invert
    clean = spread < FLAT and inside is None and plain is small
    if clean:
        ink = 255 - grey if flip else grey
    else:
        low = 3 * noise if not tight else min(3 * noise, 0.1 * float(np.abs(rest).max()))
        ink = np.clip((-rest if flip else rest) - low, 0, None)
    if inside is None and _reaches_edge(reduced(ink)) and (strokes := by_strokes(plain, invert)) is not None:
        return _without_specks(strokes)
    if tight and _cut_in_two(plain):
        return np.zeros_like(small)
    return ink if clean else _without_specks(without_frame(ink))


def _cut_in_two(grey: Image) -> bool:
    """Whether one line parts dark and light: a shadow on an empty sheet, or the edge of a table. No digit is of that form."""
    threshold = two_greys(grey)
    if threshold is None:
        return False
    for side in (grey > threshold, grey <= threshold):
        labels, count = parts_of(side)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        if sizes.max() < 0.15 * side.size or sizes.max() < 0.98 * side.sum() or dented(labels == 1 + sizes.argmax()):
            return False
    return True


def _reaches_edge(ink: Image) -> bool:
    """Whether a large part of the ink does; dust may lie there."""
    low, high = float(ink.min()), float(ink.max())
    labels = _large_parts(ink > low + 0.25 * (high - low))
    return any(bool(side.any()) for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]))


def reduced(grey: Image) -> Image:
    """At most `SIDE` pixels large: enough for a digit, and the mean of many pixels has less noise."""
    factor = -(-max(grey.shape) // SIDE)
    return grey if factor == 1 else np.asarray(PillowImage.fromarray(grey).reduce(factor))


def two_greys(values: Image, clear: float = CLEAR) -> float | None:
    """The grey that parts the values into dark and light, or None where they are not of two greys.

    Otsu, A Threshold Selection Method from Gray-Level Histograms (1979): of all thresholds the one with the largest share of the
    variance between the two sides.
    """
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return None
    counts, edges = np.histogram(values, 256, (low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    total, whole = int(counts.sum()), float(counts @ centres)
    dark = counts.cumsum()[:-1]  # the last threshold leaves nothing that is light
    light = total - dark
    mean = (counts * centres).cumsum()[:-1]
    apart = np.abs(mean / np.maximum(dark, 1) - (whole - mean) / np.maximum(light, 1))  # the distance of their means
    between = dark * light * apart**2 / total**2
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))  # between two greys that lie apart all are equally good
    if between.max() < clear * values.var() or apart[best[0]] < 0.4 * (high - low):  # slopes and noise, or a weak shadow
        return None
    return float(edges[1:-1][best].mean())


def _edge(grey: Image, inside: Image) -> tuple[Image, bool]:
    """(where paper is to begin with: the edge of the picture, or what prevails there, whether ink reaches it)"""
    y, x = np.meshgrid(*(np.abs(np.linspace(-1, 1, n)) for n in grey.shape), indexing="ij")
    zone = (np.maximum(y, x) > 0.8) & inside
    if not zone.any():
        zone = inside
    narrow = max(grey.shape) > 3 * min(grey.shape)  # a tight crop of a 1, which is all soft edge
    threshold = two_greys(grey[inside], CLEAR - 0.1 if narrow else CLEAR)
    if threshold is None:
        return zone, False
    rim = rim_of(inside)
    light = grey > threshold
    share = float(light[rim].mean())
    if 0.35 < share < 0.65:  # a 1 that fills its crop: half of the rim is ink, but the rim is less inky than the inside
        share = float(grey[rim].mean() > grey[inside].mean())
    paper = light if share > 0.5 else ~light
    paper &= inside
    return (paper, True) if (zone & ~paper).sum() > 0.02 * zone.sum() else (zone, False)


def _without_paper(grey: Image, paper: Image, inside: Image) -> tuple[Image, float, float]:
    """(what is left without the paper's brightness, the paper's noise, how far its greys lie apart)."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in grey.shape), indexing="ij")
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    for _ in range(6):
        light = np.linalg.lstsq(basis[paper], grey[paper], rcond=None)[0]
        rest = np.where(inside, grey - basis @ light, 0)
        noise = 1.4826 * float(np.median(np.abs(rest[paper]))) + 0.5  # for normal noise the standard deviation
        paper = (np.abs(rest) < 3 * noise) & inside
    return rest, noise, float(np.ptp(grey[paper]))


def _without_one_grey(grey: Image, paper: Image, inside: Image) -> tuple[Image, float, float]:
    """The same for a tight crop, where much of the paper is the soft edge of the ink: its grey is at the far end from the ink."""
    away = 1 if grey[paper].mean() > grey[inside].mean() else -1
    level = away * float(np.quantile(away * grey[paper], 0.75))
    rest = np.where(inside, grey - level, 0)
    beyond = np.abs(rest[paper & (away * rest > 0)])
    noise = 1.4826 * float(np.median(beyond)) + 0.5 if len(beyond) else 0.5
    return rest, noise, float(np.ptp(grey[paper & (np.abs(rest) < 3 * noise)]))


def without_frame(ink: Image) -> Image:
    """Without what lies around the sheet: parts that fill a corner of the picture or most of one of its sides.

    Only if something else is left that is large enough for a digit.
    """
    labels, count = parts_of(ink > max(0.25 * ink.max(), FLAT))
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    along = np.max([np.bincount(side, minlength=count + 1) / len(side) for side in sides], axis=0)
    frame = along > 0.8
    frame[labels[[0, 0, -1, -1], [0, -1, 0, -1]]] = True
    frame[0] = False
    rest = (labels > 0) & ~frame[labels]
    if not frame.any() or not rest.any():
        return ink
    tall = max(np.ptp(np.nonzero((labels == i).any(axis=1))[0]) + 1 for i in np.unique(labels[rest]))
    if tall < 0.15 * len(ink):
        return ink
    return np.where(grown(frame[labels], 2), 0, ink)


def _without_specks(ink: Image) -> Image:
    """Without dust, which is no digit."""
    return np.where(grown(_large_parts(ink > 0.25 * ink.max())), ink, 0)  # with the soft edge around the kept parts


def _large_parts(mask: Image) -> Image:
    """Only the connected parts that have at least a tenth of the size of the largest."""
    labels, _ = parts_of(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= max(0.1 * sizes.max(), 1))[labels])
