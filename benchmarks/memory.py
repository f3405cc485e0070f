"""Peak memory of training steps, against PyTorch: how far the resident memory grows from just before the first step.

Each runs in a process of its own, which reads the high-water mark that Linux keeps (VmHWM) before the first and after the
fifth step.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np

import ninx

from .. import models
from .measure import Machine, torch_or_none
from .report import Report
from .step import ours, theirs
from .twins import twin


def high_water() -> int:
    """Bytes: the most memory that this process has had so far."""
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def growth(who: str, name: str, batch: int, pixels: int) -> int:
    """Bytes by which five training steps raise the high-water mark. Meant for a process of its own."""
    net, rng = models.create(name), np.random.default_rng(0)
    channels = models.preset(name).input_shape[0]
    images = np.ascontiguousarray(rng.standard_normal((batch, pixels, pixels, channels), np.float32)).transpose(0, 3, 1, 2)
    labels = rng.integers(0, 10, batch)
    if who == "ninx":
        small, few = ours(models.create(name), images[:1], labels[:1], True), 1
    else:
        small, few = (
            theirs(twin(models.create(name), who == "channels_last"), images[:1], labels[:1], True, who == "channels_last"),
            1,
        )
    for _ in range(few):
        small()  # what libraries load and compile on first use is not the step's
    del small
    if who == "ninx":
        step = ours(net, images, labels, True)
    else:
        step = theirs(twin(net, who == "channels_last"), images, labels, True, who == "channels_last")
    ninx.kernels.clear_memory()
    before = high_water()
    for _ in range(5):
        step()
    return high_water() - before


def run(machine: Machine, quick: bool) -> Report:
    """The growth of each network, ours and PyTorch's."""
    columns = ["preset", "batch", "ninx MB", "PyTorch MB", "channels_last MB", "ninx / the smaller"]
    report = Report("memory", machine, columns)
    cases = [("nin-mnist", 64, 28)] if quick else [("nin-cifar10", 128, 32), ("nin-mnist", 128, 28), ("nin-d2l", 16, 224)]
    who = ["ninx"] + (["PyTorch", "channels_last"] if torch_or_none() is not None else [])
    for name, batch, pixels in cases:
        bytes_: dict[str, int] = {w: _in_a_process(w, name, batch, pixels) for w in who}
        others = [v for w, v in bytes_.items() if w != "ninx"]
        share = bytes_["ninx"] / min(others) if others else None
        row = [
            name,
            str(batch),
            *(f"{bytes_[w] / 1e6:.0f}" if w in bytes_ else "-" for w in ("ninx", "PyTorch", "channels_last")),
        ]
        record: dict[str, Any] = {"name": name, "batch": batch, "bytes": bytes_, "share": share}
        report.add([*row, "-" if share is None else f"{share:.2f}"], record)
    return report


def _in_a_process(*arguments: Any) -> int:
    code = f"from ninx.benchmarks import memory; print(memory.growth(*{arguments!r}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"memory: the process of {arguments[0]} failed: {result.stderr.strip().splitlines()[-1]}")
    return int(result.stdout.split()[-1])
