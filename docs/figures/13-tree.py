"""The tree along which eight micro-batches are summed, and who has which of them on four ranks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

PARTS, RANKS = 8, 4
COLOURS = ("#8ab6d6", "#f5c37f", "#a3d39c", "#d7a8d0", "white")


def numbers() -> dict[str, Any]:
    """The nodes (first, end) of the tree; for each the rank that sums it by itself, or null."""
    from ninx.parallel.tree import mine

    owners = {part: rank for rank in range(RANKS) for part in mine(PARTS, SimpleNamespace(rank=rank, size=RANKS))}
    nodes: list[list[Any]] = []

    def visit(first: int, end: int) -> None:
        ranks = {owners[part] for part in range(first, end)}
        nodes.append([first, end, ranks.pop() if len(ranks) == 1 else None])
        if end - first > 1:
            visit(first, (first + end) // 2)
            visit((first + end) // 2, end)

    visit(0, PARTS)
    return {"nodes": nodes}


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Leaves below, the sum on top."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 2.8))
    places = {}
    for first, end, _ in numbers["nodes"]:
        places[first, end] = ((first + end - 1) / 2, (end - first).bit_length() - 1)
    for (first, end), (x, y) in places.items():
        middle = (first + end) // 2
        for child in ((first, middle), (middle, end)):
            if child in places and child != (first, end):
                axes.plot([x, places[child][0]], [y, places[child][1]], color="#666", lw=1.2, zorder=1)
    for first, end, rank in numbers["nodes"]:
        x, y = places[first, end]
        axes.scatter(x, y, s=430, color=COLOURS[-1 if rank is None else rank], edgecolor="black", linewidth=0.8, zorder=2)
        axes.text(x, y, f"$g_{first}$" if end - first == 1 else "+", ha="center", va="center", zorder=3)
    axes.set_ylim(-0.5, 3.5)
    axes.axis("off")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
