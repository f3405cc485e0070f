"""What a run folder says of its training, and what a look at many folders finds."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import some_runs
import torch

import ninx
from ninx.train import found, journal, read_checkpoint, save_checkpoint


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of every kind, one of them in a folder of its own."""
    root = tmp_path_factory.mktemp("runs")
    some_runs.finished(root / "done")
    some_runs.finished(root / "deep" / "held-out", holdout=50)
    some_runs.stopped(root / "stopped")
    some_runs.not_a_number(root / "nan")
    some_runs.failed(root / "failed")
    shutil.copytree(root / "done", root / "damaged")
    whole = (root / "done" / "checkpoint.safetensors").read_bytes()
    (root / "damaged" / "checkpoint.safetensors").write_bytes(whole[: len(whole) // 2])
    (root / ".hidden").mkdir()
    shutil.copytree(root / "done", root / ".hidden" / "done")
    (root / "empty").mkdir()
    return root


def test_every_ending_is_told(runs: Path) -> None:
    looked = {str(one.folder.relative_to(runs)): one for one in found.below(runs)}
    states = {name: (one.state, one.epoch) for name, one in looked.items()}
    assert states == {
        "damaged": ("damaged", None),
        "deep/held-out": ("finished", 3),
        "done": ("finished", 3),
        "failed": ("failed", 1),
        "nan": ("NaN", 1),
        "stopped": ("stopped", 1),
    }
    assert (
        "the loss became nan in epoch 2 (first in layer 0.0, a Conv2d" in looked["nan"].why or "0.0.weight" in looked["nan"].why
    )
    assert "is damaged, or no checkpoint at all" in looked["damaged"].why
    assert looked["failed"].why.partition(":")[0] in ("AttributeError", "TypeError")
    assert (looked["done"].why, looked["stopped"].why) == ("", "")


def test_the_accuracy_is_that_of_images_not_trained_on_where_it_is_known(runs: Path) -> None:
    done, held = found.look(runs / "done"), found.look(runs / "deep" / "held-out")
    assert (done.measured_on, done.accuracy) == ("training", ninx.load_run(runs / "done").history[-1]["accuracy"])
    assert held.measured_on == "held-out"
    assert held.accuracy == ninx.load_run(runs / "deep" / "held-out").history[-1]["holdout_accuracy"]
    assert found.look(runs / "damaged").accuracy is None


def test_a_result_that_was_noted_counts(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "done", tmp_path / "run")
    kept = journal.read(tmp_path / "run")
    kept.result = journal.Result(which="test", right=900, images=1000, loss=0.5)
    kept.write(tmp_path / "run")
    one = found.look(tmp_path / "run")
    assert (one.accuracy, one.measured_on) == (0.9, "test")
    list(ninx.load_run(tmp_path / "run").resume(epochs=4).run())  # it was of another network
    assert found.look(tmp_path / "run").measured_on == "training"


def test_a_run_that_goes_on_is_not_called_stopped(tmp_path: Path) -> None:
    epochs = some_runs.killed(tmp_path / "run")
    assert found.look(tmp_path / "run").state == "running"
    shutil.copytree(tmp_path / "run", tmp_path / "as a killed process leaves it")
    assert found.look(tmp_path / "as a killed process leaves it").state == "killed"
    next(epochs)
    assert found.look(tmp_path / "run").epoch == 2
    epochs.close()  # type: ignore[attr-defined]
    assert found.look(tmp_path / "run").state == "stopped"


def test_without_a_journal_the_checkpoint_tells_what_it_can(runs: Path, tmp_path: Path) -> None:
    for name, state in (("done", "finished"), ("nan", "stopped")):
        shutil.copytree(runs / name, tmp_path / name)
        (tmp_path / name / "run.json").write_text("{no JSON")
        assert found.look(tmp_path / name).state == state
        (tmp_path / name / "run.json").unlink()
        one = found.look(tmp_path / name)
        assert one.state == state
        written = (tmp_path / name / "checkpoint.safetensors").stat().st_mtime
        assert abs(one.date.timestamp() - written) < 60


def test_weights_and_metrics_that_are_no_numbers_are_seen(runs: Path, tmp_path: Path) -> None:
    checkpoint = read_checkpoint(runs / "done")
    checkpoint.weights["0.0.bias"][0] = np.inf
    for name in ("weights", "metrics"):
        (tmp_path / name).mkdir()
    save_checkpoint(tmp_path / "weights" / "checkpoint.safetensors", checkpoint)
    assert found.look(tmp_path / "weights")[1:3] == ("NaN", "0.0.bias holds 1 NaN or infinite number of 10")
    checkpoint = read_checkpoint(runs / "done")
    checkpoint.history[1]["loss"] = float("nan")
    save_checkpoint(tmp_path / "metrics" / "checkpoint.safetensors", checkpoint)
    assert found.look(tmp_path / "metrics")[1:3] == ("NaN", "a metric of epoch 2 is no finite number")


def test_the_journal_tells_of_each_session(tmp_path: Path) -> None:
    some_runs.stopped(tmp_path / "run")
    list(ninx.load_run(tmp_path / "run").resume().run())
    first, second = journal.read(tmp_path / "run").sessions
    assert (first.first_epoch, first.outcome, second.first_epoch, second.outcome) == (1, "stopped", 2, "finished")
    assert (second.train_images, second.test_images, second.device) == (60, 1000, "cpu")
    assert second.environment["NumPy"] == np.__version__
    assert second.ended is not None
    began, ended = datetime.fromisoformat(second.started), datetime.fromisoformat(second.ended)
    assert first.started <= second.started
    assert 0 <= (ended - began).total_seconds() < 3600
    list(ninx.load_run(tmp_path / "run").resume().run())  # there was nothing left to train
    assert len(journal.read(tmp_path / "run").sessions) == 2


def test_an_earlier_run_keeps_its_journal_until_it_is_replaced(tmp_path: Path) -> None:
    some_runs.finished(tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    new = some_runs.training(tmp_path / "run", seed=1)
    new.model[0][0].weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="became nan in epoch 1"):
        next(new.run())
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    next(some_runs.training(tmp_path / "run", seed=1).run())
    sessions = journal.read(tmp_path / "run").sessions
    assert len(sessions) == 1
    assert (tmp_path / "run" / "run.json").read_bytes() != before


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["/usr/bin/ninx", "train", "my recipe.toml"], "ninx train 'my recipe.toml'"),
        (["/lib/ninx/__main__.py", "train"], "ninx train"),
        (["work/mine.py", "--seed", "1"], "python mine.py --seed 1"),
        (["/lib/ipykernel_launcher.py", "-f", "/tmp/secret.json"], ""),
        (["-c"], ""),
        ([""], ""),
    ],
)
def test_the_command_is_told_as_it_was_typed(argv: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    assert journal.command_line() == said


def test_as_json_it_is_plain(runs: Path) -> None:
    told = json.loads(json.dumps([one.as_json() for one in found.below(runs)], allow_nan=False))
    done = next(one for one in told if one["folder"].endswith("done"))
    assert (done["recipe"], done["model"], done["seed"], done["epoch"], done["epochs"]) == ("digits", "nin-mnist-v0", 0, 3, 3)


# -------------------------------------------------------------------- what an evaluation says of each image


def test_an_evaluation_tells_of_each_image(runs: Path) -> None:
    """The counts are those of the confusion matrix, the probabilities PyTorch's softmax of the network's scores."""
    run = ninx.load_run(runs / "done")
    digits = ninx.data.load("digits", "test")
    result = run.evaluate()
    with ninx.no_grad():
        scores = run.model(ninx.tensor(np.stack([run.preparation.one(image) for image in digits.images])))
    wanted = torch.softmax(torch.from_numpy(scores.numpy().copy()), 1).numpy()
    assert np.array_equal(result.labels, digits.labels)
    assert np.array_equal(result.answers, wanted.argmax(1))
    each = np.arange(1000)
    np.testing.assert_allclose(result.confidence, wanted.max(1), rtol=1e-5)
    np.testing.assert_allclose(result.likelihood, wanted[each, digits.labels], rtol=1e-5)
    counted = np.zeros((10, 10), int)
    np.add.at(counted, (result.labels, result.answers), 1)
    assert np.array_equal(counted, result.confusion)
    assert result.loss == pytest.approx(-np.log(wanted[each, digits.labels].astype(float)).mean(), rel=1e-5)
