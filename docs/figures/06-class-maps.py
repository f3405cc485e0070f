"""A seven, and the maps of two filters written by hand: horizontal strokes and slanted ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import ninx
from ninx import nn

PICTURE = """
..........
..######..
.......#..
......#...
.....#....
.....#....
....#.....
....#.....
...#......
..........
"""
FILTERS = {
    "horizontal": [[-1, -1, -1], [2, 2, 2], [-1, -1, -1]],
    "slanted": [[-1, -1, 2], [-1, 2, -1], [2, -1, -1]],
}


def numbers() -> dict[str, Any]:
    """The image, its maps and their means."""
    image = np.array([[mark == "#" for mark in line] for line in PICTURE.split()], float)
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, dtype="float64"), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten())
    net[0].weight.data[...] = np.array(list(FILTERS.values()), float)[:, None]
    net[0].bias.data[...] = 0
    found = ninx.maps(net, image[None, None])
    maps = {
        name: {"map": found.values[0, k].tolist(), "score": float(found.scores[0, k]), "strongest": list(found.strongest(0, k))}
        for k, name in enumerate(FILTERS)
    }
    return {"image": image.tolist(), **maps}


def draw(numbers: dict[str, Any], path: Path) -> None:
    """The image on the left, then the two maps with every cell that is not 0."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(7.6, 2.9))
    axes[0].imshow(numbers["image"], cmap="Greys", vmin=0, vmax=1.3, interpolation="nearest")
    axes[0].set_title("$x$")
    for plot, name in zip(axes[1:], FILTERS, strict=True):
        cells = np.array(numbers[name]["map"])
        plot.imshow(cells, cmap="Blues", vmin=0, vmax=9, interpolation="nearest")
        for i, j in np.argwhere(cells > 0):
            plot.text(j, i, f"{cells[i, j]:g}", ha="center", va="center", fontsize=7, color="white" if cells[i, j] > 5 else "black")
        i, j = numbers[name]["strongest"]
        plot.add_patch(plt.Rectangle((j - 1.5, i - 1.5), 3, 3, fill=False, edgecolor="#c0392b", lw=1.5))
        plot.set_title(f"{cells.sum():g} / {cells.size} = {numbers[name]['score']:g}")
    for plot in axes:
        plot.set_xticks([])
        plot.set_yticks([])
        for spine in plot.spines.values():
            spine.set_visible(True)
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
