"""A convolution as one product of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, convolution, output_size, padded, small_numbers, windows

NAMES = ("conv2d",)


def cases() -> list[tuple[Any, ...]]:
    """Small ones, several images, and one with 170 million products, for which loops over each are too slow."""
    sizes = [(1, 2, 2, 1, 1, 2, 1, 0), (1, 3, 3, 1, 2, 2, 1, 0), (2, 3, 3, 1, 1, 2, 1, 0), (1, 3, 4, 2, 2, 2, 1, 0)]
    sizes += [(1, 3, 3, 1, 2, 3, 1, 1), (1, 5, 4, 2, 3, 2, 2, 0), (2, 5, 5, 2, 2, 3, 2, 1), (2, 4, 5, 3, 4, 3, 1, 1)]
    sizes += [(2, 48, 48, 64, 64, 3, 1, 1)]
    return [(*small_numbers(i, (n, h, w, c), (o, k, k, c), (o,)), s, p) for i, (n, h, w, c, o, k, s, p) in enumerate(sizes)]


def oracle(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    """Tap by tap: the pixels that it meets times its weights, which needs no matrix of windows."""
    N, H, W, _ = x.shape
    K = w.shape[1]
    OH, OW = output_size(H, K, stride, padding), output_size(W, K, stride, padding)
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    y = np.zeros((N, OH, OW, len(w))) + b
    for r in range(K):
        for q in range(K):
            y += x[:, r : r + OH * stride : stride, q : q + OW * stride : stride] @ w[:, r, q].T
    return y


def each(x: Array, w: Array, b: Any, stride: int, padding: int) -> Array:
    """The oracle's answer, image by image, for what is only done with small inputs."""
    if x.size > 10_000:
        raise ValueError("not computed")
    return np.array([convolution(image, w, b, stride, padding) for image in x])


def product(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    """Windows times weights as a matrix (N*OH*OW, O)."""
    return each(x, w, b, stride, padding).reshape(-1, len(w))


def wrong_cut(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    """The weights are reshaped to (K*K*C, O) instead of transposed."""
    K, columns = w.shape[1], w.reshape(-1, len(w))
    return each(x, columns.T.reshape(len(w), K, K, -1), b, stride, padding)


def scrambled(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    """The rows of the product are read as (N, O, OH, OW)."""
    y = each(x, w, b, stride, padding)
    return y.reshape(len(y), len(w), *y.shape[1:3]).transpose(0, 2, 3, 1)


def channels_first_rows(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    """The rows hold channel after channel, the weights pixel after pixel."""
    if x.size > 10_000:
        raise ValueError("not computed")
    found = [windows(padded(image, padding), w.shape[1], stride).transpose(0, 1, 4, 2, 3) for image in x]
    flat = np.array(found)
    return flat.reshape(*flat.shape[:3], -1) @ w.reshape(len(w), -1).T + b


def one_image(x: Array, w: Array, b: Array, stride: int, padding: int) -> Array:
    """Only the first one."""
    return each(x[:1], w, b, stride, padding)


MISTAKES = {
    "padding_forgotten": lambda x, w, b, stride, padding: each(x, w, b, stride, 0),
    "stride_forgotten": lambda x, w, b, stride, padding: each(x, w, b, 1, padding),
    "bias_forgotten": lambda x, w, b, stride, padding: each(x, w, 0.0, stride, padding),
    "kernel_turned": lambda x, w, b, stride, padding: each(x, w[:, ::-1, ::-1], b, stride, padding),
    "wrong_cut": wrong_cut,
    "scrambled": scrambled,
    "channels_first_rows": channels_first_rows,
    "still_a_matrix": product,
    "one_image": one_image,
}
