"""Schedules made of schedules, the plateau, and the settings that are refused: beside PyTorch's, to the last bit."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from schedules import OURS, THEIRS, epochs, optimizers, settings_of

import ninx
from ninx import optim
from ninx.optim.lr_scheduler import StepLR

# -------------------------------------------------------------------- schedules of schedules


def _parts(s: Any, o: Any, which: str) -> list[Any]:
    made = {
        "warm-up": lambda: [s.LinearLR(o, 0.1, total_iters=4), s.ExponentialLR(o, 0.9)],
        "three": lambda: [s.ConstantLR(o, 0.1, 3), s.CosineAnnealingLR(o, 8), s.StepLR(o, 2, 0.5)],
        "restarts": lambda: [s.LinearLR(o, 0.5), s.CosineAnnealingWarmRestarts(o, 3, 2)],
        "functions": lambda: [s.LambdaLR(o, lambda t: 0.9**t), s.MultiplicativeLR(o, lambda t: 0.8)],
        "polynomial": lambda: [s.PolynomialLR(o, 9), s.MultiStepLR(o, [2, 4], 0.5)],
    }
    return made[which]()


@pytest.mark.parametrize(
    ("which", "milestones"),
    [
        ("warm-up", [4]),
        ("warm-up", [0]),
        ("three", [3, 9]),
        ("three", [2, 2]),
        ("restarts", [5]),
        ("functions", [3]),
        ("polynomial", [6]),
    ],
)
def test_one_schedule_after_the_other(which: str, milestones: list[int]) -> None:
    ours, theirs = optimizers()
    a = OURS.SequentialLR(ours, _parts(OURS, ours, which), milestones=milestones)
    b = THEIRS.SequentialLR(theirs, _parts(THEIRS, theirs, which), milestones=milestones)
    for t in epochs(ours, theirs, a, b, 25):
        if t == 7:
            state = copy.deepcopy(a.state_dict())
            again, _ = optimizers()
            resumed = OURS.SequentialLR(again, _parts(OURS, again, which), milestones=milestones)
            resumed.load_state_dict(state)
        if t >= 7:
            assert settings_of(again) == settings_of(ours), t
            again.step()
            resumed.step()


@pytest.mark.parametrize("which", ["warm-up", "three", "restarts", "functions", "polynomial"])
def test_several_schedules_as_one(which: str) -> None:
    ours, theirs = optimizers()
    a, b = OURS.ChainedScheduler(_parts(OURS, ours, which)), THEIRS.ChainedScheduler(_parts(THEIRS, theirs, which), theirs)
    for t in epochs(ours, theirs, a, b, 25):
        if t == 7:
            again, _ = optimizers()
            resumed = OURS.ChainedScheduler(_parts(OURS, again, which))
            resumed.load_state_dict(copy.deepcopy(a.state_dict()))
        if t >= 7:
            assert settings_of(again) == settings_of(ours), t
            again.step()
            resumed.step()


@pytest.mark.filterwarnings("ignore:Detected call")  # PyTorch's own first step of a chain
@pytest.mark.parametrize("outer", ["SequentialLR", "ChainedScheduler"])
def test_schedules_of_schedules_of_schedules(outer: str) -> None:
    ours, theirs = optimizers()
    made = []
    for s, o in ((OURS, ours), (THEIRS, theirs)):
        inner = s.SequentialLR(o, _parts(s, o, "warm-up"), [3]) if outer == "ChainedScheduler" else None
        chained = s.ChainedScheduler([s.ConstantLR(o, 0.5, 2), s.StepLR(o, 3, 0.5)])
        last = s.ExponentialLR(o, 0.5)
        made.append(s.SequentialLR(o, [chained, last], [5]) if inner is None else s.ChainedScheduler([chained, inner, last]))
    for _ in epochs(ours, theirs, *made, 20):
        pass


# -------------------------------------------------------------------- the plateau


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"patience": 0, "factor": 0.5, "min_lr": 0.02},
        {"mode": "max", "patience": 1, "threshold": 0.1},
        {"mode": "max", "patience": 2, "threshold": 0.05, "threshold_mode": "abs", "cooldown": 3},
        {"mode": "min", "patience": 1, "threshold": 0.05, "threshold_mode": "abs", "min_lr": [0.0, 0.2]},
        {"patience": 0, "factor": 0.5, "eps": 0.1},
    ],
)
def test_plateaus_are_found_where_pytorch_finds_them(settings: dict) -> None:
    ours, theirs = optimizers()
    a, b = OURS.ReduceLROnPlateau(ours, **settings), THEIRS.ReduceLROnPlateau(theirs, **settings)
    rng, rates, resumed_at = np.random.default_rng(0), set(), set()
    for epoch in range(60):
        if epoch % 4:  # as when a run is resumed: from its own state, and from PyTorch's
            state = (a if epoch % 4 < 3 else b).state_dict()
            resumed_at |= {(name, state[name]) for name in ("num_bad_epochs", "cooldown_counter")}
            a = OURS.ReduceLROnPlateau(ours, **settings)
            a.load_state_dict(state)
        value = float(rng.choice([-1.0, 0.5, 1.0, 1.04, math.nan]) if epoch % 7 else rng.normal())
        a.step(ninx.tensor(value, dtype=np.float64) if epoch % 2 else value)
        b.step(value)
        assert a.get_last_lr() == b.get_last_lr() == [group["lr"] for group in theirs.param_groups]
        rates.add(tuple(a.get_last_lr()))
    assert len(rates) > 1, "nothing was reduced, so nothing was compared"
    wanted = {("num_bad_epochs", n + 1) for n in range(a.patience)} | {("cooldown_counter", n + 1) for n in range(a.cooldown)}
    assert wanted <= resumed_at, "it was resumed only where there was nothing to remember"
    assert isinstance(a, OURS.LRScheduler)


def test_a_plateau_takes_along_a_group_that_is_added() -> None:
    for least, fits in ((0.2, True), ([0.2, 0.2], False)):
        ours, theirs = optimizers()
        a = OURS.ReduceLROnPlateau(ours, patience=0, min_lr=least)
        b = THEIRS.ReduceLROnPlateau(theirs, patience=0, min_lr=least)
        ours.add_param_group({"params": [ninx.zeros(1)], "lr": 0.7})
        theirs.add_param_group({"params": [torch.zeros(1)], "lr": 0.7})
        a.step(1.0)
        b.step(1.0)
        if fits:
            a.step(1.0)
            b.step(1.0)
            assert settings_of(ours) == settings_of(theirs)
        else:
            with pytest.raises(ValueError, match="2 min_lr for 3 groups of the optimiser"):
                a.step(1.0)


# -------------------------------------------------------------------- what is refused


def test_one_cycle_has_an_end() -> None:
    ours, theirs = optimizers()
    a, b = OURS.OneCycleLR(ours, 0.3, 13), THEIRS.OneCycleLR(theirs, 0.3, 13)
    for _ in epochs(ours, theirs, a, b, 13):
        pass
    with pytest.raises(ValueError, match=r"has only 13 steps, but step\(\) was called 14 times"):
        a.step()


def test_a_cycle_whose_way_up_is_one_step_begins_at_the_top() -> None:
    """PyTorch divides by zero there."""
    ours, _ = optimizers()
    schedule = OURS.OneCycleLR(ours, 0.5, 10, pct_start=0.1)
    assert schedule.get_last_lr() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda s, o: s.StepLR([ninx.zeros(1)], 3), TypeError, r"StepLR: the first argument is the optimiser, not \[tensor"),
        (lambda s, o: s.LambdaLR(ninx.zeros(1), abs), TypeError, "LambdaLR: the first argument is the optimiser"),
        (lambda s, o: s.OneCycleLR(None, 1.0, 5), TypeError, "OneCycleLR: the first argument is the optimiser, not None"),
        (lambda s, o: s.ReduceLROnPlateau({}), TypeError, "ReduceLROnPlateau: the first argument is the optimiser, not {}"),
        (lambda s, o: s.StepLR(o, 3, verbose=True), TypeError, r"StepLR: there is no verbose= .*get_last_lr\(\)"),
        (lambda s, o: s.ReduceLROnPlateau(o, verbose=False), TypeError, "ReduceLROnPlateau: there is no verbose="),
        (lambda s, o: s.StepLR(o, 0), ValueError, "step_size must be at least 1, got 0"),
        (lambda s, o: s.CosineAnnealingLR(o, 0), ValueError, "T_max must be at least 1, got 0"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2.5), ValueError, "T_0 and T_mult must be whole numbers.* got 2.5, 1"),
        (lambda s, o: s.ConstantLR(o, 1.5), ValueError, "factor must be above 0 and at most 1.*got 1.5"),
        (lambda s, o: s.LinearLR(o, 0.0), ValueError, "start_factor must be above 0.*got 0.0, 1.0"),
        (lambda s, o: s.LambdaLR(o, [abs]), ValueError, "lr_lambda must be one function or 2, got 1"),
        (lambda s, o: s.LambdaLR(o, 0.9), TypeError, "lr_lambda must be a function of the epoch, not 0.9"),
        (lambda s, o: s.OneCycleLR(o, [0.1] * 3, 5), ValueError, r"max_lr must be one number or 2, got \[0.1, 0.1, 0.1\]"),
        (lambda s, o: s.OneCycleLR(o, 0.1, 0), ValueError, "total_steps must be at least 1, and whole, got 0"),
        (lambda s, o: s.OneCycleLR(o, 0.1, epochs=3), ValueError, "give total_steps, or both epochs and steps_per_epoch"),
        (lambda s, o: s.OneCycleLR(o, 0.1, 5, pct_start=30), ValueError, "pct_start must be from 0 to 1, got 30"),
        (lambda s, o: s.OneCycleLR(o, 0.1, 5, anneal_strategy="exp"), ValueError, "must be 'cos' or 'linear', got 'exp'"),
        (lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="up"), ValueError, "mode must be 'triangular'.*got 'up'"),
        (lambda s, o: s.CyclicLR(o, 0.1, 0.2, scale_mode="up"), ValueError, "scale_mode must be 'cycle' or 'iterations'"),
        (
            lambda s, o: s.OneCycleLR(optim.Adagrad([ninx.zeros(1)]), 0.1, 5),
            ValueError,
            "no momentum to cycle; use cycle_momentum=False",
        ),
        (lambda s, o: s.ReduceLROnPlateau(o, "up"), ValueError, "mode must be 'min' or 'max'.*got 'up', 'rel'"),
        (lambda s, o: s.ReduceLROnPlateau(o, factor=1), ValueError, "factor must be below 1"),
        (lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0]), ValueError, r"min_lr must be one number or 2, got \[0\]"),
        (lambda s, o: s.SequentialLR(o, [], []), ValueError, "SequentialLR: there is no schedule to follow"),
        (lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [3]), ValueError, "1 schedules have 0 milestones .*got 1"),
        (
            lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1), s.ChainedScheduler([s.StepLR(o, 1)])], [3]),
            ValueError,
            "SequentialLR: a ChainedScheduler can only stand first",
        ),
        (
            lambda s, o: s.SequentialLR(
                o, [s.StepLR(o, 1), s.SequentialLR(o, [s.StepLR(o, 1)], []), s.ChainedScheduler([s.StepLR(o, 1)])], [3, 6]
            ),
            ValueError,
            "SequentialLR: a SequentialLR can only stand first",
        ),
        (lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]), ValueError, "is a ReduceLROnPlateau, whose step needs a"),
        (lambda s, o: s.ChainedScheduler([s.StepLR(o, 1), 3]), TypeError, "schedule 1 is 3, which is none"),
        (
            lambda s, o: s.ChainedScheduler([s.StepLR(o, 1), s.StepLR(optimizers()[0], 1)]),
            ValueError,
            "schedule 1, a StepLR, belongs to another optimiser",
        ),
    ],
)
def test_wrong_settings_say_what_is_wrong(make: Callable, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        make(OURS, optimizers()[0])


def test_a_composed_schedule_takes_no_epoch() -> None:
    """PyTorch's neither: one has no way to go to an epoch that is not the next. Refused, it has not moved."""
    for kind in ("SequentialLR", "ChainedScheduler"):
        optimizer = optimizers()[0]
        part = StepLR(optimizer, 1, 0.5)
        schedule = OURS.SequentialLR(optimizer, [part], []) if kind == "SequentialLR" else OURS.ChainedScheduler([part])
        before = schedule.state_dict(), settings_of(optimizer)
        with pytest.raises(ValueError, match=rf"{kind}\.step: goes on by one step only, and takes no epoch, got 3"):
            schedule.step(3)
        assert (schedule.state_dict(), settings_of(optimizer)) == before


