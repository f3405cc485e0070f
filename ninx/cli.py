"""The command line: ``ninx train``, ``eval``, ``predict``, ``models``, ``data``. Only tables and progress, no other work."""

from __future__ import annotations

import json as json_lines
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from . import __version__, data, models, nn
from .array import use_device
from .data import sources
from .doctor import findings
from .engine import Tensor
from .files import write_atomically
from .functional import softmax
from .kernels import compile_ahead, set_num_threads
from .modes import no_grad
from .names import unknown
from .study import staged
from .study.summary import Summary, align, summary
from .train import Checkpoint, Evaluation, Training, evaluate, read_checkpoint
from .train import recipe as recipes
from .train.estimate import images_of, seconds_per_image
from .train.loop import CHECKPOINT, CURVES, splits
from .train.plots import draw_curves

NOTE = "MACs: multiply-adds for one image. sees: side of the patch, in pixels, that one value depends on"

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="The folder of the data sets. Default: NINX_DATA, or the user's cache.")
]

Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, or cuda:1 for the second GPU.")]

console = Console(highlight=False)
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Train and use Networks in Networks, on an engine written from scratch.\n\n"
    "[bold]ninx train[/bold] with nothing else trains a network on 4,000 handwritten digits that come with the package, in a few "
    "minutes; [bold]ninx predict[/bold] then reads digits from your own images.",
)


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f"ninx {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass


