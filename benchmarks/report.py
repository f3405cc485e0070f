"""What a suite found: a table for the terminal, JSON for programs, pictures for people."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from ..files import write_atomically
from ..tables import Column, Sheet
from .measure import Machine

TEXT = {
    "group",
    "layer",
    "direction",
    "preset",
    "engine",
    "what",
    "kernel",
    "what grows",
    "sizes",
    "ms",
    "a rank",
    "batch",
}  # the columns that hold words
SPARE = {  # and those that a narrow terminal can do without, the first to go with the highest number
    "group": 12, "FLOP/byte": 11, "GB/s": 10, "workspace MB": 9, "im2col ms": 8, "GEMM ms": 7, "direct ms": 6, "share of copy": 5,
    "PyTorch ms": 4, "PyTorch MB": 4, "channels_last ms": 3, "channels_last MB": 3, "PyTorch channels_last ms": 3, "input": 2,
    "share": 2, "share of roof": 2, "PyTorch TF32 ms": 2, "channels_last TF32 ms": 2, "PyTorch channels_last ms TF32": 2,
    "GFLOP/s": 1, "ms an image": 1,
}  # fmt: skip
MOST = 100  # characters of a line, also in a pipe
KERNELS = {"1x1": ("tab:blue", ""), "k x k": ("tab:orange", "//")}  # in pictures: colours, and hatching of bars
_listener: ContextVar[Callable[[str], None] | None] = ContextVar("_listener", default=None)


@contextmanager
def told_to(listener: Callable[[str], None]) -> Iterator[None]:
    """Within it ``listener`` hears of each row as soon as it is measured: the table comes at the end, perhaps minutes later."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@dataclass
class Report:
    """The rows of a suite's table, the same figures as records for JSON, and what is to be said about them."""

    suite: str
    machine: Machine
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, row: list[str], record: dict[str, Any]) -> None:
        """One line."""
        self.rows.append(row)
        self.records.append(record)
        listener = _listener.get()
        if listener is not None:
            words = [cell for name, cell in zip(self.columns, row, strict=False) if name in TEXT - {"ms"}]
            listener(f"{len(self.rows)} measured, the last: {' '.join(words)}")

    def show(self, console: Console, wide: bool = False) -> None:
        """Print machine, table and notes. Columns that do not fit into `MOST` characters are left out, unless ``wide``."""
        m = self.machine
        lines = [f"device {m.device}{m.device_name and f': {m.device_name}'}"]
        threads = f"{m.threads} thread(s) on {m.layer}, vectors used: {m.vectors}" if m.device == "cpu" else "which tells the GPU"
        lines.append(f"{m.processor}; {threads}")
        lines.append(f"NumPy {m.numpy} (BLAS: {m.blas}), PyTorch {m.torch}")
        lines.append(
            f"peak {m.peak:.0f} GFLOP/s (float32), copy {m.bandwidth:.1f} GB/s (read + written); denormals are not flushed"
        )
        sheet = Sheet([Column(name, name in TEXT, SPARE.get(name, 0)) for name in self.columns], self.suite)
        for row in self.rows:
            sheet.add(*row)
        for line in lines:
            console.print(line, markup=False, soft_wrap=not console.is_terminal)
        sheet.show(console, MOST, wide)
        for note in self.notes:
            console.print(note, markup=False, soft_wrap=not console.is_terminal)

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        content = {
            "suite": self.suite,
            "machine": asdict(self.machine),
            "columns": self.columns,
            "rows": self.rows,
            "records": self.records,
            "notes": self.notes,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(content, indent=1).encode() + b"\n")

    def save_csv(self, path: Path) -> None:
        """Write the table, all columns of it, as comma-separated values."""
        text = StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.columns, *self.rows])
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.getvalue().encode())

    def draw(self, folder: Path) -> list[Path]:
        """Pictures: the rates of the convolutions under the roofline, or bars of the ratios to PyTorch.

        1x1 and k x k kernels differ in colour, and in points that are filled or not and bars that are hatched or not.
        """
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
        from matplotlib.ticker import LogLocator, NullFormatter

        folder.mkdir(parents=True, exist_ok=True)
        made = []
        points = [r for r in self.records if "intensity" in r]
        if points:
            figure, axes = plt.subplots(figsize=(8, 5))
            top, slope = self.machine.peak, self.machine.bandwidth
            most = max(r["intensity"] for r in points)
            axes.plot([0.5, top / slope, max(most, top / slope)], [0.5 * slope, top, top], color="black", label="roofline")
            for direction, marker in (("forward", "o"), ("input gradient", "^"), ("weight gradient", "s")):
                for name, (colour, _) in KERNELS.items():
                    chosen = [r for r in points if r["direction"] == direction and _kernel(r) == name]
                    x, y = [r["intensity"] for r in chosen], [r["gflops"] for r in chosen]
                    face = colour if name == "1x1" else "none"
                    axes.scatter(x, y, 28, marker=marker, facecolors=face, edgecolors=colour, label=f"{name}, {direction}")
            axes.set(xscale="log", yscale="log", xlabel="FLOP per byte that must move", ylabel="GFLOP/s")
            axes.set_title(f"{self.suite}: {self.machine.processor.split(';')[0]}", fontsize=10)
            for axis in (axes.xaxis, axes.yaxis):  # 20, 50, 100 rather than powers of ten
                axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axis.set_major_formatter("{x:g}")
                axis.set_minor_formatter(NullFormatter())
            axes.legend(fontsize=8)
            made.append(_write(figure, folder / f"{self.suite}-roofline.png"))
        bars = [r for r in self.records if r.get("ratio")]
        if bars:
            figure, axes = plt.subplots(figsize=(8, 1 + 0.22 * len(bars)))
            names = [r["name"] for r in bars]
            for name, (colour, hatch) in KERNELS.items():
                lengths = [r["ratio"] if _kernel(r) == name else 0.0 for r in bars]
                if any(lengths):
                    axes.barh(names, lengths, color=colour, hatch=hatch, edgecolor="white", linewidth=0, label=name)
            if any("kernel" in r for r in bars):
                axes.legend(fontsize=8)
            axes.axvline(1, color="black", linewidth=1)
            axes.margins(y=0.5 / len(bars))  # half a bar above the first and below the last
            axes.invert_yaxis()
            axes.set(xlabel="times as fast as PyTorch (its better format)", title=self.suite)
            made.append(_write(figure, folder / f"{self.suite}-bars.png"))
        return made


def _kernel(record: dict[str, Any]) -> str:
    """ "1x1" or "k x k"; what is no convolution counts as the first."""
    return "k x k" if record.get("kernel", 1) > 1 else "1x1"


def _write(figure: Any, path: Path) -> Path:
    import matplotlib.pyplot as plt

    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
