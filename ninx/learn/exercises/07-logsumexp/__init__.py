"""The logarithm of a sum of exponentials, without overflow."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array

NAMES = ("logsumexp",)


def cases() -> list[tuple[Any, ...]]:
    """One row, several, large values, small ones, values far apart, minus infinity."""
    rows = [[[0.0, 0.0]], [[1.0, 2.0, 3.0]], [[0.5, -0.5], [2.0, 1.0]], [[1000.0, 1000.0]], [[-1000.0, -1000.0]]]
    rows += [[[1e4, 0.0, -1e4], [1.0, 2.0, 3.0]], [[-np.inf, 0.0]], [[800.0, 801.0], [-800.0, -801.0]]]
    return [(np.array(row),) for row in rows]


def oracle(z: Array) -> Array:
    """NumPy's own."""
    return np.logaddexp.reduce(z, axis=1)


def plain(z: Array) -> Array:
    """Straight from the formula."""
    return np.log(np.exp(z).sum(1))


MISTAKES = {
    "overflow": plain,
    "largest_not_added": lambda z: plain(z - z.max(1, keepdims=True)),
    "largest_alone": lambda z: z.max(1),
    "one_maximum": [lambda z: plain(z - z.max()) + z.max()],
    "without_log": lambda z: np.exp(z - z.max(1, keepdims=True)).sum(1) + z.max(1),
    "mean": lambda z: oracle(z) - np.log(z.shape[1]),
    "log_of_each": lambda z: z.sum(1),
    "wrong_axis": lambda z: np.logaddexp.reduce(z, axis=0),
    "whole_array": lambda z: np.logaddexp.reduce(z, axis=None),
}
