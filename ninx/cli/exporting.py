"""``ninx export``: a network as a file that other engines read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.markup import escape

from .. import models, nn
from ..looks import printable
from ..onnx.exporting import export
from ..random import manual_seed
from ..study import named
from ..train import recipe as recipes
from ..train.checkpoint import CHECKPOINT
from ..train.parameters import initialise
from ..train.preparation import Preparation
from ..train.runs import load_run
from ..weights import save_weights
from .complete import model_names
from .console import IgnoreChecksum, image_size, say, whole


class Target(NamedTuple):
    """What is exported; of a run also where it lies, and what belongs to it."""

    name: str
    model: nn.Module
    input_shape: tuple[int, ...] | None
    folder: Path = Path()
    image_shape: tuple[int, ...] | None = None
    preparation: Preparation | None = None
    classes: tuple[str, ...] | None = None
    metadata: dict[str, str] | None = None


def export_network(
    network: Annotated[
        str,
        typer.Argument(
            metavar="RUN | MODEL | RECIPE | FILE.py:NAME",
            help="A run folder, or its checkpoint.safetensors; else a network by name, with fresh weights, or one of your own.",
            autocompletion=model_names,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Default: model.onnx or prepared.onnx in a run folder, NAME.onnx here."),
    ] = None,
    input: Annotated[str | None, typer.Option(metavar="CxHxW", help="The size of an image. Default: what is known.")] = None,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Of a run: the file takes pictures as they are, bytes, and prepares them itself.")
    ] = False,
    torch: Annotated[
        bool, typer.Option("--torch", help="Not ONNX but the weights alone, as torch.load reads them (.pth).")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
    ignore_checksum: IgnoreChecksum = False,
) -> None:
    """Write a network as a file of ONNX, which ONNX Runtime, Netron and many others read, for batches of any size.

    The names of the layers and of their weights stay. Of a run the file also says the classes and the recipe.
    """
    target = _target(network, input, not ignore_checksum)
    default = "model.pth" if torch else "prepared.onnx" if prepare else "model.onnx"
    place = _place(target, out, default, overwrite or (out is None and target.preparation is not None))
    if torch:
        save_weights(target.model, place)
        say(f"Wrote {len(target.model.state_dict())} arrays, {place.stat().st_size:,} bytes:")
        return whole(str(place))
    if prepare and target.preparation is None:
        raise ValueError(f"export: --prepare is for a run, and {network} has no preparation of its own")
    shape = target.image_shape if prepare else target.input_shape
    if shape is None:
        raise ValueError(f"export: how large is an image of {network}? Say it with --input 3x32x32")
    found = export(
        target.model,
        shape,
        place,
        preparation=target.preparation if prepare else None,
        classes=target.classes,
        metadata=target.metadata,
    )
    ends = ", ".join(f"{name} ({_sizes(size)})" for name, size in found.inputs.items())
    starts = ", ".join(f"{name} ({_sizes(size)})" for name, size in found.outputs.items())
    say(f"{escape(printable(target.name))}: {found.nodes} nodes, {ends} -> {starts}")
    say(f"Wrote {found.size:,} bytes:")
    whole(str(place))


def _sizes(shape: tuple[int | str, ...]) -> str:
    return ", ".join(map(str, shape))


def _place(target: Target, out: Path | None, default: str, may_replace: bool) -> Path:
    """The file, ``default`` in a run's folder; ValueError for one of another ending, and for one that is there."""
    ending = Path(default).suffix
    place = out or target.folder / (default if target.preparation is not None else f"{target.name}{ending}")
    if place.suffix.lower() != ending:
        raise ValueError(f"export: the file's name ends with {ending}, not {place.suffix or 'nothing'} ({place})")
    if place.is_dir():
        raise ValueError(f"export: {place} is a folder; name a file in it with -o")
    if place.exists() and not may_replace:
        raise ValueError(f"export: {place} is there already; replace it with --overwrite, or choose another name with -o")
    return place


def _target(network: str, input: str | None, verify: bool) -> Target:
    shape = None if input is None else image_size("export", input)
    if named.is_own(network):
        return Target(network.rpartition(":")[2], named.own("export", network), shape)
    path = Path(network)
    if network not in models.names() and (path.is_dir() or path.name == CHECKPOINT):
        run = load_run(path, verify)
        run.check_weights("export")
        known = run.preparation.one(np.zeros(run.checkpoint.image_shape, np.uint8)).shape
        told = {"recipe": json.dumps(run.recipe.model_dump(exclude_none=True))}
        return Target(
            run.folder.resolve().name,
            run.model,
            shape or known,
            run.folder,
            run.checkpoint.image_shape,
            run.preparation,
            run.classes,
            told,
        )
    one = named.find(network, "export")
    if network in models.names():
        return Target(network, models.create(network), shape or one.input_shape)
    recipe = recipes.load(network)
    manual_seed(recipe.seed)
    model = models.create(recipe.model.name, **recipe.model.switches)
    initialise(model, recipe)
    return Target(recipe.name, model, shape or one.input_shape)
