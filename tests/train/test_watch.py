"""What is said while a training runs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import ninx
from ninx.train.watch import EVERY, RISING, STUCK, Watch

GUESS = math.log(10)


def test_stuck_is_said_once_and_late() -> None:
    watch = Watch(10)
    said = [watch.step(GUESS, ninx.ones(4, 10)) for _ in range(3 * STUCK)]
    assert [i for i, sentence in enumerate(said) if sentence] == [STUCK - 1]


def test_a_loss_that_moves_is_not_stuck() -> None:
    watch = Watch(10)
    assert not any(watch.step(GUESS - 0.002 * i, ninx.ones(4, 10)) for i in range(STUCK + 20))


def test_dead_maps_are_said_at_once_and_once() -> None:
    watch = Watch(10)
    said = [watch.step(GUESS, ninx.zeros(4, 10)) for _ in range(2 * STUCK)]
    assert [i for i, sentence in enumerate(said) if sentence] == [2 * EVERY - 1]
    assert "all 10 outputs" in (said[2 * EVERY - 1] or "")


def test_one_living_map_is_not_dead() -> None:
    logits = ninx.zeros(4, 10)
    logits[2, 3] = 1.0
    watch = Watch(10)
    assert not any(watch.step(GUESS, logits) for _ in range(STUCK - 1))


def test_a_rising_loss_on_images_held_out() -> None:
    watch = Watch(10)
    losses = [1.0, 0.5, 0.4, *[0.6] * (RISING + 3)]
    said = [watch.epoch({"holdout_loss": loss}) for loss in losses]
    assert [i for i, sentence in enumerate(said) if sentence] == [2 + RISING]
    assert "epoch 3 (0.400)" in (said[2 + RISING] or "")
    assert Watch(10).epoch({"loss": 1.0}) is None


TINY = {"limit": 40, "epochs": 2, "batch_size": 10, "model.name": "nin-mnist-v0", "model.switches": {}}


def test_a_training_hands_the_warnings_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ninx.train.Training(ninx.train.recipe.load("digits", TINY), tmp_path)
    monkeypatch.setattr(run.watch, "step", lambda loss, logits: f"{logits.shape[1]} outputs")
    monkeypatch.setattr(run.watch, "epoch", lambda metrics: f"epoch {metrics['epoch']}")
    said: list[str] = []
    list(run.run(on_warning=said.append))
    assert said == [*["10 outputs"] * 4, "epoch 1", *["10 outputs"] * 4, "epoch 2"]


def test_a_loss_that_is_nan_names_layer_and_checkpoint(tmp_path: Path) -> None:
    run = ninx.train.Training(ninx.train.recipe.load("digits", TINY), tmp_path)
    steps = run.run()
    next(steps)
    run.model[2][0].weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(
        ValueError, match=r"became nan in epoch 2 \(first in layer 2.0, a Conv2d.*checkpoint.safetensors holds 1 of"
    ):
        next(steps)


def test_the_layer_that_overflows_is_named() -> None:
    net = ninx.nn.Sequential(ninx.nn.Flatten(), ninx.nn.Linear(4, 4), ninx.nn.Linear(4, 2))
    net[1].weight.data.fill_(3e38)
    where = ninx.study.checking.first_not_finite(net, ninx.ones(1, 1, 2, 2), ninx.tensor([0]))
    assert where == " (first in layer 1, a Linear: its input has a root mean square of 1)"
