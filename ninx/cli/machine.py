"""``ninx doctor`` and ``ninx bench``: what this machine has, and how fast it is."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ninx.kernels.names import unknown

from ..doctor import findings
from ..files import need_place
from ..kernels import compile_ahead, set_num_threads
from ..looks import shortened
from .complete import suite_names
from .console import Device, console, moving, say


def doctor() -> None:
    """Say what is installed, what is missing, and what to install: for the processor and for GPUs."""
    for finding in findings():
        mark = "[green]ok[/]     " if finding.good else "[yellow]missing[/]"
        say(f"{mark} {escape(finding.sentence)}")


def bench(
    suite: Annotated[
        str,
        typer.Argument(help="conv, step, infer, memory, scaling, pool, elementwise, cold or scale.", autocompletion=suite_names),
    ],
    quick: Annotated[bool, typer.Option("--quick", help="Fewer cases and rounds: done in about a minute.")] = False,
    batch: Annotated[int, typer.Option(help="Images of the convnet and deepbench layers of conv.", min=1)] = 16,
    threads: Annotated[int | None, typer.Option(help="Number of threads, ours and PyTorch's.", min=1)] = None,
    wide: Annotated[bool, typer.Option("--wide", help="All columns, however long the lines get.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table to this file, as comma-separated values.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw pictures into this folder.")] = None,
    device: Device = "cpu",
) -> None:
    """Measure this machine: 1x1 against k x k convolutions, whole steps, memory, scaling; against PyTorch where it is installed.

    Every result is checked before it is timed; the functions take turns, and medians with quartiles are shown. With --device cuda
    PyTorch competes on the same GPU, where it sees one: in float32 proper, and as it comes, with TF32 in convolutions.
    """
    from .. import benchmarks  # with Numba, and PyTorch if it is there
    from ..benchmarks.report import told_to

    if suite not in benchmarks.SUITES:
        raise ValueError(unknown("suite", suite, benchmarks.SUITES))
    need_place(json)
    need_place(csv)
    if plots is not None and plots.exists() and not plots.is_dir():
        raise NotADirectoryError(f"{plots} is a file; name a folder to draw into")
    if threads is not None:
        set_num_threads(threads)
    if device == "cpu" and suite != "cold":  # which wants to compile alone
        compile_ahead()
    with ExitStack() as stack:
        if moving():
            status = stack.enter_context(console.status("measuring"))
            stack.enter_context(told_to(lambda words: status.update(escape(shortened(words, console.width - 4)))))
        report = benchmarks.run(suite, quick, batch, device)
    report.show(console, wide)
    if json is not None:
        report.save(json)
    if csv is not None:
        report.save_csv(csv)
    for path in report.draw(plots) if plots is not None else ():
        say(f"Wrote {escape(str(path))}")
