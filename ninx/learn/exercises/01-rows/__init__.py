"""Pixels as rows: an image batch (N, C, H, W) as the matrix (N*H*W, C)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array

NAMES = ("rows",)


def cases() -> list[tuple[Any, ...]]:
    """One channel, several; wide, tall and square images; one and several of them."""
    shapes = [(1, 1, 1, 3), (1, 2, 1, 2), (1, 2, 2, 3), (2, 1, 2, 2), (2, 3, 2, 2), (1, 3, 3, 2), (2, 2, 3, 4), (3, 4, 3, 3)]
    return [(np.arange(1.0, np.prod(shape) + 1).reshape(shape),) for shape in shapes]


def oracle(x: Array) -> Array:
    """Pixel by pixel."""
    N, C, H, W = x.shape
    return np.array([[x[n, c, i, j] for c in range(C)] for n in range(N) for i in range(H) for j in range(W)])


def as_axes(x: Array, *axes: int) -> Array:
    """The axes in another order, and then rows of C numbers."""
    return x.transpose(axes).reshape(-1, x.shape[1])


MISTAKES = {
    "only_reshaped": lambda x: x.reshape(-1, x.shape[1]),
    "columns": lambda x: oracle(x).T,  # (C, N*H*W)
    "columns_first": lambda x: as_axes(x, 0, 3, 2, 1),
    "images_last": lambda x: as_axes(x, 2, 3, 0, 1),
    "one_image": lambda x: oracle(x[:1]),
    "maps_as_rows": lambda x: x.reshape(-1, x.shape[2] * x.shape[3]),
}
