"""The three gradients of batch normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, small_numbers

NAMES = ("batch_norm_grad",)
PARTS = ("dx", "dweight", "dbias")


def cases() -> list[tuple[Any, ...]]:
    """One channel, several, a g that is constant, values far from 0."""
    made = []
    for i, (rows, channels, shift) in enumerate([(2, 1, 0), (3, 1, 0), (4, 2, 3), (5, 3, -4), (8, 2, 10)]):
        g, x, weight = small_numbers(40 + i, (rows, channels), (rows, channels), (channels,))
        made.append((g, x + shift + 0.1 * np.arange(rows)[:, None], weight, 1e-3))
    return made


def oracle(
    g: Array, x: Array, weight: Array, eps: float, through_mean: bool = True, through_var: bool = True
) -> tuple[Array, Array, Array]:
    """dx = weight/sigma * (g - mean(g) - xhat * mean(g * xhat)): directly, through the mean, and through the variance."""
    sigma = np.sqrt(x.var(0) + eps)
    xhat = (x - x.mean(0)) / sigma
    inner = g - through_mean * g.mean(0) - through_var * xhat * (g * xhat).mean(0)
    return weight / sigma * inner, (g * xhat).sum(0), g.sum(0)


def other(dx: Any = None, dweight: Any = None, dbias: Any = None) -> Any:
    """A mistake in one of the three."""

    def answer(g: Array, x: Array, weight: Array, eps: float) -> tuple[Array, Array, Array]:
        right = oracle(g, x, weight, eps)
        made = (dx, dweight, dbias)
        return tuple(old if new is None else new(g, x, weight, eps) for old, new in zip(right, made, strict=True))

    return answer


MISTAKES = {
    "statistics_constant": lambda g, x, weight, eps: oracle(g, x, weight, eps, False, False),
    "mean_left_out": lambda g, x, weight, eps: oracle(g, x, weight, eps, through_mean=False),
    "variance_left_out": lambda g, x, weight, eps: oracle(g, x, weight, eps, through_var=False),
    "weight_left_out": other(dx=lambda g, x, weight, eps: oracle(g, x, np.ones_like(weight), eps)[0]),
    "not_divided_by_sigma": other(dx=lambda g, x, weight, eps: oracle(g, x, weight * np.sqrt(x.var(0) + eps), eps)[0]),
    "dweight_of_x": other(dweight=lambda g, x, weight, eps: (g * x).sum(0)),
    "dweight_mean": other(dweight=lambda g, x, weight, eps: oracle(g, x, weight, eps)[1] / len(x)),
    "dbias_mean": other(dbias=lambda g, x, weight, eps: g.mean(0)),
    "unbiased": lambda g, x, weight, eps: unbiased(g, x, weight, eps),
}


def unbiased(g: Array, x: Array, weight: Array, eps: float) -> tuple[Array, Array, Array]:
    """With the variance divided by M - 1."""
    sigma = np.sqrt(x.var(0, ddof=1) + eps)
    xhat = (x - x.mean(0)) / sigma
    inner = g - g.mean(0) - xhat * (g * xhat).sum(0) / (len(x) - 1)
    return weight / sigma * inner, (g * xhat).sum(0), g.sum(0)
