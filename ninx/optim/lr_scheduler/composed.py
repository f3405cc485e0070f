"""Schedules made of schedules: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ...looks import brief
from ..optimizer import Optimizer
from .base import LRScheduler
from .plateau import ReduceLROnPlateau


class _Composed(LRScheduler):
    """Base of the schedules that are made of others, which they step; the state holds the states of the others."""

    def __init__(self, optimizer: Optimizer | None, schedulers: Sequence[LRScheduler]):
        name = type(self).__name__
        self._schedulers = list(schedulers)
        if not self._schedulers:
            raise ValueError(f"{name}: there is no schedule to follow")
        for i, part in enumerate(self._schedulers):
            if not isinstance(part, LRScheduler):
                raise TypeError(f"{name}: schedule {i} is {brief(part)}, which is none")
            if isinstance(part, ReduceLROnPlateau):
                raise ValueError(f"{name}: schedule {i} is a ReduceLROnPlateau, whose step needs a value; step it by itself")
            if part.optimizer is not (optimizer or self._schedulers[0].optimizer):
                raise ValueError(f"{name}: schedule {i}, a {type(part).__name__}, belongs to another optimiser")
        self.optimizer = optimizer or self._schedulers[0].optimizer

    def _undo(self) -> None:
        """Take the parts back to before their first step."""
        for part in self._schedulers:
            if isinstance(part, _Composed):
                part._undo()
            else:
                part.last_epoch -= 1

    def state_dict(self) -> dict[str, Any]:
        """As `LRScheduler.state_dict`, with the states of the parts."""
        return super().state_dict() | {"_schedulers": [part.state_dict() for part in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there, each part from its own state. Raises ValueError, and takes nothing, if something does not fit."""
        states = state_dict.get("_schedulers")
        if not isinstance(states, list) or len(states) != len(self._schedulers):
            raise ValueError(f"{type(self).__name__}.load_state_dict: wants the states of {len(self._schedulers)} schedules")
        own = {k: v for k, v in state_dict.items() if k != "_schedulers"}
        self._checked(own)
        for part, state in zip(self._schedulers, states, strict=True):
            part._checked(state)
        for part, state in zip(self._schedulers, states, strict=True):
            part.load_state_dict(state)
        super().load_state_dict(own)


class SequentialLR(_Composed):
    """One schedule after the other: the next begins, at its own epoch 0, when ``last_epoch`` reaches its milestone.

    All start from the groups' first rates. Raises ValueError unless there is one milestone fewer than schedules.

    >>> optimizer = optim.SGD([ninx.ones(1)], lr=1.0)
    >>> warm = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> down = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> schedule, rates = optim.lr_scheduler.SequentialLR(optimizer, [warm, down], milestones=[3]), []
    >>> for _ in range(6):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.25, 0.5, 0.75, 1.0, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1):
        super().__init__(optimizer, schedulers)
        self.milestones, self.last_epoch = list(milestones), last_epoch + 1
        if len(self.milestones) != len(self._schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(self._schedulers)} schedules have {len(self._schedulers) - 1} milestones between them, "
                f"got {len(self.milestones)}"
            )
        if late := [part for part in self._schedulers[1:] if isinstance(part, _Composed)]:
            kind = type(late[0]).__name__
            raise ValueError(f"SequentialLR: a {kind} can only stand first, as it has no epoch 0 to go to later")
        self._set([float(group["initial_lr"]) for group in self._groups()])  # what the parts have done when they were made
        self._undo()
        self._schedulers[bisect_right(self.milestones, 0)]._begin()
        self._last_lr = self._now()

    def step(self, epoch: int | None = None) -> None:
        """One step of the schedule whose turn it is."""
        if epoch is not None:
            raise ValueError(f"SequentialLR.step: goes on by one step only, and takes no epoch, got {epoch}")
        self.last_epoch += 1
        turn = bisect_right(self.milestones, self.last_epoch)
        if turn > 0 and self.milestones[turn - 1] == self.last_epoch:
            self._schedulers[turn]._go(0)
        else:
            self._schedulers[turn].step()
        self._last_lr = self._now()


class ChainedScheduler(_Composed):
    """All schedules at once: each ``step`` is one of every schedule, in their order.

    >>> optimizer = optim.SGD([ninx.ones(1)], lr=1.0)
    >>> parts = [optim.lr_scheduler.ConstantLR(optimizer, 0.5, 2), optim.lr_scheduler.ExponentialLR(optimizer, 0.5)]
    >>> schedule, rates = optim.lr_scheduler.ChainedScheduler(parts), []
    >>> for _ in range(4):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.5, 0.25, 0.25, 0.125]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None):
        super().__init__(optimizer, schedulers)
        self.last_epoch = 0
        self._last_lr = self._now()

    def step(self, epoch: int | None = None) -> None:
        """One step of every schedule."""
        if epoch is not None:
            raise ValueError(f"ChainedScheduler.step: goes on by one step only, and takes no epoch, got {epoch}")
        for part in self._schedulers:
            part.step()
        self.last_epoch += 1
        self._last_lr = self._now()
