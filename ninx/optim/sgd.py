"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..array import Array, xp_of
from .optimizer import Group, Optimizer, check_settings


class SGD(Optimizer):
    """p -= lr * g, with weight decay and momentum (Sutskever et al., 2013, in PyTorch's form).

    g = gradient + weight_decay * p
    v = momentum * v + (1 - dampening) * g          (the first time: v = g)
    p = p - lr * (g + momentum * v  if nesterov else  v)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        check_settings("SGD", lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("SGD: nesterov needs a momentum above 0 and no dampening")
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov}
        super().__init__(params, defaults)

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """See the class."""
        momentum = group["momentum"]
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        if momentum:
            if (v := state.get("momentum_buffer")) is None:
                v = state["momentum_buffer"] = xp_of(p).array(g, order="K")  # a copy; 0-d stays an array
            else:
                v *= momentum
                v += (1 - group["dampening"]) * g
            g = g + momentum * v if group["nesterov"] else v
        p -= group["lr"] * g
