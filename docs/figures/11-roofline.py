"""The convolutions of docs/results/conv.json under the two roofs of the machine that made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def _kernel(name: str) -> int:
    """Of "64x192x32x32 -> 160 5x5/2 forward" the 5."""
    return int(name.split()[3].split("x")[0])


def numbers() -> dict[str, Any]:
    """The roofs in GFLOP/s and GB/s; for each forward pass (kernel, operations a byte, GFLOP/s of the plain sum)."""
    kept = json.loads((ROOT / "docs" / "results" / "conv.json").read_text())
    return {
        "peak": kept["machine"]["peak"],
        "bandwidth": kept["machine"]["bandwidth"],
        "layers": [
            [int(r["name"].split()[3].split("x")[0]), r["intensity"], r["gflops"]]
            for r in kept["records"]
            if r["direction"] == "forward"
        ],
    }


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Both axes by powers of two."""
    import matplotlib.pyplot as plt

    peak, bandwidth = numbers["peak"], numbers["bandwidth"]
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    meeting = peak / bandwidth
    axes.plot([1, meeting, 4096], [bandwidth, peak, peak], color="black", lw=1.5)
    axes.text(1.15, bandwidth * 1.9, "$I \\cdot B$", fontsize=11)
    axes.text(1.3 * meeting, peak * 1.12, "$P$", fontsize=11)
    for small, colour, marker, name in ((True, "#8ab6d6", "o", "$1 \\times 1$"), (False, "#1f4e79", "s", "$k \\times k$")):
        chosen = [(i, speed) for kernel, i, speed in numbers["layers"] if (kernel == 1) == small]
        axes.scatter(*zip(*chosen, strict=True), s=26, color=colour, marker=marker, label=name, edgecolor="black", linewidth=0.4)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks([1, 4, 16, 64, 256, 1024, 4096], ["1", "4", "16", "64", "256", "1024", "4096"])
    axes.set_yticks([16, 32, 64, 128, 256, 512], ["16", "32", "64", "128", "256", "512"])
    axes.set_xlabel("$I$, FLOP / byte")
    axes.set_ylabel("GFLOP/s")
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
