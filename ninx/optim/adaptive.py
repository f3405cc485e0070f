"""Optimisers that scale each entry's step by the size of its gradients so far: RMSprop, Adagrad, Adadelta.

Plain array code, line by line as the formulas: one pass over the memory for each line. (SGD and Adam have kernels of one pass.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..array import Array, xp_of
from ..engine import Tensor
from .given import Group, check_settings, refuse
from .optimizer import Optimizer, numbers, zeros


class Adaptive(Optimizer):
    """What all of them share: the count of steps, averages that begin as zeros, and weight decay as a part of the gradient.

    A subclass writes ``_move``, its formulas. When that is called, ``state`` has begun and counts this step.
    """

    scalars: tuple[str, ...] = ("step",)

    def _begin(self, p: Array, state: dict[str, Any]) -> None:
        state.update(step=0, **{name: zeros(p) for name in self.remembered})

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """A step for one parameter."""
        if not state:
            self._begin(p, state)
        state["step"] += 1
        (decay,) = numbers(p, group["weight_decay"])
        if decay and not group.get("decoupled_weight_decay"):
            g = g + decay * p
        self._move(p, g, state, group)

    def _move(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        raise NotImplementedError


class RMSprop(Adaptive):
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

    def _move(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        lr, alpha, eps, momentum = numbers(p, *(group[k] for k in ("lr", "alpha", "eps", "momentum")))
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


class Adagrad(Adaptive):
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

    def _move(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        lr, eps = numbers(p, float(group["lr"]) / (1 + (state["step"] - 1) * float(group["lr_decay"])), group["eps"])
        total = state["sum"].array
        total += g * g
        p -= lr * (g / (xp_of(p).sqrt(total) + eps))


class Adadelta(Adaptive):
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

    def _move(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        lr, rho, eps = numbers(p, *(group[k] for k in ("lr", "rho", "eps")))
        xp, square, travelled = xp_of(p), state["square_avg"].array, state["acc_delta"].array
        square *= rho
        square += (1 - rho) * (g * g)
        d = xp.sqrt(travelled + eps) / xp.sqrt(square + eps) * g
        travelled *= rho
        travelled += (1 - rho) * (d * d)
        p -= lr * d
