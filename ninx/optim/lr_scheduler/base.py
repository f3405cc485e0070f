"""What all schedules share: the first rates, the epoch, and how the optimiser's rates are set and remembered."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

from ...engine import Tensor
from ...looks import brief, unfailing
from ..given import Group, alike, is_number, plain
from ..optimizer import Optimizer


class LRScheduler:
    """Base class. Call ``step()`` once after each epoch (or batch), after the optimiser's own ``step()``.

    A subclass writes ``rate(first, t)``, the rate of epoch t of a group that began with ``first``; or, as in PyTorch,
    ``get_lr()``, the rates of all groups at ``self.last_epoch``, from ``self.base_lrs`` or the optimiser's rates as they are.

    ``last_epoch``: -1 to begin; to resume a schedule without its state, the last epoch that was done (the groups then need
    the "initial_lr" that the optimiser's state holds).

    >>> class Halving(optim.lr_scheduler.LRScheduler):
    ...     def rate(self, first, t):
    ...         return first / 2**t
    >>> optimizer = optim.SGD([ninx.ones(1)], lr=1.0)
    >>> schedule = Halving(optimizer)
    >>> optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    _first = False  # is this the step with which a schedule begins?
    _inside = False  # is get_lr called by step?

    def __new__(cls, *args: Any, **settings: Any) -> Self:
        """Refuse what PyTorch's schedules no longer take."""
        if "verbose" in settings:
            raise TypeError(f"{cls.__name__}: there is no verbose= (nor in PyTorch any more); print(schedule.get_last_lr())")
        return super().__new__(cls)

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        self.optimizer = optimizer
        groups = self._groups()
        for i, group in enumerate(groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", float(group["lr"]))
            elif "initial_lr" not in group:
                raise ValueError(
                    f"{type(self).__name__}: last_epoch={last_epoch} resumes, but group {i} has no 'initial_lr'; "
                    "load the optimiser's state first, or leave last_epoch out"
                )
        self.base_lrs = [float(group["initial_lr"]) for group in groups]
        self.last_epoch = last_epoch
        self._begin()

    def _groups(self) -> list[Group]:
        return _optimizer(type(self).__name__, self.optimizer)

    def _begin(self) -> None:
        """The step to the first epoch, which is a part of making a schedule."""
        self._first = True
        try:
            self.step()
        finally:
            self._first = False

    @unfailing
    def __repr__(self) -> str:
        """The settings, and the learning rates now."""
        own = [f"{k}={brief(v)}" for k, v in vars(self).items() if k[0] != "_" and k not in ("optimizer", "base_lrs")]
        return f"{type(self).__name__}({', '.join([*own, f'lr={brief(self.get_last_lr())}'])})"

    # ---------------------------------------------------------------- the rates of an epoch
    def rate(self, first: float, t: int) -> float:
        """The learning rate of epoch ``t`` for a group that began with ``first``, if nothing else changes it.

        >>> schedule = optim.lr_scheduler.StepLR(optim.SGD([ninx.ones(1)], lr=1.0), step_size=10, gamma=0.5)
        >>> schedule.rate(first=1.0, t=25)
        0.25
        """
        raise NotImplementedError(f"{type(self).__name__}: a schedule has rate(first, t) or get_lr()")

    def get_lr(self) -> list[float]:
        """The rates of ``last_epoch``, computed from the rates as they are: for ``step``, which sets them.

        To see the rates, use `get_last_lr`: this would compute a step that was done a second time, and warns, as in PyTorch.

        >>> class Constant(optim.lr_scheduler.LRScheduler):
        ...     def get_lr(self):
        ...         return [first / 2 for first in self.base_lrs]
        >>> Constant(optim.SGD([ninx.ones(1)], lr=1.0)).get_last_lr()
        [0.5]
        """
        if not self._inside:
            warnings.warn(
                f"{type(self).__name__}.get_lr() computes the step anew; get_last_lr() tells the rates", UserWarning, stacklevel=2
            )
        return self._rates()

    def _rates(self) -> list[float]:
        return [self.rate(first, self.last_epoch) for first in self.base_lrs]

    def _now(self) -> list[float]:
        return [float(group["lr"]) for group in self._groups()]

    # ---------------------------------------------------------------- steps
    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch; or, with a warning as in PyTorch, to a given one.

        Warns if it is called before the optimiser's first ``step()``: the first rate would never have been used.

        >>> optimizer = optim.SGD([ninx.ones(1)], lr=1.0)
        >>> schedule = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
        >>> optimizer.step()
        >>> schedule.step()
        >>> optimizer.param_groups[0]["lr"]
        0.5
        """
        if not self._first:
            self._check_order()
        if epoch is not None:
            warnings.warn(
                f"{type(self).__name__}.step(epoch) goes to epoch {epoch} as if nothing else changed the rates; step() goes on",
                UserWarning,
                stacklevel=2,
            )
        self._go(epoch)

    def _check_order(self) -> None:
        """Warn of the first step of a schedule before the first step of its optimiser. (Not if that has a step of its own.)"""
        kind = type(self.optimizer)
        if self.last_epoch == 0 and kind.step is Optimizer.step and not self.optimizer.stepped:
            warnings.warn(
                f"{type(self).__name__}.step() before {kind.__name__}.step(): the first learning rate is skipped; "
                "call optimizer.step() first",
                UserWarning,
                stacklevel=3,
            )

    def _go(self, epoch: int | None) -> None:
        """Set the rates of the next epoch, or of the one given: those by ``rate`` where a schedule has it."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if epoch is not None and type(self).rate is not LRScheduler.rate:
            self._set([self.rate(first, epoch) for first in self.base_lrs])
            return
        self._inside = True
        try:
            rates = self.get_lr()
        finally:
            self._inside = False
        self._set(rates)

    def _set(self, rates: Sequence[float]) -> None:
        groups = self._groups()
        if len(rates) != len(groups):
            raise ValueError(
                f"{type(self).__name__}: {len(rates)} learning rates for {len(groups)} groups of the optimiser: this schedule "
                "counts from the first rates, so make it anew after add_param_group"
            )
        for group, rate in zip(groups, rates, strict=True):
            if isinstance(group["lr"], Tensor):  # a rate that somebody else may hold too
                group["lr"].array[...] = rate
            else:
                group["lr"] = float(rate)
        self._last_lr = self._now()

    def get_last_lr(self) -> list[float]:
        """The learning rate of every group, as the last ``step`` set it.

        >>> optim.lr_scheduler.StepLR(optim.SGD([ninx.ones(1)], lr=0.1), step_size=1).get_last_lr()
        [0.1]
        """
        return list(self._last_lr)

    # ---------------------------------------------------------------- state
    def state_dict(self) -> dict[str, Any]:
        """The settings, the epoch, the first rates, and the rates now; functions are no data and left out.

        >>> optim.lr_scheduler.StepLR(optim.SGD([ninx.ones(1)], lr=0.5), step_size=3).state_dict()
        {'step_size': 3, 'gamma': 0.1, 'base_lrs': [0.5], 'last_epoch': 0, '_last_lr': [0.5]}
        """
        kept = {k: v for k, v in vars(self).items() if k == "_last_lr" or (k[0] != "_" and k != "optimizer" and not callable(v))}
        return {k: list(v) if isinstance(v, list) else v for k, v in kept.items()} | {"_last_lr": self._now()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there: with the settings and the epoch of ``state_dict``, and with its rates, which the optimiser gets.

        Also takes the state of PyTorch's schedule of the same name. What is missing stays as it is. Raises ValueError, and
        takes nothing, if something does not fit.

        >>> a, b = (optim.lr_scheduler.StepLR(optim.SGD([ninx.ones(1)], lr=lr), step_size=1) for lr in (0.5, 0.1))
        >>> b.load_state_dict(a.state_dict())
        >>> b.get_last_lr()
        [0.5]
        """
        vars(self).update(taken := self._checked(state_dict))
        if "_last_lr" in taken:
            self._set(taken["_last_lr"])

    def _checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """Of ``given`` what this schedule has too; ValueError if it is the state of something else."""
        where, own = f"{type(self).__name__}.load_state_dict", self.state_dict()
        if not isinstance(given, dict) or "last_epoch" not in given:
            raise ValueError(f"{where}: wants a dictionary with 'last_epoch', as state_dict() gives it, got {brief(given)}")
        taken: dict[str, Any] = {}
        for key, value in given.items():
            if key in own:
                if not _fits(value, own[key]):
                    raise ValueError(f"{where}: {key} = {brief(value)} is not like {brief(own[key])}")
                taken[key] = list(value) if isinstance(value, list) else plain(value)
            elif not str(key).startswith("_") and key not in ("verbose", "mode_worse", "default_min_lr"):
                raise ValueError(f"{where}: has no {key!r}; is it the state of another schedule?")
        epoch: Any = taken["last_epoch"]
        if not (epoch >= -1 and float(epoch).is_integer()):
            raise ValueError(f"{where}: last_epoch = {epoch} is no epoch")
        lengths = {k: len(v) for k, v in taken.items() if isinstance(v, list)}
        for key in ("base_lrs", "_last_lr"):
            if lengths.get(key, len(self._groups())) != len(self._groups()):
                raise ValueError(f"{where}: {lengths[key]} rates for {len(self._groups())} groups of the optimiser")
        return taken


def _fits(value: Any, own: Any) -> bool:
    """Is a value of a state of the kind of the one that it replaces?"""
    if isinstance(own, list):
        return isinstance(value, list) and (all(map(is_number, value)) or not all(map(is_number, own)))
    if own is None:
        return value is None
    return isinstance(value, str) if isinstance(own, str) else alike(value, own)


def _optimizer(schedule: str, given: Any) -> list[Group]:
    """The groups of the optimiser that a schedule is given first."""
    if not isinstance(given, Optimizer):
        raise TypeError(f"{schedule}: the first argument is the optimiser, not {brief(given)}")
    return given.param_groups


def each_group(schedule: str, name: str, value: Any, optimizer: Optimizer) -> list[float]:
    """A setting that is one number, or a list with one for each group, as such a list."""
    count = len(_optimizer(schedule, optimizer))
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count or not all(map(is_number, values)):
        raise ValueError(f"{schedule}: {name} must be one number or {count}, got {brief(value)}")
    return [float(v) for v in values]


def functions(schedule: str, given: Any, optimizer: Optimizer) -> list[Any]:
    """A function of the epoch, or a list with one for each group, as such a list."""
    count = len(_optimizer(schedule, optimizer))
    found = list(given) if isinstance(given, (list, tuple)) else [given] * count
    if len(found) != count:
        raise ValueError(f"{schedule}: lr_lambda must be one function or {count}, got {len(found)}")
    for function in found:
        if not callable(function):
            raise TypeError(f"{schedule}: lr_lambda must be a function of the epoch, not {brief(function)}")
    return found
