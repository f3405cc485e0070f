"""Parameters in convolutions and in fully connected layers: AlexNet, VGG-16, and the Network in Network for ImageNet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ninx import models, nn

NAMES = ("vgg16", "alexnet-caffe", "nin-imagenet")


def numbers() -> dict[str, Any]:
    """For each network the parameters of its convolutions and of its fully connected layers."""
    found = {}
    for name in NAMES:
        with nn.shapes_only():
            model = models.create(name)
        total = sum(p.numel() for p in model.parameters())
        dense = sum(p.numel() for m in model.modules() if isinstance(m, nn.Linear) for p in m.parameters())
        found[name] = {"convolutions": total - dense, "fully connected": dense}
    return found


def draw(numbers: dict[str, Any], path: Path) -> None:
    """A bar for each network."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 2.2))
    names = list(numbers)[::-1]
    left = [0.0] * len(names)
    for part, colour in (("convolutions", "#2471a3"), ("fully connected", "#c0392b")):
        widths = [numbers[name][part] / 1e6 for name in names]
        axes.barh(names, widths, left=left, color=colour, label=("Conv2d", "Linear")[part != "convolutions"])
        left = [a + b for a, b in zip(left, widths, strict=True)]
    for row, total in enumerate(left):
        axes.text(total + 1, row, f"{total:.1f}", va="center")
    axes.set_xlabel("parameters, $10^6$")
    axes.set_xlim(0, 155)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
