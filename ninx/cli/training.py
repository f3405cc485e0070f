"""``ninx train``."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .. import models, nn
from ..data import sources
from ..files import write_atomically
from ..kernels import compile_ahead
from ..parallel import Team, launch
from ..study import staged
from ..study.checking import check
from ..train import Checkpoint, Evaluation, Training, evaluate, journal, read_checkpoint
from ..train import recipe as recipes
from ..train.finite import NotFinite
from ..train.folders import LOCK, claim, earlier
from ..train.interrupts import Stopped, held_back, stoppable
from ..train.loop import CHECKPOINT, CURVES, METRICS, splits
from ..train.machine import differences, machine, make_deterministic
from ..train.plots import draw_curves
from ..train.runs import resumed_recipe
from .checking import show_findings
from .complete import recipe_names
from .confusion import show_evaluation
from .console import DataDir, Device, IgnoreChecksum, complain, console, moving, say, whole
from .ranks import MICRO_BATCHES, joined_team, ready, shares, stopped
from .tables import growth


def train(
    recipe: Annotated[
        str | None, typer.Argument(help="A recipe by name, or a TOML file. Default: digits.", autocompletion=recipe_names)
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="How often to go through the training data.")] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of all randomness.")] = None,
    limit: Annotated[int | None, typer.Option(help="Use only so many training images, of each class its share.")] = None,
    holdout: Annotated[int | None, typer.Option(help="Evaluate on so many training images, not on the test images.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The run folder. Default: runs/RECIPE-seedN, or the next that is free.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that is in the folder.")] = False,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the recipe, e.g. optim.lr=0.05.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on from this run folder (or checkpoint), with the recipe in it.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    device: Device = "cpu",
    save_every: Annotated[
        float, typer.Option(min=0, metavar="MINUTES", help="Save within an epoch after so many minutes.")
    ] = 5.0,
    find_nan: Annotated[
        bool, typer.Option("--find-nan", help="Stop at the first operation that makes a NaN, and name it; slower.")
    ] = False,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same bits whatever the number of threads and processors; CPU only.")
    ] = False,
    ignore_checksum: IgnoreChecksum = False,
) -> None:
    """Train a network. Ctrl-C stops after the step under way and saves; --resume goes on from there, bit for bit."""
    team = joined_team()
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
        if chosen.otherwise is not None and chosen.data in sources.SOURCES and not sources.is_there(chosen.data, data_dir):
            other = escape(chosen.otherwise)
            say(f"[yellow]{escape(chosen.data)} is not there (see `ninx data`). Taking {other} instead.[/yellow]")
            chosen = recipes.load(chosen.otherwise, overrides)
        if launch.size() and chosen.micro_batches is None:
            chosen = recipes.changed(chosen.model_dump(), {"micro_batches": max(MICRO_BATCHES, team.size)}, "train")
    else:
        checkpoint = read_checkpoint(resume, verify=not ignore_checksum)
        chosen = resumed_recipe(checkpoint, overrides, recipe, "train")
        if chosen.epochs == checkpoint.epoch:
            say(f"All {chosen.epochs} epochs are done already; --epochs with a larger number goes on.")
    if deterministic:
        make_deterministic(device)
    folder = _place(chosen, out, resume, overwrite)
    if device == "cpu":
        compile_ahead()
    if chosen.growth is not None:
        if team.size > 1:
            raise ValueError(f"train: {chosen.name} trains many networks one after another; start it without mpiexec")
        if find_nan:
            raise ValueError(f"train: --find-nan is for one training, and recipe {chosen.name} is of many")
        with stoppable():
            return _grow(chosen, folder, overwrite, data_dir)
    new = out is None and resume is None and not overwrite
    with stoppable():
        if team.rank:
            _follow(Training(chosen, folder, checkpoint, data_dir, device, save_every, find_nan, team))
        else:
            _train(chosen, folder, new, checkpoint, resume, data_dir, device, save_every, find_nan, team)


def _place(recipe: recipes.Recipe, out: Path | None, resume: Path | None, overwrite: bool) -> Path:
    """The folder that the run should have. ValueError if ``out`` holds another run, which would be lost."""
    own = resume if resume is None or resume.is_dir() else resume.parent
    wanted = out or own or Path("runs") / f"{recipe.name}-seed{recipe.seed}"
    if wanted.exists() and not wanted.is_dir():
        raise ValueError(f"train: {wanted} is no folder; choose another with --out")
    goes_on = own is not None and wanted.resolve() == own.resolve()
    if out is not None and (out / CHECKPOINT).exists() and not goes_on and not overwrite:
        raise ValueError(
            f"train: {wanted} holds a run already; go on with it (--resume {shlex.quote(str(wanted))}), "
            "replace it (--overwrite), or take another folder"
        )
    return wanted


def _train(
    recipe: recipes.Recipe,
    wanted: Path,
    new: bool,
    checkpoint: Checkpoint | None,
    resumed: Path | None,
    data_dir: Path | None,
    device: str,
    save_every: float,
    find_nan: bool,
    team: Team,
) -> None:
    """One run to its end, or to Ctrl-C; then what it is worth. ``new``: in a folder of its own, beside earlier runs."""
    replaces = not new and (wanted / CHECKPOINT).exists()
    run, folder = None, None if new else wanted
    try:
        run = Training(recipe, wanted, checkpoint, data_dir, device, save_every, find_nan, team)
        ready(team)
        if resumed is not None:
            run.journal = journal.read(resumed if resumed.is_dir() else resumed.parent)
        run.folder = folder = claim(wanted) if new else wanted
        if folder != wanted:
            say(f"[yellow]{escape(str(wanted))} is there already and stays as it is.[/]")
        held = "held out" if recipe.holdout else "to test"
        say(
            f"[bold]{_network(recipe, run.model)}[/bold] on {escape(recipe.data)}: {len(run.train_set):,} images to learn from, "
            f"{len(run.test_set):,} {held}; seed {recipe.seed}, run folder {escape(str(folder))}"
        )
        if sharing := shares(team, recipe.micro_batches or 1):
            say(sharing)
        if checkpoint is not None and (changed := differences(checkpoint.machine, machine(run.model))):
            say(f"[yellow]It goes on, but not bit for bit as if it had never stopped. {escape(changed)}.[/yellow]")
        if checkpoint is None:
            show_findings(check(run.model, run.loader, run.optimizer, quick=True).at("stops learning", "risk"))
        _epochs(run)
        draw_curves(run.history, folder / CURVES, f"{recipe.model.name} on {recipe.data}")
        result = evaluate(run.model, run.test_set, run.preparation, recipe.workers)
    except KeyboardInterrupt as asked:
        with contextlib.suppress(OSError):  # the terminal may be what has ended
            _stopped(folder, run)
        raise _exit(asked, run, team) from None
    except NotFinite as error:
        complain(error)
        if run is not None and run.owns:
            say("What is left, and where it began:")
            whole(f"ninx report {shlex.quote(str(folder))}")
        team.end(1)
        raise typer.Exit(1) from None
    except BaseException:
        if not replaces and folder is not None and not (run and run.holds):
            _clear(folder)
        raise
    which: Literal["held-out", "test"] = "held-out" if recipe.holdout else "test"
    right, images = int(np.trace(result.confusion)), int(result.confusion.sum())
    run.journal.result = journal.Result(which=which, right=right, images=images, loss=result.loss)
    run.journal.write(folder)
    show_evaluation(result, run.test_set.classes, which)
    page = _report(run, result)
    say(f"Wrote {CHECKPOINT}, {METRICS}, {CURVES}{page and f' and {page}'} into {escape(str(folder))}. Try:")
    whole(f"ninx predict {shlex.quote(str(folder))} IMAGE")
    team.everyone("is done")


def _follow(run: Training) -> None:
    """What another rank than rank 0 does: its share of every batch, without a word and without files."""
    try:
        for _ in run.run(lambda seen, loss: None):
            pass
        run.team.everyone("is done")
    except KeyboardInterrupt as asked:
        raise _exit(asked, run, run.team) from None


def _exit(asked: KeyboardInterrupt, run: Training | None, team: Team) -> typer.Exit:
    """The end of a stopped run, with the exit status that a shell expects. Where the ranks did not agree on it, all are ended."""
    status = 128 + asked.number if isinstance(asked, Stopped) else 130
    if run is None or not run.stopping:
        stopped(team, status)
    return typer.Exit(status)


def _report(run: Training, result: Evaluation) -> str:
    """Write the page about the run; its name, or "" where it could not be made: the training is none the worse for it."""
    try:
        from ..study.report import after_training  # needed once, at the end

        return after_training(run, result).name
    except Exception as error:
        say(f"[yellow]There is no report:[/] {escape(str(error) or type(error).__name__)}")
        return ""


def _stopped(folder: Path | None, run: Training | None) -> None:
    """After Ctrl-C: what is in the folder (None: none yet), and how to go on."""
    if run is not None and run.holds:
        say(f"\nStopped. {escape(str(run.checkpoint))} holds {run.holds}; go on with:")
        whole(f"{launch.prefix()}ninx train --resume {shlex.quote(str(folder))}")
    elif folder is not None and (folder / CHECKPOINT).exists() and not (run and run.owns):
        say(f"\nStopped before this run had saved anything. {escape(str(folder))} still holds the earlier run.")
    else:
        if folder is not None:
            _clear(folder)
        say("\nStopped before there was anything to keep.")


def _clear(folder: Path) -> None:
    """A run that failed in its first epoch leaves nothing that the next one would have to make way for."""
    with contextlib.suppress(OSError):
        for name in (CHECKPOINT, METRICS, journal.JOURNAL, LOCK):
            (folder / name).unlink(missing_ok=True)
        for file in earlier(folder / CHECKPOINT):
            file.unlink(missing_ok=True)
        folder.rmdir()  # only if it is empty


def _network(recipe: recipes.Recipe, model: nn.Module) -> str:
    """Its name and number of parameters, and why these are not those that `ninx models` lists."""
    name, count = recipe.model.name, _count(model)
    if not recipe.model.switches:
        return f"{name} ({count:,} parameters)"
    with nn.shapes_only():
        listed = _count(models.create(name))
    switches = escape(", ".join(f"{k}={v}" for k, v in recipe.model.switches.items()))
    return f"{name} ({count:,} parameters; {listed:,} without {switches})"


def _count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def _epochs(run: Training) -> None:
    """The epochs that are left, with a progress bar where a line can be written anew, and a line for each epoch."""
    columns = (
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(min(40, console.width - 50)),  # room is left for the ^C of a terminal: it may not begin a line of its own
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not moving()) as progress:
        task = progress.add_task("", total=len(run.train_set), epoch=len(run.history) + 1, loss="-")
        moved = lambda seen, loss: progress.update(task, completed=seen, loss=f"{loss:.3f}")  # noqa: E731
        for m in run.run(moved, lambda sentence: _warn(sentence, run)):
            held = f"  held out {100 * m['holdout_accuracy']:6.2f} %" if "holdout_accuracy" in m else ""
            accuracy = f"accuracy {100 * m['accuracy']:6.2f} %{held}"
            with held_back():
                say(
                    f"epoch {m['epoch']:3d}/{run.recipe.epochs}  loss {m['loss']:.4f}  {accuracy}  "
                    f"{m['images_per_second']:7.0f} img/s"
                )
                if m["epoch"] < run.recipe.epochs:  # reset forgets the fields that it is not given
                    progress.reset(task, epoch=m["epoch"] + 1, loss="-")


def _warn(sentence: str, run: Training) -> None:
    """What goes wrong while it trains; and the command that shows more."""
    say(f"[yellow bold]warning[/] {escape(sentence)}. More: ninx check {escape(shlex.quote(str(run.folder)))}")


def _grow(recipe: recipes.Recipe, folder: Path, overwrite: bool, data_dir: Path | None) -> None:
    """A recipe with stages: train them all, a line for each, then say what of the differences is more than chance."""
    trained = []
    try:
        for one in staged.experiment(recipe, folder, data_dir, overwrite):
            grown = "" if one.grown is None else f" (just grown {100 * one.grown:.2f} %)"
            say(f"seed {one.seed}  accuracy {100 * one.accuracy:6.2f} %  {one.arm}{grown}")
            trained.append(one)
    except KeyboardInterrupt:
        say(f"\nStopped. The same command again goes on with what is finished in {escape(str(folder))}.")
        raise typer.Exit(130) from None
    train_set, test_set = splits(recipe, data_dir)
    found = staged.report(recipe, trained, len(train_set), len(test_set))
    for sheet in growth(found):
        sheet.show(console)
    say(staged.NOTE)
    command = shlex.join(["ninx", *sys.argv[1:]])
    write_atomically(folder / "growth.json", (json.dumps({"command": command, **found}, indent=1) + "\n").encode())
    write_atomically(folder / "growth.md", staged.markdown(found, command).encode("utf-8", "replace"))
    say(f"Wrote growth.json and growth.md into {escape(str(folder))}.")
