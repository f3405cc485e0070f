"""``ninx explain``: a page that shows what a network does with a picture, number by number."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ninx.kernels.names import unknown

from .. import models, nn
from ..looks import printable
from ..study.explaining import Explained, explain
from ..study.explaining.network import check_size
from ..study.named import is_own, own
from ..train.runs import Run, load_run
from .complete import model_names
from .console import DataDir, console, image_size, moving, say, whole

SUFFIXES = (".html", ".htm")


def explain_network(
    network: Annotated[
        str,
        typer.Argument(
            metavar="RUN | MODEL | FILE.py:NAME",
            help="A run folder, or its checkpoint.safetensors; a network by name, with fresh weights, or one of your own.",
            autocompletion=model_names,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page. Default: explain.html in the run folder, else here.")
    ] = None,
    input_shape: Annotated[str | None, typer.Option("--input", help="Of your own network: its pictures, e.g. 3x32x32.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that is there already.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Write a page that computes the network in your browser: draw, and see every layer and the numbers of every value.

    One HTML file in English and Chinese, which needs no network and can be sent by mail. Of a run it holds the worst mistakes on
    the test images.
    """
    target, shape, name = _target(network, input_shape)
    own_place = isinstance(target, Run) and out is None  # there it replaces the page of an earlier time
    place = out or (target.folder if isinstance(target, Run) else Path()) / "explain.html"
    if place.is_dir():
        raise ValueError(f"explain: {place} is a folder; name a file in it with -o")
    if out is not None and place.suffix.lower() not in SUFFIXES:
        raise ValueError(f"explain: the page is HTML, so its name ends with .html, not {place.suffix or 'nothing'} ({place})")
    if place.exists() and not own_place and not overwrite:
        raise ValueError(f"explain: {place} is there already; replace it with --overwrite, or choose another name with -o")
    with console.status("trying the test images") if moving() else nullcontext():
        found = explain(target, place, shape, name, data_dir)
    _show(found)


def _target(network: str, input_shape: str | None) -> tuple[Run | nn.Module, tuple[int, ...] | None, str | None]:
    """What is to be explained, the shape of its pictures and its name, where these are not the run's."""
    shape = None if input_shape is None else image_size("explain", input_shape)
    if is_own(network):
        if shape is None and not network.endswith(".py"):
            raise ValueError("explain: a network of your own needs --input CxHxW, the size of its pictures, such as 1x28x28")
        return own("explain", network), shape, network.rpartition(":")[2]
    if network in models.names() and not Path(network).exists():
        with nn.shapes_only():
            check_size(models.create(network))
        return models.create(network), shape or models.preset(network).input_shape, network
    if shape is not None:
        raise ValueError("explain: --input is for a network without a run; a run knows the size of its pictures")
    if not Path(network).exists():
        raise ValueError(f"explain: {unknown('run folder or network', network, models.names())}; FILE.py:NAME will do too")
    return load_run(network), None, None


def _show(found: Explained) -> None:
    if found.without:
        say(f"[yellow]The page has no test images:[/] {escape(printable(found.without))}.")
    if found.tested:
        say(f"Of {found.tested:,} test images {found.right:,} are right; the {found.mistakes} worst mistakes are in the page.")
    if found.dtype == "float16":
        changed = f"; {found.changed} of {found.tested:,} answers change" if found.tested else ""
        moved = f"a score moves by at most {100 * found.distance:.2g} % of the largest{changed}"
        say(f"The weights are rounded to float16: {moved}.")
    say(f"Wrote {found.size / 1e6:.1f} MB; open it in a browser:")
    whole(str(found.path))
