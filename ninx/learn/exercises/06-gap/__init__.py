"""Global average pooling and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, small_numbers

NAMES = ("gap", "gap_grad")
PARTS = ("gap", "gap_grad")


def cases() -> list[tuple[Any, ...]]:
    """One image of one channel, several channels, several images, maps that are not square."""
    shapes = [(1, 2, 2, 1), (1, 2, 3, 1), (1, 2, 2, 2), (2, 2, 2, 1), (2, 3, 2, 3), (3, 4, 5, 2)]
    return [(*small_numbers(i, shape, (shape[0], shape[3])),) for i, shape in enumerate(shapes)]


def oracle(x: Array, g: Array) -> tuple[Array, Array]:
    """The mean of each map; every pixel gets its share of the gradient."""
    _, H, W, _ = x.shape
    return x.mean((1, 2)), np.broadcast_to(g[:, None, None] / (H * W), x.shape)


def part(y: Any = None, dx: Any = None) -> Any:
    """A mistake in one of the two parts."""

    def answer(x: Array, g: Array) -> tuple[Array, Array]:
        right = oracle(x, g)
        return right[0] if y is None else y(x), right[1] if dx is None else dx(x, g)

    return answer


MISTAKES = {
    "sum": part(y=lambda x: x.sum((1, 2))),
    "largest": part(y=lambda x: x.max((1, 2))),
    "over_channels": part(y=lambda x: x.mean((1, 2, 3))),
    "over_batch": part(y=lambda x: x.mean((0, 1, 2))),
    "not_divided": part(dx=lambda x, g: np.broadcast_to(g[:, None, None], x.shape)),
    "divided_by_one_side": part(dx=lambda x, g: np.broadcast_to(g[:, None, None] / x.shape[1], x.shape)),
    "divided_by_the_batch": part(dx=lambda x, g: np.broadcast_to(g[:, None, None] / x[..., 0].size, x.shape)),
    "times_x": part(dx=lambda x, g: g[:, None, None] * x / (x.shape[1] * x.shape[2])),
    "g_left_out": part(dx=lambda x, g: np.full(x.shape, 1 / (x.shape[1] * x.shape[2]))),
    "not_spread": part(dx=lambda x, g: g / (x.shape[1] * x.shape[2])),
}
