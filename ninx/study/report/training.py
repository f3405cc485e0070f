"""The parts of a report that need no images: what was trained, the curves, the recipe, the machine, the files."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ...train.recipe import Recipe
from ..significance import wilson
from ..studied import Studied
from . import charts
from .parts import chart, duration, folded, number, pairs, paragraph, percent, size, table, text


def headline(run: Studied) -> str:
    """What was trained on what, and what came of it, in a line of plain text."""
    r, e = run.run.recipe, run.evaluation
    about = f"{r.model.name} on {r.data}"
    if e is not None:
        return f"{about}: {percent(e.accuracy)} of {len(e.labels):,} {run.which} images right"
    if run.found.accuracy is not None:
        return f"{about}: {percent(run.found.accuracy)} of the {run.found.measured_on} images right"
    return f"{about}: no epoch was finished"


def seconds(run: Studied) -> list[float] | None:
    """How long each epoch took; None where it is not known how many images it had."""
    images = run.journal.sessions[-1].train_images if run.journal.sessions else run.run.recipe.limit
    return None if images is None else [images / m["images_per_second"] for m in run.run.history]


def overview(run: Studied) -> str:
    """Figures that matter most, how the run ended, and the commands that made it."""
    r, e, count = run.run.recipe, run.evaluation, sum(p.numel() for p in run.run.model.parameters())
    history, times = run.run.history, seconds(run)
    rows = []
    if e is not None:
        low, high = wilson(int((e.answers == e.labels).sum()), len(e.labels))
        rows.append((f"{run.which} accuracy", f"{percent(e.accuracy)} (95 %: {100 * low:.1f} to {100 * high:.1f})"))
        rows.append((f"{run.which} loss", number(e.loss)))
    elif run.accuracy is not None:
        rows.append((f"{run.found.measured_on} accuracy, as noted", percent(run.accuracy)))
    if history:
        rows.append(("training accuracy, last epoch", percent(history[-1]["accuracy"])))
    rows += [("parameters", f"{count:,}"), ("epochs", f"{len(history)} of {r.epochs}")]
    if times and history:
        rows.append(("time of the epochs", duration(sum(times))))
    return f"{_notice(run)}{_sentence(run)}{pairs(rows)}{_commands(run)}"


def _sentence(run: Studied) -> str:
    r, sessions = run.run.recipe, run.journal.sessions
    images = f"{sessions[-1].train_images:,} images" if sessions else "images" if r.limit is None else f"{r.limit:,} images"
    form = "x".join(map(str, run.run.checkpoint.image_shape))
    rate = f"{r.optim.name} with rate {r.optim.lr:g}, {r.schedule.name} schedule"
    return paragraph(
        f"{r.model.name} learnt {len(run.run.classes)} classes from {images} ({form} pixels) of {r.data}, by the recipe "
        f"{r.name}: {rate}, batches of {r.batch_size}, seed {r.seed}."
    )


def _notice(run: Studied) -> str:
    """How it ended, where that is not as it should be."""
    state, epochs = run.found.state, f"after {run.found.epoch} of {run.run.recipe.epochs} epochs"
    again = f"ninx train --resume {shlex.quote(str(run.run.folder))}"
    last = "What follows is of the last epoch that was saved."
    said = {
        "stopped": f"This run was stopped {epochs}. It goes on with: {again}",
        "running": f"This run goes on: what follows is how it was {epochs}.",
        "killed": f"The process of this run was killed {epochs}. It goes on with: {again}",
        "NaN": f"The numbers of this run are no numbers any more: {run.found.why}. {last}",
        "failed": f"This run failed {epochs}: {run.found.why}. {last}",
    }
    kind = "notice bad" if state in ("NaN", "failed") else "notice"
    parts = paragraph(said[state], kind) if state in said else ""
    return parts + (paragraph(f"The {run.which} images are not at hand: {run.absent}.", "notice") if run.absent else "")


def _commands(run: Studied) -> str:
    given = [s.command or "from Python" for s in run.journal.sessions]
    if not given:
        return paragraph("With which command it was trained was not noted.", "soft")
    return "".join(f'<pre tabindex="0">{text(command)}</pre>' for command in given)


def curves(runs: Sequence[Studied], titles: Sequence[str]) -> str:
    """Loss, accuracy, learning rate and time by epoch; all runs in each chart."""
    if not any(run.run.history for run in runs):
        return paragraph("No epoch was finished, so there are no curves.")
    several = len(runs) > 1
    kinds: list[tuple[str, str, str, float]] = [("loss", "Loss", "loss", 1), ("accuracy", "Accuracy", "accuracy (%)", 100)]
    kinds += [("lr", "Learning rate, at the beginning of the epoch", "learning rate", 1)]
    timed = all(seconds(run) is not None for run in runs)
    speed = "Time of an epoch" if timed else "Speed"
    kinds += [("time", speed, "seconds" if timed else "images per second", 1)]
    made = []
    for key, title, label, scale in kinds:
        given = []
        for i, (run, name) in enumerate(zip(runs, titles, strict=True)):
            given += _lines(run, i, key, name if several else "training", scale, timed)
        given = [line for line in given if line.x]
        if (key == "accuracy" and any(line.second for line in given)) or (key == "loss" and any(line.second for line in given)):
            title += ", in training and on held-out images"
        svg = charts.lines(f"chart-{key}", title, given, label, zero=key == "time")
        made.append(chart(svg, title, _numbers(title, given)))
    return f'<div class="grid">{"".join(made)}</div>'


def _lines(run: Studied, i: int, key: str, name: str, scale: float, timed: bool) -> list[charts.Line]:
    history = run.run.history
    x = [m["epoch"] for m in history]
    if key == "time":
        y = seconds(run) if timed else None
        return [charts.Line(name, x, y if y is not None else [m["images_per_second"] for m in history], i)]
    found = [charts.Line(name, x, [scale * m[key] for m in history], i)]
    if key != "lr" and history and f"holdout_{key}" in history[0]:
        held = "held out" if name == "training" else f"{name}, held out"
        found.append(charts.Line(held, x, [scale * m[f"holdout_{key}"] for m in history], i, second=True))
    return found


def _numbers(title: str, given: Sequence[charts.Line]) -> str:
    """A row for each epoch, a column for each line."""
    epochs = sorted({x for line in given for x in line.x})
    values = [dict(zip(line.x, line.y, strict=True)) for line in given]
    rows = [[f"{x:g}", *(number(row[x], ".5g") if x in row else "" for row in values)] for x in epochs]
    return table(title, ["epoch", *(line.name for line in given)], rows, left=())


def recipe(run: Studied) -> str:
    """The whole recipe as a TOML file that trains the same again."""
    return folded("All settings, as a TOML file", f'<pre tabindex="0">{text_lines(toml(run.run.recipe))}</pre>')


def text_lines(lines: str) -> str:
    """Several lines of plain text."""
    return "\n".join(map(text, lines.split("\n")))


def toml(r: Recipe) -> str:
    """A recipe as TOML; read again it is the same.

    >>> recipe = ninx.train.recipe.load("digits")
    >>> from pathlib import Path
    >>> Path("again.toml").write_text(ninx.study.report.training.toml(recipe)) > 0
    True
    >>> ninx.train.recipe.load("again.toml") == recipe
    True
    """
    return _toml(r.model_dump(exclude_none=True, exclude_defaults=True), ()).strip()


def _toml(tree: dict[str, Any], path: tuple[str, ...]) -> str:
    plain = {k: v for k, v in tree.items() if not isinstance(v, dict)}
    made = "".join(f"{_key(k)} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in plain.items())
    head = f"\n[{'.'.join(map(_key, path))}]\n" if path and (plain or not tree) else ""
    return head + made + "".join(_toml(v, (*path, k)) for k, v in tree.items() if isinstance(v, dict))


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else json.dumps(name, ensure_ascii=False)


def machine(run: Studied) -> str:
    """Each session: when, where, with which versions."""
    if not run.journal.sessions:
        return paragraph("Where this run was trained was not noted: it was not written by `ninx train`, or by an older version.")
    made = []
    for session in run.journal.sessions:
        began, ended = _time(session.started), _time(session.ended) if session.ended else "no end was noted"
        rows = [("from epoch", str(session.first_epoch)), ("began", began), ("ended", ended)]
        rows += [("outcome", session.outcome or "-"), ("device", session.device), *session.environment.items()]
        made.append(pairs(rows))
    return "".join(made)


def _time(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return text


def files(run: Studied, besides: str) -> str:
    """What lies in the run folder, with its SHA-256; not ``besides``, the report itself."""
    rows = []
    for path in sorted(run.run.folder.iterdir()):
        if path.is_file() and path.name != besides and not path.name.startswith("."):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            rows.append([path.name, size(path.stat().st_size), digest])
    return table("", ["file", "size", "SHA-256"], rows, (0, 2), "Files of the run")
