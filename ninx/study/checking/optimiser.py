"""The optimiser: is everything in it, does its schedule fit, and is its rate right? The last is tried, on a copy."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import functional as F
from ... import nn
from ...array import Array, to_numpy
from ...engine import Tensor
from ...random import get_rng_state, set_rng_state
from .findings import Finding
from .trace import Loss, Trace, rms

FACTORS = (1.0, 100.0, 0.01, 10.0, 0.1, 0.001)  # of the optimiser's rate, in a range test, in this order
FARTHEST = 1e8
STEPS = 6  # with each of them


class Trial(NamedTuple):
    """Some steps at ``factor`` times the rate: the loss before, and after (infinite if it is no number any more).

    ``dead``: how many of the outputs are 0 for every image by then, and ``outputs``: of how many.
    """

    factor: float
    before: float
    after: float
    dead: int = 0
    outputs: int = 0


def parameters_missing(t: Trace, model: nn.Module, optimizer: Any) -> Iterator[Finding]:
    """Parameters that no group holds."""
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    left = [(name, p.numel()) for name, p in named if id(p) not in held]
    if left:
        n, total = sum(size for _, size in left), sum(p.numel() for _, p in named)
        every = len(left) == len(named)
        names = ", ".join(name for name, _ in left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
        yield Finding(
            "stops learning" if every else "risk", "not-optimised", "optimiser",
            "the optimiser holds no parameter of this network" if every else f"the optimiser does not hold {names}",
            f"{len(left)} of {len(named)} parameters, {100 * n / total:.0f} % of the weights, are never changed",
            "make the optimiser from model.parameters(), after the last change of the network's layers",
        )  # fmt: skip


def decay(model: nn.Module, optimizer: Any) -> Iterator[Finding]:
    """Weight decay that is too strong, or takes biases and normalisations along."""
    vectors = {id(p) for p in model.parameters() if p.ndim == 1}
    strongest, decayed = 0.0, 0
    for group in optimizer.param_groups:
        value = float(group.get("weight_decay") or 0.0)
        decoupled = type(optimizer).__name__ == "AdamW"
        strongest = max(strongest, value * (0.1 if decoupled else 1.0))
        decayed += sum(id(p) in vectors for p in group["params"]) if value else 0
    if strongest >= 0.05:
        yield Finding(
            "risk", "decay-too-large", "optimiser", "the weight decay pulls all weights to 0 faster than the loss can hold them",
            f"weight_decay = {strongest:g} adds {strongest:g} times each weight to its gradient; usual are 1e-5 to 1e-3",
            "weight_decay=1e-4",
        )  # fmt: skip
    elif decayed:
        yield Finding(
            "note", "decay-of-all", "optimiser", "biases and normalisation layers are decayed as well",
            f"{decayed} parameters of one dimension are in groups with weight_decay", "a group of their own with weight_decay=0",
        )  # fmt: skip


def schedule(optimizer: Any, scheduler: Any, steps: int | None) -> Iterator[Finding]:
    """The schedule, gone through on a copy: does it end too early, too late, or rise again?"""
    if scheduler is None or steps is None or steps < 2 or not hasattr(scheduler, "get_last_lr"):
        return
    memo = {id(p): p for group in optimizer.param_groups for p in group["params"]}
    twin = copy.deepcopy(scheduler, memo)
    own = twin.optimizer
    own.stepped = True
    rates = [max(group["lr"] for group in own.param_groups)]
    named = type(scheduler).__name__
    for step in range(1, steps):
        try:
            twin.step()
        except (ValueError, RuntimeError) as error:
            yield Finding(
                "stops learning", "schedule", "optimiser", f"{named} ends before the training does",
                f"step {step} of {steps} raises: {error}", f"give it {steps} steps (total_steps)",
            )  # fmt: skip
            return
        rates.append(max(group["lr"] for group in own.param_groups))
    highest = max(rates)
    if highest == 0:
        yield Finding("stops learning", "schedule", "optimiser", f"{named} keeps the rate at 0", f"in all {steps} steps",
                      "a rate above 0")  # fmt: skip
        return
    small = np.array(rates) < 1e-3 * highest
    first = int(np.argmax(small[int(np.argmax(rates)) :])) + int(np.argmax(rates)) if small.any() else steps
    if small[-1] and first < 0.3 * steps:
        yield Finding(
            "risk", "schedule", "optimiser", f"{named} has all but stopped the training when it has hardly begun",
            f"from step {first} of {steps} on the rate is below a thousandth of {highest:g}",
            "count its milestones in the steps in which it is stepped: epochs or iterations",
        )  # fmt: skip
    elif small.any() and rates[-1] > 0.1 * highest and rates[0] > 0.1 * highest:
        yield Finding(
            "risk", "schedule", "optimiser", f"{named} rises again after its end",
            f"the rate is {min(rates):.2g} at step {int(np.argmin(rates))} of {steps}, and {rates[-1]:.2g} at the end",
            f"T_max={steps}, the number of its steps",
        )  # fmt: skip
    elif len(set(rates)) == 1 and (getattr(scheduler, "milestones", None) or named == "StepLR"):
        yield Finding(
            "note", "schedule", "optimiser", f"{named} never changes the rate in this training",
            f"it is {highest:g} in all {steps} steps",
            "milestones within the training",
        )  # fmt: skip


def first_steps(t: Trace, model: nn.Module, optimizer: Any) -> dict[str, float]:
    """By layer: how large the first step is against its weights, root mean squares.

    SGD's is lr * gradient, with momentum 1 / (1 - momentum) times that once it runs; Adam's first step is lr for each weight.
    """
    rates = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    found = {}
    for (name, p), (_, own) in zip(t.model.named_parameters(), model.named_parameters(), strict=True):
        group = rates.get(id(own))
        if group is None or p.grad is None or p.ndim < 2:
            continue
        if type(optimizer).__name__ == "SGD":
            step = group["lr"] * rms(p.grad) / (1 - (group.get("momentum") or 0.0))
        else:
            step = group["lr"]
        found[name.rpartition(".")[0]] = step / (rms(p) or math.inf)
    return found


def range_test(
    model: nn.Module, optimizer: Any, batches: Sequence[tuple[Array, Array]], loss: Loss | None, seconds: float
) -> list[Trial]:
    """Some steps at each of several rates, each from the same weights, with the same batches; in about ``seconds``."""
    trials: list[Trial] = []
    state, began = get_rng_state(), time.perf_counter()
    waiting = list(FACTORS)
    while waiting and (len(trials) < 3 or waiting[0] > max(FACTORS) or time.perf_counter() - began < seconds):
        set_rng_state(state)
        try:
            trials.append(_trial(model, optimizer, waiting.pop(0), batches, loss))
        except (ValueError, TypeError, RuntimeError, IndexError):  # an optimiser that wants a closure, say, cannot be tried
            break
        top = max(trials)
        if top is trials[-1] and 1 < top.factor < FARTHEST and top is min(trials, key=lambda trial: trial.after):
            waiting.insert(0, 100 * top.factor)  # the largest rate does best: what does a larger one?
    set_rng_state(state)
    return sorted(trials)


def _trial(model: nn.Module, optimizer: Any, factor: float, batches: Sequence[tuple[Array, Array]], loss: Loss | None) -> Trial:
    memo: dict[int, Any] = {}
    twin = copy.deepcopy(model, memo).train()
    own = copy.deepcopy(optimizer, memo)  # of the copied parameters, since the memo knows them
    for group in own.param_groups:
        group["lr"] *= factor
    losses: list[float] = []
    for step in range(STEPS):
        images, labels = batches[step % len(batches)]
        own.zero_grad()
        value = (loss or F.cross_entropy)(twin(Tensor(images)), Tensor(labels))
        losses.append(float(value.item()))
        if not math.isfinite(losses[-1]):
            return Trial(factor, losses[0], math.inf)
        value.backward()
        own.step()
    answers = twin(Tensor(batches[0][0]))
    value = (loss or F.cross_entropy)(answers, Tensor(batches[0][1])).item()
    dead = (to_numpy(answers.array) == 0).reshape(len(answers), -1).all(axis=0)
    return Trial(factor, losses[0], float(value) if math.isfinite(value) else math.inf, int(dead.sum()), dead.size)


def rate(trials: Sequence[Trial], optimizer: Any, rising: bool) -> Iterator[Finding]:
    """Is the rate right? ``rising``: a schedule warms it up, so that a small first rate says nothing."""
    own = next((trial for trial in trials if trial.factor == 1.0), None)
    if own is None or not math.isfinite(own.before):
        return
    best = min(trials, key=lambda trial: trial.after)
    lr = max(group["lr"] for group in optimizer.param_groups)
    fallen, could = own.before - own.after, own.before - best.after
    if own.dead > own.outputs / 2:
        yield Finding(
            "stops learning" if own.dead == own.outputs else "risk", "dead-maps", "",
            "the first steps silence the network's outputs: they are 0 for every image, and get no gradient any more",
            f"{own.dead} of {own.outputs} outputs after {STEPS} steps at lr = {lr:g}",
            "leave the last ReLU out (in ninx's networks: last_relu=False), and a smaller rate",
        )  # fmt: skip
        return
    other = f"at {best.factor * lr:g} to {best.after:.4g}"
    if own.after > 1.5 * own.before + 0.5:
        yield Finding(
            "stops learning" if not math.isfinite(own.after) or own.after > 3 * own.before else "risk",
            "rate-too-large", "optimiser", "the learning rate is too large: the loss rises",
            f"in {STEPS} steps at lr = {lr:g} from {own.before:.3g} to {own.after:.3g}; {other}",
            f"lr={best.factor * lr:g}" if best.factor < 1 else "smaller first weights, and a smaller rate",
        )  # fmt: skip
    elif not rising and fallen < 0.02 * could and could > (0.1 if best.factor < 1e4 else 0.03) and best.factor >= 100:
        yield Finding(
            "risk", "rate-too-small", "optimiser", "the learning rate is too small: the loss hardly moves",
            f"in {STEPS} steps at lr = {lr:g} from {own.before:.4f} to {own.after:.4f}; {other}",
            f"lr={best.factor * lr / 3:.2g}",
        )  # fmt: skip
