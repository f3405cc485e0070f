"""Two steps of stochastic gradient descent with momentum and weight decay."""

from __future__ import annotations

from functools import partial
from typing import Any

from ...windows import Array, small_numbers

NAMES = ("sgd",)
PARTS = ("parameter", "velocity")


def cases() -> list[tuple[Any, ...]]:
    """Plain, with momentum, with decay, with both."""
    settings = [(0.5, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 0.0, 0.25), (0.1, 0.9, 0.01), (0.25, 0.5, 0.5), (2.0, 0.75, 0.125)]
    return [(*small_numbers(60 + i, (2 + i,), (2 + i,), (2 + i,)), *s) for i, s in enumerate(settings)]


def oracle(
    p: Array, g: Array, v: Array, lr: float, momentum: float, weight_decay: float, damped: bool = False, sign: int = -1
) -> tuple[Array, Array]:
    """The decay is a part of the gradient; the velocity sums gradients; the step goes against it."""
    d = g + weight_decay * p
    v = momentum * v + (1 - momentum if damped else 1) * d
    return p + sign * lr * v, v


def rate_inside(p: Array, g: Array, v: Array, lr: float, momentum: float, weight_decay: float) -> tuple[Array, Array]:
    """Caffe's way: the velocity holds steps."""
    v = momentum * v + lr * (g + weight_decay * p)
    return p - v, v


def old_velocity(p: Array, g: Array, v: Array, lr: float, momentum: float, weight_decay: float) -> tuple[Array, Array]:
    """The step with the velocity of before."""
    return p - lr * v, oracle(p, g, v, lr, momentum, weight_decay)[1]


def decoupled(p: Array, g: Array, v: Array, lr: float, momentum: float, weight_decay: float) -> tuple[Array, Array]:
    """The decay beside the velocity, as in AdamW."""
    new, v = oracle(p, g, v, lr, momentum, 0.0)
    return new - lr * weight_decay * p, v


def nesterov(p: Array, g: Array, v: Array, lr: float, momentum: float, weight_decay: float) -> tuple[Array, Array]:
    """One momentum further."""
    d = g + weight_decay * p
    v = momentum * v + d
    return p - lr * (d + momentum * v), v


MISTAKES = {
    "uphill": partial(oracle, sign=1),
    "damped": partial(oracle, damped=True),
    "rate_inside": rate_inside,
    "old_velocity": old_velocity,
    "decoupled": decoupled,
    "nesterov": nesterov,
    "no_decay": lambda p, g, v, lr, momentum, weight_decay: oracle(p, g, v, lr, momentum, 0.0),
    "no_momentum": lambda p, g, v, lr, momentum, weight_decay: oracle(p, g, v, lr, 0.0, weight_decay),
    "decay_sign": lambda p, g, v, lr, momentum, weight_decay: oracle(p, g, v, lr, momentum, -weight_decay),
    "gradient_alone": lambda p, g, v, lr, momentum, weight_decay: (
        p - lr * (g + weight_decay * p),
        oracle(p, g, v, lr, momentum, weight_decay)[1],
    ),
}
