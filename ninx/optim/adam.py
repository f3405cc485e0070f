"""Adam (Kingma and Ba, 2015, arXiv 1412.6980) and AdamW (Loshchilov and Hutter, 2019, arXiv 1711.05101)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ninx import kernels

from ..array import Array, as_it_lies, xp_of
from .optimizer import Group, Optimizer, check_settings


class Adam(Optimizer):
    """Steps of about lr, whatever the size of the gradient.

    g = gradient + weight_decay * p
    m = beta1 * m + (1 - beta1) * g            v = beta2 * v + (1 - beta2) * g^2
    p = p - lr * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)          t counts the steps from 1

    Raises ValueError for a negative setting, and for betas outside 0 to below 1.

    >>> w = ninx.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.Adam([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w.detach()  # both a step of lr
    tensor([0.9000, 1.9000])
    """

    remembered = ("step", "exp_avg", "exp_avg_sq")
    decoupled = False  # does weight decay act on p itself instead of on the gradient?

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        name = type(self).__name__
        check_settings(name, lr=lr, eps=eps, weight_decay=weight_decay)
        if not all(0 <= b < 1 for b in betas):
            raise ValueError(f"{name}: betas must be from 0 to below 1, got {betas}")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """See the class."""
        (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
        if not state:
            zeros_like = xp_of(p).zeros_like
            state.update(step=0, exp_avg=zeros_like(p), exp_avg_sq=zeros_like(p))
        state["step"] += 1
        arrays = [as_it_lies(a) for a in (p, g, state["exp_avg"], state["exp_avg_sq"])]
        kernels.tier().adam(
            *arrays,
            lr=lr / (1 - beta1 ** state["step"]),
            beta1=beta1,
            beta2=beta2,
            scale=1 / math.sqrt(1 - beta2 ** state["step"]),
            eps=group["eps"],
            decay=0.0 if self.decoupled else decay,
            shrink=1 - lr * decay if self.decoupled else 1.0,
        )


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter itself, p *= 1 - lr * weight_decay, before the step.

    >>> w = ninx.tensor([10.0], requires_grad=True)
    >>> optimizer = optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> w.sum().backward()
    >>> optimizer.step()
    >>> w.detach()  # 10 * (1 - 0.1 * 0.5) - 0.1
    tensor([9.4000])
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ):
        super().__init__(params, lr, betas, eps, weight_decay)
