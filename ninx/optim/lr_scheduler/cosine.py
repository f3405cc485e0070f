"""Half a cosine down, and down again after each restart (Loshchilov and Hutter, 2017, arXiv 1608.03983)."""

from __future__ import annotations

import math

from ...looks import brief
from ..optimizer import Optimizer
from .base import LRScheduler


class CosineAnnealingLR(LRScheduler):
    """eta_min + (first - eta_min) * (1 + cos(pi * t / T_max)) / 2, and up again after T_max

    Computed from one epoch to the next, so that it acts on the rate as it is: rate - eta_min is multiplied by
    (1 + cos(pi * t / T_max)) / (1 + cos(pi * (t - 1) / T_max)).

    >>> schedule = optim.lr_scheduler.CosineAnnealingLR(optim.SGD([ninx.ones(1)], lr=1.0), T_max=4)
    >>> [round(schedule.rate(1.0, t), 2) for t in range(5)]
    [1.0, 0.85, 0.5, 0.15, 0.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: T_max must be at least 1, got {T_max}")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, first: float, t: int) -> float:
        """eta_min + (first - eta_min) * (1 + cos(pi * t / T_max)) / 2."""
        return self.eta_min + (first - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2

    def _rates(self) -> list[float]:
        t, period, least = self.last_epoch, self.T_max, self.eta_min
        if self._first:
            return self._now()
        if (t - 1 - period) % (2 * period) == 0:  # the step away from eta_min, where the quotient below would be 0/0
            rise = (1 - math.cos(math.pi / period)) / 2
            return [rate + (first - least) * rise for first, rate in zip(self.base_lrs, self._now(), strict=False)]
        factor = (1 + math.cos(math.pi * t / period)) / (1 + math.cos(math.pi * (t - 1) / period))
        return [factor * (rate - least) + least for rate in self._now()]


class CosineAnnealingWarmRestarts(LRScheduler):
    """rate = eta_min + (first - eta_min) * (1 + cos(pi * T_cur / T_i)) / 2: down in T_0 epochs, then anew in T_0 * T_mult, ...

    ``step(epoch)`` may be called within an epoch, with a fraction: ``step(epoch + i / batches)``.

    >>> optimizer = optim.SGD([ninx.ones(1)], lr=1.0)
    >>> schedule, rates = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2), []
    >>> for _ in range(7):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> [round(rate, 2) for rate in rates]
    [1.0, 0.5, 1.0, 0.85, 0.5, 0.15, 1.0]
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1):
        if not isinstance(T_0, int) or not isinstance(T_mult, int) or T_0 < 1 or T_mult < 1:
            raise ValueError(
                "CosineAnnealingWarmRestarts: T_0 and T_mult must be whole numbers of at least 1, "
                f"got {brief(T_0)}, {brief(T_mult)}"
            )
        self.T_0, self.T_i, self.T_mult, self.eta_min = T_0, T_0, T_mult, eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def rate(self, first: float, t: float) -> float:
        """The rate of epoch ``t`` of the present period."""
        return self.eta_min + (first - self.eta_min) * (1 + math.cos(math.pi * t / self.T_i)) / 2

    def _rates(self) -> list[float]:
        return [self.rate(first, self.T_cur) for first in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on to the next epoch, or to ``epoch``, which may be a fraction.

        >>> optimizer = optim.SGD([ninx.ones(1)], lr=1.0)
        >>> schedule = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)
        >>> optimizer.step()
        >>> schedule.step(0.5)
        >>> schedule.get_last_lr()
        [0.8535533905932737]
        """
        if not self._first:
            self._check_order()
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch, self.T_cur = self.last_epoch + 1, self.T_cur + 1
            if self.T_cur >= self.T_i:
                self.T_cur, self.T_i = self.T_cur % self.T_i, self.T_i * self.T_mult
        elif epoch < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: epoch must be at least 0, got {epoch}")
        else:
            self._place(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self._rates())

    def _place(self, epoch: float) -> None:
        """Where in which period an epoch lies: the n-th begins at T_0 * (1 + T_mult + ... + T_mult ** (n - 1))."""
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**n
