"""The picture of a run."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from ..files import write_atomically


def draw_curves(history: list[dict[str, Any]], path: str | Path, title: str) -> None:
    """Loss and accuracy by epoch, as a PNG."""
    from matplotlib.figure import Figure  # slow to import, and needed once, at the end of a run

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots(1, 2)
    epochs = [h["epoch"] for h in history]
    for ax, name, scale in zip(axes, ("loss", "accuracy"), (1, 100), strict=True):
        ax.plot(epochs, [scale * h[name] for h in history], marker="o", label="training")
        if history and f"holdout_{name}" in history[0]:
            ax.plot(epochs, [scale * h[f"holdout_{name}"] for h in history], marker="s", label="held out")
            ax.legend()
        ax.set_xlabel("epoch")
        ax.set_ylabel(name + (" (%)" if scale == 100 else ""))
        ax.grid(alpha=0.3)
    figure.suptitle(title)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # the font lacks a sign of the data set's name
        figure.savefig(buffer, format="png", dpi=120)
    write_atomically(path, buffer.getvalue())
