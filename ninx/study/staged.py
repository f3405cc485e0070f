"""The staged tutorial done again: does a network that grows by 1x1 convolutions become better, or was it the longer training?

It takes v0 to v1 to v2 and reads 95.19, 95.28 and 95.76 % as a sign that more 1x1 convolutions fit better. `experiment` does
that for several seeds, beside growth that changes nothing, and beside v0 and v2 that are trained as long without growing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from .. import nn
from ..random import manual_seed
from ..train import Recipe, Training, evaluate, read_checkpoint
from ..train.loop import CHECKPOINT
from .growth import New, grow
from .significance import sign_flips, two_proportions

PUBLISHED = {"nin-mnist-v0": 0.9519, "nin-mnist-v1": 0.9528, "nin-mnist-v2": 0.9576}  # one seed, 10,000 test images


class Arm(NamedTuple):
    """One training of the experiment: its recipe, how many epochs its weights have seen at its end, and from what it grows."""

    name: str
    recipe: Recipe
    epochs: int
    parent: str
    new: New
    value: float


class Trained(NamedTuple):
    """The accuracy on the test images, 0 to 1; ``grown``: right after growing, before any training."""

    arm: str
    seed: int
    grown: float | None
    accuracy: float


def chains(recipe: Recipe) -> dict[str, list[str]]:
    """The networks of each path through the stages, by its name: two that grow, and the first and the last without growing.

    >>> chains = ninx.study.staged.chains(ninx.train.recipe.load("digits-staged"))
    >>> chains["published way"]
    ['nin-mnist-v0', 'nin-mnist-v1', 'nin-mnist-v2']
    """
    if recipe.growth is None:
        raise ValueError(f"recipe {recipe.name}: has no [growth], so there is nothing to grow")
    growing = [recipe.model.name, *(stage.model for stage in recipe.growth.stages)]
    still = {way: [name] * len(growing) for way, name in (("not grown", growing[0]), ("from scratch", growing[-1]))}
    return {"published way": growing, "identity way": growing, **still}


def arms(recipe: Recipe) -> list[Arm]:
    """The trainings for one seed. In one stage all learn at the same rates, but from scratch always at those of the first stage.

    The first stage is common to the ways that begin with its network.

    >>> arms = ninx.study.staged.arms(ninx.train.recipe.load("digits-staged"))
    >>> len(arms), arms[1].name, arms[1].parent, arms[1].epochs
    (10, 'nin-mnist-v1, published way, stage 2', 'nin-mnist-v0, stage 1', 20)
    """
    found: dict[str, Arm] = {}
    stages = [None, *(recipe.growth.stages if recipe.growth else ())]
    for way, networks in chains(recipe).items():
        parent = ""
        for number, (name, stage) in enumerate(zip(networks, stages, strict=True), 1):
            late = stage if way != "from scratch" else None  # a fresh network needs the rates of the first stage for longer
            rates = late.model_dump(include={"lr", "momentum"}, exclude_none=True) if late else {}
            parts = {"model": recipe.model.model_copy(update={"name": name}), "optim": recipe.optim.model_copy(update=rates)}
            own = recipe.model_copy(update={"growth": None, "otherwise": None, **parts})
            title = f"{name}, {way}, stage {number}" if stage else f"{name}, stage 1"
            new: New = "constant" if way == "published way" else "identity"
            found.setdefault(title, Arm(title, own, number * recipe.epochs, parent, new, stage.value if stage else 0.0))
            parent = title
    return list(found.values())


def seeds(recipe: Recipe) -> range:
    """The seeds of the experiment, from the recipe's own on.

    >>> list(ninx.study.staged.seeds(ninx.train.recipe.load("digits-staged")))
    [0, 1, 2, 3, 4]
    """
    return range(recipe.seed, recipe.seed + (recipe.growth.seeds if recipe.growth else 1))


def experiment(recipe: Recipe, folder: Path, data_dir: Path | None = None, overwrite: bool = False) -> Iterator[Trained]:
    """Train every arm for every seed, each in a run folder of its own; what is there already, by the same recipe, goes on.

    What is there by another recipe is replaced only if ``overwrite`` says so; otherwise ValueError, before anything is trained.

    >>> from pathlib import Path
    >>> tiny = {"limit": 20, "holdout": 20, "epochs": 1, "growth.seeds": 1}
    >>> recipe = ninx.train.recipe.load("digits-staged", tiny)
    >>> first = next(ninx.study.staged.experiment(recipe, Path("runs")))
    >>> first.arm, first.seed, first.grown
    ('nin-mnist-v0, stage 1', 0, None)
    """
    if not overwrite:
        _same(recipe, folder)
    for seed in seeds(recipe):
        networks: dict[str, nn.Module] = {}
        for arm in arms(recipe):
            own = arm.recipe.model_copy(update={"seed": seed})
            start, grown = None, None
            if arm.parent:
                manual_seed(seed)
                start = grow(networks[arm.parent], own.model.name, arm.new, arm.value, **own.model.switches)
            run = _begin(own, _place(folder, arm, seed), data_dir)  # last, as it sets the random state of a run that goes on
            if start is not None:
                if own.model.name not in arm.parent:
                    grown = evaluate(start, run.test_set, run.preparation).accuracy
                if not run.resumed:
                    run.model.load_state_dict(start.state_dict())
            for _ in run.run():
                pass
            networks[arm.name] = run.model
            yield Trained(arm.name, seed, grown, evaluate(run.model, run.test_set, run.preparation).accuracy)


def _place(folder: Path, arm: Arm, seed: int) -> Path:
    return folder / f"seed{seed}" / arm.name.replace(", ", "-").replace(" ", "-")


def _same(recipe: Recipe, folder: Path) -> None:
    """Refuse a folder that holds runs of another recipe: they would be lost."""
    for seed in seeds(recipe):
        for arm in arms(recipe):
            file = _place(folder, arm, seed) / CHECKPOINT
            if file.exists() and read_checkpoint(file).recipe != arm.recipe.model_copy(update={"seed": seed}):
                raise ValueError(
                    f"train: {folder} holds runs of this experiment with other settings; keep them and take another folder "
                    "(--out), or replace them (--overwrite)"
                )


def _begin(recipe: Recipe, folder: Path, data_dir: Path | None) -> Training:
    run = Training(recipe, folder, None, data_dir)
    if run.checkpoint.exists() and (saved := read_checkpoint(run.checkpoint)).recipe == recipe:
        return Training(recipe, folder, saved, data_dir)
    return run


def comparisons(recipe: Recipe) -> list[tuple[str, str]]:
    """(from, to): each stage of what grows and the one before, and the ends of all ways through the stages.

    >>> ninx.study.staged.comparisons(ninx.train.recipe.load("digits-staged"))[0]
    ('nin-mnist-v0, stage 1', 'nin-mnist-v1, published way, stage 2')
    """
    grown = [(arm.parent, arm.name) for arm in arms(recipe) if arm.parent and arm.recipe.model.name not in arm.parent]
    published, identity, still, scratch = (f"{c[-1]}, {way}, stage {len(c)}" for way, c in chains(recipe).items())
    ends = [(published, identity), (still, published), (still, identity), (scratch, published), (scratch, identity)]
    return [*grown, *ends, (still, scratch)]


def report(recipe: Recipe, results: Iterable[Trained], images: int, tests: int) -> dict[str, Any]:
    """All figures as plain values: how each arm did, and for each comparison the difference, z, p, and p over the seeds.

    >>> staged, recipe = ninx.study.staged, ninx.train.recipe.load("digits-staged")
    >>> results = [staged.Trained(arm.name, seed, None, 0.9) for seed in staged.seeds(recipe) for arm in staged.arms(recipe)]
    >>> found = staged.report(recipe, results, images=4000, tests=1000)
    >>> found["arms"][0]["mean"], found["comparisons"][0]["p"]
    (0.9, 1.0)
    """
    trained = list(results)
    accuracy = {arm.name: [t.accuracy for t in trained if t.arm == arm.name] for arm in arms(recipe)}
    grown = {arm.name: [t.grown for t in trained if t.arm == arm.name and t.grown is not None] for arm in arms(recipe)}
    compared: list[dict[str, Any]] = []
    for a, b in comparisons(recipe):
        differences = [y - x for x, y in zip(accuracy[a], accuracy[b], strict=True)]
        z, p = two_proportions(mean(accuracy[a]), mean(accuracy[b]), tests)
        chance = {"z": z, "p": p, "better": sum(d > 0 for d in differences), "p_seeds": sign_flips(differences)}
        compared.append({"from": a, "to": b, **_moments(differences), **chance})
    for a, b in (("v0", "v1"), ("v1", "v2"), ("v0", "v2")):
        x, y = PUBLISHED[f"nin-mnist-{a}"], PUBLISHED[f"nin-mnist-{b}"]
        z, p = two_proportions(x, y, 10_000)
        compared.append({"from": f"{a} of the tutorial", "to": f"{b} of the tutorial", "mean": y - x, "z": z, "p": p})
    return {
        "recipe": recipe.model_dump(exclude_none=True),
        "images": images,
        "tests": tests,
        "seeds": list(seeds(recipe)),
        "arms": [
            {
                "arm": arm.name,
                "epochs": arm.epochs,
                "grown": mean(grown[arm.name]) if grown[arm.name] else None,
                **_moments(accuracy[arm.name]),
                "accuracies": accuracy[arm.name],
            }
            for arm in arms(recipe)
        ],
        "comparisons": compared,
    }


def _moments(values: list[float]) -> dict[str, float]:
    return {"mean": mean(values), "spread": stdev(values) if len(values) > 1 else 0.0}


ARMS = ("network", "epochs", "just grown", "accuracy %", "spread", "least", "most")
COMPARED = ("from", "to", "difference", "spread", "seeds better", "z", "p", "p over seeds")
NOTE = (
    "Epochs: all that the weights have seen. Spread is the standard deviation over the seeds. z and p: two proportions, on "
    "one test set. p over seeds: exact, from all signs that the differences could have."
)


def tables(found: dict[str, Any]) -> tuple[list[list[str]], list[list[str]]]:
    """The cells of a report, in percent, under the headings `ARMS` and `COMPARED`.

    >>> staged, recipe = ninx.study.staged, ninx.train.recipe.load("digits-staged")
    >>> results = [staged.Trained(arm.name, seed, None, 0.9) for seed in staged.seeds(recipe) for arm in staged.arms(recipe)]
    >>> rows, compared = staged.tables(staged.report(recipe, results, images=4000, tests=1000))
    >>> rows[0]
    ['nin-mnist-v0, stage 1', '10', '', '90.00', '0.00', '90.00', '90.00']
    """
    rows = []
    for a in found["arms"]:
        numbers = a["mean"], a["spread"], min(a["accuracies"]), max(a["accuracies"])
        grown = "" if a["grown"] is None else f"{100 * a['grown']:.2f}"
        rows.append([a["arm"], str(a["epochs"]), grown, *(f"{100 * x:.2f}" for x in numbers)])
    compared = []
    for c in found["comparisons"]:
        several = [f"{100 * c['spread']:.2f}", f"{c['better']} of {len(found['seeds'])}"] if "better" in c else ["", ""]
        chance = [f"{c['z']:.2f}", f"{c['p']:.2g}", f"{c['p_seeds']:.2g}" if "p_seeds" in c else ""]
        compared.append([c["from"], c["to"], f"{100 * c['mean']:+.2f}", *several, *chance])
    return rows, compared


def markdown(found: dict[str, Any], command: str) -> str:
    """The report as a page.

    >>> staged, recipe = ninx.study.staged, ninx.train.recipe.load("digits-staged")
    >>> results = [staged.Trained(arm.name, seed, None, 0.9) for seed in staged.seeds(recipe) for arm in staged.arms(recipe)]
    >>> found = staged.report(recipe, results, images=4000, tests=1000)
    >>> print(staged.markdown(found, "ninx staged").splitlines()[0])
    # Staged growth
    """
    where = f"{found['images']:,} images of {found['recipe']['data']} to learn from and {found['tests']:,} to test"
    text = f"# Staged growth\n\n`{command}`: {where}, seeds {found['seeds'][0]} to {found['seeds'][-1]}.\n\n"
    for heading, rows in zip((ARMS, COMPARED), tables(found), strict=True):
        text += "".join(f"| {' | '.join(cells)} |\n" for cells in (heading, ["---"] * len(heading), *rows)) + "\n"
    return f"{text}{NOTE}\n"
