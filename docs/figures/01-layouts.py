"""An image of 2 x 3 pixels and 3 channels, and the line of its numbers as planes and channels last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

COLOURS = ("#c0392b", "#1e8449", "#2471a3")  # one for each channel
PIXEL = (0, 1)  # the one that is framed


def numbers() -> dict[str, Any]:
    """For each place in memory, whose number (c, h, w) stands there: in both orders; and the strides (C, H, W)."""
    c, h, w = 3, 2, 3
    places = np.stack(np.meshgrid(range(c), range(h), range(w), indexing="ij"), -1)  # (C, H, W, 3)
    last = places.transpose(1, 2, 0, 3)
    return {
        "shape": [c, h, w],
        "planes": places.reshape(-1, 3).tolist(),
        "channels last": last.reshape(-1, 3).tolist(),
        "strides": {"planes": [h * w, w, 1], "channels last": [1, w * c, c]},
    }


def draw(numbers: dict[str, Any], path: Path) -> None:
    """The image on the left, the two lines on the right."""
    import matplotlib.pyplot as plt

    c, h, w = numbers["shape"]
    figure, axes = plt.subplots(figsize=(7.6, 2.7))
    for at_h in range(h):
        for at_w in range(w):
            for at_c in range(c):
                left, top = at_w + at_c * 0.3 + 0.05, at_h
                axes.add_patch(plt.Rectangle((left, top + 0.08), 0.28, 0.84, color=COLOURS[at_c]))
            if (at_h, at_w) == PIXEL:
                axes.add_patch(plt.Rectangle((at_w, top), 1, 1, fill=False, lw=2.5, color="black"))
    axes.text(w / 2, -0.25, "$H \\times W$, $C = 3$", ha="center")
    for row, name in enumerate(("planes", "channels last")):
        strides = numbers["strides"][name]
        axes.text(4.2, row * 1.75 - 0.25, f"{('N C H W', 'N H W C')[row]}:   $s_C, s_H, s_W$ = {', '.join(map(str, strides))}")
        for place, (at_c, at_h, at_w) in enumerate(numbers[name]):
            left = 4.2 + place * 0.4
            axes.add_patch(plt.Rectangle((left + 0.02, row * 1.75), 0.36, 0.6, color=COLOURS[at_c]))
            if (at_h, at_w) == PIXEL:
                axes.add_patch(plt.Rectangle((left, row * 1.75 - 0.02), 0.4, 0.64, fill=False, lw=2.5, color="black"))
            axes.text(left + 0.2, row * 1.75 + 0.78, str(place), ha="center", fontsize=7)
    axes.set_xlim(-0.1, 11.6)
    axes.set_ylim(2.8, -0.6)
    axes.set_aspect("equal")
    axes.axis("off")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
