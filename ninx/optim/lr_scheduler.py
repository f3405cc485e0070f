"""Schedules of the learning rate: each says by which factor epoch t multiplies every group's first learning rate."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from .optimizer import Optimizer


class LRScheduler:
    """Base class: a subclass writes ``rate(first, t)``. Call ``step()`` once after each epoch."""

    def __init__(self, optimizer: Optimizer):
        self.optimizer = optimizer
        self.last_epoch = 0
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self._set()

    def rate(self, first: float, t: int) -> float:
        """The learning rate of epoch ``t`` for a group that began with ``first``."""
        raise NotImplementedError

    def _set(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(group["initial_lr"], self.last_epoch)

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The learning rate of every group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The epoch, which is all there is to remember."""
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to the epoch of ``state_dict``."""
        self.last_epoch = int(state_dict["last_epoch"])
        self._set()


class StepLR(LRScheduler):
    """first * gamma ** floor(t / step_size)"""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1):
        if step_size < 1:
            raise ValueError(f"StepLR: step_size must be at least 1, got {step_size}")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def rate(self, first: float, t: int) -> float:
        """See the class."""
        return first * self.gamma ** (t // self.step_size)


class MultiStepLR(LRScheduler):
    """first * gamma ** (number of milestones that t has reached)"""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer)

    def rate(self, first: float, t: int) -> float:
        """See the class."""
        return first * self.gamma ** bisect_right(self.milestones, t)


class CosineAnnealingLR(LRScheduler):
    """eta_min + (first - eta_min) * (1 + cos(pi * t / T_max)) / 2 (Loshchilov and Hutter, 2017, arXiv 1608.03983)"""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0):
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: T_max must be at least 1, got {T_max}")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rate(self, first: float, t: int) -> float:
        """See the class."""
        return self.eta_min + (first - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2
