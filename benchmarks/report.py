"""What a suite found: a table for the terminal, JSON for programs, pictures for people."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
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
}  # the columns that hold words
SPARE = {  # and those that a narrow terminal can do without, the first to go with the highest number
    "group": 12, "FLOP/byte": 11, "GB/s": 10, "workspace MB": 9, "im2col ms": 8, "GEMM ms": 7, "direct ms": 6, "share of copy": 5,
    "PyTorch ms": 4, "PyTorch MB": 4, "channels_last ms": 3, "channels_last MB": 3, "PyTorch channels_last ms": 3, "input": 2,
    "share": 2, "share of roof": 2, "PyTorch TF32 ms": 2, "channels_last TF32 ms": 2, "PyTorch channels_last ms TF32": 2,
    "GFLOP/s": 1, "ms an image": 1,
}  # fmt: skip


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

    def show(self, console: Console) -> None:
        """Print machine, table and notes."""
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
        sheet.show(console)
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

    def draw(self, folder: Path) -> list[Path]:
        """Pictures: the rates of the convolutions under the roofline, or bars of the ratios to PyTorch."""
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        folder.mkdir(parents=True, exist_ok=True)
        made = []
        points = [r for r in self.records if "intensity" in r]
        if points:
            figure, axes = plt.subplots(figsize=(8, 5))
            top, slope = self.machine.peak, self.machine.bandwidth
            most = max(r["intensity"] for r in points)
            axes.plot([0.5, top / slope, max(most, top / slope)], [0.5 * slope, top, top], color="black", label="roofline")
            for direction, marker in (("forward", "o"), ("input gradient", "^"), ("weight gradient", "s")):
                chosen = [r for r in points if r["direction"] == direction]
                axes.scatter(
                    [r["intensity"] for r in chosen], [r["gflops"] for r in chosen], marker=marker, label=direction, s=18
                )
            axes.set(xscale="log", yscale="log", xlabel="FLOP per byte that must move", ylabel="GFLOP/s", title=self.suite)
            axes.legend()
            made.append(_write(figure, folder / f"{self.suite}-roofline.png"))
        bars = [(r["name"], r["ratio"]) for r in self.records if r.get("ratio")]
        if bars:
            figure, axes = plt.subplots(figsize=(8, 1 + 0.22 * len(bars)))
            axes.barh([name for name, _ in bars], [ratio for _, ratio in bars])
            axes.axvline(1, color="black", linewidth=1)
            axes.invert_yaxis()
            axes.set(xlabel="times as fast as PyTorch (its better format)", title=self.suite)
            made.append(_write(figure, folder / f"{self.suite}-bars.png"))
        return made


def _write(figure: Any, path: Path) -> Path:
    import matplotlib.pyplot as plt

    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
