"""What the graders of convolutions and poolings share: the windows of an image (H, W, C), and the sum over them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any  # of NumPy


def output_size(size: int, kernel_size: int, stride: int, padding: int) -> int:
    """How many windows there are along a side."""
    return (size + 2 * padding - kernel_size) // stride + 1


def padded(x: Array, padding: int, **how: Any) -> Array:
    """The image with zeros around it, or, with ``how``, with what `numpy.pad` puts there."""
    return np.pad(x, ((padding, padding), (padding, padding), (0, 0)), **how)


def windows(x: Array, kernel_size: int, stride: int) -> Array:
    """All windows (OH, OW, K, K, C) of an image, which is padded already."""
    OH, OW = (output_size(size, kernel_size, stride, 0) for size in x.shape[:2])
    found = np.empty((OH, OW, kernel_size, kernel_size, x.shape[2]))
    for i in range(OH):
        for j in range(OW):
            found[i, j] = x[i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
    return found


def convolution(x: Array, w: Array, b: Array | float, stride: int, padding: int) -> Array:
    """(OH, OW, O): each window times each of the kernels (O, K, K, C), summed, plus a bias for each kernel."""
    found = windows(padded(x, padding), w.shape[1], stride)
    return np.einsum("ijrqc,orqc->ijo", found, w) + b


def small_numbers(seed: int, *shapes: tuple[int, ...]) -> list[Array]:
    """Arrays of whole numbers from -4 to 4, which one can follow by hand; seldom 0."""
    draw = np.random.default_rng(seed)
    return [draw.choice([-4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0], shape) for shape in shapes]
