"""Schedules of the learning rate, epoch by epoch beside PyTorch's: the very same floats."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from schedules import OURS, THEIRS, epochs, optimizers, settings_of

import ninx
from ninx import optim
from ninx.optim.lr_scheduler import StepLR


class Warm:
    """A callable object with a state of its own, which is saved."""

    def __init__(self, scale: float):
        self.scale = scale

    def __call__(self, t: int) -> float:
        return self.scale / (1 + t)


KINDS: dict[str, list[dict[str, Any]]] = {
    "StepLR": [{"step_size": 3, "gamma": 0.7}, {"step_size": 1}],
    "MultiStepLR": [{"milestones": [5, 2, 5, 30], "gamma": 0.1}, {"milestones": (0, 3)}],
    "ConstantLR": [{}, {"factor": 0.3, "total_iters": 7}, {"total_iters": 0}, {"factor": 1}],
    "LinearLR": [{}, {"start_factor": 0.1, "end_factor": 0.6, "total_iters": 9}, {"start_factor": 1.0, "end_factor": 0.0}],
    "ExponentialLR": [{"gamma": 0.9}, {"gamma": 1.1}],
    "PolynomialLR": [{}, {"total_iters": 60, "power": 2.5}, {"total_iters": 9, "power": 0.5}],
    "CosineAnnealingLR": [{"T_max": 7, "eta_min": 0.01}, {"T_max": 1}, {"T_max": 100}],
    "CosineAnnealingWarmRestarts": [{"T_0": 4}, {"T_0": 3, "T_mult": 2, "eta_min": 0.01}, {"T_0": 1, "T_mult": 3}],
    "LambdaLR": [
        {"lr_lambda": lambda t: 0.95**t},
        {"lr_lambda": [lambda t: 1 / (1 + t), lambda t: math.exp(-t)]},
        {"lr_lambda": Warm(0.5)},
    ],
    "MultiplicativeLR": [{"lr_lambda": lambda t: 0.95}, {"lr_lambda": [lambda t: 1 / (1 + t), lambda t: 0.5]}],
    "OneCycleLR": [
        {"max_lr": 0.3, "total_steps": 50},
        {"max_lr": [0.3, 0.1], "epochs": 10, "steps_per_epoch": 5, "pct_start": 0.5, "anneal_strategy": "linear"},
        {"max_lr": 0.5, "total_steps": 60, "three_phase": True, "base_momentum": [0.7, 0.8], "max_momentum": 0.9},
        {"max_lr": 0.5, "total_steps": 55, "three_phase": True, "pct_start": 0.1, "cycle_momentum": False},
        {"max_lr": 0.3, "total_steps": 51, "pct_start": 0.001, "div_factor": 5.0, "final_div_factor": 10.0},
        {"max_lr": 0.3, "total_steps": 53, "pct_start": 1.0},
    ],
    "CyclicLR": [
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4},
        {"base_lr": [0.1, 0.2], "max_lr": [0.5, 0.9], "step_size_up": 3, "step_size_down": 5, "mode": "triangular2"},
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4, "mode": "exp_range", "gamma": 0.9, "cycle_momentum": False},
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4, "scale_fn": lambda x: 1 / x, "base_momentum": [0.5, 0.6]},
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4, "scale_fn": lambda x: 0.9**x, "scale_mode": "iterations"},
    ],
}


CASES = [(name, settings) for name, cases in KINDS.items() for settings in cases]


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "settings"), CASES)
def test_fifty_epochs_equal_pytorch(name: str, settings: dict, kind: str) -> None:
    ours, theirs = optimizers(kind)
    a, b = getattr(OURS, name)(ours, **settings), getattr(THEIRS, name)(theirs, **copy.deepcopy(settings))
    for group, theirs_group in zip(ours.param_groups, theirs.param_groups, strict=True):  # left for its resumption
        assert {k for k in group if "momentum" in k} == {k for k in theirs_group if "momentum" in k}
    rates = {tuple(a.get_last_lr()) for _ in epochs(ours, theirs, a, b)}
    assert len(rates) > 1 or settings in ({"factor": 1}, {"total_iters": 0}), "nothing changed, so nothing was compared"


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_a_schedule_that_is_resumed_goes_on_to_the_last_bit(name: str, settings: dict) -> None:
    """With the optimiser's state before, after, or not at all: the schedule brings the rates."""
    whole, _ = optimizers()
    schedule, rates = getattr(OURS, name)(whole, **settings), []
    for t in range(20):
        if t == 9:
            states = copy.deepcopy((whole.state_dict(), schedule.state_dict()))
        whole.step()
        schedule.step()
        rates.append(settings_of(whole))
    for order in ("optimiser first", "schedule first", "made last", "schedule alone"):
        again, _ = optimizers()
        if order == "made last":
            again.load_state_dict(states[0])
        resumed = getattr(OURS, name)(again, **settings)
        if order == "optimiser first":
            again.load_state_dict(states[0])
        resumed.load_state_dict(copy.deepcopy(states[1]))
        if order == "schedule first":
            again.load_state_dict(states[0])
        found = []
        for _ in range(9, 20):
            again.step()
            resumed.step()
            found.append(settings_of(again))
        assert found == rates[9:], order


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_state_of_pytorchs_schedule_is_understood(name: str, settings: dict) -> None:
    """Also its settings, which PyTorch takes over too."""
    ours, theirs = optimizers()
    b = getattr(THEIRS, name)(theirs, **settings)
    for _ in range(9):
        theirs.step()
        b.step()
    ours.load_state_dict(theirs.state_dict())
    a = getattr(OURS, name)(ours, **settings)
    ours.load_state_dict(theirs.state_dict())
    state = copy.deepcopy(b.state_dict())
    if name in ("OneCycleLR", "CyclicLR"):  # their attributes have names of their own
        state = {k: state[k] for k in ("last_epoch", "base_lrs", "_last_lr")}
    a.load_state_dict(state)
    for _ in epochs(ours, theirs, a, b, 20):
        pass


