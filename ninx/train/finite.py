"""Numbers that are no numbers any more: which weights hold them, and where in a network the first one arises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import nn
from ..array import Array, count_not_finite
from ..engine import detect_anomaly
from ..engine.modes import place


class NotFinite(ValueError):
    """The loss or a weight of a training is no finite number any more."""


def not_finite(weights: Mapping[str, Array]) -> str | None:
    """The first of the arrays that holds a NaN or an infinity, in words; None if all numbers are finite.

    >>> not_finite({"bias": np.zeros(2), "weight": np.array([1.0, np.nan])})
    'weight holds 1 NaN or infinite number of 2'
    """
    for name, array in weights.items():
        if bad := count_not_finite(array):
            return f"{name} holds {bad} NaN or infinite number{'s' * (bad > 1)} of {array.size}"
    return None


def weights_of(model: nn.Module) -> dict[str, Array]:
    """Parameters and buffers as plain arrays, for `not_finite`.

    >>> sorted(weights_of(nn.Linear(2, 1)))
    ['bias', 'weight']
    """
    return {name: value.array for name, value in model.state_dict().items()}


@contextmanager
def hunting(model: nn.Module) -> Iterator[None]:
    """Inside, the first operation that makes a NaN or an infinity raises `AnomalyError`, forward or backward.

    It names the operation, the layer by its path in ``model``, and the line of the layer's forward. Each result is looked
    through and no layers are computed together, so it takes longer; the values are those of a training without it.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.Linear(4, 2))
    >>> net[1].weight.data.fill_(3e38)
    >>> with hunting(net):
    ...     y = net(ninx.ones(1, 1, 2, 2))
    Traceback (most recent call last):
    ninx.engine.modes.AnomalyError: forward of linear made inf (4 of 4 entries) at layer 1, a Linear, ...
    """
    inside: list[str] = []  # the layers whose forward is on, the innermost last

    def enter(module: nn.Module, args: Any) -> None:
        inside.append(f"layer {names[module]}, a {type(module).__name__}" if names[module] else "the network")
        place.set(inside[-1])

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        inside.pop()
        place.set(inside[-1] if inside else "the loss")

    names = {module: name for name, module in model.named_modules()}
    handles = [module.register_forward_pre_hook(enter) for module in names]
    handles += [module.register_forward_hook(leave) for module in names]
    try:
        with detect_anomaly(), np.errstate(all="ignore"):  # NumPy's warnings name no layer
            yield
    finally:
        place.set("")
        for handle in handles:
            handle.remove()
