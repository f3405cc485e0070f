"""``ninx eval`` and ``ninx predict``: what a trained network is worth, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.markup import escape

from ..array import use_device
from ..data.folder import SUFFIXES
from ..kernels import compile_ahead
from ..looks import printable
from ..train.runs import Prediction, Run, load_run
from .confusion import show_evaluation
from .console import DataDir, Device, IgnoreChecksum, complain, console, say
from .picture import beside

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or its checkpoint.safetensors.")]


def evaluate_run(
    run: RunFolder, data_dir: DataDir = None, device: Device = "cpu", ignore_checksum: IgnoreChecksum = False
) -> None:
    """Test accuracy and confusion matrix of a trained network."""
    trained = load_run(run, verify=not ignore_checksum)
    to_device(trained, device)
    show_evaluation(trained.evaluate("test", data_dir), trained.classes, "test")


def predict(
    run: RunFolder,
    images: Annotated[list[Path], typer.Argument(help="PNG or JPEG files of any size; digits may also be photographs.")],
    invert: Annotated[
        bool | None,
        typer.Option(
            "--invert/--no-invert", help="What is shown is dark on light, or light on dark. Default: found out, for digits."
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show what the network saw, and how sure it is of each answer.")] = False,
    device: Device = "cpu",
    ignore_checksum: IgnoreChecksum = False,
) -> None:
    """Say what each image shows, and how sure the network is: a line for each. Exit code 2 if one of them cannot be read.

    A digit is cropped and centred as MNIST's are; several digits in one picture are read one by one.
    """
    if not run.is_dir() and run.suffix.lower() in SUFFIXES:
        raise ValueError(f"predict: {run} is a picture; the run comes first: ninx predict RUN IMAGE...")
    trained = load_run(run, verify=not ignore_checksum)
    trained.check_weights("predict")
    to_device(trained, device)
    failed = False
    for path in images:
        try:
            found = trained.predict_each(path, invert)
        except ValueError as error:  # the next picture may be better
            complain(error)
            failed = True
            continue
        say(escape(printable(f"{path}: {_sentence(found)}")))
        for one in found if show else ():
            console.print(beside(one.image, one.classes, one.probabilities, console))
    if failed:
        raise typer.Exit(2)


def to_device(run: Run, device: str) -> None:
    """The run's network on a device, its kernels compiled."""
    if device == "cpu":
        compile_ahead(training=False)
    use_device(device)
    run.model.to(device)


def _sentence(found: list[Prediction]) -> str:
    """The answer, and for one thing in the picture also what it would be else."""
    if len(found) > 1:
        return f"{' '.join(p.label for p in found)}  ({', '.join(f'{100 * p.probability:.1f} %' for p in found)})"
    (one,) = found
    second = int(np.argsort(one.probabilities)[-2])
    return f"{one.label}  ({100 * one.probability:.1f} %; next {one.classes[second]}, {100 * one.probabilities[second]:.1f} %)"
