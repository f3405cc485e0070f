"""``ninx check``: why a network will not learn, before it is trained."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.markup import escape

from ninx.kernels.names import unknown

from .. import data as datasets
from .. import models, nn, optim
from ..data import sources
from ..random import manual_seed
from ..study.checking import Finding, Report, check
from ..study.named import is_own, own
from ..train import Training, load_run
from ..train import recipe as recipes
from ..train.estimate import input_shape as recipe_shape
from ..train.loop import CHECKPOINT
from ..train.parameters import groups, initialise
from .complete import recipe_names
from .console import DataDir, console, image_size, say

COLOURS = {"stops learning": "red", "risk": "yellow", "note": "dim"}
NOISE = "Noise stands for the images, so nothing is said of the data."


class Case(NamedTuple):
    """What is to be checked, and how it is called."""

    title: str
    model: nn.Module
    arguments: dict[str, Any]


def check_network(
    target: Annotated[
        str,
        typer.Argument(
            metavar="[RECIPE | RUN | MODEL | FILE.py:NAME]",
            help="A recipe, a run folder, a network by name, or one of your own.",
            autocompletion=recipe_names,
        ),
    ] = "digits",
    data: Annotated[str | None, typer.Option(help="The data set, by name or folder. Default: the recipe's; else noise.")] = None,
    input_shape: Annotated[str | None, typer.Option("--input", help="The size of the images, CxHxW, e.g. 3x32x32.")] = None,
    lr: Annotated[
        float | None, typer.Option(help="Of a network without a recipe: check SGD with this rate (momentum .9).")
    ] = None,
    layers: Annotated[bool, typer.Option("--layers", help="Also the signal in every layer.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the loss after some steps at each of several rates (PNG).")] = None,
    json: Annotated[bool, typer.Option("--json", help="All of it as JSON.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Say whether a network can learn, and if not, why: cause, evidence in numbers, and what mends it.

    Nothing is changed and nothing is written. Exit code 1 if something stops it from learning.
    """
    case = _case(target, data, input_shape, lr, data_dir)
    report = check(case.model, **case.arguments)
    if plot is not None:
        from ..study.checking.plot import draw

        draw(report, case.arguments.get("optimizer"), plot, case.title)
    if json:
        console.print(jsonlib.dumps({"checked": case.title, **report.dictionary()}, indent=1), markup=False, soft_wrap=True)
    else:
        _show(case, report, layers)
        if plot is not None:
            say(f"Wrote {escape(str(plot))}")
    if report.at("stops learning"):
        raise typer.Exit(1)


def show_findings(findings: tuple[Finding, ...]) -> None:
    """Each with its evidence and its mend, wrapped where a person reads."""
    for f in findings:
        place = f" ({f.where})" if f.where else ""
        say(f"[{COLOURS[f.level]} bold]{f.level}[/] [bold]{f.rule}[/]{escape(place)}: {escape(f.cause)}.")
        for name, text in (("seen", f.evidence), ("mend", f.mend), ("source", f.source)):
            if text:
                say(f"  [dim]{name}[/] {escape(text)}.")


def _show(case: Case, report: Report, layers: bool) -> None:
    say(f"[bold]{escape(case.title)}[/]: {report.headline}.")
    if "input_shape" in case.arguments:
        say(f"[dim]{NOISE}[/]")
    if report.loss is not None and report.expected is not None:
        say(f"The loss before training is {report.loss:.3f}; guessing costs {report.expected:.3f}.")
    show_findings(report.findings)
    if layers:
        report.sheet().show(console)


def _case(target: str, data: str | None, input_shape: str | None, lr: float | None, data_dir: Path | None) -> Case:
    path, size = Path(target), None if input_shape is None else image_size("check", input_shape)
    if is_own(target):
        return _plain(target, own("check", target), data, size, lr, data_dir)
    if path.is_dir() or path.name == CHECKPOINT:
        run = load_run(path)
        return _of_training(f"the run {target}", run.resume(data_dir=data_dir))
    if target.endswith(".toml") or target in recipes.names():
        return _of_recipe(recipes.load(target, {} if data is None else {"data": data}), data_dir)
    if target in models.names():
        known = models.preset(target).input_shape
        return _plain(target, models.create(target), data, known if input_shape is None else size, lr, data_dir)
    raise ValueError("check: " + unknown("recipe, network or run", target, [*recipes.names(), *models.names()]))


def _of_recipe(recipe: recipes.Recipe, data_dir: Path | None) -> Case:
    """With the recipe's data where they are there, else with noise."""
    title = f"{recipe.model.name} by the recipe {recipe.name}"
    if sources.is_there(recipe.data, data_dir):
        return _of_training(title, Training(recipe, Path(recipe.name), data_dir=data_dir))
    manual_seed(recipe.seed)
    model = models.create(recipe.model.name, **recipe.model.switches)
    initialise(model, recipe)
    optimizer = getattr(optim, recipe.optim.name)(groups(model, recipe), **recipe.optim.settings())
    classes = models.switches_of(recipe.model.name).get("num_classes", 10)
    return Case(
        f"{title} ({recipe.data} is not there)",
        model,
        {"optimizer": optimizer, "input_shape": recipe_shape(recipe), "classes": classes},
    )


def _of_training(title: str, run: Training) -> Case:
    recipe, schedule = run.recipe, run.schedule
    test = datasets.DataLoader(run.preparation.dataset(run.test_set), 100, transform=run.preparation.transform(training=False))
    steps = recipe.epochs * (len(run.loader) if schedule.by == "iteration" else 1)
    more = {} if schedule.plateau is not None else {"scheduler": schedule.steps, "steps": steps}
    return Case(title, run.model, {"data": run.loader, "optimizer": run.optimizer, "test": test, **more})


def _plain(
    title: str, model: nn.Module, data: str | None, input_shape: tuple[int, ...] | None, lr: float | None, data_dir: Path | None
) -> Case:
    """A network without a recipe."""
    arguments: dict[str, Any] = {}
    if lr is not None:
        arguments["optimizer"] = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    if data is not None:
        train, test = (datasets.load(data, split, data_dir) for split in ("train", "test"))
        ready = datasets.ToTensor()
        loaders = [datasets.DataLoader(s, 64, shuffle=i == 0, seed=0, transform=ready) for i, s in enumerate((train, test))]
        return Case(f"{title} on {data}", model, arguments | {"data": loaders[0], "test": loaders[1]})
    if input_shape is None:
        raise ValueError("check: a network of your own needs --data NAME, or --input CxHxW")
    return Case(title, model, arguments | {"input_shape": input_shape, "classes": 10})
