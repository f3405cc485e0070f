"""Second derivatives: the Hessian of sum((A x)**3) / 3 times a vector, without the Hessian."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array

NAMES = ("gradient", "hvp")
PARTS = ("gradient", "hvp")
MEMORY = 400_000_000  # the Hessian of the last case alone would take 800 MB


def cases() -> list[tuple[Any, ...]]:
    """One number, few, and so many that the Hessian has no room."""
    draw = np.random.default_rng(3)
    sizes = [(1, 1), (1, 2), (2, 2), (3, 2), (2, 3), (3, 3), (4, 3)]
    small = [tuple(draw.integers(-3, 4, s).astype(float) for s in ((n, m), m, m)) for n, m in sizes]
    return [*small, (draw.standard_normal((3, 10_000)) / 100, draw.standard_normal(10_000), draw.standard_normal(10_000))]


def oracle(A: Array, x: Array, v: Array) -> tuple[Array, Array]:
    """Row by row: u = a.x gives u**3 / 3, its gradient u**2 a, and its Hessian 2 u a a'."""
    first, second = np.zeros(x.shape), np.zeros(x.shape)
    for a in A:
        u = (a * x).sum()
        first += u**2 * a
        second += 2 * u * a * (a * v).sum()
    return first, second


def with_second(second: Any) -> Any:
    """A mistake of the second function only."""
    return lambda A, x, v: (oracle(A, x, v)[0], second(A, x, v))


MISTAKES = {
    "two_forgotten": with_second(lambda A, x, v: A.T @ ((A @ x) * (A @ v))),
    "diagonal": with_second(lambda A, x, v: (A**2).T @ (2 * (A @ x)) * v),
    "v_left_out": with_second(lambda A, x, v: A.T @ (2 * (A @ x) * A.sum(1))),
    "gradient_times_v": with_second(lambda A, x, v: oracle(A, x, v)[0] * v),
    "gradient_in_v": with_second(lambda A, x, v: oracle(A, v, v)[0]),
    "directional": with_second(lambda A, x, v: float(oracle(A, x, v)[0] @ v)),
    "outer_A": with_second(lambda A, x, v: 2 * (A @ x) * (A @ v)),
    "chain_forgotten": lambda A, x, v: ((A @ x) ** 2, oracle(A, x, v)[1]),
    "both_without_A": lambda A, x, v: ((A @ x) ** 2, 2 * (A @ x) * (A @ v)),
    "thirds": lambda A, x, v: (3 * oracle(A, x, v)[0], 3 * oracle(A, x, v)[1]),
}
