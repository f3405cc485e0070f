"""Peak memory of training steps, against PyTorch: how far the resident memory grows from just before the first step.

Each runs in a process of its own, which reads the high-water mark that Linux keeps (VmHWM) before the first and after the
fifth step. On a GPU it is what the memory pool, CuPy's or PyTorch's, has taken from the device, which it keeps by itself.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import ninx

from .. import models, nn
from .measure import Machine
from .peer import LAYOUTS, Peer, peer
from .report import Report
from .step import ours, theirs
from .twins import twin

CASES = [("nin-cifar10", 128, 32), ("nin-mnist", 128, 28), ("nin-d2l", 16, 224)]  # network, batch, pixels
QUICK = [("nin-mnist", 64, 28)]


def high_water(who: str, device: str = "cpu") -> int:
    """Bytes: the most memory that this process has had so far, on a GPU since `forget`."""
    if device != "cpu":
        return int(_pool().total_bytes() if who == "ninx" else _competing(device).torch.cuda.max_memory_reserved(device))
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def forget(who: str, device: str) -> None:
    """Give back what nobody uses, so that the growth of what is taken can be seen."""
    ninx.kernels.clear_memory()
    if device != "cpu" and who == "ninx":
        _pool().free_all_blocks()
    elif device != "cpu":
        cuda = _competing(device).torch.cuda
        cuda.empty_cache()
        cuda.reset_peak_memory_stats(device)


def _pool() -> Any:
    """CuPy's pool of memory of the current device."""
    import cupy

    return cupy.get_default_memory_pool()


def _competing(device: str) -> Peer:
    beside = peer(device)
    if beside is None:
        raise RuntimeError(f"memory: PyTorch is not there to be measured on {device}")
    return beside


def growth(who: str, name: str, batch: int, pixels: int, device: str = "cpu") -> int:
    """Bytes by which five training steps raise the high-water mark. On the CPU meant for a process of its own."""
    net, rng = models.create(name).to(device), np.random.default_rng(0)
    channels = models.preset(name).input_shape[0]
    images = np.ascontiguousarray(rng.standard_normal((batch, pixels, pixels, channels), np.float32)).transpose(0, 3, 1, 2)
    labels = rng.integers(0, 10, batch)

    def training(net: nn.Module, count: int) -> Any:
        few = images[:count], labels[:count], True
        return ours(net, *few) if who == "ninx" else theirs(_competing(device), who, twin(net, who == LAYOUTS[1]), *few)

    training(models.create(name).to(device), 1)()  # what libraries load and compile on first use is not the step's
    step = training(net, batch)
    forget(who, device)
    before = high_water(who, device)
    for _ in range(5):
        step()
    return high_water(who, device) - before


def run(machine: Machine, quick: bool) -> Report:
    """The growth of each network, ours and PyTorch's."""
    columns = ["preset", "batch", "ninx MB", "PyTorch MB", "channels_last MB", "ninx / the smaller"]
    report = Report("memory", machine, columns)
    device = machine.device
    who = ["ninx", *(LAYOUTS if peer(device) is not None else ())]
    measure: Callable[..., int] = _in_a_process if device == "cpu" else partial(growth, device=device)
    for name, batch, pixels in QUICK if quick else CASES:
        bytes_: dict[str, int] = {w: measure(w, name, batch, pixels) for w in who}
        others = [v for w, v in bytes_.items() if w != "ninx"]
        share = bytes_["ninx"] / min(others) if others else None
        row = [
            name,
            str(batch),
            *(f"{bytes_[w] / 1e6:.0f}" if w in bytes_ else "-" for w in ("ninx", *LAYOUTS)),
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