def test_the_settings_of_a_state_win_as_in_pytorch() -> None:
    a = OURS.StepLR(optimizers()[0], step_size=3, gamma=0.5)
    b = OURS.StepLR(optimizers()[0], step_size=5, gamma=0.1)
    b.load_state_dict(a.state_dict())
    assert (b.step_size, b.gamma) == (3, 0.5)


@pytest.mark.parametrize("resumed", [0, 4, 5])
@pytest.mark.parametrize(("name", "settings"), [c for c in CASES if c[0] != "OneCycleLR"])
def test_last_epoch_resumes_where_pytorch_does(name: str, settings: dict, resumed: int) -> None:
    """Without a state: only the groups' first rates are there, as the optimiser's state brings them."""
    ours, theirs = optimizers()
    for optimizer in (ours, theirs):
        for group in optimizer.param_groups:
            group |= {"initial_lr": 0.8, "max_momentum": 0.9, "base_momentum": 0.8}
    a, b = (getattr(lib, name)(o, **settings, last_epoch=resumed) for lib, o in ((OURS, ours), (THEIRS, theirs)))
    for _ in epochs(ours, theirs, a, b, 12):
        pass


def test_last_epoch_of_one_cycle() -> None:
    ours, theirs = optimizers()
    schedules = []
    for lib, optimizer in ((OURS, ours), (THEIRS, theirs)):
        lib.OneCycleLR(optimizer, 0.5, 30)
        schedules.append(lib.OneCycleLR(optimizer, 0.5, 30, last_epoch=11))
    for _ in epochs(ours, theirs, *schedules, 12):
        pass
    with pytest.raises(ValueError, match=r"last_epoch=3 resumes, but group 0 has no 'initial_lr'; load the optimiser's state"):
        StepLR(optimizers()[0], 2, last_epoch=3)


# -------------------------------------------------------------------- the rate is everybody's


def test_a_rate_changed_by_hand_stays_changed() -> None:
    for name, settings in CASES:
        ours, theirs = optimizers()
        a, b = getattr(OURS, name)(ours, **settings), getattr(THEIRS, name)(theirs, **settings)
        for t in epochs_with_hand(ours, theirs, a, b):
            assert a.get_last_lr() == b.get_last_lr(), (name, t)


