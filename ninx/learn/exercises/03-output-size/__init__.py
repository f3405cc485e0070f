"""The size of a convolution's output along one side."""

from __future__ import annotations

from math import ceil
from typing import Any

NAMES = ("output_size",)


def cases() -> list[tuple[Any, ...]]:
    """Each argument alone, then together; strides that fit, and that do not."""
    return [
        *((3, 2, 1, 0, 1), (5, 3, 1, 0, 1), (4, 4, 1, 0, 1), (6, 2, 2, 0, 1), (6, 3, 2, 0, 1), (5, 3, 1, 1, 1), (4, 3, 2, 1, 1)),
        *(
            (7, 3, 1, 0, 2),
            (9, 3, 2, 1, 2),
            (28, 5, 1, 2, 1),
            (32, 3, 2, 1, 1),
            (224, 11, 4, 2, 1),
            (14, 1, 2, 0, 1),
            (15, 3, 2, 2, 3),
        ),
    ]


def oracle(size: int, kernel_size: int, stride: int, padding: int, dilation: int) -> int:
    """Counted: every start at which the last tap still lies inside."""
    last_tap = (kernel_size - 1) * dilation
    return sum(1 for start in range(-padding, size + padding, stride) if start + last_tap < size + padding)


def reach(size: int, kernel_size: int, padding: int, dilation: int) -> int:
    """How far the window can be moved."""
    return size + 2 * padding - dilation * (kernel_size - 1) - 1


MISTAKES = {
    "one_missing": lambda size, k, stride, padding, dilation: reach(size, k, padding, dilation) // stride,
    "padding_once": lambda size, k, stride, padding, dilation: (reach(size, k, padding, dilation) - padding) // stride + 1,
    "padding_forgotten": lambda size, k, stride, padding, dilation: reach(size, k, 0, dilation) // stride + 1,
    "stride_forgotten": lambda size, k, stride, padding, dilation: reach(size, k, padding, dilation) + 1,
    "dilation_forgotten": lambda size, k, stride, padding, dilation: reach(size, k, padding, 1) // stride + 1,
    "dilated_too_far": lambda size, k, stride, padding, dilation: (size + 2 * padding - dilation * k) // stride + 1,
    "rounded_up": lambda size, k, stride, padding, dilation: ceil(reach(size, k, padding, dilation) / stride) + 1,
    "not_rounded": lambda size, k, stride, padding, dilation: reach(size, k, padding, dilation) / stride + 1,
    "one_inside": lambda size, k, stride, padding, dilation: (reach(size, k, padding, dilation) + 1) // stride,
    "divided_first": lambda size, k, stride, padding, dilation: (size + 2 * padding) // stride - dilation * (k - 1),
}
