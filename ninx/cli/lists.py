"""``ninx models``, ``ninx data`` and ``ninx recipes``: what there is."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

from .. import data, models, nn
from ..data import sources
from ..study import staged
from ..study.summary import Summary, align, summary
from ..study.table import below, sheet
from ..tables import Column, Sheet
from ..train import recipe as recipes
from ..train.estimate import images_of, seconds_per_image
from .complete import data_names, model_names
from .console import DataDir, console, moving, say, whole

NOTE = "MACs: multiply-adds for one image. sees: side of the patch, in pixels, that one value depends on"


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
        _list_of(found).show(console)
    elif len(chosen) == 1:
        _show_layers(chosen[0], found[0])
    else:
        _compare(chosen, found)


def _summary(name: str, **switches: object) -> Summary:
    preset = models.preset(name)
    with nn.shapes_only():  # the largest have more than 500 MB of weights
        return summary(preset.make(**switches), preset.input_shape)


def _size(shape: tuple[int, ...] | None) -> str:
    return "-" if shape is None else "x".join(map(str, shape))


def _patch(field: tuple[int, int] | None) -> str:
    return str(field[0]) if field and field[0] == field[1] else _size(field)


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def _list_of(summaries: list[Summary]) -> Sheet:
    heads = [Column("network", text=True), Column("source", text=True, spare=3), Column("input", spare=2), Column("parameters")]
    heads += [Column("1x1", spare=1), Column("MACs"), Column("1x1", spare=1), Column("sees")]
    table = Sheet(heads, f"{NOTE} after the last convolution")
    for name, s in zip(models.names(), summaries, strict=True):
        counts = f"{s.params:,}", _share(s.pointwise_params), f"{s.macs:,}", _share(s.pointwise_macs)
        table.add(name, models.preset(name).source, _size(s.input_shape), *counts, _patch(s.receptive_field))
    return table


def _show_layers(name: str, s: Summary) -> None:
    """Every layer of a network, what they come to, and what its recipes change."""
    say(f"[bold]{name}[/bold], from {models.preset(name).source}, input {_size(s.input_shape)}")
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
    """Two networks side by side; a layer that only one of them has, or that differs in its settings or output, is marked."""
    heads = [Column(""), Column(names[0], text=True), Column("output"), Column(names[1], text=True), Column("output")]
    table = Sheet(heads)
    for s, name in zip(summaries, names, strict=True):
        say(
            f"[bold]{name}[/bold], from {models.preset(name).source}: input {_size(s.input_shape)}, {s.params:,} parameters, "
            f"{s.macs:,} MACs, 1x1 layers {_share(s.pointwise_params)} and {_share(s.pointwise_macs)} of them, "
            f"sees {_patch(s.receptive_field)} pixels"
        )
    pairs, different = align(*summaries), 0
    for a, b in pairs:
        cells = [
            text for row in (a, b) for text in ((f"{row.kind} {row.settings}", _size(row.output_shape)) if row else ("", ""))
        ]
        same = cells[:2] == cells[2:]
        different += not same
        table.add("" if same else "≠", *cells, style="" if same else "yellow")
    table.show(console)
    say(f"{different} of {len(pairs)} layers differ.")


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
        _places(data_dir).show(console)


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


def _places(data_dir: Path | None) -> Sheet:
    """Every split of every data set: its folder, or the files that are missing."""
    heads = [Column(name, text=True) for name in ("data set", "split", "", "where")]
    table = Sheet(heads, f"data folder: {data.data_folder(data_dir)}")
    table.add("digits", "train, test", Text("there", "green"), "in the package")
    for name, known in sources.SOURCES.items():
        for split, files in known.files.items():
            found = sources.find(name, split, data_dir)
            if found:
                table.add(name, split, Text("there", "green"), str(found[0].parent))
            else:
                absent = sources.missing(name, split, data_dir) or files
                size = sum(file.size for file in absent) / 1e6
                table.add(name, split, Text("missing", "yellow"), f"{', '.join(f.name for f in absent)} ({size:,.1f} MB)")
    return table


def show_recipes() -> None:
    """List the recipes: network, data set, what was published, and how long this machine would need (measured now)."""
    heads = [Column("recipe", text=True), Column("network", text=True, spare=2), Column("data set", text=True, spare=1)]
    heads += [Column("epochs"), Column("here"), Column("published", text=True), Column("source", text=True, spare=3)]
    table = Sheet(heads, "here: the steps of the network alone, from one that is measured now")
    with console.status("measuring") if moving() else nullcontext():
        for name in recipes.names():
            r = recipes.load(name)
            seconds = _seconds(r)
            cells = [r.model.name, r.data, str(r.epochs), "?" if seconds is None else _duration(seconds)]
            table.add(name, *cells, r.published or "-", r.source or "ours")
    table.show(console)


def _seconds(recipe: recipes.Recipe) -> float | None:
    """How long all its steps would take, of all its networks if it grows; None if the size of its data set is not known."""
    size = images_of(recipe)
    if size is None:
        return None
    runs = [recipe] if recipe.growth is None else [arm.recipe for arm in staged.arms(recipe)]
    step = {run.model.name: seconds_per_image(run) for run in {run.model.name: run for run in runs}.values()}
    return len(staged.seeds(recipe)) * sum(size * run.epochs * step[run.model.name] for run in runs)


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:,.0f} {unit}" if seconds >= 10 * length else f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
