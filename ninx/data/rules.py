"""The printed lines of ruled and squared paper."""

from __future__ import annotations

import numpy as np

from .dataset import Image

SLOPES = sorted(np.linspace(-0.06, 0.06, 13).tolist(), key=abs)  # a sheet is hardly ever photographed quite straight


def without_rules(rest: Image, least: float) -> bool:
    """Take rules out of a picture (H, W) whose paper is 0, in place; whether there are any.

    A rule goes from one side of the picture to the other: nine tenths of its pixels differ from the paper by more than ``least``,
    in the same direction. What differs as well where a stroke crosses it is the stroke.
    """
    found = False
    for picture in (rest, rest.T):
        h, w = picture.shape
        across = np.arange(w)
        for slope in SLOPES:
            rows = (np.arange(h)[:, None] + np.rint(slope * (across - w / 2)).astype(int)) % h
            lines = picture[rows, across]
            bright, dark = np.quantile(lines, 0.1, axis=1) > least, np.quantile(lines, 0.9, axis=1) < -least
            if 0 < np.count_nonzero(bright | dark) < 0.5 * h:
                quarters = np.quantile(lines, (0.25, 0.75), axis=1)  # of the pixels of a rule most are no stroke
                level = np.where(bright, quarters[0], np.where(dark, quarters[1], 0))
                picture[rows, across] = lines - level[:, None]
                found = True
                break
    return found
