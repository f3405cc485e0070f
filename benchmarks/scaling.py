"""How time and workspace grow with batch, pixels, channels and threads: the exponent of a power law, fitted to medians.

Time ~ size ** exponent. A convolution does work in proportion to batch, to pixels, and to input times output channels, so 1 is
what is expected of each (the border makes small images cheaper). With the threads the time should fall: -1 would be perfect.
A GPU has no such threads to choose, and its workspace is worked out, not measured.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np

from ..array import on_device
from ..kernels import clear_memory, cuda, fast, geometry, get_num_threads, memory_stats, set_num_threads
from ..kernels.geometry import Geometry
from .measure import Machine, take_turns
from .report import Report


def _case(n: int, c: int, h: int, o: int, k: int) -> Geometry:
    return geometry.convolution("conv2d", (n, c, h, h), (o, c, k, k), padding=(k // 2, k // 2))


def _work(geo: Geometry, device: str) -> Callable[[], None]:
    """Forward and both gradients."""
    rng = np.random.default_rng(0)
    shapes = (geo.N, geo.H, geo.W, geo.C), (geo.O, geo.KH, geo.KW, geo.C), (geo.N, geo.OH, geo.OW, geo.O)
    x, w, g = (on_device(rng.standard_normal(shape, np.float32), device) for shape in shapes)

    def work() -> None:
        fast.conv2d(x, w, None, geo)
        fast.conv2d_input_grad(g, w, geo)
        fast.conv2d_weight_grad(x, g, geo)

    return work


def _workspace(geo: Geometry, work: Callable[[], None], device: str) -> int:
    """Bytes lent at one time beyond the largest result; on a GPU those of the columns."""
    if device != "cpu":
        return geo.workspace(4, cuda.BUDGET)
    gc.collect()  # what goes later would be taken for the work's
    clear_memory()
    before = memory_stats().lent
    work()
    results = max(geo.N * geo.OH * geo.OW * geo.O, geo.N * geo.H * geo.W * geo.C) * 4
    return max(0, memory_stats().peak - before - results)


def run(machine: Machine, quick: bool) -> Report:
    """Fit the exponents for a 1x1 and a 3x3 kernel."""
    report = Report("scaling", machine, ["kernel", "what grows", "sizes", "ms", "exponent of time", "workspace MB"])
    rounds, device = 3 if quick else 9, machine.device
    for k in (1, 3):
        sweeps = {
            "batch": ([8, 16, 32, 64], [_case(n, 96, 16, 96, k) for n in (8, 16, 32, 64)]),
            "pixels": ([64, 256, 1024, 4096], [_case(16, 96, h, 96, k) for h in (8, 16, 32, 64)]),
            "channel products": ([48**2, 96**2, 192**2, 384**2], [_case(16, c, 16, c, k) for c in (48, 96, 192, 384)]),
        }
        for what, (sizes, cases) in sweeps.items():
            works = [_work(geo, device) for geo in cases]
            times = [t.median for t in take_turns(works, rounds, device=device)]
            spaces = [_workspace(geo, work, device) for geo, work in zip(cases, works, strict=True)]
            _add(report, k, what, sizes, times, spaces)
        counts, before = list(range(1, get_num_threads() + 1)), get_num_threads()
        if device == "cpu" and len(counts) > 1:
            work = _work(_case(32, 96, 16, 96, k), device)

            def on(count: int, work: Callable[[], None] = work) -> None:
                set_num_threads(count)
                work()

            try:
                times = [t.median for t in take_turns([lambda c=c: on(c) for c in counts], rounds)]  # type: ignore[misc]
            finally:
                set_num_threads(before)
            _add(report, k, "threads", counts, times, [])
    return report


def _add(report: Report, k: int, what: str, sizes: list[int], times: list[float], spaces: list[int]) -> None:
    exponent = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    row = [f"{k}x{k}", what, ", ".join(map(str, sizes)), ", ".join(f"{1e3 * t:.2f}" for t in times), f"{exponent:.2f}"]
    row.append(", ".join(f"{s / 1e6:.2f}" for s in spaces) or "-")
    report.add(row, {"name": f"{k}x{k} {what}", "sizes": sizes, "seconds": times, "exponent": exponent, "workspace": spaces})
