"""A picture of a rate range test: the loss after a few steps at each of several learning rates."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from .findings import Report
from .optimiser import STEPS


def draw(report: Report, optimizer: Any, path: Path, title: str) -> None:
    """Write it as a PNG. Raises ValueError where no rates were tried."""
    if not report.rates or report.start is None:
        raise ValueError("check: no rates were tried, so there is no picture; give an optimiser (--lr) and real data")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    ceiling = 2.5 * report.start  # what lies above is as bad as infinite
    rates = [rate for rate, _ in report.rates]
    losses = [min(loss, ceiling) if math.isfinite(loss) else ceiling for _, loss in report.rates]
    axes.plot(rates, losses, "o-", color="C0")
    axes.axhline(report.start, color="0.6", linewidth=1)
    axes.annotate("before", (rates[0], report.start), (0, 3), textcoords="offset points", color="0.4")
    own = max(group["lr"] for group in optimizer.param_groups)
    axes.axvline(own, color="C3", linewidth=1)
    axes.annotate(f"lr = {own:g}", (own, ceiling), (4, -10), textcoords="offset points", color="C3")
    axes.set(xscale="log", xlabel="learning rate", ylabel=f"loss after {STEPS} steps", title=title)
    axes.set_ylim(0, 1.05 * ceiling)
    figure.savefig(path, dpi=150)
