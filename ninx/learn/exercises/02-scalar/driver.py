"""Compute with the learner's Values: the leaves, then each step from two values (relu: from one) that are there already."""

from __future__ import annotations

from typing import Any


def run(solution: Any, leaves: list[float], steps: list[Any]) -> tuple[float, list[float]]:
    """The last value, and the gradients of the leaves."""
    values = [solution.Value(leaf) for leaf in leaves]
    for name, *which in steps:
        a = values[which[0]]
        values.append(a.relu() if name == "relu" else a + values[which[1]] if name == "+" else a * values[which[1]])
    values[-1].backward()
    return values[-1].data, [value.grad for value in values[: len(leaves)]]
