"""Batch normalisation of a training step, with its running statistics."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...windows import Array, small_numbers

NAMES = ("batch_norm",)
PARTS = ("y", "running mean", "running variance")


def cases() -> list[tuple[Any, ...]]:
    """One channel, several, two rows, values far from 0."""
    made = []
    for i, (rows, channels, shift) in enumerate([(2, 1, 0), (4, 1, 3), (3, 2, 0), (5, 3, 10), (8, 2, -4)]):
        x, weight, bias = small_numbers(30 + i, (rows, channels), (channels,), (channels,))
        made.append((x + shift, weight, bias, np.full(channels, 1.0), np.full(channels, 2.0), 0.25, 1e-3))
    return made


def oracle(
    x: Array,
    weight: Array,
    bias: Array,
    running_mean: Array,
    running_var: Array,
    momentum: float,
    eps: float,
    inside: int = 0,
    kept: int = 1,
    new: float | None = None,
) -> tuple[Array, Array, Array]:
    """The biased variance inside, the unbiased one for the running statistics; ``inside`` and ``kept`` are the ddof of both."""
    mean, var, new = x.mean(0), x.var(0, ddof=inside), momentum if new is None else new
    y = weight * (x - mean) / np.sqrt(var + eps) + bias
    return y, (1 - new) * running_mean + new * mean, (1 - new) * running_var + new * x.var(0, ddof=kept)


def other_y(formula: Any) -> Any:
    """A mistake in y alone."""

    def answer(x: Array, weight: Array, bias: Array, *rest: Any) -> tuple[Array, Array, Array]:
        _, mean, var = oracle(x, weight, bias, *rest)
        return formula(x, weight, bias, rest[-1]), mean, var

    return answer


MISTAKES = {
    "unbiased_inside": partial(oracle, inside=1),
    "biased_kept": partial(oracle, kept=0),
    "momentum_turned": lambda x, w, b, mean, var, momentum, eps: oracle(x, w, b, mean, var, 1 - momentum, eps),
    "running_not_moved": lambda x, w, b, mean, var, momentum, eps: (oracle(x, w, b, mean, var, momentum, eps)[0], mean, var),
    "running_replaced": partial(oracle, new=1.0),
    "whole_array": other_y(lambda x, w, b, eps: w * (x - x.mean()) / np.sqrt(x.var() + eps) + b),
    "along_channels": other_y(
        lambda x, w, b, eps: w * (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + eps) + b
    ),
    "no_root": other_y(lambda x, w, b, eps: w * (x - x.mean(0)) / (x.var(0) + eps) + b),
    "eps_outside": other_y(lambda x, w, b, eps: w * (x - x.mean(0)) / (x.std(0) + eps) + b),
    "eps_forgotten": other_y(lambda x, w, b, eps: w * (x - x.mean(0)) / x.std(0) + b),
    "no_weight": other_y(lambda x, w, b, eps: (x - x.mean(0)) / np.sqrt(x.var(0) + eps)),
    "running_used": lambda x, w, b, mean, var, momentum, eps: (
        (w * (x - mean) / np.sqrt(var + eps) + b, *oracle(x, w, b, mean, var, momentum, eps)[1:])
    ),
}
