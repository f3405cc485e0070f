"""How far images differ behind each convolution of nin-mnist before any training, for three ways to begin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import ninx
from ninx import data, models, nn

WAYS: dict[str, tuple[bool, bool]] = {"default": (False, False), "kaiming_normal_": (True, False), "batch_norm": (False, True)}


def numbers() -> dict[str, Any]:
    """The root mean square of the deviation from the mean image, behind each convolution, of 64 digits; to three digits."""
    digits = data.load("digits", "train")
    x = ninx.tensor((digits.images[:64, None] / 255 - data.MEAN) / data.STD, dtype="float64")
    return {way: [float(f"{size:.3g}") for size in _differences(x, *settings)] for way, settings in WAYS.items()}


def _differences(x: Any, kaiming: bool, batch_norm: bool) -> list[float]:
    ninx.manual_seed(0)
    net = models.create("nin-mnist", last_relu=False, dropout=0.0, batch_norm=batch_norm)
    if kaiming:
        for p in net.parameters():
            if p.ndim == 4:
                nn.init.kaiming_normal_(p)
    found, value = [], x
    with ninx.no_grad():
        for layer in net.double().modules():
            if not list(layer.children()):
                value = layer(value)
                if isinstance(layer, nn.Conv2d):
                    found.append(float(np.sqrt(value.numpy().var(0).mean())))
    return found


def draw(numbers: dict[str, Any], path: Path) -> None:
    """A line for each way, on a logarithmic scale."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 3))
    for (way, sizes), colour in zip(numbers.items(), ("#c0392b", "#2471a3", "#1e8449"), strict=True):
        axes.semilogy(range(1, len(sizes) + 1), sizes, "o-", color=colour, label=way)
    axes.set_xticks(range(1, 10), [f"{k}x{k}" for k in (5, 1, 1) * 3])
    axes.set_ylabel("RMS")
    axes.legend(frameon=False, loc="lower left")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
