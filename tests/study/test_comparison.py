"""Runs side by side: what differs, what is chance; and how sure a network is. SciPy and plain counting are the oracles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import some_runs

import ninx
from ninx.study import comparison
from ninx.study.calibration import calibration
from ninx.study.significance import holm, mcnemar, sign_flips, wilson
from ninx.study.studied import Studied, just_trained, names, study
from ninx.train import Evaluation


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Studied]:
    """Two seeds by two rates."""
    root = tmp_path_factory.mktemp("runs")
    made = [(f"lr{lr}-seed{seed}", {"seed": seed, "optim__lr": lr}) for lr in (0.02, 0.05) for seed in (0, 1)]
    return [study(some_runs.finished(root / name, **changes)) for name, changes in made]


# -------------------------------------------------------------------- the tests of significance


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 1), (3, 3), (3, 12), (12, 3), (40, 61), (0, 2000), (900, 1100)])
def test_mcnemar_is_the_exact_binomial_test(a: int, b: int) -> None:
    wanted = scipy.stats.binomtest(a, a + b, 0.5).pvalue if a + b else 1.0
    assert mcnemar(a, b) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(("right", "n"), [(0, 10), (10, 10), (987, 1000), (1, 3), (5000, 10_000)])
def test_wilson_is_scipy_s(right: int, n: int) -> None:
    wanted = scipy.stats.binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right, n) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_holm_never_lets_a_larger_p_be_the_better_one() -> None:
    """By hand: 3 * .01, 2 * .04, 1 * .05 is below the one before; and none is above 1."""
    assert holm([0.04, 0.01, 0.05]) == pytest.approx([0.08, 0.03, 0.08])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


# -------------------------------------------------------------------- settings, groups, pairs


def test_only_settings_that_differ_are_listed(runs: list[Studied], tmp_path: Path) -> None:
    assert comparison.settings(runs[:2]) == {"seed": [0, 1]}
    assert comparison.settings(runs) == {"seed": [0, 1, 0, 1], "optim.lr": [0.02, 0.02, 0.05, 0.05]}
    other = study(some_runs.finished(tmp_path / "other", epochs=1, model__switches={"num_classes": 12}))
    found = comparison.settings([runs[0], other])
    assert found == {"epochs": [3, 1], "model.switches": [{}, None], "model.switches.num_classes": [None, 12]}


def test_groups_are_runs_that_differ_in_the_seed_alone(runs: list[Studied]) -> None:
    found = comparison.groups(runs)
    accuracy = [run.accuracy for run in runs]
    assert [group.runs for group in found] == [[0, 1], [2, 3]]
    assert [group.seeds for group in found] == [[0, 1], [0, 1]]
    assert found[1].accuracies == accuracy[2:]
    assert found[0].mean == pytest.approx(np.mean(accuracy[:2]))
    assert found[0].spread == pytest.approx(np.std(accuracy[:2], ddof=1))
    (b,) = comparison.between(found)
    differences = [accuracy[2] - accuracy[0], accuracy[3] - accuracy[1]]
    assert (b.seeds, b.difference, b.p) == (2, pytest.approx(np.mean(differences)), sign_flips(differences))
    assert comparison.between(comparison.groups(runs[:3])) == []  # one seed in common says nothing


def test_a_pair_counts_each_image_once(runs: list[Studied]) -> None:
    a, b = runs[0].evaluation, runs[3].evaluation
    assert a is not None
    assert b is not None
    (pair,) = comparison.pairs([runs[0], runs[3]])
    assert pair.both == sum(x == t == y for x, y, t in zip(a.answers, b.answers, a.labels, strict=True))
    assert pair.only_a == sum(x == t != y for x, y, t in zip(a.answers, b.answers, a.labels, strict=True))
    assert pair.only_b == sum(y == t != x for x, y, t in zip(a.answers, b.answers, a.labels, strict=True))
    assert pair.both + pair.only_a + pair.only_b + pair.neither == 1000
    assert sorted(pair.differ) == [i for i in range(1000) if a.answers[i] != b.answers[i]]
    one_is_right = [(a.answers[i] == a.labels[i]) != (b.answers[i] == b.labels[i]) for i in pair.differ]
    assert one_is_right == sorted(one_is_right, reverse=True), "first those that one has right"
    sure = [a.confidence[i] + b.confidence[i] for i in pair.differ[: sum(one_is_right)]]
    assert sure == sorted(sure, reverse=True)
    assert pair.p == pair.adjusted == mcnemar(pair.only_a, pair.only_b)


def test_a_run_does_not_disagree_with_itself(runs: list[Studied]) -> None:
    (pair,) = comparison.pairs([runs[0], runs[0]])
    assert (pair.only_a, pair.only_b, len(pair.differ), pair.p) == (0, 0, 0, 1.0)
    assert "equally many images right" in comparison.verdict(pair, "A", "B")


def test_many_pairs_are_judged_more_strictly(runs: list[Studied]) -> None:
    found = comparison.pairs(runs)
    assert [(pair.a, pair.b) for pair in found] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert [pair.adjusted for pair in found] == holm([pair.p for pair in found])


def test_a_verdict_names_the_better_one_whichever_comes_first() -> None:
    pair = comparison.Pair(0, 1, 900, 3, 12, 85, np.arange(15), mcnemar(3, 12), mcnemar(3, 12))
    wanted = "B has 9 images more right than A (12 against 3 that only one has right): more than chance, p = 0.035"
    assert comparison.verdict(pair, "A", "B") == wanted
    turned = pair._replace(only_a=12, only_b=3)
    assert comparison.verdict(turned, "B", "A") == wanted
    assert "no more than chance would do, p = 1" in comparison.verdict(pair._replace(only_a=1, only_b=2, adjusted=1.0), "A", "B")


def test_other_images_cannot_be_compared(runs: list[Studied], tmp_path: Path) -> None:
    held = study(some_runs.finished(tmp_path / "held", holdout=50))
    assert held.which == "held-out"
    assert held.evaluation is not None
    assert len(held.evaluation.labels) == 50
    assert comparison.pairs([runs[0], held]) == []


# -------------------------------------------------------------------- one run


def test_what_was_just_trained_is_the_same_as_what_is_read_again(tmp_path: Path) -> None:
    training = some_runs.training(tmp_path / "run")
    list(training.run())
    result = ninx.train.evaluate(training.model, training.test_set, training.preparation)
    now, later = just_trained(training, result), study(tmp_path / "run")
    assert later.evaluation is not None
    assert np.array_equal(later.evaluation.likelihood, result.likelihood)
    assert (now.found, now.journal, now.which, now.settings) == (later.found, later.journal, later.which, later.settings)


def test_data_that_are_gone_leave_the_rest(tmp_path: Path) -> None:
    some_runs.of_pictures(tmp_path / "run", tmp_path / "pictures", ["cat", "dog"])
    assert study(tmp_path / "run").absent == ""
    (tmp_path / "pictures").rename(tmp_path / "gone")
    gone = study(tmp_path / "run")
    assert (gone.evaluation, gone.images, gone.accuracy) == (None, None, None)
    assert "pictures" in gone.absent
    assert len(gone.run.history) == 3


def test_names_tell_runs_apart(tmp_path: Path) -> None:
    assert names([tmp_path / "x" / "a", tmp_path / "x" / "b"]) == ["a", "b"]
    assert names([Path("x/a"), Path("y/a")]) == ["x/a", "y/a"]


# -------------------------------------------------------------------- calibration


def _answers(confidence: list[float], right: list[bool]) -> Evaluation:
    labels, n = np.zeros(len(right), int), np.asarray(confidence, np.float32)
    return Evaluation(0.0, np.eye(2), labels, np.where(right, 0, 1), n, n)


def test_the_calibration_error_is_that_of_plain_loops() -> None:
    rng = np.random.default_rng(5)
    sure, right = rng.uniform(0.1, 1, 300), rng.random(300) < 0.7
    found = calibration(_answers(sure.tolist(), right.tolist()))
    sure = sure.astype(np.float32).astype(float)
    error = 0.0
    for b in range(10):
        inside = [i for i in range(300) if b / 10 < sure[i] <= (b + 1) / 10]
        assert found.counts[b] == len(inside)
        if inside:
            assert found.accuracy[b] == pytest.approx(np.mean(right[inside]))
            assert found.confidence[b] == pytest.approx(np.mean(sure[inside]))
            error += len(inside) / 300 * abs(np.mean(right[inside]) - np.mean(sure[inside]))
    assert found.error == pytest.approx(error)


def test_a_calibrated_network_is_within_chance_and_a_boaster_is_not() -> None:
    rng = np.random.default_rng(6)
    sure = rng.uniform(0.3, 1, 4000)
    low, high = calibration(_answers(sure.tolist(), (rng.random(4000) < sure).tolist())).chance
    assert 0 < low < calibration(_answers(sure.tolist(), (rng.random(4000) < sure).tolist())).error < high < 0.05
    boaster = calibration(_answers(sure.tolist(), (rng.random(4000) < sure - 0.2).tolist()))
    assert boaster.error > boaster.chance[1]


def test_what_is_no_probability_is_refused() -> None:
    for confidence, right in (([], []), ([0.5, float("nan")], [True, False])):
        with pytest.raises(ValueError, match="no answers, or their probabilities are no finite numbers"):
            calibration(_answers(confidence, right))
