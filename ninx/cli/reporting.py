"""``ninx report``: one page about a training, or several side by side."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ..kernels import compile_ahead
from ..study.report import REPORT, report
from ..train.checkpoint import CHECKPOINT
from .console import DataDir, Device, console, moving, say, whole


def write_report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders; several are set side by side.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page. Default: report.html in the run folder, or here for several.")
    ] = None,
    data_dir: DataDir = None,
    device: Device = "cpu",
) -> None:
    """Write one page about a training that opens in any browser: curves, mistakes, calibration, layers, recipe, files."""
    if device == "cpu":
        compile_ahead(training=False)
    folder = runs[0].parent if runs[0].name == CHECKPOINT else runs[0]
    path = out or (folder / REPORT if len(runs) == 1 else Path(REPORT))
    if path.is_dir():
        path = path / REPORT
    with console.status("evaluating") if moving() else nullcontext():
        found = report(runs, path, data_dir, device)
    for why in dict.fromkeys(run.absent for run in found if run.absent):
        say(f"[yellow]Without the parts that need the images:[/] {escape(why)}.")
    say(f"Wrote {path.stat().st_size / 1000:,.0f} kB, which open in any browser:")
    whole(str(path))
