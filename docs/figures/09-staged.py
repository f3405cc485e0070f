"""Five seeds on four ways through three stages, as `ninx train mnist-staged` measured them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "results" / "digits-staged.json"
FIRST = {"published way": "nin-mnist-v0", "identity way": "nin-mnist-v0", "not grown": "nin-mnist-v0", "from scratch": "nin-mnist-v2"}


def numbers() -> dict[str, Any]:
    """For each way the accuracies of the seeds after each stage."""
    arms = {arm["arm"]: arm["accuracies"] for arm in json.loads(RESULTS.read_text(encoding="utf-8"))["arms"]}
    found = {}
    for way, first in FIRST.items():
        later = [next(values for name, values in arms.items() if f"{way}, stage {n}" in name) for n in (2, 3)]
        found[way] = [arms[f"{first}, stage 1"], *later]
    return found


def draw(numbers: dict[str, Any], path: Path) -> None:
    """A plot for each way: a point for each seed, and a line through the means."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 4, figsize=(7.6, 2.8), sharey=True)
    for plot, (way, stages) in zip(axes, numbers.items(), strict=True):
        for seed in range(len(stages[0])):
            plot.plot((1, 2, 3), [100 * stage[seed] for stage in stages], "o-", color="#a9cce3", ms=4, lw=1)
        plot.plot((1, 2, 3), [100 * sum(stage) / len(stage) for stage in stages], color="#c0392b", lw=2)
        plot.set_title(way, fontsize=9)
        plot.set_xticks((1, 2, 3))
        plot.set_xlim(0.7, 3.3)
    axes[0].set_ylabel("%")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