@app.command()
def train(
    recipe: Annotated[str | None, typer.Argument(help="A recipe by name, or a TOML file. Default: digits.")] = None,
    epochs: Annotated[int | None, typer.Option(help="How often to go through the training data.")] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of all randomness.")] = None,
    limit: Annotated[int | None, typer.Option(help="Use only so many training images, of each class its share.")] = None,
    holdout: Annotated[int | None, typer.Option(help="Evaluate on so many training images, not on the test images.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The run folder. Default: runs/RECIPE-seedN.")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the recipe, e.g. optim.lr=0.05.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on from this checkpoint (or run folder), with the recipe in it.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    device: Device = "cpu",
) -> None:
    """Train a network. Ctrl-C stops after the last finished epoch was saved; --resume goes on from there."""
    given = {"epochs": epochs, "seed": seed, "limit": limit, "holdout": holdout}
    overrides: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    for item in change or ():
        key, equals, text = item.partition("=")
        if not equals:
            raise ValueError(f"train: --set wants KEY=VALUE, got {item!r}")
        overrides[key] = recipes.value_of(text)
    checkpoint = None
    if resume is None:
        chosen = recipes.load(recipe or "digits", overrides)
        if chosen.otherwise is not None and not _there(chosen.data, data_dir):
            console.print(f"[yellow]{chosen.data} is not there (see `ninx data`). Taking {chosen.otherwise} instead.[/yellow]")
            chosen = recipes.load(chosen.otherwise, overrides)
    else:
        checkpoint = read_checkpoint(resume / CHECKPOINT if resume.is_dir() else resume)
        chosen = _resumed(checkpoint, recipe, overrides)
        out = out or (resume if resume.is_dir() else resume.parent)
    folder = out or Path("runs") / f"{chosen.name}-seed{chosen.seed}"
    if device == "cpu":
        compile_ahead()
    if chosen.growth is not None:
        return _grow(chosen, folder, data_dir)
    if resume is None and (folder / CHECKPOINT).exists():
        console.print(f"[yellow]{folder} holds an earlier run, which is replaced.[/yellow]")
    run = Training(chosen, folder, checkpoint, data_dir, device)
    count = sum(p.numel() for p in run.model.parameters())
    console.print(
        f"[bold]{chosen.model.name}[/bold] ({count:,} parameters) on {chosen.data}: {len(run.train_set):,} images to learn from, "
        f"{len(run.test_set):,} {'held out' if chosen.holdout else 'to test'}; seed {chosen.seed}, run folder {folder}"
    )
    try:
        _run(run)
    except KeyboardInterrupt:
        console.print(
            f"\nStopped. {run.checkpoint} holds epoch {len(run.history)} of {chosen.epochs}; go on with: "
            f"ninx train --resume {folder}"
        )
        raise typer.Exit(130) from None
    draw_curves(run.history, folder / CURVES, f"{chosen.model.name} on {chosen.data}")
    _show(
        evaluate(run.model, run.test_set, run.preparation, chosen.workers), run.test_set, "held-out" if chosen.holdout else "test"
    )
    console.print(f"Wrote {run.checkpoint}, metrics.jsonl and {CURVES}. Try: ninx predict {run.checkpoint} IMAGE")


def _resumed(checkpoint: Checkpoint, recipe: str | None, overrides: dict[str, Any]) -> recipes.Recipe:
    """The recipe of the run, perhaps with more epochs. All else that is given must be what the run has already."""
    own = checkpoint.recipe
    if recipe is not None and (name := recipes.load(recipe).name) != own.name:
        raise ValueError(f"train: the run to resume has the recipe {own.name!r}, not {name!r}")
    chosen = recipes.changed(own.model_dump(), overrides, "train: --resume")
    if chosen.model_copy(update={"epochs": own.epochs}) != own:
        raise ValueError("train: a resumed run keeps its recipe; only --epochs can be changed")
    if chosen.epochs < checkpoint.epoch:
        raise ValueError(
            f"train: the run has finished {checkpoint.epoch} epochs already, more than the {chosen.epochs} of --epochs"
        )
    return chosen


def _there(name: str, data_dir: Path | None) -> bool:
    """Is the data set on this machine?"""
    return name not in sources.SOURCES or all(sources.find(name, split, data_dir) for split in ("train", "test"))


def _grow(recipe: recipes.Recipe, folder: Path, data_dir: Path | None) -> None:
    """A recipe with stages: train them all, a line for each, then say what of the differences is more than chance."""
    trained = []
    try:
        for one in staged.experiment(recipe, folder, data_dir):
            grown = "" if one.grown is None else f"  just grown {100 * one.grown:6.2f} %"
            console.print(f"seed {one.seed}  {one.arm:37s}accuracy {100 * one.accuracy:6.2f} %{grown}", soft_wrap=True)
            trained.append(one)
    except KeyboardInterrupt:
        console.print(f"\nStopped. The same command again goes on with what is finished in {folder}.")
        raise typer.Exit(130) from None
    train_set, test_set = splits(recipe, data_dir)
    found = staged.report(recipe, trained, len(train_set), len(test_set))
    for heading, rows in zip((staged.ARMS, staged.COMPARED), staged.tables(found), strict=True):
        table = _table("", {name: "left" if name in ("network", "from", "to") else "right" for name in heading})
        for cells in rows:
            table.add_row(*cells)
        _print(table)
    console.print(staged.NOTE, soft_wrap=True)
    command = shlex.join(["ninx", *sys.argv[1:]])
    write_atomically(folder / "growth.json", (json_lines.dumps({"command": command, **found}, indent=1) + "\n").encode())
    write_atomically(folder / "growth.md", staged.markdown(found, command).encode())
    console.print(f"Wrote growth.json and growth.md into {folder}.")


def _run(run: Training) -> None:
    """The epochs that are left, with a progress bar where there is a terminal and a line for each epoch."""
    columns = (
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.3f}"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(run.train_set), epoch=len(run.history) + 1, loss=float("nan"))
        for m in run.run(lambda seen, loss: progress.update(task, completed=seen, loss=loss)):
            held = f"  held out {100 * m['holdout_accuracy']:6.2f} %" if "holdout_accuracy" in m else ""
            progress.console.print(
                f"epoch {m['epoch']:3d}/{run.recipe.epochs}  loss {m['loss']:.4f}  accuracy {100 * m['accuracy']:6.2f} %{held}"
                f"  {m['images_per_second']:7.0f} img/s"
            )
            progress.reset(task, epoch=m["epoch"] + 1)


@app.command("eval")
def evaluate_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint.safetensors, or its run folder.")],
    data_dir: DataDir = None,
    device: Device = "cpu",
) -> None:
    """Test accuracy and confusion matrix of a trained network."""
    saved = read_checkpoint(checkpoint / CHECKPOINT if checkpoint.is_dir() else checkpoint)
    use_device(device)
    test = data.load(saved.recipe.data, "test", data_dir)
    if test.classes != saved.classes:
        raise ValueError(f"eval: the network knows {', '.join(saved.classes)}, but the test images are {', '.join(test.classes)}")
    _show(evaluate(saved.model().to(device), test, saved.preparation(), saved.recipe.workers), test, "test")


