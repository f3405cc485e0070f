"""How many multiplications an output costs for each channel: directly, and by Winograd's tiles of 6 x 6."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def numbers() -> dict[str, Any]:
    """For kernels of 1, 3 and 5 taps a side: k*k, and 36 products for (7 - k)**2 outputs; a 1x1 has nothing to save."""
    from ninx.kernels.cpu.conv.transforms import POINTS, SIDE, matrices

    sides = [1, 3, 5]
    tiled = [1.0] + [POINTS / len(matrices(k)[0]) ** 2 for k in sides[1:]]
    return {"kernel": sides, "direct": [k * k for k in sides], "tiles": tiled, "side": SIDE}


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Two bars for each kernel."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.4, 2.8))
    for shift, key, colour in ((-0.2, "direct", "#1f4e79"), (0.2, "tiles", "#8ab6d6")):
        places = [i + shift for i in range(len(numbers["kernel"]))]
        bars = axes.bar(places, numbers[key], 0.38, color=colour)
        axes.bar_label(bars, fmt="%g", padding=2)
    axes.set_xticks(range(len(numbers["kernel"])), [f"${k} \\times {k}$" for k in numbers["kernel"]])
    axes.set_ylim(0, 28)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
