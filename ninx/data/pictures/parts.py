"""The connected parts of a mask (H, W): found, filled, measured."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..dataset import Image


def parts_of(mask: Image, corners: bool = True) -> tuple[Image, int]:
    """(the number of each pixel's part (H, W), from 1 on; 0 is outside of the mask, how many parts there are).

    Pixels are neighbours if they share a side or (``corners``) a corner. Row by row: a run of pixels joins the runs above it.
    """
    reach = 1 if corners else 0
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges > 0)
    _, ends = np.nonzero(edges < 0)
    runs = list(zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True))  # (row, first column, column after the last)
    parent = list(range(len(runs)))  # the root of a run's tree stands for its part

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    above = 0  # the first run that may touch the present one: in the row above, and not to the left of it
    for i, (row, start, end) in enumerate(runs):
        while runs[above][0] < row - 1 or (runs[above][0] == row - 1 and runs[above][2] + reach <= start):
            above += 1
        at = above
        while runs[at][0] == row - 1 and runs[at][1] < end + reach:
            parent[root(i)] = root(at)
            at += 1
    numbers: dict[int, int] = {}
    labels = np.zeros(mask.shape, np.int32)
    for i, (row, start, end) in enumerate(runs):
        labels[row, start:end] = numbers.setdefault(root(i), len(numbers) + 1)
    return labels, len(numbers)


def filled(mask: Image) -> Image:
    """The mask with its holes: all that the outside does not reach across sides."""
    outside, _ = parts_of(np.pad(~mask, 1, constant_values=True), corners=False)
    return np.asarray(outside != outside[0, 0])[1:-1, 1:-1]


def grown(mask: Image, by: int = 1) -> Image:
    """The mask and all pixels within ``by`` of it, also across corners."""
    for _ in range(by):
        mask = np.max(_nine(mask, "constant"), axis=0)
    return mask


def rim_of(mask: Image) -> Image:
    """The pixels of the mask that have one outside of it beside them, or beyond the edge of the picture."""
    return np.asarray(mask & grown(np.pad(~mask, 1, constant_values=True))[1:-1, 1:-1])


def mean_around(grey: Image) -> Image:
    """The mean of 3x3 pixels."""
    return np.asarray(np.mean(_nine(grey, "edge"), axis=0))


def _nine(picture: Image, mode: Literal["constant", "edge"]) -> list[Image]:
    """A pixel and the eight around it, each as a picture."""
    wide = np.pad(picture, 1, mode=mode)
    h, w = picture.shape
    return [wide[dy : dy + h, dx : dx + w] for dy in range(3) for dx in range(3)]


def box_of(mask: Image) -> tuple[slice, slice]:
    """The rows and the columns that hold the mask."""
    rows, cols = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


def dented(mask: Image) -> bool:
    """Whether a bite is taken out of the mask, as by a digit that lies across the edge of a shadow."""
    dents = ~mask & (_spanned(mask) | _spanned(mask.T).T)
    return bool(dents.sum() > 0.015 * mask.sum())


def _spanned(mask: Image) -> Image:
    """Each row from its first pixel to its last."""
    begun, to_come = np.maximum.accumulate(mask, axis=1), np.maximum.accumulate(mask[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(begun & to_come)
