"""``ninx warm-up``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from .. import kernels
from .console import console, moving, say, whole


def warm_up(
    into: Annotated[Path | None, typer.Option(help="Keep them in this folder: for a container, or an image for a class.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those for float64, and for 'ninx bench', too.")] = False,
) -> None:
    """Compile the kernels for this processor, on all its cores. Once done, no first run waits for them."""
    if kernels.tier_name() != "fast":
        say(f"Nothing to compile: the tier {kernels.tier_name()!r} computes.")
        return
    columns = TextColumn("compiling"), BarColumn(30), MofNCompleteColumn(), TextColumn("{task.description}", markup=False)
    with Progress(*columns, console=console, transient=True, disable=not moving()) as progress:
        task = progress.add_task("", total=None)

        def show(name: str, done: int, total: int) -> None:
            if moving():
                progress.update(task, description=name, completed=done, total=total)
            else:
                say(f"{done} of {total} kernels: {name}")

        made = kernels.warm_up(into, everything, show)
    place = "in that folder" if into is not None else "in the user's cache folder, or where NINX_CACHE_DIR says"
    say(f"Compiled {made} kernels; they lie {place}." if made else f"Nothing to be done: the kernels lie {place}.")
    if into is not None:
        say("To use them:")
        whole(f"NINX_CACHE_DIR={shlex.quote(str(into.resolve()))} ninx train")
