"""A 5x5 layer at once and through a bottleneck: multiply-adds, and the time that was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "results" / "conv.json"
LAYERS = {"5x5": "32x192x28x28 -> 32 5x5", "1x1": "32x192x28x28 -> 16 1x1", "then 5x5": "32x16x28x28 -> 32 5x5"}


def numbers() -> dict[str, Any]:
    """For each layer its multiply-adds (10^9) and its measured time (ms, forward)."""
    from ninx.kernels import geometry

    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    rows = [dict(zip(results["columns"], row, strict=True)) for row in results["rows"]]
    times = {r["layer"]: float(r["fast ms"]) for r in rows if r["group"] == "bottleneck" and r["direction"] == "forward"}
    macs = {}
    for name, (c, o, k) in {"5x5": (192, 32, 5), "1x1": (192, 16, 1), "then 5x5": (16, 32, 5)}.items():
        geo = geometry.convolution("conv2d", (32, c, 28, 28), (o, c, k, k), (1, 1), (k // 2, k // 2))
        macs[name] = geo.macs / 1e9
    return {"MAC": macs, "ms": {name: times[layer] for name, layer in LAYERS.items()}}


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Two panels, each with a bar for the one way and a stacked bar for the other."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(7.2, 1.9))
    for axes, (unit, title) in zip(panels, (("MAC", "$10^9$ MAC"), ("ms", "ms")), strict=True):
        values = numbers[unit]
        axes.barh(1, values["5x5"], color="#2471a3")
        axes.barh(0, values["1x1"], color="#e59866")
        axes.barh(0, values["then 5x5"], left=values["1x1"], color="#2471a3")
        total = values["1x1"] + values["then 5x5"]
        axes.text(values["5x5"], 1, f" {values['5x5']:.3g}", va="center")
        axes.text(total, 0, f" {values['1x1']:.2g} + {values['then 5x5']:.2g}", va="center")
        axes.set_yticks([1, 0], ["5x5", "1x1, 5x5"])
        axes.set_xlim(0, values["5x5"] * 1.2)
        axes.set_title(title, fontsize=10)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
