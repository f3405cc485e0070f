"""Along one axis: the window that has a tap on a pixel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

H, K, S, P, D = 9, 3, 2, 1, 1


def numbers() -> dict[str, Any]:
    """For each pixel the window of each tap, or null."""
    out = (H + 2 * P - D * (K - 1) - 1) // S + 1
    table: list[list[int | None]] = [[None] * K for _ in range(H)]
    for i in range(out):
        for r in range(K):
            if 0 <= (h := i * S - P + r * D) < H:
                table[h][r] = i
    return {"windows": out, "table": table}


def draw(numbers: dict[str, Any], path: Path) -> None:
    """A column for each pixel, a row for each tap."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 2.3))
    colours = plt.get_cmap("Blues")
    for h, taps in enumerate(numbers["table"]):
        for r, window in enumerate(taps):
            face = "white" if window is None else colours(0.15 + 0.5 * window / numbers["windows"])
            axes.add_patch(plt.Rectangle((h, r), 1, 1, facecolor=face, edgecolor="#888", lw=0.8))
            if window is not None:
                axes.text(h + 0.5, r + 0.5, str(window), ha="center", va="center")
    axes.set_xlim(0, H)
    axes.set_ylim(K, 0)
    axes.set_xticks([h + 0.5 for h in range(H)], [str(h) for h in range(H)])
    axes.set_yticks([r + 0.5 for r in range(K)], [str(r) for r in range(K)])
    axes.tick_params(length=0)
    axes.set_xlabel("$h$")
    axes.set_ylabel("$r$", rotation=0, labelpad=10)
    axes.set_aspect("equal")
    for side in axes.spines.values():
        side.set_visible(False)
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
