"""Optimisers that scale each entry's step by the size of its gradients so far: RMSprop, Adagrad, Adadelta, Adamax, NAdam.

Plain array code, line by line as the formulas: one pass over the memory for each line. (SGD and Adam have kernels of one pass.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..array import Array, xp_of
from ..engine import Tensor
from .given import Group, check_betas, check_settings, refuse
from .optimizer import Optimizer, numbers, zeros


class RMSprop(Optimizer):
    """Steps of the gradient divided by its root mean square (Hinton, 2012, lecture 6e; centered: Graves, 2013, arXiv 1308.0850).

    g = gradient + weight_decay * p        (-gradient with ``maximize``)
    s = alpha * s + (1 - alpha) * g^2          a = alpha * a + (1 - alpha) * g  (if ``centered``; else a = 0)
    b = momentum * b + g / (sqrt(s - a^2) + eps)          p = p - lr * b

    Raises ValueError for a negative setting.

    >>> w = ninx.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.RMSprop([w], lr=0.1, alpha=0.75)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w.detach()  # both a step of lr / sqrt(1 - alpha)
    tensor([0.8000, 1.8000])
    """

    scalars = ("step",)
    remembered = ("square_avg",)
    optional = ("momentum_buffer", "grad_avg")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_settings("RMSprop", lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)
        refuse("RMSprop", capturable=capturable, foreach=foreach, differentiable=differentiable)
        defaults = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, defaults | {"centered": centered, "maximize": maximize})

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """See the class."""
        lr, alpha, eps, decay, momentum = numbers(p, *(group[k] for k in ("lr", "alpha", "eps", "weight_decay", "momentum")))
        if not state:
            state.update(step=0, square_avg=zeros(p))
        state["step"] += 1
        if decay:
            g = g + decay * p
        square = state["square_avg"].array
        square *= alpha
        square += (1 - alpha) * (g * g)
        variance = square
        if group["centered"]:
            mean = state.setdefault("grad_avg", zeros(p)).array
            mean += (1 - alpha) * (g - mean)
            variance = square - mean * mean
        step = g / (xp_of(p).sqrt(variance) + eps)
        if momentum:
            buffer = state.setdefault("momentum_buffer", zeros(p)).array
            buffer *= momentum
            buffer += step
            step = buffer
        p -= lr * step


class Adagrad(Optimizer):
    """Steps that shrink with all that was seen (Duchi et al., 2011).

    g = gradient + weight_decay * p        (-gradient with ``maximize``)
    s = s + g^2, from ``initial_accumulator_value``
    p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)          t counts the steps from 1

    Raises ValueError for a negative setting.

    >>> w = ninx.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.Adagrad([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9000, 1.9000])
    """

    scalars = ("step",)
    remembered = ("sum",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        defaults = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps}
        defaults["initial_accumulator_value"] = initial_accumulator_value
        check_settings("Adagrad", **defaults)
        refuse("Adagrad", foreach=foreach, differentiable=differentiable, fused=fused)
        super().__init__(params, defaults | {"maximize": maximize})

    def add_param_group(self, param_group: Group) -> None:
        """As `Optimizer.add_param_group`; the state begins at once, as in PyTorch."""
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self._begin(p.array, self.state[p])

    def _begin(self, p: Array, state: dict[str, Any]) -> None:
        state.update(step=0, sum=Tensor(xp_of(p).full_like(p, float(self.defaults["initial_accumulator_value"]))))

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """See the class."""
        if not state:  # of a state that was loaded
            self._begin(p, state)
        lr = float(group["lr"]) / (1 + state["step"] * float(group["lr_decay"]))
        state["step"] += 1
        lr, eps, decay = numbers(p, lr, group["eps"], group["weight_decay"])
        if decay:
            g = g + decay * p
        total = state["sum"].array
        total += g * g
        p -= lr * (g / (xp_of(p).sqrt(total) + eps))


class Adadelta(Optimizer):
    """Steps as large as those before, relative to the gradients: without units (Zeiler, 2012, arXiv 1212.5701).

    g = gradient + weight_decay * p        (-gradient with ``maximize``)
    s = rho * s + (1 - rho) * g^2          d = g * sqrt(u + eps) / sqrt(s + eps)
    u = rho * u + (1 - rho) * d^2          p = p - lr * d

    Raises ValueError for a negative setting, and for rho above 1.

    >>> w = ninx.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.Adadelta([w], lr=0.5, rho=0.75, eps=0.25)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w.detach()  # 1 - 0.5 * 2 * sqrt(0.25) / sqrt(0.25 * 4 + 0.25), ...
    tensor([0.5528, 1.5149])
    """

    scalars = ("step",)
    remembered = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_settings("Adadelta", lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)
        refuse("Adadelta", foreach=foreach, capturable=capturable, differentiable=differentiable)
        if rho > 1:
            raise ValueError(f"Adadelta: rho must be from 0 to 1, got {rho}")
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize})

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """See the class."""
        lr, rho, eps, decay = numbers(p, *(group[k] for k in ("lr", "rho", "eps", "weight_decay")))
        if not state:
            state.update(step=0, square_avg=zeros(p), acc_delta=zeros(p))
        state["step"] += 1
        xp, square, travelled = xp_of(p), state["square_avg"].array, state["acc_delta"].array
        if decay:
            g = g + decay * p
        square *= rho
        square += (1 - rho) * (g * g)
        d = xp.sqrt(travelled + eps) / xp.sqrt(square + eps) * g
        travelled *= rho
        travelled += (1 - rho) * (d * d)
        p -= lr * d


class Adamax(Optimizer):
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

    scalars = ("step",)
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

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """See the class."""
        if not state:
            state.update(step=0, exp_avg=zeros(p), exp_inf=zeros(p))
        state["step"] += 1
        rate = float(group["lr"]) / (1 - group["betas"][0] ** state["step"])
        rate, beta1, beta2, eps, decay = numbers(p, rate, *group["betas"], group["eps"], group["weight_decay"])
        m, largest = state["exp_avg"].array, state["exp_inf"].array
        if decay:
            g = g + decay * p
        m += (1 - beta1) * (g - m)
        largest *= beta2
        largest[...] = xp_of(p).maximum(largest, abs(g) + eps)
        p -= rate * (m / largest)


class NAdam(Optimizer):
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

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """See the class."""
        if not state:
            state.update(step=0, mu_product=1.0, exp_avg=zeros(p), exp_avg_sq=zeros(p))
        state["step"] += 1
        t, lr, (beta1, beta2) = state["step"], float(group["lr"]), group["betas"]
        mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (s * float(group["momentum_decay"]))) for s in (t, t + 1))
        state["mu_product"] *= mu
        product = state["mu_product"]
        of_g, of_m = lr * (1 - mu) / (1 - product), lr * ahead / (1 - product * ahead)
        scale, shrink = 1 / math.sqrt(1 - beta2**t), 1 - lr * float(group["weight_decay"])
        of_g, of_m, scale, shrink, beta1, beta2, eps, decay = numbers(
            p, of_g, of_m, scale, shrink, beta1, beta2, group["eps"], group["weight_decay"]
        )
        m, v = state["exp_avg"].array, state["exp_avg_sq"].array
        if group["decoupled_weight_decay"]:
            p *= shrink
        elif decay:
            g = g + decay * p
        m += (1 - beta1) * (g - m)
        v *= beta2
        v += (1 - beta2) * (g * g)
        size = scale * xp_of(p).sqrt(v) + eps
        p -= (of_g * g + of_m * m) / size