@app.command()
def predict(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint.safetensors, or its run folder.")],
    images: Annotated[list[Path], typer.Argument(help="PNG or JPEG files of any size; digits may also be photographs.")],
    invert: Annotated[
        bool | None,
        typer.Option(
            "--invert/--no-invert", help="What is shown is dark on light, or light on dark. Default: found out, for digits."
        ),
    ] = None,
    device: Device = "cpu",
) -> None:
    """Say what each image shows, and how sure the network is. A digit is cropped and centred as MNIST's are."""
    saved = read_checkpoint(checkpoint / CHECKPOINT if checkpoint.is_dir() else checkpoint)
    preparation = saved.preparation()
    batch = np.stack([preparation.one(_read(saved, path, invert)) for path in images])
    use_device(device)
    with no_grad():
        chances = softmax(saved.model().to(device)(Tensor(batch).to(device)), 1).numpy()
    names = _answers(saved.classes, chances.shape[1])
    for path, row in zip(images, chances, strict=True):
        first, second = np.argsort(row)[::-1][:2]
        console.print(
            f"{escape(str(path))}: {names[first]}  ({100 * row[first]:.1f} %; next {names[second]}, {100 * row[second]:.1f} %)"
        )


def _answers(classes: tuple[str, ...], outputs: int) -> list[str]:
    """What each output stands for: a class, or nothing that the network was to learn."""
    return [*classes, *["none"] * (outputs - len(classes))]


def _read(saved: Checkpoint, path: Path, invert: bool | None) -> data.Image:
    """An image in the form of those that the network was trained on."""
    if saved.recipe.data in ("digits", "mnist"):
        return data.read_digit(path, invert)
    own_size = saved.recipe.data not in data.names() and saved.recipe.prepare.resize is not None  # a folder: sizes differ
    return data.read_image(path, None if own_size else saved.image_shape, bool(invert))


def _show(result: Evaluation, dataset: data.LabelledDataset, which: str) -> None:
    """Accuracy, and what was taken for what."""
    _print(_confusion(result.confusion, dataset.classes))
    right, total = int(np.trace(result.confusion)), int(result.confusion.sum())
    console.print(f"{which} accuracy [bold]{100 * result.accuracy:.2f} %[/bold] ({right} of {total}), loss {result.loss:.4f}")


def _confusion(counts: np.ndarray[Any, Any], classes: tuple[str, ...]) -> Table:
    """The confusion matrix, its columns numbered like its rows; for many classes only the most frequent mistake of each."""
    answers = _answers(classes, counts.shape[1])
    shares = [f"{100 * row[i] / max(row.sum(), 1):.1f} %" for i, row in enumerate(counts)]
    if len(classes) > 20:
        table = _table("", {"class": "left", "right": "right", "else mostly taken for": "left"})
        for i, (name, row, share) in enumerate(zip(classes, counts, shares, strict=True)):
            wrong = np.where(np.arange(len(row)) == i, 0, row)
            table.add_row(escape(name), share, f"{escape(answers[wrong.argmax()])} ({wrong.max()})" if wrong.any() else "")
        return table
    numbers = [str(i) for i in range(len(classes))]
    table = _table("confusion matrix: rows are the true class, columns the answer", {"": "left"})
    for name in [*numbers, *answers[len(classes) :], "right"]:
        table.add_column(name, justify="right", no_wrap=True)
    for i, (name, row, share) in enumerate(zip(classes, counts, shares, strict=True)):
        cells = [f"[bold green]{n}[/]" if i == j else f"[red]{n}[/]" if n else "·" for j, n in enumerate(row)]
        table.add_row(escape(name) if name == numbers[i] else f"{i} {escape(name)}", *cells, share)
    return table


@app.command("models")
def show_models(
    networks: Annotated[list[str] | None, typer.Argument(metavar="[A [B]]", help="One network, or two to compare.")] = None,
) -> None:
    """List the networks; with one name, its layers; with two, what tells them apart. Nothing is trained or run."""
    chosen = networks or []
    if len(chosen) > 2:
        raise ValueError(f"models: give no name, one, or two to compare, not {len(chosen)}")
    found = [_summary(name) for name in chosen or models.names()]
    if not chosen:
        _print(_list_of(found))
    elif len(chosen) == 1:
        _print(_layers_of(chosen[0], found[0]))
    else:
        _compare(chosen, found)


