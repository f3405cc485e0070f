"""Runs side by side: which settings differ, on which images they disagree, and what of all that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np

from .significance import holm, mcnemar, sign_flips
from .studied import Studied

Array = np.ndarray[Any, Any]
LEVEL = 0.05  # a p below it counts as more than chance


class Pair(NamedTuple):
    """Two runs on the same images: how many both have right, only the first, only the second, none.

    ``differ``: the numbers of the images to which they give different answers, first those that one has right, then those that
    none has, each with the surest first. ``p``: McNemar's exact test; ``adjusted``: after Holm, for all pairs that were compared.
    """

    a: int
    b: int
    both: int
    only_a: int
    only_b: int
    neither: int
    differ: Array
    p: float
    adjusted: float


class Group(NamedTuple):
    """Runs whose recipes differ in nothing but the seed; ``accuracies`` in the order of ``runs``, the numbers of the runs."""

    runs: list[int]
    seeds: list[int]
    accuracies: list[float]

    @property
    def mean(self) -> float:
        """Of the accuracies."""
        return mean(self.accuracies)

    @property
    def spread(self) -> float:
        """Their standard deviation over the seeds; 0 for one seed."""
        return stdev(self.accuracies) if len(self.accuracies) > 1 else 0.0


class Between(NamedTuple):
    """Two groups that were trained with some of the same seeds: the mean difference (b - a), and Fisher's p over these seeds."""

    a: int
    b: int
    seeds: int
    difference: float
    p: float


def settings(runs: Sequence[Studied]) -> dict[str, list[Any]]:
    """The settings that are not the same in all runs, with the value in each; None where a run has no such setting.

    >>> for lr in (0.1, 0.2):
    ...     recipe = ninx.train.recipe.load("digits", {"limit": 20, "optim.lr": lr})
    ...     ninx.train.Training(recipe, f"lr{lr}").save()
    >>> ninx.study.comparison.settings([ninx.study.studied.study(f"lr{lr}") for lr in (0.1, 0.2)])
    {'optim.lr': [0.1, 0.2]}
    """
    all_of_them = [run.settings for run in runs]
    keys = dict.fromkeys(key for one in all_of_them for key in one)
    found = {key: [one.get(key) for one in all_of_them] for key in keys}
    return {key: values for key, values in found.items() if any(value != values[0] for value in values)}


def same_images(a: Studied, b: Studied) -> bool:
    """Were both evaluated on the same images? Only then can their answers be set side by side.

    >>> for name, held in (("a", 0), ("b", 10)):
    ...     ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20, "holdout": held}), name).save()
    >>> a, b = (ninx.study.studied.study(name) for name in "ab")
    >>> ninx.study.comparison.same_images(a, a), ninx.study.comparison.same_images(a, b)
    (True, False)
    """
    if a.evaluation is None or b.evaluation is None:
        return False
    same = a.run.recipe.data == b.run.recipe.data and a.which == b.which and a.run.classes == b.run.classes
    return same and np.array_equal(a.evaluation.labels, b.evaluation.labels)


def pairs(runs: Sequence[Studied]) -> list[Pair]:
    """Every two runs that saw the same images.

    >>> for seed in (0, 1):
    ...     recipe = ninx.train.recipe.load("digits", {"limit": 20, "seed": seed})
    ...     ninx.train.Training(recipe, f"seed{seed}").save()
    >>> runs = [ninx.study.studied.study(f"seed{seed}") for seed in (0, 1)]
    >>> (pair,) = ninx.study.comparison.pairs(runs)
    >>> pair.both + pair.only_a + pair.only_b + pair.neither
    1000
    """
    chosen = [(a, b) for a, b in combinations(range(len(runs)), 2) if same_images(runs[a], runs[b])]
    found = [_pair(a, b, runs[a], runs[b]) for a, b in chosen]
    return [pair._replace(adjusted=p) for pair, p in zip(found, holm([pair.p for pair in found]), strict=True)]


def _pair(i: int, j: int, a: Studied, b: Studied) -> Pair:
    assert a.evaluation is not None
    assert b.evaluation is not None
    x, y = a.evaluation, b.evaluation
    right_a, right_b = x.answers == x.labels, y.answers == y.labels
    both, only_a, only_b = (int(np.count_nonzero(x)) for x in (right_a & right_b, right_a & ~right_b, ~right_a & right_b))
    differ = np.flatnonzero(x.answers != y.answers)
    order = np.lexsort((-(x.confidence[differ] + y.confidence[differ]), right_a[differ] == right_b[differ]))
    p = mcnemar(only_a, only_b)
    return Pair(i, j, both, only_a, only_b, len(right_a) - both - only_a - only_b, differ[order], p, p)


def groups(runs: Sequence[Studied]) -> list[Group]:
    """The runs by recipe, whatever their seed; those whose accuracy is not known are left out.

    >>> for seed in (0, 1):
    ...     recipe = ninx.train.recipe.load("digits", {"limit": 20, "holdout": 10, "seed": seed})
    ...     ninx.train.Training(recipe, f"seed{seed}").save()
    >>> (group,) = ninx.study.comparison.groups([ninx.study.studied.study(f"seed{seed}") for seed in (0, 1)])
    >>> group.runs, group.seeds
    ([0, 1], [0, 1])
    """
    found: dict[str, list[int]] = {}
    for i, run in enumerate(runs):
        if run.accuracy is not None:
            found.setdefault(run.run.recipe.model_copy(update={"seed": 0}).model_dump_json(), []).append(i)
    made = []
    for members in found.values():
        accuracies = [accuracy for i in members if (accuracy := runs[i].accuracy) is not None]
        made.append(Group(members, [runs[i].run.recipe.seed for i in members], accuracies))
    return made


def between(found: Sequence[Group]) -> list[Between]:
    """Every two groups with at least two seeds in common: the differences seed by seed, and the exact test of their signs.

    >>> Group = ninx.study.comparison.Group
    >>> ninx.study.comparison.between([Group([0, 1], [0, 1], [0.9, 0.91]), Group([2, 3], [0, 1], [0.92, 0.93])])[0].p
    0.5
    """
    compared = []
    for i, j in combinations(range(len(found)), 2):
        a, b = (dict(zip(found[k].seeds, found[k].accuracies, strict=True)) for k in (i, j))
        common = [seed for seed in a if seed in b][:16]  # 2 ** 16 signs are tried at most
        differences = [b[seed] - a[seed] for seed in common]
        if len(common) > 1:
            compared.append(Between(i, j, len(common), mean(differences), sign_flips(differences)))
    return compared


def verdict(pair: Pair, a: str, b: str) -> str:
    """What a pair comes to, in a sentence.

    >>> pair = ninx.study.comparison.Pair(0, 1, 900, 20, 60, 20, np.arange(90), 1e-5, 1e-5)
    >>> ninx.study.comparison.verdict(pair, "A", "B")
    'B has 40 images more right than A (60 against 20 that only one has right): more than chance, p = 1e-05'
    """
    lead = pair.only_b - pair.only_a
    if lead == 0:
        return f"{a} and {b} have equally many images right; {pair.only_a} are right in {a} alone, {pair.only_b} in {b} alone"
    better, worse, most, least = (b, a, pair.only_b, pair.only_a) if lead > 0 else (a, b, pair.only_a, pair.only_b)
    known = "more than chance" if pair.adjusted < LEVEL else "no more than chance would do"
    images = f"{abs(lead)} image{'s' * (abs(lead) > 1)}"
    return (
        f"{better} has {images} more right than {worse} ({most} against {least} that only one has right): {known}, "
        f"p = {pair.adjusted:.2g}"
    )
