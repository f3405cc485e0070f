"""`ninx explain`: what it says, where it writes, and how it refuses."""

from pathlib import Path

import pytest
import terminal
from typer.testing import CliRunner

import ninx
from ninx.cli.commands import app

OWN = """from ninx import nn
net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GlobalAvgPool2d(), nn.Flatten())
grouped = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.GlobalAvgPool2d(), nn.Flatten())
"""


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was stopped before its first epoch."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN)
    tiny = {"limit": 20, "epochs": 1, "model.name": "nin-mnist-v0", "model.switches": {}}
    ninx.train.Training(ninx.train.recipe.load("digits", tiny), "run").save()
    return tmp_path / "run"


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["explain", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_a_run_gets_its_page_and_a_second_one_replaces_it(run: Path) -> None:
    for _ in range(2):
        lines = said("run").splitlines()
        assert lines[0].startswith("Of 1,000 test images ")
        assert lines[-1] == "run/explain.html"
        assert (run / "explain.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_networks_without_a_run() -> None:
    assert "float16: a score moves by at most 0.0" in " ".join(said("nin-bn-fc", "-o", "a.html").split())
    assert "float16" not in said("own.py:net", "--input", "3x9x9")
    assert Path("explain.html").exists()


def test_test_images_that_are_not_there_are_named() -> None:
    changes = {"limit": 20, "epochs": 1, "model.name": "nin-mnist-v0", "model.switches": {}}
    training = ninx.train.Training(ninx.train.recipe.load("digits", changes), "run")
    training.recipe = training.recipe.model_copy(update={"data": "mnist"})
    training.save()
    assert "The page has no test images: mnist: " in said("run", "--data-dir", "nowhere")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rum"], "explain: there is no run folder or network 'rum'"),
        (["own.py:net"], "explain: a network of your own needs --input CxHxW"),
        (["own.py:grouped", "--input", "4x9x9"], "explain: the pictures have 4 channels"),
        (["own.py"], "explain: say which network of own.py is meant"),
        (["run", "-o", "page.pdf"], "explain: the page is HTML, so its name ends with .html, not .pdf (page.pdf)"),
        (["run", "-o", "there.html"], "explain: there.html is there already; replace it with --overwrite"),
        (["run", "-o", "run"], "explain: run is a folder"),
        (["run", "--input", "1x28x28"], "explain: --input is for a network without a run"),
        (["vgg11"], "explain: the network has 132,863,336 parameters; a page can hold 4,000,000"),
        (["run", "-o", "nowhere/page.html"], "there is no folder nowhere to write page.html into"),
    ],
)
def test_mistakes_end_in_one_sentence(arguments: list[str], sentence: str) -> None:
    Path("there.html").write_text("mine")
    screen = terminal.run(["explain", *arguments], Path.cwd())
    assert screen.returncode == 2
    assert f"Error: {sentence}" in screen.words
    assert not screen.broken
    assert Path("there.html").read_text() == "mine"
