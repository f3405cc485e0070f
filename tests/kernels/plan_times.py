"""How long the plans of the presets' layers take to make: python tests/kernels/plan_times.py (after pip install -e ".[test]")."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from preset_layers import batches

from ninx.kernels.cpu.conv import plan, weight_plan
from ninx.kernels.cpu.window import backward_window, forward_window


def milliseconds(make: Callable[..., Any], *arguments: Any) -> float:
    """The best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        make(*arguments)
        best = min(best, time.perf_counter() - start)
    return 1e3 * best


if __name__ == "__main__":
    print("batch threads    plans: longest ms, over 5 ms   weight plans: longest ms, over 5 ms")
    for batch in (1, 16, 128):
        layers = batches(batch)
        windows = dict.fromkeys(
            [forward_window(geo) for geo in layers] + [backward_window(geo) for geo in layers if (geo.SH, geo.SW) == (1, 1)]
        )
        for threads in (2, 8, 16, 64):
            plans = [milliseconds(plan.plan.__wrapped__, win, 4, threads) for win in windows]
            weights = [milliseconds(weight_plan.weight_plan.__wrapped__, forward_window(geo), 4, threads) for geo in layers]
            cells = (f"{max(times):18.2f} {sum(t > 5 for t in times):12d}" for times in (plans, weights))
            print(f"{batch:5d} {threads:7d} {' '.join(cells)}", flush=True)
