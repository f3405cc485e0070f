"""The nine convolutions of nin-cifar10: their parameters and their multiply-adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ninx
from ninx import models, nn

NAME = "nin-cifar10"


def numbers() -> dict[str, Any]:
    """A row for each convolution: its kernel, its output, parameters and multiply-adds for one image."""
    preset = models.preset(NAME)
    with nn.shapes_only():
        summary = ninx.summary(preset.make(), preset.input_shape)
    rows = [row for row in summary.rows if row.kind == "Conv2d"]
    return {
        "kernel": [5, 1, 1, 5, 1, 1, 3, 1, 1],
        "pointwise": [row.pointwise for row in rows],
        "output": [list(row.output_shape) for row in rows],
        "params": [row.params for row in rows],
        "macs": [row.macs for row in rows],
    }


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Two bars for each convolution, side by side in two plots that share the names."""
    import matplotlib.pyplot as plt

    names = [f"{k}x{k}, {'x'.join(map(str, shape))}" for k, shape in zip(numbers["kernel"], numbers["output"], strict=True)]
    colours = ["#a9cce3" if pointwise else "#1f618d" for pointwise in numbers["pointwise"]]
    places = list(range(len(names)))[::-1]
    figure, axes = plt.subplots(1, 2, figsize=(7.6, 3), sharey=True)
    for plot, key, unit, label in ((axes[0], "params", 1e3, "parameters, $10^3$"), (axes[1], "macs", 1e6, "MAC, $10^6$")):
        values = [value / unit for value in numbers[key]]
        plot.barh(places, values, color=colours)
        for place, value in zip(places, values, strict=True):
            plot.text(value + max(values) * 0.01, place, f"{value:.1f}", va="center", fontsize=8)
        plot.set_xlabel(label)
        plot.set_xlim(0, max(values) * 1.15)
    axes[0].set_yticks(places, names)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
