"""Up and down again within a number of steps, the momentum against it: one great cycle, or many."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, each_group


def _set_momentum(group: dict[str, Any], momentum: float) -> None:
    """Momentum, or what Adam and its kind have in its place: the first beta."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


def _momenta(schedule: str, optimizer: Optimizer, base: Any, high: Any) -> list[list[float]]:
    """The lower and the higher momenta between which the groups go."""
    lows, highs = (each_group(schedule, n, v, optimizer) for n, v in (("base_momentum", base), ("max_momentum", high)))
    if not {"momentum", "betas"} & set(optimizer.defaults):
        raise ValueError(f"{schedule}: the optimiser has no momentum to cycle; use cycle_momentum=False")
    return [lows, highs]


def _begin_high(optimizer: Optimizer, lows: list[float], highs: list[float]) -> None:
    """Leave in each group between which values its momentum goes, and begin with the higher."""
    for group, low, high in zip(optimizer.param_groups, lows, highs, strict=True):
        group["base_momentum"], group["max_momentum"] = low, high
        _set_momentum(group, high)


class OneCycleLR(LRScheduler):
    """Up to ``max_lr`` in the first ``pct_start`` of ``total_steps``, then down to nearly 0.

    From max_lr / div_factor to max_lr, and on to max_lr / div_factor / final_div_factor, along half a cosine each (or, with
    ``anneal_strategy="linear"``, a line); with ``three_phase`` down to where it began in as many steps as up, and on from there.
    Momentum, or the first of Adam's betas, goes the other way, from ``max_momentum`` to ``base_momentum`` and back, unless
    ``cycle_momentum=False``. ``step()`` belongs after each batch; ``total_steps`` may be given as ``epochs`` and
    ``steps_per_epoch``; ``max_lr`` is a number or a list with one for each group. (Smith and Topin, 2018, arXiv 1708.07120)

    >>> optimizer = optim.SGD([ninx.ones(1)], lr=1.0, momentum=0.9)
    >>> schedule, rates = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10), []
    >>> for _ in range(10):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> [round(rate, 2) for rate in rates]
    [0.04, 0.52, 1.0, 0.95, 0.81, 0.61, 0.39, 0.19, 0.05, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ):
        self.max_lrs = each_group("OneCycleLR", "max_lr", max_lr, optimizer)
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
        for name, number in (("total_steps", total_steps), ("epochs", epochs), ("steps_per_epoch", steps_per_epoch)):
            if number is not None and (not isinstance(number, int) or number < 1):
                raise ValueError(f"OneCycleLR: {name} must be at least 1, and whole, got {number}")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start must be from 0 to 1, got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        self.total_steps = (epochs or 0) * (steps_per_epoch or 0) if total_steps is None else total_steps
        self.pct_start, self.anneal_strategy, self.three_phase = float(pct_start), anneal_strategy, bool(three_phase)
        self.cycle_momentum = bool(cycle_momentum)
        momenta = _momenta("OneCycleLR", optimizer, base_momentum, max_momentum) if cycle_momentum else []
        if last_epoch == -1:
            for group, peak in zip(optimizer.param_groups, self.max_lrs, strict=True):
                group["initial_lr"], group["max_lr"] = peak / div_factor, peak
                group["min_lr"] = group["initial_lr"] / final_div_factor
            if momenta:
                _begin_high(optimizer, *momenta)
        super().__init__(optimizer, last_epoch)

    def _phases(self) -> list[tuple[float, str, str, str, str]]:
        """(its last step, rate at its beginning and end, momentum at its beginning and end) of each phase."""
        turn, end = self.pct_start * self.total_steps - 1, self.total_steps - 1
        up = (turn, "initial_lr", "max_lr", "max_momentum", "base_momentum")
        if not self.three_phase:
            return [up, (end, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        down = (2 * self.pct_start * self.total_steps - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum")
        return [up, down, (end, "initial_lr", "min_lr", "max_momentum", "max_momentum")]

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)
        return (end - start) * share + start

    def _rates(self) -> list[float]:
        t = self.last_epoch
        if t > self.total_steps:
            raise ValueError(f"OneCycleLR: has only {self.total_steps} steps, but step() was called {t} times")
        phases, begin = self._phases(), 0.0
        while len(phases) > 1 and t > phases[0][0]:
            begin = phases.pop(0)[0]
        end, low, high, slow, fast = phases[0]
        share = (t - begin) / (end - begin) if end != begin else 1.0
        groups = [group for group in self._groups() if "max_lr" in group]  # `_set` refuses one that was added later
        for group in groups if self.cycle_momentum else ():
            _set_momentum(group, self._between(group[slow], group[fast], share))
        return [self._between(group[low], group[high], share) for group in groups]


class CyclicLR(LRScheduler):
    """Linear between ``base_lr`` and ``max_lr``: up in ``step_size_up`` steps, down in ``step_size_down`` (or as many).

    The height of cycle n (from 1) is max_lr - base_lr, times 1 ("triangular"), 1 / 2 ** (n - 1) ("triangular2") or
    gamma ** step ("exp_range"); or times ``scale_fn`` of n or, with ``scale_mode="iterations"``, of the step. The momentum goes
    the other way. ``step()`` belongs after each batch. Source: Smith, 2017, arXiv 1506.01186.

    >>> optimizer = optim.SGD([ninx.ones(1)], lr=1.0, momentum=0.9)
    >>> schedule, rates = optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.0, max_lr=1.0, step_size_up=2), []
    >>> for _ in range(6):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ):
        lows = each_group("CyclicLR", "base_lr", base_lr, optimizer)
        self.max_lrs = each_group("CyclicLR", "max_lr", max_lr, optimizer)
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(f"CyclicLR: mode must be 'triangular', 'triangular2' or 'exp_range', or give scale_fn, got {mode!r}")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"CyclicLR: scale_mode must be 'cycle' or 'iterations', got {scale_mode!r}")
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        self.mode, self.gamma, self.scale_fn = mode, gamma, scale_fn
        by_step = mode == "exp_range" if scale_fn is None else scale_mode == "iterations"
        self.scale_mode = "iterations" if by_step else "cycle"
        self.cycle_momentum = bool(cycle_momentum)
        momenta = _momenta("CyclicLR", optimizer, base_momentum, max_momentum) if cycle_momentum else [[], []]
        self.base_momentums, self.max_momentums = momenta
        if last_epoch == -1:
            for group, low in zip(optimizer.param_groups, lows, strict=True):
                group["lr"] = low
            if cycle_momentum:
                _begin_high(optimizer, *momenta)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lows

    def _scale(self, x: float) -> float:
        if self.scale_fn is not None:
            return self.scale_fn(x)
        if self.mode == "triangular2":
            return float(1 / 2.0 ** (x - 1))
        return float(self.gamma**x) if self.mode == "exp_range" else 1.0

    def _rates(self) -> list[float]:
        t = self.last_epoch
        cycle = math.floor(1 + t / self.total_size)
        x = 1.0 + t / self.total_size - cycle  # the part of the cycle that is done
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self._scale(t if self.scale_mode == "iterations" else cycle)
        for group, low, high in zip(self._groups(), self.base_momentums, self.max_momentums, strict=False):
            _set_momentum(group, high - (high - low) * height * scale)
        return [low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]
