"""Max pooling of the chapter's 4 x 4 image: the winners, the maxima with their cotangents, and the gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ninx.kernels import geometry, loops

COLOURS = ("#2471a3", "#c0392b", "#1e8449", "#b9770e")  # one for each window
IMAGE = [[1, 3, 2, 0], [4, 4, 1, 5], [0, 0, 7, 6], [0, 0, 2, 7]]
COTANGENT = [[10, 20], [30, 40]]


def numbers() -> dict[str, Any]:
    """x, y, g and dx, and the row and column of the winner of each window."""
    geo = geometry.pooling("max_pool2d", (1, 1, 4, 4), (2, 2), (2, 2))
    x, g = (np.array(values, float)[None, :, :, None] for values in (IMAGE, COTANGENT))
    y, arg = loops.max_pool2d(x, geo)
    dx = loops.max_unpool2d(g, arg, geo)
    winners = [[2 * i + int(arg[0, i, j, 0]) // 2, 2 * j + int(arg[0, i, j, 0]) % 2] for i in range(2) for j in range(2)]
    return {"x": x[0, :, :, 0].tolist(), "y": y[0, :, :, 0].tolist(), "g": COTANGENT, "dx": dx[0, :, :, 0].tolist(), "winners": winners}


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Three grids beside each other; each window has a colour."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.6, 2.9))

    def cell(left: float, top: float, text: str, colour: str, strong: bool, side: float = 1.0) -> None:
        face = colour if strong else "white"
        axes.add_patch(plt.Rectangle((left, top), side, side, facecolor=face, alpha=0.35 if strong else 1, edgecolor="none"))
        axes.add_patch(plt.Rectangle((left, top), side, side, fill=False, edgecolor=colour, lw=1.2))
        axes.text(left + side / 2, top + side / 2, text, ha="center", va="center", fontweight="bold" if strong else "normal")

    winners = [tuple(place) for place in numbers["winners"]]
    for i in range(4):
        for j in range(4):
            colour, won = COLOURS[i // 2 * 2 + j // 2], (i, j) in winners
            cell(j, i, f"{numbers['x'][i][j]:g}", colour, won)
            cell(9.6 + j, i, f"{numbers['dx'][i][j]:g}", colour, won)
    for k in range(4):
        i, j = divmod(k, 2)
        cell(5.4 + j * 1.4, 0.6 + i * 1.4, f"{numbers['y'][i][j]:g}\n$g$: {numbers['g'][i][j]:g}", COLOURS[k], True, 1.4)
    for left, text in ((2, "$x$"), (6.8, "$y = Ax$,  $g$"), (11.6, "$A^T g$")):
        axes.text(left, -0.45, text, ha="center")
    for start in (4.25, 8.45):
        axes.annotate("", (start + 0.9, 2), (start, 2), arrowprops={"arrowstyle": "->", "lw": 1.5})
    axes.set_xlim(-0.1, 13.7)
    axes.set_ylim(4.1, -0.9)
    axes.set_aspect("equal")
    axes.axis("off")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
