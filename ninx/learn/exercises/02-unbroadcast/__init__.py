"""unbroadcast: what flows back through a broadcast is summed over the axes that it stretched."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array

NAMES = ("unbroadcast",)


def cases() -> list[tuple[Any, ...]]:
    """Nothing to sum, an axis of size 1, a missing axis, both, a single number."""
    shapes = [((2,), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (2, 1)), ((2, 3), (1, 3)), ((2, 2), (1, 2)), ((2, 3), (1, 1))]
    shapes += [((2, 2, 2), (2, 1)), ((2, 3, 4), (3, 1)), ((2, 3, 4), (2, 1, 4)), ((3, 2, 2), ()), ((2, 1, 3), (1, 1, 3))]
    return [(np.arange(1.0, np.prod(big) + 1).reshape(big), small) for big, small in shapes]


def oracle(g: Array, shape: tuple[int, ...]) -> Array:
    """Entry by entry: whatever of ``g`` came from one entry of the small array comes back to it."""
    result = np.zeros(shape)
    source = np.broadcast_to(np.arange(result.size).reshape(shape), g.shape)
    for k in range(result.size):
        result.flat[k] = g[source == k].sum()
    return result


def stretched(g: Array, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of ``g`` that are there in ``shape`` with size 1."""
    new = g.ndim - len(shape)
    return tuple(new + i for i, size in enumerate(shape) if size == 1)


def only_missing(g: Array, shape: tuple[int, ...]) -> Array:
    """Sums the axes that ``shape`` has not, and takes the others as they are."""
    return np.asarray(g.sum(tuple(range(g.ndim - len(shape)))))


def only_ones(g: Array, shape: tuple[int, ...]) -> Array:
    """Sums the axes of size 1, and leaves those that ``shape`` has not."""
    return np.asarray(g.sum(stretched(g, shape), keepdims=True))


def not_kept(g: Array, shape: tuple[int, ...]) -> Array:
    """Without keepdims the axes of size 1 are gone."""
    return np.asarray(g.sum((*range(g.ndim - len(shape)), *stretched(g, shape))))


def mean(g: Array, shape: tuple[int, ...]) -> Array:
    """The mean over the copies."""
    return np.asarray(oracle(g, shape) / (g.size / max(1, np.prod(shape))))


def first_copy(g: Array, shape: tuple[int, ...]) -> Array:
    """One copy's gradient instead of the sum of all."""
    g = g[(0,) * (g.ndim - len(shape))]
    return np.asarray(g[tuple(slice(size) for size in shape)])


def aligned_left(g: Array, shape: tuple[int, ...]) -> Array:
    """Takes the axes from the left, where broadcasting takes them from the right."""
    padded = (*shape, *(1,) * (g.ndim - len(shape)))
    return g.sum(tuple(i for i, size in enumerate(padded) if size != g.shape[i]), keepdims=True).reshape(shape)


MISTAKES = {
    "not_summed": lambda g, shape: g,
    "only_missing": only_missing,
    "only_ones": only_ones,
    "not_kept": not_kept,
    "mean": mean,
    "first_copy": first_copy,
    "aligned_left": aligned_left,
    "reshaped": lambda g, shape: np.resize(g, shape),
}
