"""``ninx models``, ``ninx data`` and ``ninx recipes``: what there is."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from .. import data, models, nn
from ..data import sources
from ..study import staged
from ..study.summary import Summary, summary
from ..study.table import below, patch, sheet, size
from ..train import recipe as recipes
from ..train.estimate import images_of, seconds_per_image
from .complete import data_names, model_names
from .console import DataDir, console, moving, say, whole
from .tables import comparison, data_sets, network_list, percent, recipe_list


def show_models(
    networks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[A [B]]", help="One network, or two to compare.", autocompletion=model_names),
    ] = None,
) -> None:
    """List the networks; with one name, its layers; with two, what tells them apart. Nothing is trained or run."""
    chosen = networks or []
    if len(chosen) > 2:
        raise ValueError(f"models: give no name, one, or two to compare, not {len(chosen)}")
    found = [_summary(name) for name in chosen or models.names()]
    if not chosen:
        network_list(found).show(console)
    elif len(chosen) == 1:
        _show_layers(chosen[0], found[0])
    else:
        _compare(chosen, found)


def _summary(name: str, **switches: object) -> Summary:
    preset = models.preset(name)
    with nn.shapes_only():  # the largest have more than 500 MB of weights
        return summary(preset.make(**switches), preset.input_shape)


def _show_layers(name: str, s: Summary) -> None:
    """Every layer of a network, what they come to, and what its recipes change."""
    say(f"[bold]{name}[/bold], from {models.preset(name).source}, input {size(s.input_shape)}")
    sheet(s).show(console)
    for line in ("", *below(s), *_trained(name)):
        say(line)


def _trained(name: str) -> list[str]:
    """A sentence for each recipe that trains this network with other switches, and so perhaps with other parameters."""
    found = []
    for recipe in map(recipes.load, recipes.names()):
        if recipe.model.name == name and recipe.model.switches:
            switches = ", ".join(f"{k}={v}" for k, v in recipe.model.switches.items())
            count = _summary(name, **recipe.model.switches).params
            found.append(f"The recipe {recipe.name} trains it with {switches}: {count:,} parameters.")
    return found


def _compare(names: list[str], summaries: list[Summary]) -> None:
    """Two networks side by side, after a sentence for each."""
    for s, name in zip(summaries, names, strict=True):
        say(
            f"[bold]{name}[/bold], from {models.preset(name).source}: input {size(s.input_shape)}, {s.params:,} parameters, "
            f"{s.macs:,} MACs, 1x1 layers {percent(s.pointwise_params)} and {percent(s.pointwise_macs)} of them, "
            f"sees {patch(s.receptive_field)} pixels"
        )
    table, different = comparison(names, summaries)
    table.show(console)
    say(f"{different} of {len(table.rows)} layers differ.")


def show_data(
    name: Annotated[
        str | None, typer.Argument(help="Download this data set, so far as it is not there.", autocompletion=data_names)
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only this part of it. Default: train and test.")] = None,
    data_dir: DataDir = None,
) -> None:
    """List the data sets that are there and those that are missing; with a name, download one."""
    if name == "digits":
        say("digits comes with the package.")
    elif name is not None:
        new = _download(name, split, data_dir)
        say(f"Wrote {', '.join(path.name for path in new)} into:" if new else f"{name} is there.")
        for folder in sorted({str(path.parent) for path in new}):
            whole(folder)
    else:
        data_sets(data_dir).show(console)


def _download(name: str, split: str | None, data_dir: Path | None) -> list[Path]:
    """With a progress bar for each file where a line can be written anew."""
    bar = BarColumn(max(5, min(40, console.width - 75)))
    columns = TextColumn("{task.description}"), bar, DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not moving()) as progress:
        tasks: dict[str, TaskID] = {}

        def on_bytes(file: sources.RemoteFile, done: int) -> None:
            if file.name not in tasks:
                tasks[file.name] = progress.add_task(file.name, total=file.size)
            progress.update(tasks[file.name], completed=min(done, file.size))

        return data.download(name, split, data_dir, on_bytes)


def show_recipes() -> None:
    """List the recipes: network, data set, what was published, and how long this machine would need (measured now)."""
    with console.status("measuring") if moving() else nullcontext():
        known = [recipes.load(name) for name in recipes.names()]
        table = recipe_list(known, [_seconds(recipe) for recipe in known])
    table.show(console)


def _seconds(recipe: recipes.Recipe) -> float | None:
    """How long all its steps would take, of all its networks if it grows; None if the size of its data set is not known."""
    size = images_of(recipe)
    if size is None:
        return None
    runs = [recipe] if recipe.growth is None else [arm.recipe for arm in staged.arms(recipe)]
    step = {run.model.name: seconds_per_image(run) for run in {run.model.name: run for run in runs}.values()}
    return len(staged.seeds(recipe)) * sum(size * run.epochs * step[run.model.name] for run in runs)
