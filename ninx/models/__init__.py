"""Networks by name: ``create("nin-mnist")``. Every switch is a keyword of the function behind the name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .. import nn
from ..names import unknown
from .nin import nin_cifar10, nin_d2l, nin_mnist, nin_mnist_v0, nin_mnist_v1, nin_mnist_v2

_PRESETS: dict[str, Callable[..., nn.Module]] = {
    "nin-cifar10": nin_cifar10,
    "nin-mnist": nin_mnist,
    "nin-d2l": nin_d2l,
    "nin-mnist-v0": nin_mnist_v0,
    "nin-mnist-v1": nin_mnist_v1,
    "nin-mnist-v2": nin_mnist_v2,
}


def names() -> list[str]:
    """The names that `create` knows."""
    return list(_PRESETS)


def create(name: str, **switches: Any) -> nn.Module:
    """A new network with fresh weights from the random generator. Raises ValueError for an unknown name or switch."""
    if name not in _PRESETS:
        raise ValueError(unknown("model", name, _PRESETS))
    known = inspect.signature(_PRESETS[name]).parameters
    for switch in switches:
        if switch not in known:
            raise ValueError(f"model {name}: " + unknown("switch", switch, known))
    return _PRESETS[name](**switches)
