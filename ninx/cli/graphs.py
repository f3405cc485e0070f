"""``ninx graph``: what the engine records of a network, as a table or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ..files import write_atomically
from ..looks import printable
from ..study import graph as graphs
from ..study import named
from ..study.graph.table import NOTE, sheet
from .complete import model_names
from .console import complain, console, image_size, say


def draw_graph(
    network: Annotated[
        str,
        typer.Argument(
            help="A network or recipe by name, a run folder, or FILE.py:NAME, a network of your own.", autocompletion=model_names
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="A picture (.svg), Mermaid (.mmd), DOT (.dot) or .json.")
    ] = None,
    input: Annotated[str | None, typer.Option(metavar="CxHxW", help="The size of an image. Default: what is known.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Images in a step. Default: the recipe's, or 64.")] = None,
    collapse: Annotated[bool, typer.Option(help="Show a block that comes several times once.")] = True,
) -> None:
    """Show the graph of a training step: operations, shapes, what is kept for backward, and which function gives each gradient.

    Nothing is computed. Exit code 1 if the network does not fit together; the graph then ends where it fails.
    """
    if out is not None:
        graphs.check_ending(out.name)
    one = named.find(network, "graph")
    shape = one.input_shape if input is None else image_size("graph", input)
    if shape is None:
        raise ValueError(f"graph: how large is an image of {network}? Say it with --input 3x32x32")
    found = graphs.of(one.model, shape, batch=batch or one.batch or graphs.BATCH, name=one.name)
    if out is None:
        say(f"[bold]{escape(printable(found.name))}[/bold], a step on a batch of {found.batch}")
        sheet(found, collapse).show(console)
        say(f"\n{NOTE}.")
    else:
        write_atomically(out, graphs.written(found, out.name, collapse).encode())
        say(f"Wrote {escape(str(out))}")
    if found.error:
        complain(ValueError(found.error))
        raise typer.Exit(1)
