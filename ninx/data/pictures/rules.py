"""The printed lines of ruled and squared paper."""

from __future__ import annotations

import numpy as np

from ..dataset import Image

SLOPES = sorted(np.linspace(-0.06, 0.06, 13).tolist(), key=abs)  # a sheet is hardly ever photographed quite straight
REACH, SMALL = 4, 40  # pixels: a rule is thinner than the one, and no picture that is smaller than the other has rules


def without_rules(grey: Image) -> Image:
    """A picture (H, W) without the lines that go from one side of it to the other; the picture itself if there are none.

    At nine tenths of its pixels a rule is darker, or lighter, than what lies above and below. These pixels become what lies
    there; where a stroke crosses the rule, the stroke stays.
    """
    if min(grey.shape) < SMALL:
        return grey
    noise = 1.4826 * float(np.median(np.abs(np.diff(grey, axis=1)))) / np.sqrt(2) + 0.5
    for turned in (False, True):
        found = _without_level(grey.T if turned else grey, noise)
        if found is not None:
            grey = found.T if turned else found
    return grey


def _without_level(grey: Image, noise: float) -> Image | None:
    """Without the rules that run along the rows, or nearly so; None if there are none."""
    h, w = grey.shape
    across, end = np.arange(w), w // 20 + 1
    for slope in SLOPES:
        rows = np.clip(np.arange(h)[:, None] + np.rint(slope * (across - w / 2)).astype(int), 0, h - 1)
        lines = np.pad(grey[rows, across], ((REACH, REACH), (0, 0)), mode="reflect")
        line, above, below = lines[REACH:-REACH], lines[: -2 * REACH], lines[2 * REACH :]
        for sign in (-1, 1):
            stands_out = sign * line > np.maximum(sign * above, sign * below) + 1.5 * noise + 3
            ruled = stands_out.mean(axis=1) > 0.9
            ruled &= (stands_out[:, :end].mean(axis=1) > 0.5) & (stands_out[:, -end:].mean(axis=1) > 0.5)
            if ruled[REACH:-REACH].any() and np.count_nonzero(ruled) < 0.3 * h:  # at the very edge it may be a stroke
                ruled = stands_out.mean(axis=1) > 0.4  # where there is one, others leave the picture at its top or bottom
                beside = (above + below) / 2
                level = np.median(line - beside, axis=1)[:, None]
                wide = np.convolve(ruled, np.ones(3), "same") > 0  # its soft edge too
                printed = wide[:, None] & (np.abs(line - beside) < 1.5 * np.abs(level) + 3 * noise)
                cleaned = grey.copy()
                cleaned[rows[printed], np.broadcast_to(across, rows.shape)[printed]] = beside[printed]
                return cleaned
    return None
