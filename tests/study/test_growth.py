"""Growing networks: what growth keeps and what it loses, the staged experiment, and the tests that judge it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import official
import pytest
import scipy.stats

import ninx
from ninx import models, nn
from ninx.study import staged
from ninx.study.growth import grow
from ninx.study.significance import sign_flips, two_proportions
from ninx.train import evaluate, read_checkpoint
from ninx.train import recipe as recipes
from ninx.train.preparation import Preparation

STEPS = [("nin-mnist-v0", "nin-mnist-v1"), ("nin-mnist-v1", "nin-mnist-v2"), ("nin-mnist-v0", "nin-mnist-v2")]


def outputs(model: nn.Module, tier: str = "fast") -> np.ndarray:
    x = ninx.from_numpy(np.random.default_rng(0).standard_normal((5, 1, 28, 28)).astype(np.float32))
    with ninx.no_grad(), ninx.use_kernels(tier):
        return model(x).numpy()


def alive(name: str) -> nn.Module:
    """A network hardly any of whose maps is 0 for every image."""
    ninx.manual_seed(1)
    model = models.create(name)
    for key, p in model.named_parameters():
        if key.endswith("bias"):
            nn.init.constant_(p, 0.1)
        else:
            nn.init.xavier_uniform_(p)
    assert (outputs(model).std(axis=0) > 0).sum() >= 8
    return model


@pytest.mark.parametrize("tier", ["strided", "fast"])
@pytest.mark.parametrize(("small", "large"), STEPS)
def test_identities_after_a_relu_change_no_bit_of_the_outputs(small: str, large: str, tier: str) -> None:
    model = alive(small)
    grown = grow(model, large, "identity")
    assert sum(p.numel() for p in grown.parameters()) > sum(p.numel() for p in model.parameters())
    assert np.array_equal(outputs(grown, tier), outputs(model, tier))


@pytest.mark.parametrize(("small", "large", "value"), [(*STEPS[0], 1.0), (*STEPS[1], 0.01)])
def test_the_published_way_keeps_the_weights_but_not_the_function(small: str, large: str, value: float) -> None:
    """The weights of common layers by their names; but new biases for all, and new layers whose channels are all equal."""
    model = alive(small)
    grown = grow(model, large, "constant", value)
    old, new = model.state_dict(), grown.state_dict()
    for key, array in new.items():
        if not key.endswith("weight"):
            assert key not in old or not np.array_equal(array.array, old[key].array), key
        elif key in old:
            assert np.array_equal(array.array, old[key].array), key
        else:
            assert (array.array == np.float32(value)).all(), key
    before, after = outputs(model), outputs(grown)
    assert np.abs(after - before).max() > 0.3 * np.abs(before).max()


def test_a_grown_network_owns_its_weights_and_learns_in_every_layer() -> None:
    model = alive("nin-mnist-v0")
    grown, before = grow(model, "nin-mnist-v2"), outputs(model)
    grown(ninx.randn(4, 1, 28, 28)).sum().backward()
    for key, p in grown.named_parameters():
        assert p.grad is not None, key
        nn.init.zeros_(p)
    assert np.array_equal(outputs(model), before)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: grow(alive("nin-mnist-v0"), "nin-mnist-v1", "ones"), "new must be 'constant' or 'identity', got 'ones'"),
        (lambda: grow(alive("nin-mnist-v0"), "nin-minst-v1"), "did you mean 'nin-mnist-v1'"),
        (lambda: grow(alive("nin-mnist-v1"), "nin-mnist-v0"), r"grow: nin-mnist-v0 has no 0\.4\.weight"),
        (
            lambda: grow(models.create("nin-mnist-v0", last_relu=False), "nin-mnist-v1", last_relu=False),
            r"grow: layer 4\.4 of nin-mnist-v1 does not follow a ReLU of the old network",
        ),
        (lambda: grow(nn.Sequential(), "nin-mnist-v0"), r"grow: layer 0\.0 of nin-mnist-v0 is no 1x1 convolution"),
        (lambda: staged.arms(recipes.load("digits")), r"recipe digits: has no \[growth\]"),
    ],
)
def test_what_cannot_grow_is_refused(make: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()


# -------------------------------------------------------------------- what is signal


@pytest.mark.parametrize(
    ("a", "b", "z", "p"), [(95.19, 95.28, 0.30, 0.77), (95.28, 95.76, 1.64, 0.10), (95.19, 95.76, 1.94, 0.052)]
)
def test_the_published_gains_are_not_significant(a: float, b: float, z: float, p: float) -> None:
    """Against the figures, worked out elsewhere, and SciPy's test of the table of right and wrong answers."""
    found = two_proportions(a / 100, b / 100, 10_000)
    assert (round(found[0], 2), float(f"{found[1]:.2g}")) == (z, p)
    counts = np.array([[100 * a, 10_000 - 100 * a], [100 * b, 10_000 - 100 * b]])
    expected = scipy.stats.chi2_contingency(counts, correction=False)
    assert found[0] ** 2 == pytest.approx(expected.statistic, rel=1e-9)
    assert found[1] == pytest.approx(expected.pvalue, rel=1e-9)
    assert two_proportions(b / 100, a / 100, 10_000)[0] == -found[0]


