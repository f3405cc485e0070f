"""Running mean and variance of a batch normalisation that sees the same batch again and again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ninx
from ninx import nn

BATCH = [8.0, 10.0, 12.0]


def numbers() -> dict[str, Any]:
    """The running statistics after 0 to 50 batches."""
    norm = nn.BatchNorm1d(1, dtype="float64")
    batch = ninx.tensor([[value] for value in BATCH], dtype="float64")
    means, variances = [norm.running_mean.item()], [norm.running_var.item()]
    for _ in range(50):
        norm(batch)
        means.append(norm.running_mean.item())
        variances.append(norm.running_var.item())
    return {"batch": BATCH, "running_mean": means, "running_var": variances}


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Both over the number of batches."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 2.8))
    for key, limit, colour in (("running_mean", 10, "#2471a3"), ("running_var", 4, "#c0392b")):
        axes.plot(numbers[key], color=colour, lw=2)
        axes.axhline(limit, color=colour, lw=1, ls=":")
        axes.text(50.5, limit, key, color=colour, va="center")
    axes.set_xlabel("$t$")
    axes.set_xlim(0, 50)
    axes.set_ylim(0, 10.6)
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
