"""Winograd's convolution F(2x2, 3x3) of one channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, small_numbers

NAMES = ("winograd",)
PARTS = ("transformed kernel", "transformed first tile", "y")
BT = np.array([[1.0, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
G = np.array([[1.0, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
AT = np.array([[1.0, 1, 1, 0], [0, 1, -1, -1]])


def cases() -> list[tuple[Any, ...]]:
    """One tile, several in a row, in a column, in both."""
    return [(*small_numbers(70 + i, (h, w), (3, 3)),) for i, (h, w) in enumerate([(4, 4), (4, 6), (6, 4), (6, 6), (8, 10)])]


def oracle(
    x: Array, w: Array, step: int = 2, turn: bool = False, back: Array = AT, whole: bool = True
) -> tuple[Array, Array, Array]:
    """Tiles of 4 x 4 that overlap by two; each makes 2 x 2 outputs."""
    kernel = G @ (w[::-1, ::-1] if turn else w) @ G.T
    y = np.zeros((x.shape[0] - 2, x.shape[1] - 2))
    for i in range(0, y.shape[0], 2):
        for j in range(0, y.shape[1], 2):
            tile = x[i * step // 2 : i * step // 2 + 4, j * step // 2 : j * step // 2 + 4]
            if tile.shape == (4, 4):
                product = kernel * (BT @ tile @ BT.T) if whole else kernel @ (BT @ tile @ BT.T)
                y[i : i + 2, j : j + 2] = back @ product @ back.T
    return kernel, BT @ x[:4, :4] @ BT.T, y


def other(kernel: Any = None, tile: Any = None) -> Any:
    """A mistake in one of the transforms, which then shows in y too."""

    def answer(x: Array, w: Array) -> tuple[Array, Array, Array]:
        U = G @ w @ G.T if kernel is None else kernel(w)
        change = (lambda d: BT @ d @ BT.T) if tile is None else tile
        y = np.zeros((x.shape[0] - 2, x.shape[1] - 2))
        for i in range(0, y.shape[0], 2):
            for j in range(0, y.shape[1], 2):
                y[i : i + 2, j : j + 2] = AT @ (U * change(x[i : i + 4, j : j + 4])) @ AT.T
        return U, change(x[:4, :4]), y

    return answer


MISTAKES = {
    "matrix_product": lambda x, w: oracle(x, w, whole=False),
    "tiles_do_not_overlap": lambda x, w: oracle(x, w, step=4),
    "kernel_turned": lambda x, w: oracle(x, w, turn=True),
    "kernel_transposed": other(kernel=lambda w: G @ w.T @ G.T),
    "b_transposed": other(tile=lambda d: BT.T @ d @ BT),
    "one_tile": lambda x, w: (
        oracle(x, w)[0],
        oracle(x, w)[1],
        np.pad(oracle(x[:4, :4], w)[2], ((0, x.shape[0] - 4), (0, x.shape[1] - 4))),
    ),
}
