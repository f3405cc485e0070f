"""A sum along a tree: the same brackets for any number of ranks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array

NAMES = ("tree_sum",)
LARGE = 2.0**60  # so large that float64 loses a 1 beside it: other brackets, other sums


def cases() -> list[tuple[Any, ...]]:
    """One, two, four, eight parts, and numbers of parts that cannot be halved evenly; values where the brackets count."""
    rows = [[1.0], [1.0, 2.0], [LARGE, 1.0, -LARGE, 1.0], [1.0, LARGE, -LARGE, 4.0], [LARGE, 1.0, 1.0], [1.0, 1.0, LARGE]]
    rows += [[1.0, LARGE, 2.0, 4.0, -LARGE, 8.0, 16.0, 32.0], [LARGE, 1.0, 2.0, 4.0, 8.0, -LARGE]]
    rows += [[3.0, LARGE, 5.0, -LARGE, 7.0], [LARGE, 1.0, -LARGE, 2.0, 4.0, LARGE, -LARGE]]
    return [([np.array([value, 2 * i - value]) for value in row],) for i, row in enumerate(rows)]


def oracle(parts: list[Array]) -> Array:
    """Halves, of which the first has the fewer parts if they are odd in number."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return oracle(parts[:middle]) + oracle(parts[middle:])


def larger_half_first(parts: list[Array]) -> Array:
    """The other way to halve an odd number."""
    if len(parts) == 1:
        return parts[0]
    middle = (len(parts) + 1) // 2
    return larger_half_first(parts[:middle]) + larger_half_first(parts[middle:])


def in_order(parts: list[Array]) -> Array:
    """One after the other."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def pairs(parts: list[Array]) -> Array:
    """Neighbours first, again and again; what is left over goes up alone."""
    while len(parts) > 1:
        parts = [in_order(parts[i : i + 2]) for i in range(0, len(parts), 2)]
    return parts[0]


def strides(parts: list[Array]) -> Array:
    """Those with even and those with odd numbers."""
    return parts[0] if len(parts) == 1 else strides(parts[::2]) + strides(parts[1::2])


MISTAKES = {
    "in_order": in_order,
    "from_the_end": lambda parts: in_order(parts[::-1]),
    "larger_half_first": larger_half_first,
    "pairs": pairs,
    "even_and_odd": strides,
    "mean": lambda parts: oracle(parts) / len(parts),
    "one_missing": lambda parts: oracle(parts[:-1]) if len(parts) > 1 else parts[0],
}