def _summary(name: str) -> Summary:
    preset = models.preset(name)
    with nn.shapes_only():  # the largest have more than 500 MB of weights
        return summary(preset.make(), preset.input_shape)


def _table(title: str, columns: dict[str, str]) -> Table:
    """A table with these columns, and on which side their text stands."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, side in columns.items():
        table.add_column(name, justify="right" if side == "right" else "left", no_wrap=side == "right")
    return table


def _print(table: Table) -> None:
    """Names and numbers are of no use when cut off: on a narrow terminal the lines run on."""
    Console(highlight=False, width=max(console.width, 120)).print(table)


def _size(shape: tuple[int, ...] | None) -> str:
    return "-" if shape is None else "x".join(map(str, shape))


def _patch(field: tuple[int, int] | None) -> str:
    return str(field[0]) if field and field[0] == field[1] else _size(field)


def _list_of(summaries: list[Summary]) -> Table:
    names = {"network": "right", "source": "left", "input": "right", "parameters": "right", "1x1": "right"}
    table = _table(f"{NOTE} after the last convolution", names | {"MACs": "right", "1x1 ": "right", "sees": "right"})
    table.columns[0].justify = "left"
    for name, s in zip(models.names(), summaries, strict=True):
        shares = f"{100 * s.pointwise_params:.1f} %", f"{100 * s.pointwise_macs:.1f} %"
        cells = [_size(s.input_shape), f"{s.params:,}", shares[0], f"{s.macs:,}", shares[1], _patch(s.receptive_field)]
        table.add_row(name, models.preset(name).source, *cells)
    return table


def _layers_of(name: str, s: Summary) -> Table:
    columns = {"layer": "left", "kind": "left", "kernel/stride/padding": "left", "output": "right", "parameters": "right"}
    table = _table(f"{name}, from {models.preset(name).source}, input {_size(s.input_shape)}\n{NOTE}", columns)
    for name in ("MACs", "of all", "sees"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in s.rows:
        share = f"{100 * row.macs / max(s.macs, 1):.1f} %" if row.macs else ""
        counts = f"{row.params:,}" if row.params else "", f"{row.macs:,}" if row.macs else "", share
        style = "bold" if row.pointwise else None
        table.add_row(
            row.name, row.kind, row.settings, _size(row.output_shape), *counts, _patch(row.receptive_field), style=style
        )
    table.add_section()
    table.add_row("all", "", "", "", f"{s.params:,}", f"{s.macs:,}", "", _patch(s.receptive_field))
    table.add_row("1x1", "", "", "", f"{100 * s.pointwise_params:.1f} %", f"{100 * s.pointwise_macs:.1f} %", "", "", style="bold")
    return table


def _compare(names: list[str], summaries: list[Summary]) -> None:
    """Two networks side by side; a layer that only one of them has, or that differs in its settings or output, is marked."""
    table = _table("", {" ": "left", names[0]: "left", "output": "right", names[1]: "left", "output ": "right"})
    for s, name in zip(summaries, names, strict=True):
        console.print(
            f"[bold]{name}[/bold], from {models.preset(name).source}: input {_size(s.input_shape)}, {s.params:,} parameters, "
            f"{s.macs:,} MACs, 1x1 layers {100 * s.pointwise_params:.1f} % and {100 * s.pointwise_macs:.1f} % of them, "
            f"sees {_patch(s.receptive_field)} pixels",
            soft_wrap=True,
        )
    pairs, different = align(*summaries), 0
    for a, b in pairs:
        cells = [
            text for row in (a, b) for text in ((f"{row.kind} {row.settings}", _size(row.output_shape)) if row else ("", ""))
        ]
        same = cells[:2] == cells[2:]
        different += not same
        table.add_row("" if same else "≠", *cells, style=None if same else "yellow")
    _print(table)
    console.print(f"{different} of {len(pairs)} layers differ.")


@app.command("data")
def show_data(
    name: Annotated[str | None, typer.Argument(help="Download this data set, so far as it is not there.")] = None,
    split: Annotated[str | None, typer.Option(help="Only this part of it. Default: train and test.")] = None,
    data_dir: DataDir = None,
) -> None:
    """List the data sets that are there and those that are missing; with a name, download one."""
    if name == "digits":
        console.print("digits comes with the package.")
    elif name is not None:
        new = _download(name, split, data_dir)
        console.print(f"{name} is there." if not new else f"Wrote {', '.join(map(str, new))}.", soft_wrap=True)
    else:
        _print(_places(data_dir))


def _download(name: str, split: str | None, data_dir: Path | None) -> list[Path]:
    """With a progress bar for each file where there is a terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def on_bytes(file: sources.RemoteFile, done: int) -> None:
            if file.name not in tasks:
                tasks[file.name] = progress.add_task(file.name, total=file.size)
            progress.update(tasks[file.name], completed=min(done, file.size))

        return data.download(name, split, data_dir, on_bytes)


