"""Max pooling: the largest value of every window."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, output_size, padded, small_numbers, windows

NAMES = ("max_pool",)


def cases() -> list[tuple[Any, ...]]:
    """Windows side by side and overlapping, negative images, channels, pixels left over, padding."""
    sizes = [
        (2, 2, 1, 2, 2, 0),
        (3, 3, 1, 2, 1, 0),
        (4, 4, 2, 2, 2, 0),
        (5, 4, 1, 2, 2, 0),
        (3, 3, 1, 3, 2, 1),
        (5, 5, 3, 3, 2, 1),
    ]
    drawn = [(*small_numbers(i, (h, w, c)), k, s, p) for i, (h, w, c, k, s, p) in enumerate(sizes)]
    negative = [(-np.arange(1.0, 5).reshape(2, 2, 1), 2, 2, 1), (-np.arange(1.0, 19).reshape(3, 3, 2), 3, 2, 1)]
    return [*drawn, *negative]


def oracle(x: Array, kernel_size: int, stride: int, padding: int, beside: float = -np.inf) -> Array:
    """With minus infinity around the image, which never is the largest value."""
    return windows(padded(x, padding, constant_values=beside), kernel_size, stride).max((2, 3))


def not_padded(x: Array, kernel_size: int, stride: int, padding: int) -> Array:
    """The padding is forgotten."""
    if min(output_size(size, kernel_size, stride, 0) for size in x.shape[:2]) < 1:
        raise ValueError("no window fits")
    return oracle(x, kernel_size, stride, 0)


MISTAKES = {
    "padded_with_zeros": lambda x, kernel_size, stride, padding: oracle(x, kernel_size, stride, padding, 0.0),
    "padding_forgotten": not_padded,
    "stride_forgotten": lambda x, kernel_size, stride, padding: oracle(x, kernel_size, 1, padding),
    "side_by_side": lambda x, kernel_size, stride, padding: oracle(x, kernel_size, kernel_size, padding),
    "mean": lambda x, kernel_size, stride, padding: windows(padded(x, padding), kernel_size, stride).mean((2, 3)),
    "over_channels": lambda x, kernel_size, stride, padding: oracle(x, kernel_size, stride, padding).max(2, keepdims=True),
    "smallest": lambda x, kernel_size, stride, padding: -oracle(-x, kernel_size, stride, padding),
}
