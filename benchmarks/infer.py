"""Inference of one, eight and 64 images: ninx frozen and eager, PyTorch, ONNX Runtime and OpenVINO, where they are installed.

Each engine runs in a process of its own (`engines`), and they take turns. Before anything is timed, their answers are compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from .engines import ENGINES
from .measure import Machine, Timing, ratio
from .report import Report

CASES = [("nin-cifar10", 32), ("nin-d2l", 224)]
BATCHES = (1, 8, 64)
QUICK = [("nin-cifar10", 32)]
COLUMNS = ["preset", "batch", "engine", "ms a call", "ms an image", "time / frozen's (quartiles)"]
PAUSE = 0.3  # seconds between two turns, until nobody's threads spin any more


class Engine:
    """An engine in its own process. ``answer``: what it makes of the images; ``skipped``: why it cannot, or None."""

    def __init__(self, name: str, *case: Any):
        command = [sys.executable, "-P", "-m", "ninx.benchmarks.engines", name, *map(str, case)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.name = name
        self._process: Any = subprocess.Popen(command, text=True, **pipes)  # type: ignore[call-overload]
        line = self._process.stdout.readline()
        told = json.loads(line) if line else {"skipped": "its process ended"}
        self.skipped, self.version = told.get("skipped"), told.get("version", "")
        self.answer = np.array(told.get("answer", ()))

    def turn(self) -> float:
        """Seconds of one call."""
        time.sleep(PAUSE)
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def run(machine: Machine, rounds: int, quick: bool) -> Report:
    """All cases; quick: one image of nin-cifar10."""
    if machine.device != "cpu":
        raise ValueError("bench infer: measures the processor; leave --device out")
    report = Report("infer", machine, COLUMNS)
    for preset, pixels in QUICK if quick else CASES:
        for batch in BATCHES[:1] if quick else BATCHES:
            _measure(report, preset, batch, pixels, rounds)
    return report


def _measure(report: Report, preset: str, batch: int, pixels: int, rounds: int) -> None:
    engines: list[Engine] = []
    try:
        for name in ENGINES:
            engines.append(Engine(name, preset, batch, pixels, report.machine.threads))
        ready = [e for e in engines if e.skipped is None]
        _verify(preset, ready)
        seconds: dict[str, list[float]] = {e.name: [] for e in ready}
        for _ in range(rounds):
            for engine in ready:
                seconds[engine.name].append(engine.turn())
    finally:
        for engine in engines:
            engine.close()
    timings = {name: Timing(tuple(s)) for name, s in seconds.items()}
    for engine in engines:
        _add(report, preset, batch, engine, timings)


def _verify(preset: str, engines: Sequence[Engine]) -> None:
    """Raise AssertionError unless all answers agree with the first one to 1e-4 of the largest value."""
    expected = engines[0].answer
    for engine in engines:
        error = float(np.abs(engine.answer - expected).max() / np.abs(expected).max())
        if not error < 1e-4:
            raise AssertionError(f"{preset}: {engine.name} and {engines[0].name} differ by {error:.1e}")


def _add(report: Report, preset: str, batch: int, engine: Engine, timings: dict[str, Timing]) -> None:
    if engine.skipped is not None:
        report.add([preset, str(batch), engine.name, "-", "-", "-"], {"name": preset, "batch": batch, "engine": engine.name})
        note = f"{engine.name} is left out: {engine.skipped}"
    else:
        timing, frozen = timings[engine.name], timings[next(iter(ENGINES))]
        times = ratio(frozen, timing)
        ms = 1e3 * timing.median
        report.add(
            [preset, str(batch), engine.name, f"{ms:.2f}", f"{ms / batch:.2f}", str(times)],
            {"name": preset, "batch": batch, "engine": engine.name, "seconds": timing.seconds, "times": asdict(times)},
        )
        note = engine.version
    if note not in report.notes:
        report.notes.append(note)
