"""The number of windows in ceil mode, with the rule about the last one."""

from __future__ import annotations

from typing import Any

NAMES = ("pooled_size",)


def cases() -> list[tuple[Any, ...]]:
    """Windows that fit, windows that hang over, and last windows that would begin in the padding."""
    sizes = [(4, 2, 2, 0), (5, 2, 2, 0), (7, 3, 2, 0), (8, 3, 2, 0), (6, 3, 3, 1), (3, 2, 2, 1), (5, 3, 2, 1), (4, 2, 3, 1)]
    sizes += [
        (28, 3, 2, 0),
        (32, 3, 2, 0),
        (32, 3, 2, 1),
        (112, 3, 2, 0),
        (9, 2, 3, 1),
        (10, 4, 4, 2),
        (6, 1, 2, 0),
        (54, 3, 2, 0),
    ]
    return [(n, k, s, p, ceil) for n, k, s, p in sizes for ceil in (False, True)]


def oracle(size: int, kernel_size: int, stride: int, padding: int, ceil_mode: bool) -> int:
    """The windows are counted: in ceil mode each that begins in the image or its left padding, and ends anywhere."""
    begins = range(-padding, size, stride) if ceil_mode else range(-padding, size + padding - kernel_size + 1, stride)
    wide = range(-padding, size + padding - kernel_size + stride, stride)  # enough windows to reach the right end
    return min(len(begins), len(wide)) if ceil_mode else len(begins)


def by_formula(size: int, kernel_size: int, stride: int, padding: int, ceil_mode: bool) -> int:
    """The ceiling alone: the last window may begin beyond the image."""
    return -(-(size + 2 * padding - kernel_size) // stride) + 1 if ceil_mode else (size + 2 * padding - kernel_size) // stride + 1


MISTAKES = {
    "last_window": by_formula,
    "always_floor": lambda size, kernel_size, stride, padding, ceil_mode: oracle(size, kernel_size, stride, padding, False),
    "always_ceil": lambda size, kernel_size, stride, padding, ceil_mode: by_formula(size, kernel_size, stride, padding, True),
    "one_missing": lambda size, kernel_size, stride, padding, ceil_mode: (
        oracle(size, kernel_size, stride, padding, ceil_mode) - 1
    ),
    "one_padding": lambda size, kernel_size, stride, padding, ceil_mode: by_formula(
        size - padding, kernel_size, stride, padding, ceil_mode
    ),
    "one_more": lambda size, kernel_size, stride, padding, ceil_mode: (
        (size + 2 * padding - kernel_size) // stride + 1 + ceil_mode
    ),
    "padding_forgotten": lambda size, kernel_size, stride, padding, ceil_mode: by_formula(
        size, kernel_size, stride, 0, ceil_mode
    ),
}
