"""``ninx runs`` and ``ninx compare``: which trainings there are, and what tells some of them apart."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from string import ascii_uppercase
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

from ..kernels import compile_ahead
from ..looks import shortened
from ..study import comparison
from ..study.significance import wilson
from ..study.studied import Studied, names, study
from ..tables import Column, Sheet
from ..train.found import Found, below
from ..train.runs import answers
from .console import DataDir, Device, console, moving, say

COLOURS = {"finished": "green", "stopped": "yellow", "running": "cyan", "killed": "yellow"}  # all else is red
TRAINING = "(in brackets: on the training images; no others were evaluated)"


def show_runs(
    path: Annotated[Path, typer.Argument(help="Look for run folders here and below.")] = Path("runs"),
    json: Annotated[bool, typer.Option("--json", help="Everything as JSON, for programs.")] = False,
) -> None:
    """List all trainings under a path: recipe, seed, epochs, accuracy, date, and whether each is finished, stopped or damaged."""
    found = below(path)
    if json:
        console.print(jsonlib.dumps([one.as_json() for one in found], indent=1), markup=False, soft_wrap=True)
    elif not found:
        say(f"There is no run in {escape(str(path))}.")
    else:
        _runs(path, found).show(console)
        for one in found:
            if one.state in ("NaN", "failed", "damaged"):
                say(f"[red]{one.state}[/] {escape(_name(path, one.folder))}: {escape(one.why)}.")
        if any(one.measured_on == "training" for one in found):
            say(TRAINING)


def _runs(path: Path, found: list[Found]) -> Sheet:
    heads = [Column("run", text=True), Column("recipe", text=True, spare=2), Column("seed", spare=1), Column("epochs")]
    sheet = Sheet([*heads, Column("accuracy"), Column("date", spare=3), Column("state", text=True)])
    for one in found:
        state, date = Text(one.state, COLOURS.get(one.state, "red")), one.date.astimezone().strftime("%Y-%m-%d %H:%M")
        r = one.recipe
        about = (r.name, str(r.seed), f"{one.epoch}/{r.epochs}") if r else ("", "", "")
        sheet.add(_name(path, one.folder), *about, _share(one), date, state)
    return sheet


def _name(path: Path, folder: Path) -> str:
    return str(folder.relative_to(path)) if folder != path else folder.resolve().name


def _share(one: Found) -> str:
    if one.accuracy is None:
        return ""
    share = f"{100 * one.accuracy:.2f} %"
    return f"({share})" if one.measured_on == "training" else share


BLOCKS, ASCII = "▁▂▃▄▅▆▇█", "_.-=+*#@"  # low to high
WIDEST = 40  # epochs in a curve


def compare_runs(
    runs: Annotated[list[Path], typer.Argument(metavar="A B...", help="Run folders, two or more.")],
    images: Annotated[int, typer.Option(min=0, help="Show so many images on which two runs disagree, the surest first.")] = 8,
    json: Annotated[bool, typer.Option("--json", help="Everything as JSON, for programs.")] = False,
    data_dir: DataDir = None,
    device: Device = "cpu",
) -> None:
    """Set runs side by side: settings, curves, accuracy, the images they disagree on, and whether that is more than chance."""
    if len(runs) < 2:
        raise ValueError(f"compare: give two run folders or more, not {len(runs)}; `ninx runs` lists them")
    if len(runs) > len(ascii_uppercase):
        raise ValueError(f"compare: at most {len(ascii_uppercase)} runs, not {len(runs)}")
    if device == "cpu":
        compile_ahead(training=False)
    with console.status("evaluating") if moving() and not json else nullcontext():
        found = [study(run, data_dir, device) for run in runs]
    if json:
        console.print(jsonlib.dumps(_plain(runs, found), indent=1), markup=False, soft_wrap=True)
    else:
        _compare(runs, found, images)


def _compare(folders: list[Path], runs: list[Studied], images: int) -> None:
    letters = ascii_uppercase[: len(runs)]
    _summaries(names(folders), letters, runs).show(console)
    for text in dict.fromkeys(run.absent for run in runs if run.absent):
        say(f"[yellow]Not evaluated:[/] {escape(text)}.")
    say("")
    differing = comparison.settings(runs)
    if differing:
        sheet = Sheet([Column("setting", text=True), *(Column(letter, text=True) for letter in letters)])
        for key, values in differing.items():
            sheet.add(key, *("-" if value is None else str(value) for value in values))
        sheet.show(console)
    else:
        say("All settings are the same.")
    say("")
    _curves(letters, runs)
    found = comparison.pairs(runs)
    if found:
        say("")
    for pair in found:
        say(comparison.verdict(pair, letters[pair.a], letters[pair.b]) + ".")
    if len(found) > 1:
        say("[dim]p after Holm, since so many pairs are compared.[/]")
    _seeds(letters, comparison.groups(runs))
    if len(found) == 1 and images:
        _disagreements(runs, found[0], letters, images)
    elif not found and not any(run.absent for run in runs):
        say("They were evaluated on other images, so their answers cannot be set side by side.")


def _summaries(titles: list[str], letters: str, runs: list[Studied]) -> Sheet:
    heads = [Column(""), Column("run", text=True), Column("epochs", spare=1), Column("loss in training"), Column("loss")]
    sheet = Sheet([*heads, Column("accuracy"), Column("95 %", spare=2), Column("state", text=True, spare=3)])
    for title, letter, run in zip(titles, letters, runs, strict=True):
        history, e = run.run.history, run.evaluation
        training = f"{history[-1]['loss']:.4f}" if history else ""
        accuracy = "" if run.accuracy is None else f"{100 * run.accuracy:.2f} %"
        low, high = wilson(round(e.accuracy * len(e.labels)), len(e.labels)) if e else (0.0, 0.0)
        interval = f"{100 * low:.1f} to {100 * high:.1f} %" if e else ""
        epochs = f"{len(history)}/{run.run.recipe.epochs}"
        sheet.add(letter, title, epochs, training, f"{e.loss:.4f}" if e else "", accuracy, interval, run.found.state)
    return sheet


def _curves(letters: str, runs: list[Studied]) -> None:
    """The training loss of each epoch as a row of blocks, all runs on one scale."""
    losses = [[m["loss"] for m in run.run.history][:: max(1, -(-len(run.run.history) // WIDEST))] for run in runs]
    known = [value for row in losses for value in row if value == value and abs(value) != float("inf")]
    if not known:
        return
    signs = BLOCKS if console.encoding.lower().startswith("utf") else ASCII
    low, high = min(known), max(known)
    for letter, row in zip(letters, losses, strict=True):
        if row:
            say(f"loss {letter}  {row[0]:.3f} {''.join(_block(value, low, high, signs) for value in row)} {row[-1]:.3f}")


def _block(value: float, low: float, high: float, signs: str) -> str:
    if not low <= value <= high:
        return "?"
    return signs[round((value - low) / ((high - low) or 1) * (len(signs) - 1))]


def _seeds(letters: str, found: Sequence[comparison.Group]) -> None:
    """Runs that differ in their seed alone: mean and spread; and two such groups against each other."""
    if all(len(group.runs) < 2 for group in found):
        if len(found) > 1:
            say("[dim]One seed each: whether other seeds would do the same is not known.[/]")
        return
    named = ["".join(letters[i] for i in group.runs) for group in found]
    for name, group in zip(named, found, strict=True):
        if len(group.runs) > 1:
            seeds = f"{len(group.runs)} seeds, mean {100 * group.mean:.2f} %, spread {100 * group.spread:.2f} %"
            say(f"{name}: {seeds}, {100 * min(group.accuracies):.2f} to {100 * max(group.accuracies):.2f} %.")
    for b in comparison.between(found):
        known = "more than chance" if b.p < comparison.LEVEL else "no more than chance would do"
        say(f"{named[b.b]} - {named[b.a]}: {100 * b.difference:+.2f} % over {b.seeds} seeds: {known}, p = {b.p:.2g}.")


def _disagreements(runs: list[Studied], pair: comparison.Pair, letters: str, images: int) -> None:
    a, b = runs[pair.a], runs[pair.b]
    if not len(pair.differ) or a.evaluation is None or b.evaluation is None:
        return
    sheet = Sheet([Column("image"), Column("true class", text=True), *(Column(letters[i], text=True) for i in pair[:2])])
    for i in pair.differ[:images].tolist():
        said = [_answer(run, i) for run in (a, b)]
        sheet.add(str(i), a.run.classes[a.evaluation.labels[i]], *said)
    say("")
    sheet.show(console)
    more = f" Here are {images}: first those that one has right, the surest first." if len(pair.differ) > images else ""
    say(f"They disagree on {len(pair.differ)} of {len(a.evaluation.labels):,} {a.which} images.{more}")


def _answer(run: Studied, image: int) -> Text:
    e = run.evaluation
    assert e is not None
    outputs = answers(run.run.classes, max(len(run.run.classes), int(e.answers.max()) + 1))
    right = e.answers[image] == e.labels[image]
    name = shortened(outputs[int(e.answers[image])], 20)
    return Text(f"{name} ({100 * float(e.confidence[image]):.0f} %)", "green" if right else "red")


def _plain(folders: list[Path], runs: list[Studied]) -> dict[str, Any]:
    """All that `_compare` shows, and all images."""
    told = []
    for folder, run in zip(folders, runs, strict=True):
        result = {} if run.evaluation is None else {"accuracy": run.evaluation.accuracy, "loss": _number(run.evaluation.loss)}
        history = [{key: _number(value) for key, value in line.items()} for line in run.run.history]
        told.append(run.found.as_json() | {"folder": str(folder), "measured_on": run.which, **result, "history": history})
    found = [pair._asdict() | {"differ": pair.differ.tolist()} for pair in comparison.pairs(runs)]
    grouped = comparison.groups(runs)
    return {
        "runs": told,
        "settings": comparison.settings(runs),
        "pairs": found,
        "groups": [group._asdict() | {"mean": group.mean, "spread": group.spread} for group in grouped],
        "between": [one._asdict() for one in comparison.between(grouped)],
    }


def _number(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if abs(value) < float("inf") else None
