"""The mean cross-entropy of a batch of scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array

NAMES = ("cross_entropy",)


def cases() -> list[tuple[Any, ...]]:
    """Equal scores, one image, several, large scores, a sure mistake."""
    made: list[tuple[Any, Any]] = [([[0.0, 0.0]], [0]), ([[2.0, 1.0, 0.0]], [0]), ([[2.0, 1.0, 0.0]], [2])]
    made += [([[1.0, -1.0], [0.5, 2.0]], [0, 0]), ([[1000.0, 0.0]], [0]), ([[1000.0, 0.0]], [1]), ([[-900.0, -901.0]], [1])]
    made += [([[1.0, 2.0, 3.0], [3.0, 1.0, 2.0], [0.0, 0.0, 5.0]], [2, 1, 0])]
    return [(np.array(z), np.array(labels)) for z, labels in made]


def losses(z: Array, labels: Array) -> Array:
    """One for each image."""
    return np.logaddexp.reduce(z, axis=1) - z[np.arange(len(z)), labels]


def oracle(z: Array, labels: Array) -> float:
    """The mean over the images."""
    return float(losses(z, labels).mean())


def softmax(z: Array) -> Array:
    """Without overflow."""
    return np.exp(z - np.logaddexp.reduce(z, axis=1)[:, None])


def overflowing(z: Array, labels: Array) -> float:
    """exp first, then a division, then log."""
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return float(-np.log(p[np.arange(len(z)), labels]).mean())


def half_safe(z: Array, labels: Array) -> float:
    """A safe softmax, whose 0 then has a logarithm of minus infinity."""
    return float(-np.log(softmax(z)[np.arange(len(z)), labels]).mean())


MISTAKES = {
    "overflow": overflowing,
    "log_of_zero": half_safe,
    "sum": lambda z, labels: float(losses(z, labels).sum()),
    "mean_over_classes": lambda z, labels: float(losses(z, labels).mean() / z.shape[1]),
    "sign": lambda z, labels: -oracle(z, labels),
    "no_softmax": lambda z, labels: float(-np.log(z[np.arange(len(z)), labels]).mean()),
    "no_log": lambda z, labels: float((1 - softmax(z)[np.arange(len(z)), labels]).mean()),
    "score_alone": lambda z, labels: float(-z[np.arange(len(z)), labels].mean()),
    "each_image": losses,
    "two_logarithms": lambda z, labels: oracle(z, labels) / np.log(2),
}
