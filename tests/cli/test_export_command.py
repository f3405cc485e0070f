"""`ninx export`: what it takes, what it writes and says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import some_runs
import terminal
import torch
from typer.testing import CliRunner

import ninx
from ninx.cli.commands import app
from ninx.train import load_run

pytestmark = pytest.mark.host_only("a file is written on the host")

OWN = """
from ninx import nn

def net():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten())

class Bad(nn.Module):
    def forward(self, x):
        return x.cumsum(1)
"""


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped in its second epoch."""
    return some_runs.stopped(tmp_path_factory.mktemp("runs") / "digits")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def export(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["export", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def told(path: Path) -> dict[str, str]:
    return {p.key: p.value for p in onnx.load(path).metadata_props}


def test_a_run_with_its_classes_and_its_recipe(run_folder: Path) -> None:
    code, text = export(run_folder)
    file = run_folder / "model.onnx"
    assert code == 0
    assert text.splitlines()[0] == "digits: 17 nodes, input (N, 1, 28, 28) -> output (N, 10)"
    assert text.endswith(f"{file}\n")
    assert json.loads(told(file)["classes"]) == list("0123456789")
    assert json.loads(told(file)["recipe"])["model"]["name"] == "nin-mnist-v0"
    assert export(run_folder)[0] == 0  # in its own folder an earlier one is replaced


def test_a_file_that_prepares_and_one_that_does_not_stand_side_by_side(run_folder: Path) -> None:
    export(run_folder)
    alone = (run_folder / "model.onnx").read_bytes()
    assert export(run_folder, "--prepare")[1].endswith(f"{run_folder / 'prepared.onnx'}\n")
    assert (run_folder / "model.onnx").read_bytes() == alone


def test_the_checkpoint_is_its_run(run_folder: Path, here: Path) -> None:
    export(run_folder / "checkpoint.safetensors", "-o", "net.onnx")
    run = load_run(run_folder)
    weights = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load("net.onnx").graph.initializer}
    assert all(np.array_equal(weights[name], t.numpy()) for name, t in run.model.state_dict().items())


def test_bytes_in_answers_out(run_folder: Path, here: Path) -> None:
    text = export(run_folder, "--prepare", "-o", "net.onnx")[1]
    assert "input (N, 28, 28) -> output (N, 10)" in text
    images = ninx.data.digits("test").images[:5]
    answers = onnxruntime.InferenceSession("net.onnx").run(None, {"input": images})[0]
    run = load_run(run_folder)
    expected = run.model(ninx.tensor(np.stack([run.preparation.one(image) for image in images]))).detach().numpy()
    assert np.abs(answers - expected).max() / np.abs(expected).max() < 1e-5


@pytest.mark.parametrize(
    ("arguments", "file", "says"),
    [
        (["nin-mnist-v0"], "nin-mnist-v0.onnx", "nin-mnist-v0: "),
        (["digits"], "digits.onnx", "input (N, 1, 28, 28) -> output (N, 10)"),
        (["own.py:net", "--input", "3x9x8", "-o", "mine.onnx"], "mine.onnx", "net: 4 nodes, input (N, 3, 9, 8) -> output (N, 8)"),
        (["nin-mnist-v0", "--input", "1x40x40"], "nin-mnist-v0.onnx", "input (N, 1, 40, 40)"),
    ],
)
def test_other_networks(here: Path, arguments: list[str], file: str, says: str) -> None:
    code, text = export(*arguments)
    assert code == 0
    assert says in text
    onnx.checker.check_model(onnx.load(file), full_check=True)


def test_a_recipe_begins_as_its_training_does(here: Path) -> None:
    export("digits")
    fresh = ninx.train.Training(ninx.train.recipe.load("digits"), "run").model
    weights = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load("digits.onnx").graph.initializer}
    assert all(np.array_equal(weights[name], t.array) for name, t in fresh.named_parameters())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nin-mnst"], "did you mean 'nin-mnist'"),
        (["own.py"], "say which network of own.py is meant"),
        (["own.py:net"], "how large is an image of own.py:net"),
        (["own.py:net", "--input", "3by8"], "--input is a size"),
        (["own.py:Bad", "--input", "3"], "cumsum has no operator in ONNX here"),
        (["nin-mnist", "-o", "net.pth"], "the file's name ends with .onnx, not .pth"),
        (["nin-mnist", "-o", "net"], "the file's name ends with .onnx, not nothing"),
        (["nin-mnist", "--torch", "-o", "net.onnx"], "the file's name ends with .pth, not .onnx"),
        (["nin-mnist", "--prepare"], "--prepare is for a run"),
        (["nowhere/checkpoint.safetensors"], "there is no file nowhere/checkpoint.safetensors"),
        (["own.py:net", "--input", "3x8x8", "-o", "nowhere/net.onnx"], "there is no folder nowhere"),
        (["own.py:net", "--input", "3x8x8", "-o", "folder.onnx"], "folder.onnx is a folder"),
        (["own.py:net", "--input", "3x8x8", "-o", "there.onnx"], "there.onnx is there already; replace it with --overwrite"),
    ],
)
def test_what_is_refused(here: Path, arguments: list[str], sentence: str) -> None:
    Path("folder.onnx").mkdir()
    Path("there.onnx").write_text("precious")
    with pytest.raises((ValueError, OSError), match=sentence.replace("(", r"\(")):
        export(*arguments)
    assert Path("there.onnx").read_text() == "precious"


def test_overwrite(here: Path) -> None:
    Path("there.onnx").write_text("old")
    assert export("own.py:net", "--input", "3x8x8", "-o", "there.onnx", "--overwrite")[0] == 0
    assert len(onnx.load("there.onnx").graph.node) == 4


def test_the_weights_alone_for_pytorch(run_folder: Path) -> None:
    assert export(run_folder, "--torch")[1].endswith(f"{run_folder / 'model.pth'}\n")
    theirs = torch.load(run_folder / "model.pth", weights_only=True)
    ours = load_run(run_folder).model.state_dict()
    assert list(theirs) == list(ours)
    assert all(np.array_equal(theirs[name].numpy(), t.numpy()) for name, t in ours.items())


def test_a_damaged_network_is_not_exported(tmp_path: Path) -> None:
    run = some_runs.training(tmp_path / "run")
    run.model[0][0].weight.data[0] = np.nan
    run.save()
    with pytest.raises(ValueError, match=r"export: the network in .* is damaged"):
        export(tmp_path / "run")


def test_on_a_terminal_no_line_is_broken(here: Path) -> None:
    screen = terminal.run(["export", "own.py:net", "--input", "3x8x8"], here)
    assert screen.returncode == 0
    assert not screen.broken
    assert "net.onnx" in screen.text
