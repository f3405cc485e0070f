"""The schedule that looks at the results."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, each_group


class ReduceLROnPlateau(LRScheduler):
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
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.min_lrs = each_group("ReduceLROnPlateau", "min_lr", min_lr, optimizer)
        self._least = self.min_lrs[0] if not isinstance(min_lr, (list, tuple)) else None  # of a group that is added later
        self.last_epoch, self.best = 0, math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0
        self._last_lr = self._now()

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]  # as PyTorch's: it needs a value
        """Take note of an epoch's value, and reduce if it is time to.

        >>> schedule = optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([ninx.ones(1)], lr=1.0), mode="max")
        >>> schedule.step(0.9)
        >>> schedule.best
        0.9
        """
        if epoch is not None:
            warnings.warn("ReduceLROnPlateau.step: the epoch is only counted; leave it out", UserWarning, stacklevel=2)
        value, sign = float(metrics), 1 if self.mode == "max" else -1
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        bar = self.best * (1 + sign * self.threshold) if self.threshold_mode == "rel" else self.best + sign * self.threshold
        if sign * value > sign * bar:
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self._now()

    def _reduce(self) -> None:
        rates = self._now()
        if self._least is not None and len(self.min_lrs) != len(rates):
            self.min_lrs = [self._least] * len(rates)
        if len(self.min_lrs) != len(rates):
            raise ValueError(
                f"ReduceLROnPlateau: {len(self.min_lrs)} min_lr for {len(rates)} groups of the optimiser; set schedule.min_lrs"
            )
        reduced = [max(rate * self.factor, least) for rate, least in zip(rates, self.min_lrs, strict=True)]
        self._set([new if rate - new > self.eps else rate for rate, new in zip(rates, reduced, strict=True)])