def test_two_perfect_networks_do_not_differ() -> None:
    assert two_proportions(1.0, 1.0, 10) == two_proportions(0.0, 0.0, 10) == (0.0, 1.0)


@pytest.mark.parametrize("differences", [[0.1, 0.2, 0.3, 0.4], [0.1, -0.2, 0.3, 0.25, 0.05, 0.4], [-0.1, -0.1, -0.1], [0.0, 0.0]])
def test_sign_flips_against_scipy(differences: list[float]) -> None:
    expected = scipy.stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flips(differences) == pytest.approx(expected.pvalue)


# -------------------------------------------------------------------- the experiment

TINY = {"limit": 120, "holdout": 100, "epochs": 1, "growth.seeds": 2}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[recipes.Recipe, Path, list[staged.Trained]]:
    """The experiment with two seeds on few digits."""
    recipe, folder = recipes.load("digits-staged", TINY), tmp_path_factory.mktemp("staged")
    return recipe, folder, list(staged.experiment(recipe, folder))


def test_every_way_goes_through_the_same_stages(done: Any) -> None:
    """Else more epochs, or another rate, could be what makes the difference. From scratch the rates of the first stage stay."""
    recipe, _, trained = done
    stages: dict[int, list[Any]] = {}
    for arm in staged.arms(recipe):
        settings = arm.recipe.optim, arm.recipe.epochs, arm.recipe.batch_size
        stages.setdefault(1 if "scratch" in arm.name else arm.epochs, []).append(settings)
    assert [len(stages[epochs]) for epochs in (1, 2, 3)] == [4, 3, 3]
    for several in stages.values():
        assert all(settings == several[0] for settings in several)
    assert sorted(arm.epochs for arm in staged.arms(recipe)) == [1, 1, 2, 2, 2, 2, 3, 3, 3, 3]
    assert [(t.arm, t.seed) for t in trained] == [(arm.name, seed) for seed in (0, 1) for arm in staged.arms(recipe)]


def test_stages_have_their_published_settings() -> None:
    arms = [
        arm for arm in staged.arms(recipes.load("mnist-staged")) if "published" in arm.name or arm.name == "nin-mnist-v0, stage 1"
    ]
    settings = [(a.recipe.model.name, a.recipe.optim.lr, a.recipe.optim.momentum, a.recipe.batch_size) for a in arms]
    assert settings == [("nin-mnist-v0", 1e-3, 0.3, 60), ("nin-mnist-v1", 1e-3, 0.3, 60), ("nin-mnist-v2", 4e-4, 0.0, 60)]
    assert [(a.parent, a.new, a.value) for a in arms[1:]] == [(arms[0].name, "constant", 1.0), (arms[1].name, "constant", 0.01)]


def test_each_stage_begins_where_the_one_before_ended(done: Any) -> None:
    """Growing by identities changes no answer; and what is trained in a stage is what was grown, not a fresh network."""
    recipe, folder, trained = done
    accuracy = {(t.arm, t.seed): t.accuracy for t in trained}
    grown = {(t.arm, t.seed): t.grown for t in trained}
    for arm in staged.arms(recipe):
        for seed in (0, 1):
            assert (grown[arm.name, seed] is None) == ("way" not in arm.name)
            if "identity" in arm.name:
                assert grown[arm.name, seed] == accuracy[arm.parent, seed]
    for child, parent in ((a.name, a.parent) for a in staged.arms(recipe) if a.parent):
        before, after = (
            read_checkpoint(folder / "seed0" / n.replace(", ", "-").replace(" ", "-") / "checkpoint.safetensors").weights[
                "0.0.weight"
            ]
            for n in (parent, child)
        )
        moved = np.abs(after - before).max()
        assert moved < 0.1 * np.abs(before).max(), child
        assert moved > 0 or "published" in child  # that may have lost its gradient


