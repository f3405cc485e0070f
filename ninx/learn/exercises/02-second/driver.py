"""Ask for both functions."""

from __future__ import annotations

from typing import Any


def run(solution: Any, A: Any, x: Any, v: Any) -> tuple[Any, Any]:
    """The gradient at x, and the Hessian there times v."""
    return solution.gradient(A, x), solution.hvp(A, x, v)
