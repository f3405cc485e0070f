"""``ninx runs`` and ``ninx compare``: which trainings there are, and what tells some of them apart."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from ..tables import Column, Sheet
from ..train.found import Found, below
from .console import console, say

COLOURS = {"finished": "green", "stopped": "yellow", "running?": "yellow"}  # all else is red
UNENDED = "running?: no end was noted, so it still runs, or was killed."
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
        if any(one.state == "running?" for one in found):
            say(UNENDED)
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
