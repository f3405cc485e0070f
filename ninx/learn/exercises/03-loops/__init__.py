"""A convolution straight from its definition."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, convolution, padded, small_numbers, windows

NAMES = ("conv2d",)


def cases() -> list[tuple[Any, ...]]:
    """One window; several; channels in, channels out; padding; strides; a bias."""
    sizes = [(2, 2, 1, 1, 2, 1, 0), (3, 3, 1, 1, 2, 1, 0), (3, 3, 1, 1, 3, 1, 1), (2, 3, 2, 1, 2, 1, 0), (3, 3, 1, 2, 2, 1, 0)]
    sizes += [(4, 4, 1, 1, 2, 2, 0), (5, 4, 2, 3, 3, 1, 1), (5, 5, 3, 2, 3, 2, 1), (4, 5, 2, 2, 1, 2, 1)]
    found = []
    for i, (h, w, c, o, k, s, p) in enumerate(sizes):
        bias = (np.zeros(o), *small_numbers(100 + i, (o,)))[i % 2]
        found.append((*small_numbers(i, (h, w, c), (o, k, k, c)), bias, s, p))
    return found


def oracle(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    """Every window times every kernel."""
    return convolution(x, w, b, stride, padding)


def mean(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    """The mean over the window instead of the sum."""
    return convolution(x, w / w[0].size, b, stride, padding)


def last_tap(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    """Each product is written over the one before."""
    return windows(padded(x, padding), w.shape[1], stride)[:, :, -1, -1, -1, None] * w[:, -1, -1, -1] + b


def bias_for_each_tap(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    """The bias stands inside the innermost loop."""
    return convolution(x, w, b * w[0].size, stride, padding)


MISTAKES = {
    "padding_forgotten": lambda x, w, b, stride, padding: convolution(x, w, b, stride, 0),
    "stride_forgotten": lambda x, w, b, stride, padding: convolution(x, w, b, 1, padding),
    "bias_forgotten": lambda x, w, b, stride, padding: convolution(x, w, 0.0, stride, padding),
    "bias_for_each_tap": bias_for_each_tap,
    "kernel_turned": lambda x, w, b, stride, padding: convolution(x, w[:, ::-1, ::-1], b, stride, padding),
    "kernel_transposed": lambda x, w, b, stride, padding: convolution(x, w.transpose(0, 2, 1, 3), b, stride, padding),
    "one_channel": lambda x, w, b, stride, padding: convolution(x[:, :, :1], w[..., :1], b, stride, padding),
    "mean": mean,
    "last_tap": last_tap,
    "last_window_missing": lambda x, w, b, stride, padding: convolution(x, w, b, stride, padding)[:-1, :-1],
}
