"""Dropout masks: two calls under one seed, each with two probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ninx.kernels import strided

SIDE = 24
CASES = ((1, 0.5), (1, 0.2), (2, 0.5), (2, 0.2))  # call, p


def numbers() -> dict[str, Any]:
    """For each call and p the rows of the mask, and the share that is kept."""
    found = {}
    for call, p in CASES:
        keep = strided.dropout_keep((SIDE, SIDE), p, seed=0, call=call)
        rows = ["".join(".#"[int(kept)] for kept in row) for row in keep]
        found[f"{call}, {p}"] = {"rows": rows, "kept": float(keep.mean())}
    return found


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Four squares; dark is kept."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 4, figsize=(7.6, 2.3))
    for plot, (call, p) in zip(axes, CASES, strict=True):
        found = numbers[f"{call}, {p}"]
        plot.imshow([[mark == "#" for mark in row] for row in found["rows"]], cmap="Blues", vmin=0, vmax=1.3, interpolation="nearest")
        plot.set_title(f"call {call}, $p = {p}$", fontsize=9)
        plot.set_xlabel(f"{found['kept']:.1%}", fontsize=9)
        plot.set_xticks([])
        plot.set_yticks([])
        for spine in plot.spines.values():
            spine.set_visible(True)
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
