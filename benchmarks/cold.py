"""What a program waits for before its first training step: the import, and the kernels, compiled or from the disk.

Each measurement is a process of its own, which reads the clock itself: the start of Python is not ours. Its step is that of a
small network with batch normalisation on random images. With an empty cache the kernels are compiled, by this process alone or
by several (`kernels.compile_ahead`); with a warm one they are read. The three take turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from .measure import Machine, Timing
from .report import Report

STEP = """
net = nn.Sequential(
    nn.MLPConv(1, (32, 32, 32), 5, stride=2, padding=2, batch_norm=True), nn.MaxPool2d(3, 2, ceil_mode=True),
    nn.MLPConv(32, (32, 32, 10), 5, padding=2, batch_norm=True, last_relu=False), nn.GlobalAvgPool2d(), nn.Flatten(),
)
learn = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
F.cross_entropy(net(ninx.rand(64, 1, 28, 28)), ninx.tensor([1] * 64)).backward()
learn.step()
"""
PROGRAM = """
import json, time
start = time.perf_counter()
import ninx
import ninx.functional as F
from ninx import nn, optim
imported = time.perf_counter()
{ahead}
{step}
print(json.dumps([imported - start, time.perf_counter() - imported]))
"""
CASES = {"empty cache": "", "empty cache, several processes": "ninx.kernels.compile_ahead()", "warm cache": ""}
IMPORT, FIRST = "import", "first step"


def run(machine: Machine, rounds: int, measure: Callable[[str, Path], tuple[float, float]] | None = None) -> Report:
    """Seconds of import and first step in each case, ``rounds`` times in turns."""
    report = Report("cold", machine, ["what", "cache", "s", "quartiles"])
    measure = measure or one
    found: dict[str, list[tuple[float, float]]] = {case: [] for case in CASES}
    with ExitStack() as folders:
        warm = Path(folders.enter_context(tempfile.TemporaryDirectory()))
        measure("", warm)  # fills it
        for _ in range(rounds):
            for case, ahead in CASES.items():
                with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
                    found[case].append(measure(ahead, warm if case == "warm cache" else Path(empty)))
    _add(report, IMPORT, "none", [imported for times in found.values() for imported, _ in times])
    for case, times in found.items():
        _add(report, FIRST, case, [first for _, first in times])
    return report


def _add(report: Report, what: str, case: str, seconds: list[float]) -> None:
    timing = Timing(tuple(seconds))
    low, high = timing.quartiles
    row = [what, case, f"{timing.median:.2f}", f"{low:.2f} to {high:.2f}"]
    report.add(row, {"name": f"{what}, {case}", "seconds": seconds, "median": timing.median})


def one(ahead: str, cache: Path) -> tuple[float, float]:
    """Seconds of import and first step in a process with this folder for its cache."""
    program = PROGRAM.format(ahead=ahead, step=STEP)
    environment = {**os.environ, "NINX_CACHE_DIR": str(cache)}
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)
    if result.returncode:
        raise RuntimeError(f"cold: the process failed: {result.stderr.strip().splitlines()[-1]}")
    imported, first = json.loads(result.stdout)
    return imported, first
