"""The convolution of a 4x4 image with a 3x3 kernel as a product with the matrix of its windows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WINDOW = 1  # the row that is shown in colour: y01


def numbers() -> dict[str, Any]:
    """The image, the kernel, the columns and the result, all whole numbers."""
    from ninx.study import worked

    found = worked.convolution()
    names = ("x", "w", "columns", "y")
    return {name: getattr(found, name).numpy().astype(int).tolist() for name in names}


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Image, matrix, kernel as a column, result as a column."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8.2, 3.9))

    def grid(rows: list[list[int]], left: float, top: float, name: str, coloured: Any) -> None:
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                face = "#f9d7a8" if coloured(i, j) else "white"
                axes.add_patch(plt.Rectangle((left + j, top + i), 1, 1, facecolor=face, edgecolor="#888", lw=0.8))
                axes.text(left + j + 0.5, top + i + 0.5, str(value), ha="center", va="center")
        axes.text(left + len(rows[0]) / 2, top - 0.35, name, ha="center")

    side, taps = len(numbers["y"][0]), len(numbers["w"])
    first, second = divmod(WINDOW, side)
    grid(numbers["x"], 0, 2.5, "$x$", lambda i, j: first <= i < first + taps and second <= j < second + taps)
    axes.add_patch(plt.Rectangle((second, 2.5 + first), taps, taps, fill=False, lw=2.5, edgecolor="#b9770e"))
    grid(numbers["columns"], 6, 2.5, "$X$ = im2col($x$)", lambda i, j: i == WINDOW)
    axes.text(15.6, 4.5, "·", fontsize=18, ha="center", va="center")
    grid([[v] for row in numbers["w"] for v in row], 16.2, 0, "$w$", lambda i, j: False)
    axes.text(18.0, 4.5, "=", fontsize=14, ha="center", va="center")
    grid([[v] for row in numbers["y"] for v in row], 18.8, 2.5, "$y$", lambda i, j: i == WINDOW)
    axes.annotate("", (5.8, 4.0), (4.2, 4.0), arrowprops={"arrowstyle": "->", "color": "#444"})
    axes.set_xlim(-0.2, 20)
    axes.set_ylim(9.2, -0.9)
    axes.set_aspect("equal")
    axes.axis("off")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
