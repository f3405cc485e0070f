"""im2col: the windows of an image (H, W, C) as the rows of a matrix (OH*OW, K*K*C)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, padded, windows

NAMES = ("im2col",)


def cases() -> list[tuple[Any, ...]]:
    """One window, several, strides, padding; several channels. Every value is another one."""
    sizes = [
        (2, 2, 1, 2, 1, 0),
        (3, 3, 1, 2, 1, 0),
        (3, 4, 2, 1, 1, 0),
        (3, 3, 2, 2, 1, 0),
        (5, 4, 1, 2, 2, 0),
        (2, 2, 1, 3, 1, 1),
    ]
    sizes += [(4, 5, 3, 3, 1, 1), (5, 5, 2, 3, 2, 1), (6, 5, 2, 2, 3, 1)]
    return [(np.arange(1.0, h * w * c + 1).reshape(h, w, c), k, s, p) for h, w, c, k, s, p in sizes]


def oracle(x: Array, kernel_size: int, stride: int, padding: int) -> Array:
    """Row i*OW + j is window (i, j), read row by row, a pixel's channels side by side."""
    return windows(padded(x, padding), kernel_size, stride).reshape(-1, kernel_size * kernel_size * x.shape[2])


def channels_first(x: Array, kernel_size: int, stride: int, padding: int) -> Array:
    """In a row, all pixels of the first channel come before those of the second."""
    found = windows(padded(x, padding), kernel_size, stride)
    return found.transpose(0, 1, 4, 2, 3).reshape(-1, kernel_size * kernel_size * x.shape[2])


def by_columns(x: Array, kernel_size: int, stride: int, padding: int) -> Array:
    """The windows in the order of the image's columns."""
    found = windows(padded(x, padding), kernel_size, stride)
    return found.transpose(1, 0, 2, 3, 4).reshape(-1, kernel_size * kernel_size * x.shape[2])


def last_window_missing(x: Array, kernel_size: int, stride: int, padding: int) -> Array:
    """The + 1 of the output size is left out."""
    found = windows(padded(x, padding), kernel_size, stride)[:-1, :-1]
    return found.reshape(-1, kernel_size * kernel_size * x.shape[2])


def padded_at_the_end(x: Array, kernel_size: int, stride: int, padding: int) -> Array:
    """All zeros below and to the right."""
    return oracle(np.pad(x, ((0, 2 * padding), (0, 2 * padding), (0, 0))), kernel_size, stride, 0)


MISTAKES = {
    "padding_forgotten": lambda x, kernel_size, stride, padding: oracle(x, kernel_size, stride, 0),
    "stride_forgotten": lambda x, kernel_size, stride, padding: oracle(x, kernel_size, 1, padding),
    "padded_once": lambda x, kernel_size, stride, padding: oracle(
        np.pad(x, ((padding, 0), (padding, 0), (0, 0))), kernel_size, stride, 0
    ),
    "padded_at_the_end": padded_at_the_end,
    "channels_first": channels_first,
    "by_columns": by_columns,
    "last_window_missing": last_window_missing,
    "columns_for_rows": lambda *case: oracle(*case).T,
    "padded_with_the_edge": lambda x, kernel_size, stride, padding: oracle(
        padded(x, padding, mode="edge"), kernel_size, stride, 0
    ),
}
