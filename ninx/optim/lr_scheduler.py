"""Schedules of the learning rate: each says by which factor epoch t multiplies every group's first learning rate."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from ninx.kernels.listing import only_public

from ..looks import brief, unfailing
from .optimizer import Optimizer

__all__ = ["CosineAnnealingLR", "LRScheduler", "MultiStepLR", "OneCycleLR", "ReduceLROnPlateau", "StepLR"]

__dir__ = only_public(globals())


@unfailing
def _shown(schedule: LRScheduler | ReduceLROnPlateau) -> str:
    """The settings of a schedule, and the learning rates now."""
    own = [f"{k}={brief(v)}" for k, v in vars(schedule).items() if k != "optimizer"]
    return f"{type(schedule).__name__}({', '.join([*own, f'lr={brief(schedule.get_last_lr())}'])})"


class LRScheduler:
    """Base class: a subclass writes ``rate(first, t)``. Call ``step()`` once after each epoch.

    >>> class Halving(optim.lr_scheduler.LRScheduler):
    ...     def rate(self, first, t):
    ...         return first / 2**t
    >>> schedule = Halving(optim.SGD([ninx.ones(1)], lr=1.0))
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    __repr__ = _shown

    def __init__(self, optimizer: Optimizer):
        self.optimizer = optimizer
        self.last_epoch = 0
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self._set()

    def rate(self, first: float, t: int) -> float:
        """The learning rate of epoch ``t`` for a group that began with ``first``.

        >>> schedule = optim.lr_scheduler.StepLR(optim.SGD([ninx.ones(1)], lr=1.0), step_size=10, gamma=0.5)
        >>> schedule.rate(first=1.0, t=25)
        0.25
        """
        raise NotImplementedError

    def _set(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(group["initial_lr"], self.last_epoch)

    def step(self) -> None:
        """Go on to the next epoch.

        >>> optimizer = optim.SGD([ninx.ones(1)], lr=1.0)
        >>> schedule = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
        >>> schedule.step()
        >>> optimizer.param_groups[0]["lr"]
        0.5
        """
        self.last_epoch += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The learning rate of every group now.

        >>> optim.lr_scheduler.StepLR(optim.SGD([ninx.ones(1)], lr=0.1), step_size=1).get_last_lr()
        [0.1]
        """
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The epoch, which is all there is to remember.

        >>> optim.lr_scheduler.StepLR(optim.SGD([ninx.ones(1)], lr=0.1), step_size=1).state_dict()
        {'last_epoch': 0}
        """
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to the epoch of ``state_dict``.

        >>> schedule = optim.lr_scheduler.StepLR(optim.SGD([ninx.ones(1)], lr=1.0), step_size=1, gamma=0.5)
        >>> schedule.load_state_dict({"last_epoch": 2})
        >>> schedule.get_last_lr()
        [0.25]
        """
        self.last_epoch = int(state_dict["last_epoch"])
        self._set()


class StepLR(LRScheduler):
    """first * gamma ** floor(t / step_size)

    >>> schedule = optim.lr_scheduler.StepLR(optim.SGD([ninx.ones(1)], lr=1.0), step_size=2, gamma=0.5)
    >>> [schedule.rate(1.0, t) for t in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1):
        if step_size < 1:
            raise ValueError(f"StepLR: step_size must be at least 1, got {step_size}")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def rate(self, first: float, t: int) -> float:
        """See the class."""
        return first * self.gamma ** (t // self.step_size)


class MultiStepLR(LRScheduler):
    """first * gamma ** (number of milestones that t has reached)

    >>> schedule = optim.lr_scheduler.MultiStepLR(optim.SGD([ninx.ones(1)], lr=1.0), milestones=[1, 4], gamma=0.5)
    >>> [schedule.rate(1.0, t) for t in range(6)]
    [1.0, 0.5, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer)

    def rate(self, first: float, t: int) -> float:
        """See the class."""
        return first * self.gamma ** bisect_right(self.milestones, t)


class CosineAnnealingLR(LRScheduler):
    """eta_min + (first - eta_min) * (1 + cos(pi * t / T_max)) / 2 (Loshchilov and Hutter, 2017, arXiv 1608.03983)

    >>> schedule = optim.lr_scheduler.CosineAnnealingLR(optim.SGD([ninx.ones(1)], lr=1.0), T_max=4)
    >>> [round(schedule.rate(1.0, t), 2) for t in range(5)]
    [1.0, 0.85, 0.5, 0.15, 0.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0):
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: T_max must be at least 1, got {T_max}")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rate(self, first: float, t: int) -> float:
        """See the class."""
        return self.eta_min + (first - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2


class OneCycleLR(LRScheduler):
    """Up to ``max_lr`` in the first ``pct_start`` of ``total_steps``, then down to nearly 0.

    From max_lr / div_factor to max_lr, and on to max_lr / div_factor / final_div_factor, along half a cosine each (or, with
    ``anneal_strategy="linear"``, a line). Momentum, or the first of Adam's betas, goes the other way, from ``max_momentum``
    to ``base_momentum`` and back, unless ``cycle_momentum=False``. ``step()`` belongs after each batch; ``max_lr`` is a number
    or a list with one for each group. Source: Smith and Topin, 2018, arXiv 1708.07120.

    >>> optimizer = optim.SGD([ninx.ones(1)], lr=1.0, momentum=0.9)
    >>> schedule, rates = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10), []
    >>> for _ in range(10):
    ...     rates += schedule.get_last_lr()
    ...     schedule.step()
    >>> [round(rate, 2) for rate in rates]
    [0.04, 0.52, 1.0, 0.95, 0.81, 0.61, 0.39, 0.19, 0.05, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ):
        count = len(optimizer.param_groups)
        peaks = [float(max_lr)] * count if isinstance(max_lr, int | float) else [float(lr) for lr in max_lr]
        if total_steps < 1 or not 0 <= pct_start < 1 or len(peaks) != count:
            raise ValueError(
                f"OneCycleLR: total_steps must be at least 1, pct_start from 0 to below 1, and max_lr one number or {count}, "
                f"got {total_steps}, {pct_start}, {max_lr}"
            )
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        self.peaks, self.total_steps, self.pct_start, self.anneal_strategy = peaks, total_steps, pct_start, anneal_strategy
        self.momenta = (max_momentum, base_momentum) if cycle_momentum else None
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError("OneCycleLR: the optimiser has no momentum to cycle; use cycle_momentum=False")
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["initial_lr"] = peak / div_factor
        super().__init__(optimizer)

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "cos":
            share = (1 - math.cos(math.pi * share)) / 2
        return start + (end - start) * share

    def _path(self, start: float, peak: float, end: float) -> float:
        """The value now: from ``start`` to ``peak`` and on to ``end``."""
        turn, t = self.pct_start * self.total_steps - 1, self.last_epoch
        if t <= turn and turn > 0:
            return self._between(start, peak, t / turn)
        return self._between(peak, end, (t - turn) / (self.total_steps - 1 - turn))

    def _set(self) -> None:
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: has only {self.total_steps} steps, but step() was called {self.last_epoch} times")
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            start = peak / self.div_factor
            group["lr"] = self._path(start, peak, start / self.final_div_factor)
            if self.momenta is not None:
                high, low = self.momenta
                momentum = self._path(high, low, high)
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum


class ReduceLROnPlateau:
    """Multiply the learning rates by ``factor`` when ``step(metrics)`` saw no better value for more than ``patience`` epochs.

    Better is smaller (``mode="min"``) or larger ("max"): beyond best * (1 -+ ``threshold``), or with ``threshold_mode="abs"``
    best -+ threshold. After a reduction ``cooldown`` epochs do not count. No rate falls below ``min_lr``; a change of no more
    than ``eps`` is not made.

    >>> optimizer = optim.SGD([ninx.ones(1)], lr=1.0)
    >>> schedule = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in (2.0, 1.0, 1.0, 1.0):
    ...     schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.1]
    """

    __repr__ = _shown

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ):
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            wanted = "mode must be 'min' or 'max' and threshold_mode 'rel' or 'abs'"
            raise ValueError(f"ReduceLROnPlateau: {wanted}, got {mode!r}, {threshold_mode!r}")
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        count = len(optimizer.param_groups)
        self.min_lrs = [float(min_lr)] * count if isinstance(min_lr, int | float) else [float(lr) for lr in min_lr]
        if len(self.min_lrs) != count:
            raise ValueError(f"ReduceLROnPlateau: min_lr must be one number or {count}, got {min_lr}")
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.last_epoch, self.best = 0, math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0

    def step(self, metrics: float) -> None:
        """Take note of an epoch's value, and reduce if it is time to.

        >>> schedule = optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([ninx.ones(1)], lr=1.0), mode="max")
        >>> schedule.step(0.9)
        >>> schedule.best
        0.9
        """
        value, sign = float(metrics), 1 if self.mode == "max" else -1
        self.last_epoch += 1
        bar = self.best * (1 + sign * self.threshold) if self.threshold_mode == "rel" else self.best + sign * self.threshold
        if sign * value > sign * bar:
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
            for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                reduced = max(group["lr"] * self.factor, least)
                if group["lr"] - reduced > self.eps:
                    group["lr"] = reduced

    def get_last_lr(self) -> list[float]:
        """The learning rate of every group now.

        >>> optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([ninx.ones(1)], lr=0.1)).get_last_lr()
        [0.1]
        """
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What is remembered; the learning rates themselves are in the optimiser's state.

        >>> schedule = optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([ninx.ones(1)], lr=0.1))
        >>> schedule.step(1.5)
        >>> schedule.state_dict()
        {'last_epoch': 1, 'best': 1.5, 'num_bad_epochs': 0, 'cooldown_counter': 0}
        """
        return {name: getattr(self, name) for name in ("last_epoch", "best", "num_bad_epochs", "cooldown_counter")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there.

        >>> a, b = (optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([ninx.ones(1)], lr=0.1)) for _ in range(2))
        >>> a.step(1.5)
        >>> b.load_state_dict(a.state_dict())
        >>> b.best
        1.5
        """
        self.best = float(state_dict["best"])
        self.last_epoch, self.num_bad_epochs, self.cooldown_counter = (
            int(state_dict[name]) for name in ("last_epoch", "num_bad_epochs", "cooldown_counter")
        )
