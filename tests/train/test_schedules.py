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

import ninx
from ninx import optim
from ninx.optim.lr_scheduler import StepLR

OURS, THEIRS = optim.lr_scheduler, torch.optim.lr_scheduler
EPOCHS = 50


def optimizers(kind: str = "SGD", rates: tuple[float, ...] = (0.3, 1.0), **settings: Any) -> tuple[Any, Any]:
    """An optimiser of ours and one of PyTorch's, with one group for each rate."""
    if kind == "SGD":
        settings = {"momentum": 0.9} | settings
    groups = [[{"params": [zeros(1)], "lr": lr} for lr in rates] for zeros in (ninx.zeros, torch.zeros)]
    return getattr(optim, kind)(groups[0], **settings), getattr(torch.optim, kind)(groups[1], **settings)


def settings_of(optimizer: Any) -> list[tuple[Any, ...]]:
    """All that a schedule may change in the groups."""
    return [tuple(g.get(k) for k in ("lr", "momentum", "betas", "initial_lr")) for g in optimizer.param_groups]


def epochs(ours: Any, theirs: Any, a: Any, b: Any, count: int = EPOCHS) -> Iterator[int]:
    """So many epochs of both; before each, and at the end, the same settings to the last bit."""
    for t in range(count):
        assert settings_of(ours) == settings_of(theirs), t
        assert a.get_last_lr() == b.get_last_lr(), t
        yield t
        ours.step()
        theirs.step()
        a.step()
        b.step()
    assert settings_of(ours) == settings_of(theirs)


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


def test_groups_that_are_added_later() -> None:
    """A schedule that multiplies takes them along; one that counts from the first rates says that it cannot."""
    for name, settings in CASES:
        ours, theirs = optimizers()
        a, b = getattr(OURS, name)(ours, **settings), getattr(THEIRS, name)(theirs, **settings)
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


@pytest.mark.parametrize(
    ("state", "match"),
    [
        ({"step_size": 3}, "wants a dictionary with 'last_epoch'"),
        ("last_epoch", "wants a dictionary with 'last_epoch'.*, got 'last_epoch'"),
        ({"last_epoch": 3, "T_max": 5}, "has no 'T_max'; is it the state of another schedule"),
        ({"last_epoch": "3"}, "last_epoch = '3' is not like 0"),
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
