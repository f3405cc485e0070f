"""`ninx graph`: what it takes, what it writes and prints, and how it ends."""

import json
from pathlib import Path

import pytest
import terminal
from typer.testing import CliRunner

from ninx import models, nn
from ninx.cli.commands import app
from ninx.study import graph as graphs

pytestmark = pytest.mark.host_only("nothing is computed, and all of it on the host")

OWN = """
from ninx import nn

def net():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), *[nn.Linear(6, 6) for _ in range(4)])

def bad():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(16, 8, 3))
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path / "own.py"


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["graph", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_a_table_of_the_operations() -> None:
    code, text, _ = run("nin-bn-fc", "--batch", 4)
    assert code == 0
    assert text.startswith("nin-bn-fc, a step on a batch of 4\n")
    with nn.shapes_only():
        graph = graphs.of(models.create("nin-bn-fc"), models.preset("nin-bn-fc").input_shape, batch=4)
    rows = [line for line in text.splitlines() if "conv2d_weight_grad" in line]
    assert len(rows) == sum(v.name == "conv2d" for v in graph.vertices)


def test_on_a_terminal_no_line_is_broken(own: Path) -> None:
    screen = terminal.run(["graph", "own.py:net", "--input", "3x8x8"], own.parent)
    assert screen.returncode == 0
    assert not screen.broken
    assert "4 x matmul" in screen.text


def test_a_block_that_comes_several_times_has_one_row(own: Path) -> None:
    short = run(f"{own}:net", "--input", "3x8x8")[1]
    whole = run(f"{own}:net", "--input", "3x8x8", "--no-collapse")[1]
    assert "4 x matmul" in short
    assert short.count("matmul") < whole.count("matmul")


@pytest.mark.parametrize(
    ("ending", "begins"), [("svg", "<svg "), ("mmd", "---\ntitle: 'nin-bn-fc'"), ("dot", 'digraph "nin-bn-fc"'), ("json", "{")]
)
def test_the_ending_says_what_is_written(tmp_path: Path, ending: str, begins: str) -> None:
    if ending == "svg":
        pytest.importorskip("igraph", reason="igraph lays the picture out")
    code, text, _ = run("nin-bn-fc", "-o", tmp_path / f"net.{ending}")
    assert (code, text) == (0, f"Wrote {tmp_path / f'net.{ending}'}\n")
    assert (tmp_path / f"net.{ending}").read_text(encoding="utf-8").startswith(begins)


def test_what_does_not_fit_is_drawn_all_the_same(own: Path, tmp_path: Path) -> None:
    code, text, error = run(f"{own}:bad", "--input", "3x8x8", "-o", tmp_path / "bad.json")
    assert code == 1
    assert text.startswith("Wrote ")
    assert "Error: 2: conv2d: input has 8 channels" in error
    found = json.loads((tmp_path / "bad.json").read_text())
    assert found["vertices"][-1]["kind"] == "error"
    code, text, error = run(f"{own}:bad", "--input", "3x8x8")
    assert code == 1
    assert "conv2d + bias + ReLU" in text
    assert "Error: 2: conv2d" in error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nin-bn-fv"], "graph: there is no network or recipe 'nin-bn-fv'; did you mean 'nin-bn-fc'?"),
        (["nin-bn-fc", "-o", "net.png"], "graph: the file's name ends in .svg, .mmd, .dot or .json, not 'net.png'"),
        (["own.py:net"], "graph: there is no file own.py"),
        (["nin-bn-fc", "--input", "3by4"], "graph: --input is a size such as 3x32x32"),
    ],
)
def test_mistakes(arguments: list[str], says: str) -> None:
    with pytest.raises(ValueError, match=r"^graph: ") as error:
        run(*arguments)
    assert str(error.value).startswith(says)


def test_a_size_is_asked_for(own: Path) -> None:
    with pytest.raises(ValueError, match=r"graph: how large is an image of .*own.py:net\? Say it with --input 3x32x32"):
        run(f"{own}:net")