def _places(data_dir: Path | None) -> Table:
    """Every split of every data set: its folder, or the files that are missing."""
    table = _table(
        f"data folder: {data.data_folder(data_dir)}", {"data set": "left", "split": "left", "": "left", "where": "left"}
    )
    table.add_row("digits", "train, test", "there", "in the package")
    for name, known in sources.SOURCES.items():
        for split, files in known.files.items():
            found = sources.find(name, split, data_dir)
            if found:
                table.add_row(name, split, "[green]there[/]", escape(str(found[0].parent)))
            else:
                absent = sources.missing(name, split, data_dir) or files
                size = sum(file.size for file in absent) / 1e6
                table.add_row(name, split, "[yellow]missing[/]", f"{', '.join(f.name for f in absent)} ({size:,.1f} MB)")
    return table


@app.command("recipes")
def list_recipes() -> None:
    """List the recipes: network, data set, what was published, and how long this machine would need (measured now)."""
    columns = {"recipe": "left", "network": "left", "data set": "left", "epochs": "right", "here": "right", "published": "left"}
    table = _table("here: the steps of the network alone, from one that is measured now", columns | {"source": "left"})
    with console.status("measuring"):
        for name in recipes.names():
            r = recipes.load(name)
            seconds = _seconds(r)
            cells = [r.model.name, r.data, str(r.epochs), "?" if seconds is None else _duration(seconds)]
            table.add_row(name, *cells, r.published or "-", r.source or "ours")
    _print(table)


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


@app.command("doctor")
def show_doctor() -> None:
    """Say what is installed, what is missing, and what to install: for the processor and for GPUs."""
    for finding in findings():
        mark = "[green]ok[/]     " if finding.good else "[yellow]missing[/]"
        console.print(f"{mark} {escape(finding.sentence)}", soft_wrap=True)


@app.command()
def bench(
    suite: Annotated[str, typer.Argument(help="conv, step, memory, scaling, pool or elementwise.")],
    quick: Annotated[bool, typer.Option("--quick", help="Fewer cases and rounds: done in about a minute.")] = False,
    batch: Annotated[int, typer.Option(help="Images of the convnet and deepbench layers of conv.", min=1)] = 16,
    threads: Annotated[int | None, typer.Option(help="Number of threads, ours and PyTorch's.", min=1)] = None,
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw pictures into this folder.")] = None,
    device: Device = "cpu",
) -> None:
    """Measure this machine: 1x1 against k x k convolutions, whole steps, memory, scaling; against PyTorch where it is installed.

    Every result is checked before it is timed; the functions take turns, and medians with quartiles are shown. With --device cuda
    the GPU alone is timed, results are compared with the processor's, and memory is what CuPy's pool took from the GPU.
    """
    from . import benchmarks  # with Numba, and PyTorch if it is there

    if suite not in benchmarks.SUITES:
        raise ValueError(unknown("suite", suite, benchmarks.SUITES))
    if threads is not None:
        set_num_threads(threads)
    report = benchmarks.run(suite, quick, batch, device)
    report.show(console)
    if json is not None:
        report.save(json)
    for path in report.draw(plots) if plots is not None else ():
        console.print(f"Wrote {escape(str(path))}")


def main() -> None:
    """Run the command line. A mistake of the user ends in one sentence and exit code 2; --debug shows where it was found."""
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    try:
        app(arguments)
    except (ValueError, TypeError, IndexError, RuntimeError, OSError) as error:
        if len(arguments) < len(sys.argv) - 1:
            raise
        Console(stderr=True, highlight=False).print(f"[red]Error:[/red] {escape(' '.join(str(error).split()))}", soft_wrap=True)
        sys.exit(2)
