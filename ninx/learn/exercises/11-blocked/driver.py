"""Use what the learner wrote: both functions."""

from __future__ import annotations

from typing import Any


def run(solution: Any, a: Any, b: Any, mc: int, kc: int, nr: int) -> tuple[Any, Any]:
    """The packed B, and the product."""
    return solution.pack_b(b, nr), solution.matmul(a, b, mc, kc, nr)
