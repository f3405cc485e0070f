"""Average pooling, where zeros of the padding do not count."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, padded, small_numbers, windows

NAMES = ("average_pool",)


def cases() -> list[tuple[Any, ...]]:
    """Windows inside, overlapping, and over the border."""
    sizes = [
        (2, 2, 1, 2, 2, 0),
        (3, 3, 1, 2, 1, 0),
        (2, 2, 1, 2, 2, 1),
        (4, 4, 2, 2, 2, 0),
        (3, 3, 1, 3, 2, 1),
        (5, 4, 3, 3, 2, 1),
    ]
    return [(*small_numbers(20 + i, (h, w, c)), k, s, p) for i, (h, w, c, k, s, p) in enumerate(sizes)]


def oracle(x: Array, kernel_size: int, stride: int, padding: int) -> Array:
    """The sum of a window divided by how many of its pixels are in the image."""
    total = windows(padded(x, padding), kernel_size, stride).sum((2, 3))
    return total / windows(padded(np.ones_like(x), padding), kernel_size, stride).sum((2, 3))


MISTAKES = {
    "zeros_counted": lambda x, kernel_size, stride, padding: windows(padded(x, padding), kernel_size, stride).mean((2, 3)),
    "sum": lambda x, kernel_size, stride, padding: windows(padded(x, padding), kernel_size, stride).sum((2, 3)),
    "padding_forgotten": lambda x, kernel_size, stride, padding: oracle(x, kernel_size, stride, 0),
    "stride_forgotten": lambda x, kernel_size, stride, padding: oracle(x, kernel_size, 1, padding),
    "side_by_side": lambda x, kernel_size, stride, padding: oracle(x, kernel_size, kernel_size, padding),
    "one_side": lambda x, kernel_size, stride, padding: (
        windows(padded(x, padding), kernel_size, stride).sum((2, 3)) / kernel_size
    ),
    "largest": lambda x, kernel_size, stride, padding: windows(
        padded(x, padding, constant_values=-np.inf), kernel_size, stride
    ).max((2, 3)),
    "over_channels": lambda x, kernel_size, stride, padding: oracle(x, kernel_size, stride, padding).mean(2, keepdims=True),
}
