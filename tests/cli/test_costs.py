"""`ninx summary`: every kind of network that it takes, and what it prints."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import ninx
from ninx.cli.commands import app
from ninx.study import named

pytestmark = pytest.mark.host_only("the command predicts for the CPU")

OWN = """
from beside_it import WIDTH
from ninx import nn

class Net(nn.Module):
    def __init__(self, width=WIDTH):
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 10, 1)

    def forward(self, x):
        return self.out(self.conv(x).relu()).mean((2, 3))

def make():
    return Net(8)

def wants(more):
    return Net(more)

net, number = Net(4), 3
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "beside_it.py").write_text("WIDTH = 6\n")
    return tmp_path / "own.py"


def said(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["summary", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_one_network_word_by_word() -> None:
    text = said("nin-mnist-v0", "--input", "1x28x28", "--batch", 4)
    assert text.startswith("nin-mnist-v0, input 1x28x28\n")
    with ninx.nn.shapes_only():
        net = ninx.models.create("nin-mnist-v0")
    found = ninx.summary(net, (1, 28, 28), batch=4)
    assert found.memory is not None
    flops = re.search(r"^FLOPs +([\d,]+) for one image: two for each MAC$", text, re.MULTILINE)
    assert flops
    assert int(flops[1].replace(",", "")) == 2 * found.macs
    assert "a training step on 4 images with SGD and momentum, in MB" in text
    assert re.search(
        r"^step +at most [\d.]+ MB more, predicted; most is in use in the backward pass of \d\.\d$", text, re.MULTILINE
    )
    assert re.search(r"^path \(1\) +compiled for vectors|^path \(1\) +im2col", text, re.MULTILINE)
    assert "Counted are the multiply-adds of convolutions and matrix products" in text


@pytest.mark.parametrize("name", ["Net", "make", "net"])
def test_a_network_of_ones_own(own: Path, name: str) -> None:
    width = {"Net": 6, "make": 8, "net": 4}[name]
    text = said(f"{own}:{name}", "--input", "3x16x16", "--batch", 2)
    assert f"Conv2d 3x3/1/1, 3->{width}" in text
    assert re.search(r"^parameters  " + f"{3 * width * 9 + width + width * 10 + 10:,}", text, re.MULTILINE)


def test_recipes_and_runs_bring_their_size_and_batch(tmp_path: Path) -> None:
    data = json.loads(said("digits", "--json"))
    recipe = ninx.train.recipe.load("digits")
    assert data[0]["input_shape"] == [1, 28, 28]
    assert data[0]["memory"]["batch"] == recipe.batch_size
    tiny = {"limit": 20, "epochs": 1, "model.name": "nin-mnist-v0", "model.switches": {}, "batch_size": 5}
    ninx.train.Training(ninx.train.recipe.load("digits", tiny), tmp_path / "run").save()
    (run,) = json.loads(said(tmp_path / "run", "--json"))
    assert (run["memory"]["batch"], run["params"]) == (5, 4370)
    assert run["layers"][0]["output_shape"][0] == 8 or run["layers"][0]["params"] > 0
    assert run["flops"] == 2 * sum(layer["macs"] for layer in run["layers"])


def test_several_networks_and_the_sentence_that_the_numbers_make() -> None:
    text = said("alexnet-caffe", "nin-imagenet", "--batch", 1)
    sentence = (
        "nin-imagenet has an eighth of the parameters of alexnet-caffe (7,595,176 for 60,965,224; in float32 29.0 MiB for "
        "232.6 MiB) and 1.5 times the compute (1,100,188,800 MACs for 724,406,816); a training step takes "
    )
    assert sentence in text
    assert max(map(len, text.split("\n\n")[0].splitlines())) <= 80


def test_adam_holds_twice_as_much_as_momentum() -> None:
    (sgd,), (adam,) = (json.loads(said("nin-mnist-v0", "--batch", 2, "--json", "--optimizer", name)) for name in ("sgd", "adam"))
    assert {k: 2 * n for k, n in sgd["memory"]["optimizer"].items()} == adam["memory"]["optimizer"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nin-cifar11"], "there is no network or recipe 'nin-cifar11'; did you mean 'nin-cifar10'"),
        (["{own}:Nett", "--input", "3x8x8"], "there is no network 'Nett'; did you mean 'Net'"),
        (["{own}:number", "--input", "3x8x8"], "number of .* is no network but a int"),
        (["{own}:wants", "--input", "3x8x8"], "wants of .* must make a network without arguments"),
        (["{own}", "--input", "3x8x8"], "say which network of .*own.py is meant: .*own.py:NAME"),
        (["{own}:Net"], "how large is an image of .*Say it with --input 3x32x32"),
        (["missing.py:Net", "--input", "3x8x8"], "there is no file missing.py"),
        (["nin-cifar10", "--input", "3*32"], "--input is a size such as 3x32x32 .* not '3\\*32'"),
        (["nin-cifar10", "--optimizer", "sdg"], "--optimizer is sgd or adam, not 'sdg'"),
        (["nin-cifar10", "--input", "1x32x32"], "conv2d: input has 1 channels"),
    ],
)
def test_what_cannot_be_summed_up_is_said(own: Path, arguments: list[str], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        said(*(a.format(own=own) for a in arguments))


def test_what_stands_beside_a_file_is_found_and_the_path_is_left_as_it_was(own: Path) -> None:
    import sys

    before = list(sys.path)
    assert named.find(f"{own}:Net").input_shape is None
    assert sys.path == before
