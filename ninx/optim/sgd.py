"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ninx import kernels

from ..array import Array, as_it_lies
from .given import Group, check_settings, refuse
from .optimizer import Optimizer, zeros


class SGD(Optimizer):
    """p -= lr * g, with weight decay and momentum (Sutskever et al., 2013, in PyTorch's form).

    g = gradient + weight_decay * p        (-gradient with ``maximize``)
    v = momentum * v + (1 - dampening) * g          (the first time: v = g)
    p = p - lr * (g + momentum * v  if nesterov else  v)

    Raises ValueError for a negative setting, and for nesterov without momentum.

    >>> w = ninx.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.SGD([w], lr=0.1, momentum=0.9)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w.detach()  # 1 - 0.1 * 2, and 2 - 0.1 * 4
    tensor([0.8000, 1.6000])
    """

    remembered = ("momentum_buffer",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        check_settings("SGD", lr=lr, momentum=momentum, weight_decay=weight_decay)
        refuse("SGD", foreach=foreach, differentiable=differentiable, fused=fused)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("SGD: nesterov needs a momentum above 0 and no dampening")
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov}
        super().__init__(params, defaults | {"maximize": maximize})

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """One pass over the arrays in the kernel; the first time the buffer takes all of g."""
        momentum, keep, v = group["momentum"], 1 - group["dampening"], None
        if momentum:
            if "momentum_buffer" not in state:
                state["momentum_buffer"], keep = zeros(p), 1.0
            v = as_it_lies(state["momentum_buffer"].array)
        compiled = kernels.strided if p.itemsize == 2 else kernels.tier()  # there is none for float16
        compiled.sgd(
            as_it_lies(p), as_it_lies(g), v, lr=float(group["lr"]), momentum=momentum, keep=keep, decay=group["weight_decay"],
            nesterov=group["nesterov"],
        )  # fmt: skip
