"""The suites of ``ninx bench`` by name."""

from __future__ import annotations

from collections.abc import Callable

from ..array import use_device
from . import cold, conv, elementwise, infer, memory, pool, scale, scaling, step
from .measure import Machine, machine
from .report import Report

GPU_ROUNDS = 20  # of short turns


def _rounds(m: Machine, few: int, many: int, quick: bool) -> int:
    return GPU_ROUNDS if m.device != "cpu" else few if quick else many


SUITES: dict[str, Callable[[Machine, bool, int], Report]] = {
    "conv": lambda m, quick, batch: conv.run(
        m, _rounds(m, 3, 7, quick), ("same input", "bottleneck") if quick else conv.GROUPS, batch
    ),
    "step": lambda m, quick, batch: step.run(m, _rounds(m, 3, 9, quick), quick),
    "infer": lambda m, quick, batch: infer.run(m, _rounds(m, 5, 9, quick), quick),
    "memory": lambda m, quick, batch: memory.run(m, quick),
    "scaling": lambda m, quick, batch: scaling.run(m, quick),
    "pool": lambda m, quick, batch: pool.run(m, _rounds(m, 5, 15, quick)),
    "elementwise": lambda m, quick, batch: elementwise.run(m, _rounds(m, 5, 15, quick)),
    "cold": lambda m, quick, batch: cold.run(m, 2 if quick else 5),
    "scale": lambda m, quick, batch: scale.run(m, quick),
}


def run(name: str, quick: bool, batch: int, device: str = "cpu") -> Report:
    """Run one suite on a device of this machine."""
    use_device(device)
    return SUITES[name](machine(device), quick, batch)
