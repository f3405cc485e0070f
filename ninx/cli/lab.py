"""``ninx lab``: one convolution under the magnifying glass."""

from __future__ import annotations

import json as json_text
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from ..files import need_place
from ..kernels import set_num_threads
from .console import console, image_size, moving, say

lab = typer.Typer(no_args_is_help=True, help="One convolution, all ways: predicted and measured.")

Threads = Annotated[int | None, typer.Option(help="Number of threads.", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="All figures as JSON.")]


@lab.command()
def conv(
    input: Annotated[str, typer.Option(metavar="NxCxHxW", help="Images, channels, height, width.")] = "8x192x28x28",
    out: Annotated[int, typer.Option(help="Output channels.", min=1)] = 32,
    kernel: Annotated[str, typer.Option(metavar="K or KxL", help="The kernel's size.")] = "1",
    stride: Annotated[int, typer.Option(min=1)] = 1,
    padding: Annotated[int, typer.Option(min=0)] = 0,
    groups: Annotated[int, typer.Option(min=1)] = 1,
    direction: Annotated[str, typer.Option(help="forward, or the gradient of the input or the weight.")] = "forward",
    compare: Annotated[
        str | None, typer.Option(metavar="K,K,...", help="Several kernels, 1,3,5,7 say: at equal input, and at equal FLOPs.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw --compare as a picture into this PNG file.")] = None,
    threads: Threads = None,
    json: AsJson = False,
) -> None:
    """Compute a convolution in all ways, from nested loops to compiled kernels: what each does, should take, and takes.

    The time is predicted from the sizes, from what this machine can do, and from a calibration on other layers, before the
    layer runs. All of it is measured now, in about half a minute; nothing else should run meanwhile.
    """
    shape = image_size("lab conv", input, "8x192x28x28 (images, channels, height, width)")
    if plot is not None and compare is None:
        raise ValueError("lab conv: --plot draws what --compare measures, for example --compare 1,3,5,7")
    need_place(plot)
    if threads is not None:
        set_num_threads(threads)
    from ..benchmarks import lab as study  # with Numba

    with _measuring(json):
        if compare is not None:
            found: Any = study.compare(shape, out, _kernels(compare), direction)
        else:
            found = study.conv(shape, out, _pair(kernel), stride, padding, groups, direction)
    _show(found, json)
    if plot is not None:
        found.draw(plot)
        say(f"Wrote {escape(str(plot))}")


@lab.command()
def sweep(threads: Threads = None, json: AsJson = False) -> None:
    """How good are the predictions of `ninx lab conv`? Sixty layers in three directions, each predicted and then measured."""
    if threads is not None:
        set_num_threads(threads)
    from ..benchmarks import lab as study

    with _measuring(json):
        found = study.sweep()
    _show(found, json)


def _measuring(json: bool) -> Any:
    return console.status("measuring") if moving() and not json else nullcontext()


def _show(found: Any, json: bool) -> None:
    """The table and what stands below it, or JSON."""
    if json:
        console.print(json_text.dumps(found.as_json(), indent=1), markup=False, soft_wrap=True)
        return
    found.sheet().show(console)
    for line in found.below():
        say(escape(line))


def _pair(text: str) -> tuple[int, int]:
    """A kernel's size: "3" or "3x5"."""
    parts = text.split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) for part in parts):
        raise ValueError(f"lab conv: --kernel is a size such as 3 or 3x5, not {text!r}")
    return int(parts[0]), int(parts[-1])


def _kernels(text: str) -> list[int]:
    """The sizes in "1,3,5,7"."""
    if not all(part.strip().isdecimal() and int(part) % 2 for part in text.split(",")):
        raise ValueError(f"lab conv: --compare is a list of odd sizes such as 1,3,5,7, not {text!r}")
    return sorted({int(part) for part in text.split(",")})
