"""How likely chance alone makes such a difference: McNemar's exact test."""

from __future__ import annotations

import math
from typing import Any

NAMES = ("chance",)


def cases() -> list[tuple[Any, ...]]:
    """Nothing, one image, equal and unequal counts in both orders, large ones."""
    return [(0, 0), (1, 0), (0, 5), (1, 1), (2, 3), (3, 2), (8, 2), (1, 9), (26, 35), (40, 60), (450, 550)]


def tail(k: int, n: int) -> float:
    """The probability of at most k heads in n tosses."""
    return float(sum(math.comb(n, i) for i in range(k + 1)) / 2**n)


def oracle(only_a: int, only_b: int) -> float:
    """Both tails, and never more than 1."""
    return min(1.0, 2 * tail(min(only_a, only_b), only_a + only_b))


MISTAKES = {
    "one_sided": lambda only_a, only_b: tail(min(only_a, only_b), only_a + only_b),
    "above_one": lambda only_a, only_b: 2 * tail(min(only_a, only_b), only_a + only_b),
    "this_outcome_alone": lambda only_a, only_b: min(1.0, 2 * math.comb(only_a + only_b, only_a) / 2 ** (only_a + only_b)),
    "one_less": lambda only_a, only_b: min(1.0, 2 * tail(min(only_a, only_b) - 1, only_a + only_b)),
    "wrong_tail": lambda only_a, only_b: min(1.0, 2 * tail(max(only_a, only_b), only_a + only_b)),
    "only_a": lambda only_a, only_b: min(1.0, 2 * tail(only_a, only_a + only_b)),
    "one_minus": lambda only_a, only_b: 1 - oracle(only_a, only_b),
}
