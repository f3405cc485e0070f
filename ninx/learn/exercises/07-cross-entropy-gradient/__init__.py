"""The gradient of the mean cross-entropy by the scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array

NAMES = ("cross_entropy_grad",)


def cases() -> list[tuple[Any, ...]]:
    """One image, several, large scores."""
    made: list[tuple[Any, Any]] = [([[0.0, 0.0]], [0]), ([[2.0, 1.0, 0.0]], [1]), ([[1.0, -1.0], [0.5, 2.0]], [0, 0])]
    made += [([[1000.0, 0.0]], [1]), ([[1.0, 2.0, 3.0], [3.0, 1.0, 2.0], [0.0, 0.0, 5.0]], [2, 1, 0])]
    return [(np.array(z), np.array(labels)) for z, labels in made]


def parts(z: Array, labels: Array) -> tuple[Array, Array]:
    """The probabilities, and 1 for the right class."""
    return np.exp(z - np.logaddexp.reduce(z, axis=1)[:, None]), np.eye(z.shape[1])[labels]


def oracle(z: Array, labels: Array) -> Array:
    """(p - one hot) / N."""
    p, right = parts(z, labels)
    return (p - right) / len(z)


def overflowing(z: Array, labels: Array) -> Array:
    """exp without taking the largest score away."""
    return (np.exp(z) / np.exp(z).sum(1, keepdims=True) - np.eye(z.shape[1])[labels]) / len(z)


def own(formula: Any) -> Any:
    """A mistake in terms of p, one hot and N."""
    return lambda z, labels: formula(*parts(z, labels), len(z))


MISTAKES = {
    "not_divided": own(lambda p, right, n: p - right),
    "sign": own(lambda p, right, n: (right - p) / n),
    "right_class_alone": own(lambda p, right, n: (p - 1) * right / n),
    "softmax_alone": own(lambda p, right, n: p / n),
    "by_the_probabilities": own(lambda p, right, n: np.where(right > 0, -1 / np.where(right > 0, p, 1), 0.0) / n),
    "divided_by_all": own(lambda p, right, n: (p - right) / p.size),
    "overflow": overflowing,
    "squared_error": own(lambda p, right, n: 2 * (p - right) * p * (1 - p) / n),
}
