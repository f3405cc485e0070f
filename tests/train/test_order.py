"""What happens in which order in a training: the optimiser before the schedule, and with which settings for which parameter."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ninx
from ninx import data, train
from ninx.models import create
from ninx.optim import SGD
from ninx.train import recipe as recipes
from ninx.train import runs
from ninx.train.checkpoint import Progress
from ninx.train.parameters import groups

SMALL = {"model": {"name": "nin-mnist-v0"}, "layers": {}, "batch_size": 8, "limit": 24, "optim": {"lr": 0.1}}
THEIRS = torch.optim.lr_scheduler


def _used(folder: Path, monkeypatch: pytest.MonkeyPatch, epochs: int, schedule: dict[str, Any]) -> list[float]:
    """The learning rate with which each step of a training of three batches an epoch is made."""
    rates, step = [], SGD.step

    def noted(self: SGD, closure: Any = None) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return step(self, closure)

    monkeypatch.setattr(SGD, "step", noted)
    list(train.Training(recipes.load("digits", SMALL | {"epochs": epochs, "schedule": schedule}), folder).run())
    return rates


def _expected(make: Any, steps: int, every: int) -> list[float]:
    """The same by PyTorch: its optimiser steps, and after each ``every`` of them its schedule."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    schedule, rates = make(optimizer), []
    for i in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (i + 1) % every == 0:
            schedule.step()
    return rates


@pytest.mark.parametrize(
    ("schedule", "every", "theirs"),
    [
        ({"name": "cosine", "by": "iteration"}, 1, lambda o: THEIRS.CosineAnnealingLR(o, 6)),
        ({"name": "cosine"}, 3, lambda o: THEIRS.CosineAnnealingLR(o, 2)),
        ({"name": "step", "by": "iteration", "step_size": 2, "gamma": 0.5}, 1, lambda o: THEIRS.StepLR(o, 2, 0.5)),
        ({"name": "step", "gamma": 0.5}, 3, lambda o: THEIRS.StepLR(o, 1, 0.5)),
        ({"name": "multistep", "by": "iteration", "milestones": [1, 4]}, 1, lambda o: THEIRS.MultiStepLR(o, [1, 4])),
        ({"name": "onecycle", "by": "iteration"}, 1, lambda o: THEIRS.OneCycleLR(o, 0.1, 6, cycle_momentum=False)),
        ({"name": "constant"}, 1, lambda o: THEIRS.ConstantLR(o, 1.0)),
    ],
)
def test_each_step_is_made_with_the_rate_of_pytorch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schedule: dict[str, Any], every: int, theirs: Any
) -> None:
    assert _used(tmp_path, monkeypatch, 2, schedule) == pytest.approx(_expected(theirs, 6, every))


def test_the_plateau_is_told_the_accuracy_of_the_epoch_that_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accuracies, evaluated = iter([0.5, 0.5, 0.6, 0.6]), Progress.metrics
    monkeypatch.setattr(Progress, "metrics", lambda self: evaluated(self) | {"accuracy": next(accuracies)})
    rates = _used(tmp_path, monkeypatch, 4, {"name": "plateau", "patience": 0, "gamma": 0.5})
    assert rates == pytest.approx([0.1] * 6 + [0.05] * 6)


def test_the_gradients_are_forgotten_before_they_are_added_and_clipped_before_the_step(tmp_path: Path) -> None:
    """Three steps by PyTorch on the images that the loader gives: momentum, weight decay and a norm that is too large."""
    optim = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "clip_norm": 0.05}
    plain = {"epochs": 1, "optim": optim, "schedule": {"name": "constant"}, "label_smoothing": 0.0}
    training = train.Training(recipes.load("digits", SMALL | plain), tmp_path)
    start = {k: torch.from_numpy(v.numpy().copy()) for k, v in training.model.state_dict().items()}
    batches = [(x.numpy().copy(), y.numpy().copy()) for x, y in training.loader]
    training.loader.epoch = 0
    leaves = {k: v.requires_grad_() for k, v in start.items()}
    theirs = torch.optim.SGD(leaves.values(), lr=0.1, momentum=0.9, weight_decay=0.01)
    net = create("nin-mnist-v0").train()
    for x, y in batches:  # the gradients by an own network with these weights, which the training never sees
        net.load_state_dict({k: v.detach().numpy().copy() for k, v in leaves.items()})
        for p in net.parameters():
            p.grad = None
        ninx.functional.cross_entropy(net(ninx.from_numpy(x)), ninx.from_numpy(y)).backward()
        for name, p in net.named_parameters():
            leaves[name].grad = torch.from_numpy(p.grad.numpy().copy())
        norm = torch.nn.utils.clip_grad_norm_(leaves.values(), 0.05)
        assert norm > 0.05
        theirs.step()
    list(training.run())
    for name, value in training.model.state_dict().items():
        np.testing.assert_allclose(value.numpy(), leaves[name].detach().numpy(), rtol=1e-4, atol=1e-6, err_msg=name)


