"""The suites of ``ninx bench`` by name."""

from __future__ import annotations

from collections.abc import Callable

from ..array import use_device
from . import conv, elementwise, memory, pool, scaling, step
from .measure import Machine, machine
from .report import Report

SUITES: dict[str, Callable[[Machine, bool, int], Report]] = {
    "conv": lambda m, quick, batch: conv.run(m, 3, ("same input", "bottleneck")) if quick else conv.run(m, 7, batch=batch),
    "step": lambda m, quick, batch: step.run(m, 3 if quick else 9, quick),
    "memory": lambda m, quick, batch: memory.run(m, quick),
    "scaling": lambda m, quick, batch: scaling.run(m, quick),
    "pool": lambda m, quick, batch: pool.run(m, 5 if quick else 15),
    "elementwise": lambda m, quick, batch: elementwise.run(m, 5 if quick else 15),
}


def run(name: str, quick: bool, batch: int, device: str = "cpu") -> Report:
    """Run one suite on a device of this machine."""
    use_device(device)
    return SUITES[name](machine(device), quick, batch)
