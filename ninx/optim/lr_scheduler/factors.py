"""Schedules that multiply the rates: by a factor at certain epochs (``rate *= ...``), or the first ones by a function of t.

A factor acts on the rate as it is, whoever set it. ``rate(first, t)`` is what comes out if nobody else does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, functions


class _Factor(LRScheduler):
    """Base of the schedules that multiply the rates by `_factor` when ``last_epoch`` begins."""

    def _factor(self) -> float:
        raise NotImplementedError

    def _rates(self) -> list[float]:
        factor = self._factor()
        return self._now() if factor == 1 else [rate * factor for rate in self._now()]


class StepLR(_Factor):
    """rate *= gamma in every step_size-th epoch: first * gamma ** floor(t / step_size)

    >>> schedule = optim.lr_scheduler.StepLR(optim.SGD([ninx.ones(1)], lr=1.0), step_size=2, gamma=0.5)
    >>> [schedule.rate(1.0, t) for t in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        if step_size < 1:
            raise ValueError(f"StepLR: step_size must be at least 1, got {step_size}")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, first: float, t: int) -> float:
        """first * gamma ** floor(t / step_size)."""
        return first * self.gamma ** (t // self.step_size)

    def _factor(self) -> float:
        return self.gamma if self.last_epoch > 0 and self.last_epoch % self.step_size == 0 else 1


class MultiStepLR(_Factor):
    """rate *= gamma at each milestone: first * gamma ** (number of milestones that t has reached)

    >>> schedule = optim.lr_scheduler.MultiStepLR(optim.SGD([ninx.ones(1)], lr=1.0), milestones=[1, 4], gamma=0.5)
    >>> [schedule.rate(1.0, t) for t in range(6)]
    [1.0, 0.5, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, first: float, t: int) -> float:
        """first * gamma ** (milestones up to t)."""
        return first * self.gamma ** bisect_right(self.milestones, t)

    def _factor(self) -> float:
        count = self.milestones.count(self.last_epoch)
        return self.gamma**count if count else 1

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As `LRScheduler.load_state_dict`; PyTorch's state counts the milestones."""
        if isinstance(counted := state_dict.get("milestones"), dict):
            state_dict = {**state_dict, "milestones": sorted(Counter(counted).elements())}
        super().load_state_dict(state_dict)


class ConstantLR(_Factor):
    """rate *= factor at the beginning, and rate /= factor at epoch total_iters: first * factor, and then first

    >>> schedule = optim.lr_scheduler.ConstantLR(optim.SGD([ninx.ones(1)], lr=1.0), factor=0.5, total_iters=2)
    >>> [schedule.rate(1.0, t) for t in range(4)]
    [0.5, 0.5, 1.0, 1.0]
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1):
        if not 0 < factor <= 1:
            raise ValueError(f"ConstantLR: factor must be above 0 and at most 1 (it is divided by later), got {factor}")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, first: float, t: int) -> float:
        """first * factor until total_iters, then first."""
        return first * (self.factor + (t >= self.total_iters) * (1 - self.factor))

    def _factor(self) -> float:
        if self.last_epoch == 0:
            return self.factor
        return 1 / self.factor if self.last_epoch == self.total_iters else 1


class LinearLR(_Factor):
    """Along a line from first * start_factor to first * end_factor in total_iters epochs, then constant: for a warm-up.

    >>> schedule = optim.lr_scheduler.LinearLR(optim.SGD([ninx.ones(1)], lr=1.0), start_factor=0.5, total_iters=4)
    >>> [schedule.rate(1.0, t) for t in range(6)]
    [0.5, 0.625, 0.75, 0.875, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        if not 0 < start_factor <= 1 or not 0 <= end_factor <= 1:
            wanted = "start_factor must be above 0, end_factor at least 0, and both at most 1"
            raise ValueError(f"LinearLR: {wanted}, got {start_factor}, {end_factor}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, first: float, t: int) -> float:
        """first times the value of the line at t."""
        return first * (self.start_factor + (self.end_factor - self.start_factor) * min(self.total_iters, t) / self.total_iters)

    def _factor(self) -> float:
        if self.last_epoch == 0:
            return self.start_factor
        if self._first or self.last_epoch > self.total_iters:
            return 1
        rise = self.end_factor - self.start_factor
        return 1.0 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise)


class ExponentialLR(_Factor):
    """rate *= gamma in every epoch: first * gamma ** t

    >>> schedule = optim.lr_scheduler.ExponentialLR(optim.SGD([ninx.ones(1)], lr=1.0), gamma=0.5)
    >>> [schedule.rate(1.0, t) for t in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, first: float, t: int) -> float:
        """first * gamma ** t."""
        return float(first * self.gamma**t)

    def _factor(self) -> float:
        return 1 if self._first else self.gamma


class PolynomialLR(_Factor):
    """Down to 0 in total_iters epochs: first * (1 - t / total_iters) ** power

    >>> schedule = optim.lr_scheduler.PolynomialLR(optim.SGD([ninx.ones(1)], lr=1.0), total_iters=4, power=2)
    >>> [schedule.rate(1.0, t) for t in range(6)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def rate(self, first: float, t: int) -> float:
        """first * (1 - t / total_iters) ** power, and 0 from total_iters on."""
        return float(first * (1.0 - min(self.total_iters, t) / self.total_iters) ** self.power)

    def _factor(self) -> float:
        t, total = self.last_epoch, self.total_iters
        if self._first or t > total:
            return 1
        return float(((1.0 - t / total) / (1.0 - (t - 1) / total)) ** self.power)


class _ByFunction(LRScheduler):
    """Base of the schedules that are given a function of the epoch, or one for each group."""

    lr_lambdas: list[Callable[[int], float]]

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1):
        self.lr_lambdas = functions(type(self).__name__, lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """As `LRScheduler.state_dict`; of a callable object its attributes, of a function nothing: give the same one again."""
        plain = (FunctionType, BuiltinFunctionType, MethodType)
        kept = [None if isinstance(f, plain) else dict(getattr(f, "__dict__", {})) for f in self.lr_lambdas]
        return super().state_dict() | {"lr_lambdas": kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As `LRScheduler.load_state_dict`; the functions stay, callable objects get their attributes."""
        kept = state_dict.get("lr_lambdas") or [None] * len(self.lr_lambdas)
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "lr_lambdas"})
        for function, attributes in zip(self.lr_lambdas, kept, strict=True):
            if attributes is not None:
                vars(function).update(attributes)


class LambdaLR(_ByFunction):
    """rate = first * lr_lambda(t), with one function or a list with one for each group

    >>> schedule = optim.lr_scheduler.LambdaLR(optim.SGD([ninx.ones(1)], lr=1.0), lambda t: 1 / (1 + t))
    >>> schedule.optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def _rates(self) -> list[float]:
        return [first * function(self.last_epoch) for first, function in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(_ByFunction):
    """rate *= lr_lambda(t) in every epoch from the second on, with one function or a list with one for each group

    >>> optimizer = optim.SGD([ninx.ones(1)], lr=1.0)
    >>> schedule = optim.lr_scheduler.MultiplicativeLR(optimizer, lambda t: 0.5)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.125]
    """

    def _rates(self) -> list[float]:
        if self._first:
            return self._now()
        return [rate * function(self.last_epoch) for rate, function in zip(self._now(), self.lr_lambdas, strict=False)]
