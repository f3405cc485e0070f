"""The gradients of a matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array

NAMES = ("matmul_grad",)
PARTS = ("da", "db")


def cases() -> list[tuple[Any, ...]]:
    """Single numbers, a row and a column, square and oblong matrices."""
    draw = np.random.default_rng(2)
    sizes = [(1, 1, 1), (1, 2, 1), (2, 1, 2), (2, 2, 2), (2, 3, 2), (3, 3, 3), (2, 3, 4), (4, 2, 5)]
    return [tuple(draw.integers(-4, 5, s).astype(float) for s in ((n, m), (n, k), (k, m))) for n, k, m in sizes]


def oracle(g: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """From the sum itself: y[i, j] has a[i, k] * b[k, j] in it."""
    da, db = np.zeros(a.shape), np.zeros(b.shape)
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                da[i, k] += g[i, j] * b[k, j]
                db[k, j] += g[i, j] * a[i, k]
    return da, db


MISTAKES = {
    "not_transposed": lambda g, a, b: (g @ b, a @ g),
    "exchanged": lambda g, a, b: oracle(g, a, b)[::-1],
    "order": [lambda g, a, b: (b.T @ g, g @ a.T), lambda g, a, b: (oracle(g, a, b)[0], g @ a.T)],
    "db_turned": lambda g, a, b: (oracle(g, a, b)[0], g.T @ a),
    "da_turned": lambda g, a, b: (b @ g.T, oracle(g, a, b)[1]),
    "without_g": lambda g, a, b: oracle(np.ones_like(g), a, b),
    "only_da": lambda g, a, b: oracle(g, a, b)[0],
}
