"""The gradient of a convolution by its input."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, convolution, output_size, small_numbers

NAMES = ("input_grad",)


def cases() -> list[tuple[Any, ...]]:
    """One window, windows that overlap, channels in and out, strides that fit or leave pixels over, padding."""
    sizes = [(2, 2, 1, 1, 2, 1, 0), (3, 3, 1, 1, 2, 1, 0), (2, 3, 2, 1, 2, 1, 0), (3, 3, 1, 2, 2, 1, 0), (4, 4, 1, 1, 2, 2, 0)]
    sizes += [(3, 3, 1, 1, 3, 1, 1), (6, 5, 1, 1, 3, 2, 0), (5, 4, 2, 3, 3, 1, 1), (5, 5, 2, 2, 3, 2, 1), (4, 5, 3, 2, 1, 2, 0)]
    return [
        (*small_numbers(i, (output_size(h, k, s, p), output_size(w, k, s, p), o), (o, k, k, c)), (h, w), s, p)
        for i, (h, w, c, o, k, s, p) in enumerate(sizes)
    ]


def scattered(g: Array, w: Array, size: tuple[int, int], stride: int, padding: int, add: bool = True) -> Array:
    """The gradient by the padded image: every output gives its kernel, times g, back to the pixels of its window."""
    kernel_size = w.shape[1]
    dx = np.zeros((size[0] + 2 * padding, size[1] + 2 * padding, w.shape[3]))
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            here = dx[i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
            back = np.einsum("o,orqc->rqc", g[i, j], w)[: here.shape[0], : here.shape[1]]
            here[...] = here + back if add else back
    return dx


def oracle(
    g: Array, w: Array, size: tuple[int, int], stride: int, padding: int, add: bool = True, begin: int | None = None
) -> Array:
    """Without the padding, whose gradient nobody wants; ``begin`` is how much is cut off in front."""
    begin = padding if begin is None else begin
    return scattered(g, w, size, stride, padding, add)[begin : begin + size[0], begin : begin + size[1]]


def as_convolution(g: Array, w: Array, size: tuple[int, int], stride: int, padding: int) -> Array:
    """The convolution of g, with zeros around it, with kernels that were not turned."""
    if stride != 1 or padding >= w.shape[1]:
        return oracle(g, w[:, ::-1, ::-1], size, stride, padding)
    kernels = w.transpose(3, 1, 2, 0)
    return convolution(g, kernels, 0.0, 1, w.shape[1] - 1 - padding)


MISTAKES = {
    "kernel_not_turned": as_convolution,
    "gradient_written": lambda g, w, size, stride, padding: oracle(g, w, size, stride, padding, add=False),
    "stride_forgotten": lambda g, w, size, stride, padding: oracle(g, w, size, 1, padding),
    "padding_not_cut": scattered,
    "cut_at_the_end": lambda g, w, size, stride, padding: oracle(g, w, size, stride, padding, begin=0),
    "kernel_transposed": lambda g, w, size, stride, padding: oracle(g, w.transpose(0, 2, 1, 3), size, stride, padding),
    "one_kernel": lambda g, w, size, stride, padding: oracle(g[..., :1], w[:1], size, stride, padding),
    "mean": lambda g, w, size, stride, padding: oracle(g, w / len(w), size, stride, padding),
    "g_left_out": lambda g, w, size, stride, padding: oracle(np.ones_like(g), w, size, stride, padding),
}