@pytest.mark.parametrize(
    ("state", "match"),
    [
        ({"step_size": 3}, "wants a dictionary with 'last_epoch'"),
        ("last_epoch", "wants a dictionary with 'last_epoch'.*, got 'last_epoch'"),
        ({"last_epoch": 3, "T_max": 5}, "has no 'T_max'; is it the state of another schedule"),
        ({"last_epoch": "3"}, "last_epoch = '3' is not like 0"),
        ({"last_epoch": -2}, "last_epoch = -2 is no epoch"),
        ({"last_epoch": 2.5}, "last_epoch = 2.5 is no epoch"),
        ({"last_epoch": math.inf}, "last_epoch = inf is no epoch"),
        ({"last_epoch": math.nan}, "last_epoch = nan is no epoch"),
        ({"last_epoch": 3, "gamma": None}, "gamma = None is not like 0.5"),
        ({"last_epoch": 3, "base_lrs": 0.1}, "base_lrs = 0.1 is not like"),
        ({"last_epoch": 3, "base_lrs": [0.1]}, "1 rates for 2 groups"),
        ({"last_epoch": 3, "_last_lr": [0.1, "x"]}, "_last_lr = .* is not like"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_as_a_whole(state: Any, match: str) -> None:
    schedule = StepLR(optimizers()[0], 3, 0.5)
    before = schedule.state_dict()
    with pytest.raises(ValueError, match=r"StepLR\.load_state_dict: " + match):
        schedule.load_state_dict(state)
    assert schedule.state_dict() == before


@pytest.mark.parametrize("parts", [[], "none", [{}]])
def test_the_state_of_another_number_of_schedules_is_refused(parts: Any) -> None:
    optimizer = optimizers()[0]
    schedule = OURS.SequentialLR(optimizer, [StepLR(optimizer, 1), StepLR(optimizer, 1)], [3])
    before = schedule.state_dict()
    with pytest.raises(ValueError, match=r"SequentialLR\.load_state_dict: wants the states of 2 schedules"):
        schedule.load_state_dict(before | {"_schedulers": parts})
    assert schedule.state_dict() == before
