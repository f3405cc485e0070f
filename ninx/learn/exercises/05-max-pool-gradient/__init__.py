"""The gradient of max pooling goes to the pixel that won."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, output_size, small_numbers

NAMES = ("max_pool_grad",)


def cases() -> list[tuple[Any, ...]]:
    """One window, several, windows that share their winner, ties, channels."""
    rising = np.arange(1.0, 5).reshape(2, 2, 1)
    shared = np.array([[0.0, 1, 0], [2, 9, 2], [0, 1, 0]])[:, :, None]
    made = [(rising, 2, 2), (shared, 2, 1), (np.ones((2, 2, 1)), 2, 2), (np.zeros((3, 3, 1)), 2, 1)]
    made += [
        (small_numbers(7, (4, 4, 2))[0], 2, 2),
        (small_numbers(8, (5, 5, 2))[0], 3, 2),
        (small_numbers(9, (5, 4, 3))[0], 3, 1),
    ]
    cases = []
    for i, (x, k, s) in enumerate(made):
        out = (output_size(x.shape[0], k, s, 0), output_size(x.shape[1], k, s, 0), x.shape[2])
        cases.append((np.arange(1.0, 1 + np.prod(out)).reshape(out) + i, x, k, s))
    return cases


def oracle(
    g: Array, x: Array, kernel_size: int, stride: int, ties: str = "first", add: bool = True, per_channel: bool = True
) -> Array:
    """Each window sends its g to its first largest value; what a pixel gets from several windows is summed."""
    dx = np.zeros_like(x)
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            rows, columns = slice(i * stride, i * stride + kernel_size), slice(j * stride, j * stride + kernel_size)
            window, here = x[rows, columns], dx[rows, columns]
            best = window.max((0, 1)) if per_channel else np.full(x.shape[2], window.max())
            for c in range(x.shape[2]):
                places = np.argwhere(window[:, :, c] == best[c])
                chosen = places[:1] if ties == "first" else places[-1:] if ties == "last" else places
                for r, q in chosen:
                    share = g[i, j, c] / (len(places) if ties == "shared" else 1)
                    here[r, q, c] = here[r, q, c] + share if add else share
    return dx


def spread(g: Array, x: Array, kernel_size: int, stride: int, mean: bool) -> Array:
    """Every pixel of the window gets it."""
    dx = np.zeros_like(x)
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            share = g[i, j] / (kernel_size**2 if mean else 1)
            dx[i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size] += share
    return dx


MISTAKES = {
    "ties_counted_twice": lambda g, x, kernel_size, stride: oracle(g, x, kernel_size, stride, "all"),
    "ties_shared": lambda g, x, kernel_size, stride: oracle(g, x, kernel_size, stride, "shared"),
    "last_of_equals": lambda g, x, kernel_size, stride: oracle(g, x, kernel_size, stride, "last"),
    "gradient_written": lambda g, x, kernel_size, stride: oracle(g, x, kernel_size, stride, add=False),
    "as_an_average": lambda g, x, kernel_size, stride: spread(g, x, kernel_size, stride, mean=True),
    "to_all": lambda g, x, kernel_size, stride: spread(g, x, kernel_size, stride, mean=False),
    "g_left_out": lambda g, x, kernel_size, stride: oracle(np.ones_like(g), x, kernel_size, stride),
    "over_channels": lambda g, x, kernel_size, stride: oracle(g, x, kernel_size, stride, per_channel=False),
    "stride_forgotten": lambda g, x, kernel_size, stride: oracle(g, x, kernel_size, 1),
}
