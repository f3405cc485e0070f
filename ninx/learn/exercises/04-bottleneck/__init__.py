"""How wide may a bottleneck be, before it costs more than the convolution that it replaces?"""

from __future__ import annotations

from typing import Any

NAMES = ("widest",)


def cases() -> list[tuple[Any, ...]]:
    """Channels and kernel sizes. (Equal the two costs never are: K**4 + 1 is no square.)"""
    return [(1, 1), (2, 3), (4, 3), (3, 5), (16, 3), (64, 3), (64, 5), (256, 1), (30, 2), (12, 7), (256, 3), (4096, 3)]


def bottleneck(channels: int, middle: int, kernel_size: int) -> int:
    """Weights of 1x1, KxK and 1x1."""
    return channels * middle + kernel_size**2 * middle * middle + middle * channels


def oracle(channels: int, kernel_size: int) -> int:
    """The last width, counted up, that does not cost more."""
    middle = 0
    while bottleneck(channels, middle + 1, kernel_size) <= kernel_size**2 * channels**2:
        middle += 1
    return middle


def last(fits: Any) -> int:
    """The last width for which this holds."""
    middle = 0
    while fits(middle + 1):
        middle += 1
    return middle


MISTAKES = {
    "way_back_forgotten": lambda c, k: last(lambda m: c * m + k * k * m * m <= k * k * c * c),
    "one_by_ones_forgotten": lambda c, k: last(lambda m: k * k * m * m <= k * k * c * c),
    "middle_not_squared": lambda c, k: last(lambda m: 2 * c * m + k * k * m <= k * k * c * c),
    "kernel_not_squared": lambda c, k: last(lambda m: 2 * c * m + k * m * m <= k * c * c),
    "one_too_many": lambda c, k: oracle(c, k) + 1,
    "with_biases": lambda c, k: last(lambda m: bottleneck(c, m, k) + 2 * m + c <= k * k * c * c + c),
    "outer_kernel": lambda c, k: last(lambda m: 2 * c * m + k * k * m * c <= k * k * c * c),
}
