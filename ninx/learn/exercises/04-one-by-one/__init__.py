"""A 1x1 convolution is one matrix product over all pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, small_numbers

NAMES = ("conv1x1",)


def cases() -> list[tuple[Any, ...]]:
    """One pixel, several, several images; then strides, also such as do not fit."""
    sizes = [
        (1, 1, 1, 2, 1, 1),
        (1, 1, 2, 2, 2, 1),
        (1, 2, 2, 1, 2, 1),
        (1, 2, 3, 3, 2, 1),
        (2, 2, 2, 2, 3, 1),
        (1, 2, 2, 1, 1, 2),
    ]
    sizes += [(1, 4, 4, 2, 2, 2), (1, 3, 5, 2, 1, 2), (2, 5, 4, 3, 2, 3), (2, 6, 5, 3, 3, 2)]
    return [(*small_numbers(i, (n, h, w, c), (o, c), (o,)), s) for i, (n, h, w, c, o, s) in enumerate(sizes)]


def oracle(x: Array, w: Array, b: Array, stride: int) -> Array:
    """Pixel by pixel."""
    N, H, W, _ = x.shape
    pixels = [[[w @ x[n, i, j] + b for j in range(0, W, stride)] for i in range(0, H, stride)] for n in range(N)]
    return np.array(pixels)


def flat_stride(x: Array, w: Array, b: Array, stride: int) -> Array:
    """Every stride-th row of the matrix of all pixels, which is no rectangle of the image."""
    N, H, W, C = x.shape
    OH, OW = -(-H // stride), -(-W // stride)
    rows = x.reshape(-1, C)[::stride][: N * OH * OW]
    return (rows @ w.T + b).reshape(N, OH, OW, -1)


def not_transposed(x: Array, w: Array, b: Array, stride: int) -> Array:
    """rows @ w."""
    return x[:, ::stride, ::stride] @ w + b


def rounded_down(x: Array, w: Array, b: Array, stride: int) -> Array:
    """H // stride rows of outputs, where one more begins."""
    return oracle(x, w, b, stride)[:, : x.shape[1] // stride, : x.shape[2] // stride]


def scrambled(x: Array, w: Array, b: Array, stride: int) -> Array:
    """The rows of the product are read as (N, O, OH, OW)."""
    y = oracle(x, w, b, stride)
    return y.reshape(len(y), len(w), *y.shape[1:3]).transpose(0, 2, 3, 1)


def channels_first(x: Array, w: Array, b: Array, stride: int) -> Array:
    """x is read as (N, C, H, W)."""
    C = x.shape[3]
    picked = x[:, ::stride, ::stride]
    rows = picked.reshape(len(x), C, -1).transpose(0, 2, 1)
    return (rows @ w.T + b).reshape(*picked.shape[:3], -1)


MISTAKES = {
    "stride_forgotten": lambda x, w, b, stride: oracle(x, w, b, 1),
    "flat_stride": flat_stride,
    "stride_of_rows": lambda x, w, b, stride: x[:, ::stride] @ w.T + b,
    "rounded_down": rounded_down,
    "bias_forgotten": lambda x, w, b, stride: oracle(x, w, 0 * b, stride),
    "not_transposed": not_transposed,
    "scrambled": scrambled,
    "still_a_matrix": lambda x, w, b, stride: oracle(x, w, b, stride).reshape(-1, len(w)),
    "channels_first": channels_first,
    "relu": lambda x, w, b, stride: np.maximum(oracle(x, w, b, stride), 0),
}
