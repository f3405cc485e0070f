"""Two optimisers that change one thing in Adam: Adamax its mean square, NAdam its momentum.

Plain array code, line by line as the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..array import Array, xp_of
from .adaptive import Adaptive
from .given import Group, check_betas, check_settings, refuse
from .optimizer import numbers


class Adamax(Adaptive):
    """Adam with the largest gradient, fading, in place of the mean square (Kingma and Ba, 2015, arXiv 1412.6980, section 7.1).

    g = gradient + weight_decay * p        (-gradient with ``maximize``)
    m = beta1 * m + (1 - beta1) * g            u = max(beta2 * u, |g| + eps)
    p = p - lr / (1 - beta1^t) * m / u          t counts the steps from 1

    Raises ValueError for a negative setting, and for betas outside 0 to below 1.

    >>> w = ninx.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.Adamax([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9000, 1.9000])
    """

    remembered = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        check_settings("Adamax", lr=lr, eps=eps, weight_decay=weight_decay)
        refuse("Adamax", foreach=foreach, differentiable=differentiable, capturable=capturable)
        defaults = {"lr": lr, "betas": check_betas("Adamax", betas), "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults | {"maximize": maximize})

    def _move(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        rate = float(group["lr"]) / (1 - group["betas"][0] ** state["step"])
        rate, beta1, beta2, eps = numbers(p, rate, *group["betas"], group["eps"])
        m, largest = state["exp_avg"].array, state["exp_inf"].array
        m += (1 - beta1) * (g - m)
        largest *= beta2
        largest[...] = xp_of(p).maximum(largest, abs(g) + eps)
        p -= rate * (m / largest)


class NAdam(Adaptive):
    """Adam with Nesterov's momentum, which looks one step ahead (Dozat, 2016).

    g = gradient + weight_decay * p        (-gradient with ``maximize``)
    m = beta1 * m + (1 - beta1) * g            v = beta2 * v + (1 - beta2) * g^2
    mu(t) = beta1 * (1 - 0.96^(t * momentum_decay) / 2)          c(t) = mu(1) * ... * mu(t)
    p = p - lr * ((1 - mu(t)) / (1 - c(t)) * g + mu(t + 1) / (1 - c(t + 1)) * m) / (sqrt(v / (1 - beta2^t)) + eps)

    With ``decoupled_weight_decay`` p shrinks by the factor 1 - lr * weight_decay before the step instead. Raises ValueError for
    a negative setting, and for betas outside 0 to below 1.

    >>> w = ninx.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.NAdam([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.8944, 1.8944])
    """

    scalars = ("step", "mu_product")
    remembered = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        check_settings("NAdam", lr=lr, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
        refuse("NAdam", foreach=foreach, capturable=capturable, differentiable=differentiable)
        defaults = {"lr": lr, "betas": check_betas("NAdam", betas), "eps": eps, "weight_decay": weight_decay}
        defaults |= {"momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, defaults | {"maximize": maximize})

    def _begin(self, p: Array, state: dict[str, Any]) -> None:
        super()._begin(p, state)
        state["mu_product"] = 1.0

    def _move(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        t, lr, (beta1, beta2) = state["step"], float(group["lr"]), group["betas"]
        mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (s * float(group["momentum_decay"]))) for s in (t, t + 1))
        state["mu_product"] *= mu
        product = state["mu_product"]
        of_g, of_m = lr * (1 - mu) / (1 - product), lr * ahead / (1 - product * ahead)
        scale, shrink = 1 / math.sqrt(1 - beta2**t), 1 - lr * float(group["weight_decay"])
        of_g, of_m, scale, shrink, beta1, beta2, eps = numbers(p, of_g, of_m, scale, shrink, beta1, beta2, group["eps"])
        m, v = state["exp_avg"].array, state["exp_avg_sq"].array
        if group["decoupled_weight_decay"]:
            p *= shrink
        m += (1 - beta1) * (g - m)
        v *= beta2
        v += (1 - beta2) * (g * g)
        size = scale * xp_of(p).sqrt(v) + eps
        p -= (of_g * g + of_m * m) / size