def test_every_seed_has_weights_of_its_own(done: Any) -> None:
    _, folder, _ = done
    for name in ("nin-mnist-v0-stage-1", "nin-mnist-v2-stage-1"):
        saved = [read_checkpoint(folder / f"seed{seed}" / name / "checkpoint.safetensors") for seed in (0, 1)]
        assert [c.recipe.seed for c in saved] == [0, 1]
        assert not np.array_equal(saved[0].weights["0.0.weight"], saved[1].weights["0.0.weight"])


def test_what_is_finished_is_not_trained_again(done: Any) -> None:
    recipe, folder, trained = done
    files = {p: p.read_bytes() for p in folder.rglob("metrics.jsonl")}
    assert len(files) == 2 * 10
    assert list(staged.experiment(recipe, folder)) == trained
    assert {p: p.read_bytes() for p in folder.rglob("metrics.jsonl")} == files  # with the speed of each epoch


def test_the_report_is_made_of_the_accuracies(done: Any) -> None:
    recipe, _, trained = done
    found = staged.report(recipe, trained, 120, 100)
    rows = {row["arm"]: row for row in found["arms"]}
    for name, row in rows.items():
        values = [t.accuracy for t in trained if t.arm == name]
        assert row["accuracies"] == values
        assert (row["mean"], row["spread"]) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    for row in found["comparisons"][:-3]:
        differences = np.subtract(rows[row["to"]]["accuracies"], rows[row["from"]]["accuracies"])
        assert row["mean"] == pytest.approx(differences.mean())
        assert row["better"] == (differences > 0).sum()
        assert (row["z"], row["p"]) == two_proportions(rows[row["from"]]["mean"], rows[row["to"]]["mean"], 100)
    assert [round(row["z"], 2) for row in found["comparisons"][-3:]] == [0.30, 1.64, 1.94]
    page = staged.markdown(found, "ninx train digits-staged")
    first, second = staged.tables(found)
    assert all(f"| {' | '.join(cells)} |\n" in page for cells in first + second)
    assert json.loads(json.dumps(found)) == found


def test_train_takes_the_digits_where_mnist_is_missing(tmp_path: Path) -> None:
    """As a user runs it: a line for each training, two tables, and two files."""
    settings = [
        "--limit",
        "60",
        "--holdout",
        "50",
        "--epochs",
        "1",
        "--set",
        "growth.seeds=1",
        "--out",
        "run",
        "--data-dir",
        "none",
    ]
    command = [sys.executable, "-c", "from ninx.cli import main; main()", "train", "mnist-staged", *settings]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert "mnist is not there" in ran.stdout
    assert "Taking digits-staged instead" in ran.stdout
    assert ran.stdout.count("seed 0") == 10
    found = json.loads((tmp_path / "run" / "growth.json").read_text())
    assert found["recipe"]["data"] == "digits"
    assert found["command"].startswith("ninx train mnist-staged --limit 60")
    assert f"`{found['command']}`" in (tmp_path / "run" / "growth.md").read_text()


def test_train_takes_mnist_where_it_is(tmp_path: Path) -> None:
    for split, count in (("train", 20), ("test", 15)):
        official.write_mnist(tmp_path / "mine" / "mnist", split, *official.drawn((count, 28, 28), 10))
    settings = ["--epochs", "1", "--set", "growth.seeds=1", "--out", "run", "--data-dir", "mine"]
    command = [sys.executable, "-c", "from ninx.cli import main; main()", "train", "mnist-staged", *settings]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "run" / "growth.json").read_text())
    assert (found["recipe"]["data"], found["images"], found["tests"]) == ("mnist", 20, 15)


def test_an_answer_that_is_no_class_is_wrong_and_counted() -> None:
    """The published head has 40 outputs for ten classes; an answer beyond them has a column of its own."""

    class Forty(nn.Module):
        def forward(self, x: ninx.Tensor) -> ninx.Tensor:
            scores = np.zeros((x.shape[0], 40), np.float32)
            scores[:, 3] = 1
            scores[::4, 25] = 2
            return ninx.from_numpy(scores)

    digits = ninx.data.load("digits", "test")
    found = evaluate(Forty(), digits, Preparation(recipes.load("digits")))
    assert found.confusion.shape == (10, 11)
    assert found.confusion[:, 10].sum() == 250
    predicted = np.where(np.arange(1000) % 4 == 0, 25, 3)  # batches of 100 begin at multiples of four
    assert found.accuracy == (predicted == digits.labels).mean()
