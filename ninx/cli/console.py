"""What all commands share: where they print, and the options that several of them take."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, ConsoleDimensions
from rich.markup import escape

from ..looks import printable

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="The folder of the data sets. Default: NINX_DATA, or the user's cache.")
]
IgnoreChecksum = Annotated[bool, typer.Option("--ignore-checksum", help="Read a damaged checkpoint too, as far as possible.")]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, or cuda:1 for the second GPU.")]


for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")  # where the encoding lacks a sign: in a pipe on Windows, or in the C locale


def _console(stderr: bool = False) -> Console:
    """Standard output or error. Of a dumb terminal rich does not ask the width; it has one all the same."""
    found = Console(stderr=stderr, highlight=False, emoji=False)  # ":smile:" in a file's name is no emoji
    if found.is_dumb_terminal:
        found.size = ConsoleDimensions(*shutil.get_terminal_size())
    return found


console, errors = _console(), _console(stderr=True)


def say(text: str) -> None:
    """Sentences, with rich's markup: wrapped at words on a terminal, in one line for a pipe."""
    console.print("\n".join(map(printable, text.split("\n"))), soft_wrap=not console.is_terminal)


def whole(text: str) -> None:
    """A path or a command, to be copied: one line, which the terminal may wrap, but we do not."""
    console.print(printable(text), markup=False, soft_wrap=True)


def complain(error: Exception) -> None:
    """A mistake of the user, as one line on standard error; with --debug also where it was found."""
    if "--debug" in sys.argv:
        traceback.print_exception(error)
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MemoryError):  # NumPy's says how much was wanted, Python's own says nothing
        text = f"there is not enough memory ({text}); close other programs, or take smaller batches: --set batch_size=16"
    elif isinstance(error, RecursionError):
        text = f"something is nested too deep ({text})"
    sentence = escape(printable(text))
    errors.print(f"[red]Error:[/red] {sentence}", soft_wrap=not errors.is_terminal)


def image_size(command: str, text: str, example: str = "3x32x32 (channels, height, width)") -> tuple[int, ...]:
    """The sizes in "3x32x32", as an option --input gives them. Raises ValueError, which begins with ``command``."""
    if not re.fullmatch(r"[1-9]\d*([x,][1-9]\d*)*", text):
        raise ValueError(f"{command}: --input is a size such as {example}, not {text!r}")
    return tuple(map(int, re.split("[x,]", text)))


def moving() -> bool:
    """Can a line be written anew? Not in a pipe, on a dumb terminal, or in a notebook's cell (``!ninx train``)."""
    return console.is_terminal and not console.is_dumb_terminal and "JPY_PARENT_PID" not in os.environ
