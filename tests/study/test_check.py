"""A check finds what is wrong with a training, and nothing where nothing is."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import broken
import numpy as np
import pytest
from broken import PLANTED, Setup, digits, of, sgd, sound
from mended import MENDED
from rooms import ROOT
from sound import SOUND
from typer.testing import CliRunner

import ninx
from ninx import functional as F
from ninx import nn, optim
from ninx.cli.commands import app
from ninx.study import checking
from ninx.study.checking import LEVELS, RULES, check


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    ninx.manual_seed(0)
    monkeypatch.setattr(checking, "SECONDS", 0.0)  # three rates, and larger ones as long as these do better


@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_fault_is_named_first(name: str) -> None:
    rule, make = PLANTED[name]
    report = make().check()
    assert report.findings[0].rule == rule, report.text()
    assert any(ch.isdigit() for ch in report.findings[0].evidence) or rule in (
        "unused",
        "frozen",
        "raises",
        "dropout-beside-norm",
        "max-named-average",
    )


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_network_raises_no_alarm(name: str) -> None:
    report = of(SOUND[name](), lr=0.02, test=digits(200, "test")).check()
    assert not report.at("stops learning", "risk"), report.text()


def test_every_rule_is_planted_and_mended() -> None:
    planted = {rule for rule, _ in PLANTED.values()}
    assert planted == set(MENDED)
    assert set(RULES) - planted == {"no-gradient", "decay-of-all", "frozen"}  # (tested below)


@pytest.mark.parametrize("rule", MENDED)
def test_the_mend_takes_the_finding_away(rule: str) -> None:
    _, make = MENDED[rule]
    report = make().check()
    assert rule not in [finding.rule for finding in report], report.text()


@pytest.mark.slow
@pytest.mark.parametrize("rule", MENDED)
def test_a_mended_set_up_learns(rule: str) -> None:
    """Five epochs: the loss on the training images leaves that of guessing, ln 10, by a tenth at least."""
    setup = MENDED[rule][1]()
    assert _loss_after(setup, 5) < math.log(10) - 0.1


def _loss_after(setup: Setup, epochs: int) -> float:
    """The mean loss in the last of some epochs."""
    loader = setup.data
    if isinstance(loader, tuple):
        x, y = (ninx.tensor(a) for a in loader)
        loader = ninx.data.DataLoader(ninx.data.TensorDataset(x, y), 16, shuffle=True, seed=0)
    losses: list[float] = []
    for _ in range(epochs):
        losses = []
        for images, labels in loader:
            loss = F.cross_entropy(setup.model.train()(images), labels)
            setup.optimizer.zero_grad()
            loss.backward()
            setup.optimizer.step()
            losses.append(loss.item())
    return float(np.mean(losses))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_network_in_network_that_dies_and_the_mends(seed: int) -> None:
    """With a ReLU before the average, and too high a rate: it is said before the first step. Mended it reads digits."""

    def make(last_relu: bool, batch_norm: bool) -> nn.Sequential:
        ninx.manual_seed(seed)
        blocks = [nn.MLPConv(1, (32, 24, 16), 5, padding=2, batch_norm=batch_norm), nn.MaxPool2d(3, 2)]
        last = nn.MLPConv(16, (32, 24, 10), 5, padding=2, batch_norm=batch_norm, last_relu=last_relu)
        return nn.Sequential(*blocks, last, nn.GlobalAvgPool2d(), nn.Flatten())

    net = make(True, False)
    found = {f.rule for f in of(net, digits(1000), 0.05).check()}
    assert {"relu-before-gap", "dead-maps"} & found
    mended = make(False, True)
    setup = of(mended, digits(2000), 0.05)
    _loss_after(setup, 5)
    x, y = digits(500, "test")
    with ninx.no_grad():
        assert float((mended.eval()(ninx.tensor(x)).array.argmax(1) == y).mean()) > 0.6


# -------------------------------------------------------------------- what a check leaves alone


def test_a_check_changes_nothing() -> None:
    setup = of(sound())
    loader = ninx.data.DataLoader(ninx.data.TensorDataset(*map(ninx.tensor, setup.data)), 32, shuffle=True, seed=1)
    before = {k: v.array.copy() for k, v in setup.model.state_dict().items()}
    state, epoch, training = ninx.get_rng_state(), loader.epoch, setup.model.training
    ninx.check(setup.model, loader, setup.optimizer, scheduler=optim.lr_scheduler.StepLR(setup.optimizer, 5), steps=10)
    assert ninx.get_rng_state() == state
    assert (loader.epoch, setup.model.training, setup.optimizer.param_groups[0]["lr"]) == (epoch, training, 0.05)
    assert all((before[k] == v.array).all() for k, v in setup.model.state_dict().items())
    assert all(p.grad is None for p in setup.model.parameters())
    assert not any(m._module_hooks for m in setup.model.modules())
    assert not setup.optimizer.state


def test_frozen_and_detached_networks() -> None:
    net = sound()
    net[0].weight.requires_grad_(False)
    assert [f.level for f in of(net, lr=None).check() if f.rule == "frozen"] == ["note"]
    net.requires_grad_(False)
    report = of(net, lr=None).check()
    assert "no-gradient" in {f.rule for f in report.at("stops learning")}, report.text()


def test_decay_of_biases_is_a_note() -> None:
    net = sound()
    report = Setup(net, digits(), sgd(net, weight_decay=1e-4)).check()
    assert [(f.level, f.rule) for f in report if "decay" in f.rule] == [("note", "decay-of-all")]


def test_a_weight_that_is_nan_is_found_in_the_gradient_too() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    x, y = digits(32)
    with np.errstate(all="ignore"):
        report = check(net, (x, y), loss=lambda z, t: (z * 0).sqrt().sum())
    assert report.findings[0].rule == "not-finite"
    assert "gradient" in report.findings[0].cause


# -------------------------------------------------------------------- figures, computed again


def test_redundant_weights_are_counted() -> None:
    report = check(ninx.models.create("nin-bn-fc"), input_shape=(3, 32, 32), classes=10)
    (finding,) = [f for f in report if f.rule == "collapses"]
    assert "534,528 weights do what 5,120 could; 57 %" in finding.evidence


@pytest.mark.parametrize(("kernel", "stride", "product"), [(1, 1, 3 * 5 * 9), (3, 1, 3 * 5 * 25), (3, 2, 3 * 5 * 49)])
def test_the_one_layer_that_does_what_two_do(kernel: int, stride: int, product: int) -> None:
    """A 3x3 with this stride, then k x k: the window of both together is 3 + (k - 1) * stride wide."""
    a, b = nn.Conv2d(3, 64, 3, stride=stride, bias=False), nn.Conv2d(64, 5, kernel, bias=False)
    report = check(nn.Sequential(a, b, nn.GlobalAvgPool2d(), nn.Flatten()), input_shape=(3, 20, 20), classes=5)
    (finding,) = [f for f in report if f.rule == "collapses"]
    assert f"{a.weight.numel() + b.weight.numel():,} weights do what {product:,} could" in finding.evidence


def test_a_narrow_pair_is_no_waste() -> None:
    """54 weights against 3 + 18: a bottleneck of one channel is another class of functions, not a waste."""
    net = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False), nn.Conv2d(1, 2, 3, bias=False), nn.GlobalAvgPool2d(), nn.Flatten())
    assert "collapses" not in {f.rule for f in check(net, input_shape=(3, 8, 8), classes=2)}


def test_the_published_heads_of_mnist_staged() -> None:
    net = ninx.models.create("nin-mnist-v0", head="as-published")
    (finding,) = [f for f in check(net, input_shape=(1, 224, 224), classes=10) if f.rule == "logits-not-classes"]
    assert finding.level == "risk"
    assert "40 outputs for 10 classes; 30" in finding.evidence


def test_a_padded_average_in_numbers() -> None:
    report = check(ninx.models.create("nin-cifar10-bn"), input_shape=(3, 32, 32), classes=10)
    assert "0.444" in next(f.evidence for f in report if f.rule == "padded-average")


@pytest.mark.parametrize("k", [2, 10, 100])
def test_the_least_loss_behind_a_softmax(k: int) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(9, k), nn.Softmax(1))
    finding = next(f for f in check(net, input_shape=(1, 3, 3), classes=k) if f.rule == "softmax-before-loss")
    sure = np.zeros((1, k), np.float32)
    sure[0, 0] = 1
    assert f"{F.cross_entropy(ninx.tensor(sure), ninx.tensor([0])).item():.3f}" in finding.evidence


# -------------------------------------------------------------------- what is shown


def test_text_html_and_json() -> None:
    report = of(nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.Linear(256, 10))).check()
    text = str(report)
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith("1 risk.")
    assert "mend: " in text
    assert "<li><b>risk</b> collapses" in report._repr_html_()
    plain = json.loads(json.dumps(report.dictionary()))
    assert plain["findings"][0]["rule"] == "collapses"
    assert [row["kind"] for row in plain["layers"]] == [
        "Flatten",
        "Linear",
        "Linear",
    ]
    assert len(report) == 1
    assert bool(report)
    assert [f.level for f in report] == ["risk"]
    assert "Linear" in report.sheet().text()


def test_what_is_no_number_is_null_in_json() -> None:
    """JSON has no NaN and no infinity: other programs refuse a file that holds them."""
    net = sound()
    net[4].weight.data[0, 0, 0, 0] = float("nan")
    for report in (of(net).check(), of(sound(), lr=1e30).check()):
        text = json.dumps(report.dictionary(), allow_nan=False)
        assert "null" in text


def test_levels_come_in_order() -> None:
    report = of(
        nn.Sequential(nn.Conv2d(1, 10, 3), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(10, 9)), classes=10
    ).check()
    order = [LEVELS.index(f.level) for f in report]
    assert order == sorted(order)
    assert len(set(order)) > 1


@pytest.mark.parametrize(
    ("data", "words"), [(3, "is a pair"), ((np.zeros((2, 1, 4, 4)), np.zeros(3)), "do not make pairs"), ([], "empty")]
)
def test_what_is_no_data(data: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        check(sound(), data)


def test_neither_data_nor_shape() -> None:
    with pytest.raises(ValueError, match="input_shape"):
        check(sound())


def test_a_data_set_of_pairs() -> None:
    x, y = digits(120)
    report = check(sound(), ninx.data.TensorDataset(ninx.tensor(x), ninx.tensor(y)))
    assert report.expected == pytest.approx(math.log(10))
    assert not report.at("stops learning", "risk")


def test_broken_and_sound_are_many() -> None:
    assert len(broken.PLANTED) >= 40
    assert len(SOUND) >= 20


# -------------------------------------------------------------------- the command and its page


def test_the_page_lists_every_rule() -> None:
    page = (ROOT / "docs" / "CHECK.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| ([a-z-]+) \|", page, re.MULTILINE)) == {"rule", *RULES}


def cli(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["check", *arguments])


def test_the_command_on_a_recipe_and_a_run(tmp_path: Path) -> None:
    done = cli("digits-staged")
    assert done.exit_code == 0
    assert "nin-mnist-v0 by the recipe digits-staged: 2 notes." in done.output
    tiny = {"limit": 40, "epochs": 1, "model.name": "nin-mnist-v0", "model.switches": {}}
    ninx.train.Training(ninx.train.recipe.load("digits", tiny), tmp_path).save()
    found = json.loads(cli(str(tmp_path), "--json").output)
    assert found["checked"] == f"the run {tmp_path}"
    assert found["loss"] > 0


def test_the_command_without_the_data_of_a_recipe(tmp_path: Path) -> None:
    done = cli("fashion-mnist", "--data-dir", str(tmp_path))
    assert "(fashion-mnist is not there)" in done.output
    assert "Noise stands for the images" in done.output


def test_the_command_on_a_file(tmp_path: Path) -> None:
    file, picture = tmp_path / "mine.py", tmp_path / "rates.png"
    file.write_text(
        "from ninx import nn\ndef net():\n    return nn.Sequential(nn.Flatten(), nn.Linear(784, 9))\n", encoding="utf-8"
    )
    done = cli(f"{file}:net", "--data", "digits", "--lr", "0.1")
    assert done.exit_code == 1
    assert "9 outputs for 10 classes" in done.output
    file.write_text(file.read_text(encoding="utf-8").replace("9)", "10)"), encoding="utf-8")
    done = cli(f"{file}:net", "--data", "digits", "--lr", "0.1", "--plot", str(picture), "--layers")
    assert done.exit_code == 0
    assert "Linear" in done.output
    assert picture.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["digitz"], "did you mean 'digits'"),
        (["nowhere.py:net"], "there is no file nowhere.py"),
        (["{file}:nett", "--data", "digits"], "did you mean 'net'"),
        (["{file}:net"], "needs --data NAME, or --input CxHxW"),
        (["{file}:net", "--input", "1x2y3"], "--input is a size such as 3x32x32"),
        (["{file}:number", "--input", "1x28x28"], "is no network"),
        (["{file}", "--input", "1x28x28"], "say which network of"),
        (["{file}:net", "--input", "1x28x28", "--plot", "x.png"], "no rates were tried"),
    ],
)
def test_mistakes_end_in_a_sentence(arguments: list[str], words: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    text = "from ninx import nn\nnet = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))\nnumber = 3\n"
    file.write_text(text, encoding="utf-8")
    done = cli(*[argument.format(file=file) for argument in arguments])
    assert words in str(done.exception), done.output


@pytest.mark.slow
@pytest.mark.parametrize("name", ninx.train.recipe.names())
def test_no_recipe_raises_a_false_alarm(name: str, tmp_path: Path) -> None:
    """With noise for the data: nothing stops learning, and a risk shows its number."""
    done = cli(name, "--data-dir", str(tmp_path), "--json")
    found = json.loads(done.output)["findings"]
    assert done.exit_code == 0
    assert all(any(ch.isdigit() for ch in f["evidence"]) for f in found if f["level"] == "risk")
