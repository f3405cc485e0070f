"""Windows of three pixels with stride 2 over six pixels: floor, ceil, and floor with padding 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ninx.kernels import geometry

WAYS = {"floor": (0, False), "ceil": (0, True), "padding 1": (1, False)}


def numbers() -> dict[str, Any]:
    """For each way the first pixel of every window."""
    h, k, s = 6, 3, 2
    starts = {}
    for way, (padding, ceil_mode) in WAYS.items():
        geo = geometry.pooling("max_pool2d", (1, 1, h, h), (k, k), (s, s), (padding, padding), (1, 1), ceil_mode)
        starts[way] = [i * s - padding for i in range(geo.OH)]
    return {"H": h, "K": k, "S": s, "starts": starts}


def draw(numbers: dict[str, Any], path: Path) -> None:
    """A row of pixels for each way, and its windows as bars below it."""
    import matplotlib.pyplot as plt

    h, k = numbers["H"], numbers["K"]
    figure, axes = plt.subplots(figsize=(7.2, 3.6))
    for row, (way, starts) in enumerate(numbers["starts"].items()):
        top = row * 2
        axes.text(-1.6, top + 0.35, f"{way}\n$OH = {len(starts)}$", ha="right", va="center")
        for pixel in range(-1, h + 1):
            inside = 0 <= pixel < h
            seen = any(start <= pixel < start + k for start in starts)
            face = ("#d6e4f0" if seen else "#f5c6c0") if inside else "white"
            style = {"edgecolor": "#444444" if inside else "#bbbbbb", "linestyle": "-" if inside else ":"}
            axes.add_patch(plt.Rectangle((pixel, top), 1, 0.7, facecolor=face, **style))
            axes.text(pixel + 0.5, top + 0.35, str(pixel), ha="center", va="center", color="black" if inside else "#999999")
        for i, start in enumerate(starts):
            y = top + 0.92 + 0.3 * i
            axes.plot([start + 0.08, start + k - 0.08], [y, y], color="#2471a3", lw=4, solid_capstyle="butt")
            axes.text(start + k + 0.05, y, f"$i = {i}$", fontsize=8, va="center", color="#2471a3")
    axes.set_xlim(-3.6, h + 2)
    axes.set_ylim(5.8, -0.2)
    axes.axis("off")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
