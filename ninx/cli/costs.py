"""``ninx summary``: what a network is made of, and what it will cost, before anything runs."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape

from ..looks import printable
from ..study import beside, named
from ..study.dry import OPTIMIZERS
from ..study.summary import Summary, summary
from ..study.table import below, below_memory, memory_sheet, memory_title, sheet, size
from .complete import model_names
from .console import console, image_size, say

BATCH = 64


def summarize(
    networks: Annotated[
        list[str],
        typer.Argument(
            metavar="NETWORK...",
            help="A network or recipe by name, a run folder, or FILE.py:NAME, a network of your own. Several: side by side.",
            autocompletion=model_names,
        ),
    ],
    input: Annotated[str | None, typer.Option(metavar="CxHxW", help="The size of an image. Default: what is known.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Images in a training step. Default: the recipe's, or 64.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd (with momentum) or adam. Default: the recipe's, or sgd.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All figures as JSON.")] = False,
) -> None:
    """Say what a network costs: shapes, parameters, FLOPs, and the memory of a training step, predicted without training."""
    if optimizer is not None and optimizer not in OPTIMIZERS:
        raise ValueError(f"summary: --optimizer is {' or '.join(OPTIMIZERS)}, not {optimizer!r}")
    found = [_summary(network, input, batch, optimizer) for network in networks]
    names = [name for name, _ in found]
    if as_json:
        text = json.dumps([{"network": name, **s.as_json()} for name, s in found], indent=1)
        console.print(text, markup=False, soft_wrap=True)
    elif len(found) == 1:
        _show(*found[0])
    else:
        beside.sheet(names, [s for _, s in found]).show(console)
        for name, s in found[1:]:
            say("\n" + escape(printable(beside.sentence((names[0], name), (found[0][1], s)))))
        say("\nIn MB: the weights; what is kept for the backward pass; what a training step takes at most beside the weights.")


def _summary(network: str, input: str | None, batch: int | None, optimizer: str | None) -> tuple[str, Summary]:
    one = named.find(network)
    shape = one.input_shape if input is None else image_size("summary", input)
    if shape is None:
        raise ValueError(f"summary: how large is an image of {network}? Say it with --input 3x32x32")
    return one.name, summary(one.model, shape, batch or one.batch or BATCH, optimizer or one.optimizer or "sgd")


def _show(name: str, s: Summary) -> None:
    """The layers, and what a training step takes."""
    say(f"[bold]{escape(printable(name))}[/bold], input {size(s.input_shape)}")
    sheet(s).show(console)
    for line in ("", *below(s), "", memory_title(s)):
        say(escape(line))
    memory_sheet(s).show(console)
    for line in ("", *below_memory(s)):
        say(escape(line))
