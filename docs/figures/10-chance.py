"""How likely chance alone is to make a lead of nine images, over the number of images on which two networks differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LEAD = 9


def numbers() -> dict[str, Any]:
    """n and p for leads of nine images or more; n is odd, as the lead is."""
    from ninx.study.significance import mcnemar

    return {"n": (counts := list(range(LEAD, 302, 4))), "p": [mcnemar((n - LEAD) // 2, (n + LEAD) // 2) for n in counts]}


def draw(numbers: dict[str, Any], path: Path) -> None:
    """p over n."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 2.8))
    axes.plot(numbers["n"], numbers["p"], color="#1f4e79", lw=2)
    axes.axhline(0.05, color="#b9770e", lw=1.2)
    axes.set_xlabel("$n$")
    axes.set_ylabel("$p$")
    axes.set_ylim(0, 0.7)
    axes.set_xlim(0, 300)
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
