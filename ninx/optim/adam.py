"""Adam (Kingma and Ba, 2015, arXiv 1412.6980) and AdamW (Loshchilov and Hutter, 2019, arXiv 1711.05101)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ninx import kernels

from ..array import Array, as_it_lies, xp_of
from .given import Group, check_betas, check_settings, refuse
from .optimizer import Optimizer, numbers, zeros


class Adam(Optimizer):
    """Steps of about lr, whatever the size of the gradient.

    g = gradient + weight_decay * p        (-gradient with ``maximize``)
    m = beta1 * m + (1 - beta1) * g            v = beta2 * v + (1 - beta2) * g^2
    p = p - lr * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)          t counts the steps from 1

    With ``amsgrad`` the largest v so far takes the place of v in the last line (Reddi et al., 2018, arXiv 1904.09237); with
    ``decoupled_weight_decay`` it is `AdamW`. Raises ValueError for a negative setting, and for betas outside 0 to below 1.

    >>> w = ninx.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.Adam([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w.detach()  # both a step of lr
    tensor([0.9000, 1.9000])
    """

    scalars = ("step",)
    remembered = ("exp_avg", "exp_avg_sq")
    optional = ("max_exp_avg_sq",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ):
        name = type(self).__name__
        check_settings(name, lr=lr, eps=eps, weight_decay=weight_decay)
        refuse(name, foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused)
        defaults = {"lr": lr, "betas": check_betas(name, betas), "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        super().__init__(params, defaults | {"maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay})

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """The bias corrections, in ``step`` and ``scale``; all else is one pass over the arrays in the kernel."""
        (beta1, beta2), lr, decay = group["betas"], float(group["lr"]), group["weight_decay"]
        if not state:
            state.update(step=0, exp_avg=zeros(p), exp_avg_sq=zeros(p))
        state["step"] += 1
        step, scale = lr / (1 - beta1 ** state["step"]), 1 / math.sqrt(1 - beta2 ** state["step"])
        inner, shrink = (0.0, 1 - lr * decay) if group["decoupled_weight_decay"] else (decay, 1.0)
        if group["amsgrad"]:
            _amsgrad(p, g, state, numbers(p, beta1, beta2, group["eps"], step, scale, inner, shrink))
            return
        arrays = [as_it_lies(a) for a in (p, g, state["exp_avg"].array, state["exp_avg_sq"].array)]
        compiled = kernels.strided if p.itemsize == 2 else kernels.tier()  # there is none for float16
        compiled.adam(
            *arrays, lr=step, beta1=beta1, beta2=beta2, scale=scale, eps=group["eps"], decay=inner, shrink=shrink
        )  # fmt: skip


def _amsgrad(p: Array, g: Array, state: dict[str, Any], settings: list[Any]) -> None:
    """The step with the largest v so far: rarely wanted, so there is no kernel of its own for it."""
    beta1, beta2, eps, step, scale, decay, shrink = settings
    xp, m, v = xp_of(p), state["exp_avg"].array, state["exp_avg_sq"].array
    largest = state.setdefault("max_exp_avg_sq", zeros(p)).array
    g = g + decay * p
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * (g * g)
    xp.maximum(largest, v, out=largest)
    p *= shrink
    p -= step * m / (scale * xp.sqrt(largest) + eps)


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter itself, p *= 1 - lr * weight_decay, before the step.

    >>> w = ninx.tensor([10.0], requires_grad=True)
    >>> optimizer = optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> w.sum().backward()
    >>> optimizer.step()
    >>> w.detach()  # 10 * (1 - 0.1 * 0.5) - 0.1
    tensor([9.4000])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        refuse("AdamW", foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused)
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)
