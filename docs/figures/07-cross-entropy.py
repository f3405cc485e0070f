"""The loss by the lead of the true score, and the gradient p - e of the chapter's first example."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

import ninx
import ninx.functional as F

CLASSES = 10
SCORES, TRUTH = [2.0, 1.0, -1.0], 1


def numbers() -> dict[str, Any]:
    """The loss for leads from -8 to 8; and p and the gradient of one image with three classes."""
    leads = np.linspace(-8, 8, 65)
    scores = np.zeros((len(leads), CLASSES))
    scores[:, 0] = leads
    losses = F.cross_entropy(ninx.tensor(scores), ninx.zeros(len(leads), dtype="int64"), reduction="none")
    z = ninx.tensor(SCORES, dtype="float64", requires_grad=True)
    F.cross_entropy(z, ninx.tensor(TRUTH)).backward()
    p = F.softmax(z, 0).detach()
    return {"lead": leads.tolist(), "loss": losses.tolist(), "z": SCORES, "true": TRUTH, "p": p.tolist(), "gradient": z.grad.tolist()}


def draw(numbers: dict[str, Any], path: Path) -> None:
    """A curve on the left, bars on the right."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3), gridspec_kw={"width_ratios": (3, 2)})
    left.plot(numbers["lead"], numbers["loss"], color="#2471a3", lw=2)
    left.plot([0], [math.log(CLASSES)], "o", color="#c0392b")
    left.annotate(r"$\ln 10 = 2.302585$", (0, math.log(CLASSES)), (1, 4), arrowprops={"arrowstyle": "-", "color": "#c0392b"})
    left.plot([-8, 2], [math.log(CLASSES - 1) - d for d in (-8, 2)], ":", color="#444444")
    left.text(-4.1, 7.0, r"$\ln 9 - d$", color="#444444")
    left.set_xlabel("$d$")
    left.set_ylabel("$L$")
    left.set_ylim(0, None)
    classes = np.arange(len(numbers["p"]))
    right.bar(classes - 0.2, numbers["p"], 0.38, color="#2471a3", label="$p$")
    right.bar(classes + 0.2, numbers["gradient"], 0.38, color="#c0392b", label="$p - e_t$")
    right.axhline(0, color="black", lw=0.8)
    right.set_xticks(classes, [f"$z_{c} = {z:g}$" + ("\n$c = t$" if c == numbers["true"] else "") for c, z in enumerate(numbers["z"])])
    right.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