def test_the_factors_of_a_layer_and_of_the_biases_multiply() -> None:
    """weight decay .01; biases get half of it, and one layer three times of either; likewise the rates."""
    optim = {"lr": 0.1, "weight_decay": 0.01, "bias_lr": 2.0, "bias_weight_decay": 0.5}
    layers = {"0.0": {"lr": 5.0, "weight_decay": 3.0}, "0.2": {"lr": 7.0, "bias_lr": 4.0, "weight_decay": 0.0}}
    recipe = recipes.load("digits", {"model": {"name": "nin-mnist-v1"}, "layers": layers, "optim": optim})
    net = create("nin-mnist-v1")
    names = {id(p): name for name, p in net.named_parameters()}
    found = {names[id(p)]: (g["lr"], g["weight_decay"]) for g in groups(net, recipe) for p in g["params"]}
    assert found.pop("0.0.weight") == pytest.approx((0.5, 0.03))
    assert found.pop("0.0.bias") == pytest.approx((1.0, 0.015))
    assert found.pop("0.2.weight") == pytest.approx((0.7, 0.0))
    assert found.pop("0.2.bias") == pytest.approx((2.8, 0.0))
    for name, settings in found.items():
        assert settings == pytest.approx((0.2, 0.005) if name.endswith("bias") else (0.1, 0.01)), name
    assert len(found) + 4 == len(names)


@pytest.mark.parametrize("holdout", [0, 30])
def test_what_is_told_and_kept_of_each_epoch(tmp_path: Path, holdout: int) -> None:
    training = train.Training(recipes.load("digits", SMALL | {"epochs": 2, "holdout": holdout}), tmp_path)
    for epoch, told in enumerate(training.run(), 1):
        assert told["epoch"] == epoch
        assert {"loss", "accuracy", "lr", "images_per_second"} <= told.keys()
        if holdout:
            assert len(training.test_set) == 30
            now = train.evaluate(training.model, training.test_set, training.preparation)
            assert (told["holdout_loss"], told["holdout_accuracy"]) == (now.loss, now.accuracy)
        else:
            assert not any("holdout" in name for name in told)
        assert train.read_checkpoint(tmp_path).history == training.history
        assert training.history[-1] == told


@pytest.mark.parametrize("state", [{"last_epoch": "two"}, {"last_epoch": None}, {"base_lrs": [1.0, 2.0, 3.0, 4.0, 5.0]}])
@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_a_run_is_not_resumed_with_the_damaged_state_of_a_schedule(tmp_path: Path, state: dict, schedule: str) -> None:
    training = train.Training(recipes.load("digits", SMALL | {"epochs": 2, "schedule": {"name": schedule}}), tmp_path)
    training.save()
    saved = train.read_checkpoint(tmp_path)
    assert train.Training(saved.recipe, tmp_path, saved).resumed
    with pytest.raises(ValueError, match=r"checkpoint: the state of its schedule is damaged \((ValueError|KeyError): "):
        train.Training(saved.recipe, tmp_path, replace(saved, schedule=state))


@pytest.mark.parametrize(("epochs", "allowed"), [(None, True), (1, False), (2, True), (3, True)])
def test_a_run_may_go_on_with_the_epochs_it_has_or_more(tmp_path: Path, epochs: int | None, allowed: bool) -> None:
    training = train.Training(recipes.load("digits", SMALL | {"epochs": 2}), tmp_path)
    list(training.run())
    overrides = {} if epochs is None else {"epochs": epochs}
    if allowed:
        assert runs.resumed_recipe(train.read_checkpoint(tmp_path), overrides).epochs == (epochs or 2)
    else:
        with pytest.raises(ValueError, match="the run has finished 2 epochs already, more than epochs = 1"):
            runs.resumed_recipe(train.read_checkpoint(tmp_path), overrides)


@pytest.mark.parametrize(
    ("classes", "same"),
    [
        ([*"0123456789"], True),
        ([*"1023456789"], False),
        ([*"012345678X"], False),
        ([*"012345678"], False),
        ([*"0123456789", "X"], False),
    ],
)
def test_an_evaluation_compares_the_names_of_the_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: list[str], same: bool
) -> None:
    train.Training(recipes.load("digits", SMALL | {"epochs": 1}), tmp_path).save()
    digits = data.load("digits", "test")
    few = data.ArrayDataset(digits.images[:20], np.minimum(digits.labels[:20], 8), classes)
    monkeypatch.setattr(data, "load", lambda *_: few)
    run = ninx.load_run(tmp_path)
    if same:
        assert math.isfinite(run.evaluate().loss)
    else:
        with pytest.raises(ValueError, match=r"eval: the network knows 0, 1, .* but the test images are"):
            run.evaluate()
