"""Inverted dropout, forward and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, small_numbers

NAMES = ("dropout", "dropout_grad")
PARTS = ("dropout", "dropout_grad")


def cases() -> list[tuple[Any, ...]]:
    """Several probabilities, 0 among them; training and evaluation; a draw that equals p."""
    made: list[tuple[Any, ...]] = []
    for i, (shape, p) in enumerate([((2, 2), 0.5), ((3,), 0.25), ((2, 3), 0.0), ((2, 2, 2), 0.75), ((4, 3), 0.2)]):
        x, g = small_numbers(50 + i, shape, shape)
        u = np.random.default_rng(i).integers(0, 20, shape) / 20
        made += [(x, u, p, True, g), (x, u, p, False, g)]
    return made


def oracle(x: Array, u: Array, p: float, training: bool, g: Array) -> tuple[Array, Array]:
    """Where u >= p the value stays, 1 / (1 - p) times as large; so the mean is what it was."""
    factor = (u >= p) / (1 - p) if training else np.ones_like(x)
    return x * factor, g * factor


def with_factor(forward: Any, backward: Any = None) -> Any:
    """Other factors than the right one; without a second one the first holds for both."""

    def answer(x: Array, u: Array, p: float, training: bool, g: Array) -> tuple[Array, Array]:
        return x * forward(u, p, training), g * (backward or forward)(u, p, training)

    return answer


def right(u: Array, p: float, training: bool) -> Array:
    """The factor of the oracle."""
    return (u >= p) / (1 - p) if training else np.ones_like(u)


MISTAKES = {
    "not_scaled": with_factor(lambda u, p, training: (u >= p) * 1.0 if training else np.ones_like(u)),
    "scaled_in_evaluation": with_factor(lambda u, p, training: (u >= p) * 1.0 if training else np.full(u.shape, 1 - p)),
    "turned": with_factor(lambda u, p, training: (u < p) / (1 - p) if training else np.ones_like(u)),
    "p_keeps": with_factor(lambda u, p, training: (u < p) / (p or 1) if training else np.ones_like(u)),
    "divided_by_p": with_factor(lambda u, p, training: (u >= p) / (p or 1) if training else np.ones_like(u)),
    "also_in_evaluation": with_factor(lambda u, p, training: right(u, p, True)),
    "at_p": with_factor(lambda u, p, training: (u > p) / (1 - p) if training else np.ones_like(u)),
    "gradient_not_masked": with_factor(right, lambda u, p, training: np.ones_like(u)),
    "gradient_not_scaled": with_factor(right, lambda u, p, training: (u >= p) * 1.0 if training else np.ones_like(u)),
}