def epochs_with_hand(ours: Any, theirs: Any, a: Any, b: Any) -> Iterator[int]:
    for t in range(20):
        ours.step()
        theirs.step()
        a.step()
        b.step()
        yield t
        if t in (2, 9):
            ours.param_groups[1]["lr"] = theirs.param_groups[1]["lr"] = 0.02


PAIRS = [
    (lambda s, o: s.StepLR(o, 2, 0.5), lambda s, o: s.MultiStepLR(o, [3], 0.1)),
    (lambda s, o: s.ExponentialLR(o, 0.9), lambda s, o: s.LinearLR(o, 0.1, total_iters=4)),
    (lambda s, o: s.CosineAnnealingLR(o, 6), lambda s, o: s.ConstantLR(o, 0.5, 4)),
    (lambda s, o: s.LambdaLR(o, lambda t: 0.9**t), lambda s, o: s.StepLR(o, 3, 0.5)),
    (lambda s, o: s.PolynomialLR(o, 30), lambda s, o: s.MultiplicativeLR(o, lambda t: 0.9)),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_schedules_at_once(first: Callable, second: Callable) -> None:
    ours, theirs = optimizers()
    a, b = [make(OURS, ours) for make in (first, second)], [make(THEIRS, theirs) for make in (first, second)]
    for _ in range(20):
        assert settings_of(ours) == settings_of(theirs)
        ours.step()
        theirs.step()
        for schedule in (*a, *b):
            schedule.step()
    states = ours.state_dict(), [s.state_dict() for s in a]
    again, _ = optimizers()
    resumed = [make(OURS, again) for make in (first, second)]
    for schedule, state in zip(resumed[::-1], states[1][::-1], strict=True):  # in any order
        schedule.load_state_dict(state)
    assert settings_of(again) == settings_of(ours)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_schedule_made_anew_goes_on_from_the_rate_that_is_there(first: Callable, second: Callable) -> None:
    ours, theirs = optimizers()
    a, b = first(OURS, ours), first(THEIRS, theirs)
    for _ in epochs(ours, theirs, a, b, 5):
        pass
    for _ in epochs(ours, theirs, second(OURS, ours), second(THEIRS, theirs), 9):
        pass


@pytest.mark.parametrize("later", range(10))
def test_groups_that_are_added_later(later: int) -> None:
    """A schedule that multiplies takes them along; one that counts from the first rates says that it cannot, at every epoch."""
    for name, settings in CASES:
        ours, theirs = optimizers()
        a, b = getattr(OURS, name)(ours, **settings), getattr(THEIRS, name)(theirs, **settings)
        for _ in epochs(ours, theirs, a, b, later):
            pass
        ours.add_param_group({"params": [ninx.zeros(1)], "lr": 0.7})
        theirs.add_param_group({"params": [torch.zeros(1)], "lr": 0.7})
        ours.step()
        theirs.step()
        try:
            b.step()
        except (ValueError, KeyError):
            with pytest.raises(ValueError, match=rf"{name}: 2 learning rates for 3 groups .*make it anew after add_param_group"):
                a.step()
            continue
        a.step()
        assert settings_of(ours) == settings_of(theirs), name


def test_a_rate_that_is_a_tensor_stays_the_same_tensor() -> None:
    rate, theirs = ninx.tensor(0.5, dtype=np.float64), torch.tensor(0.5, dtype=torch.float64)
    p, q = ninx.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    a, b = optim.SGD([p], lr=rate), torch.optim.SGD([q], lr=theirs)
    ours, his = StepLR(a, 1, 0.5), THEIRS.StepLR(b, 1, 0.5)
    for _ in range(3):
        p.grad, q.grad = ninx.ones(1), torch.ones(1)
        for thing in (a, b, ours, his):
            thing.step()
    assert a.param_groups[0]["lr"] is rate
    assert (rate.item(), p.item()) == (theirs.item(), q.item()) == (0.0625, -0.875)


# -------------------------------------------------------------------- step


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_a_step_to_a_given_epoch(name: str, settings: dict) -> None:
    """Old tutorials write scheduler.step(epoch): PyTorch warns, and counts from the first rates where it can."""
    ours, theirs = optimizers()
    a, b = getattr(OURS, name)(ours, **settings), getattr(THEIRS, name)(theirs, **settings)
    for epoch in (1, 2, 5, 4, 30, None, None):
        ours.step()
        theirs.step()
        for schedule in (a, b):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                schedule.step(epoch)
            assert len(caught) == (epoch is not None and name != "CosineAnnealingWarmRestarts")
        assert settings_of(ours) == settings_of(theirs), epoch


@pytest.mark.parametrize("settings", KINDS["CosineAnnealingWarmRestarts"])
def test_warm_restarts_take_a_part_of_an_epoch(settings: dict) -> None:
    ours, theirs = optimizers()
    a, b = OURS.CosineAnnealingWarmRestarts(ours, **settings), THEIRS.CosineAnnealingWarmRestarts(theirs, **settings)
    ours.step()
    theirs.step()
    for epoch in [e + i / 4 for e in range(20) for i in range(4)]:
        a.step(epoch)
        b.step(epoch)
        assert settings_of(ours) == settings_of(theirs), epoch
    with pytest.raises(ValueError, match="epoch must be at least 0, got -1"):
        a.step(-1)


def test_a_schedule_before_its_optimiser_is_warned_of_as_in_pytorch() -> None:
    for name, settings in CASES:
        for make, (optimizer, schedules) in zip(
            (ninx.zeros, torch.zeros), zip(optimizers(), (OURS, THEIRS), strict=True), strict=True
        ):
            if name == "CosineAnnealingWarmRestarts" and make is torch.zeros:
                continue  # PyTorch forgets the warning there
            schedule = getattr(schedules, name)(optimizer, **settings)
            with pytest.warns(UserWarning, match="optimizer.step"):
                schedule.step()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                schedule.step()  # once is enough

    class Own(optim.SGD):
        def step(self, closure: Any = None) -> None:
            """It may do what it likes."""

    StepLR(Own([ninx.zeros(1)]), 1).step()


def test_get_lr_computes_a_step_and_says_so() -> None:
    ours, theirs = optimizers()
    a, b = OURS.ExponentialLR(ours, 0.5), THEIRS.ExponentialLR(theirs, 0.5)
    with pytest.warns(UserWarning, match=r"get_last_lr\(\)"):
        mine = a.get_lr()
    with pytest.warns(UserWarning, match="get_last_lr"):
        assert mine == b.get_lr() == [0.15, 0.5]
    assert a.get_last_lr() == [0.3, 1.0]


@pytest.mark.parametrize("base", ["LRScheduler", "_LRScheduler"])
def test_a_schedule_of_ones_own(base: str) -> None:
    """As tutorials write them: get_lr from base_lrs and last_epoch, or from the rates as they are."""

    def kinds(library: Any) -> tuple[type, type]:
        class Warmup(getattr(library, base)):
            def __init__(self, optimizer: Any, steps: int):
                self.steps = steps
                super().__init__(optimizer)

            def get_lr(self) -> list[float]:
                return [first * min(1, (self.last_epoch + 1) / self.steps) for first in self.base_lrs]

        class Fading(getattr(library, base)):
            def get_lr(self) -> list[float]:
                return [group["lr"] * 0.9 for group in self.optimizer.param_groups]

        return Warmup, Fading

    (warmup, fading), (their_warmup, their_fading) = kinds(OURS), kinds(THEIRS)
    ours, theirs = optimizers()
    for _ in epochs(ours, theirs, warmup(ours, 5), their_warmup(theirs, 5), 9):
        pass
    for _ in epochs(ours, theirs, fading(ours), their_fading(theirs), 9):
        pass
    state = warmup(optimizers()[0], 5).state_dict()
    assert state["steps"] == 5
    with pytest.raises(NotImplementedError, match=r"a schedule has rate\(first, t\) or get_lr\(\)"):
        OURS.LRScheduler(optimizers()[0])
