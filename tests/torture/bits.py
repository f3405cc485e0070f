"""What is the same bit for bit, and on which condition: the same work is done in processes that differ in one thing each.

The work is that of a Network in Network with dropout and batch normalisation, and of a network with stride and a fully connected
layer, whose matrix products are NumPy's: the answers to 16 images, the gradients of a first step, the weights after ten. Where
they are not the same, the largest difference is told, relative to the largest number of its array.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

# The condition, with what it is compared with (the number of a row), its environment, and options of `work`.
CONDITIONS: list[tuple[str, int | None, dict[str, str], str]] = [
    ("2 threads", None, {}, ""),
    ("the same again", 0, {}, ""),
    ("the same beside three processes that compute", 0, {}, "load"),
    ("the same in a forked child", 0, {}, "fork"),
    ("1 thread", 0, {}, "threads=1"),
    ("3 threads", 0, {}, "threads=3"),
    ("8 threads", 0, {}, "threads=8"),
    ("8 threads on one processor, with 8 on all", 6, {}, "threads=8 one"),
    ("NumPy's products in 1 thread, with 2", 0, {"OPENBLAS_NUM_THREADS": "1"}, ""),
    ("vectors of 16 bytes (another instruction set)", 0, {"NINX_VECTOR": "16x16"}, ""),
    ("the tier strided", 0, {"NINX_KERNELS": "strided"}, ""),
    ("answers to batches of 4, with 16", 0, {}, "batch=4"),
    ("answers one by one, with 16", 0, {}, "batch=1"),
    ("answers of the frozen network", 0, {}, "frozen"),
    ("--deterministic", None, {}, "deterministic"),
    ("--deterministic on one processor, with all", 14, {"OMP_NUM_THREADS": "1"}, "deterministic one"),
    ("--deterministic, NumPy's products told 1 thread", 14, {"OPENBLAS_NUM_THREADS": "1"}, "deterministic"),
]
PARTS = ("answers", "gradients", "weights")


def networks() -> list[tuple[Any, tuple[int, ...]]]:
    """The two, and the shape of an image of theirs."""
    import ninx
    from ninx import nn

    ninx.manual_seed(0)
    plain = [nn.Conv2d(3, 16, 3, stride=2), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.ReLU(), nn.Flatten()]
    return [
        (ninx.models.create("nin-mnist", batch_norm=True), (1, 28, 28)),
        (nn.Sequential(*plain, nn.Linear(32 * 49, 256), nn.ReLU(), nn.Linear(256, 10)), (3, 31, 31)),
    ]


def work(options: list[str]) -> dict[str, np.ndarray]:
    """All numbers, by their part and name."""
    import ninx
    from ninx import functional as F
    from ninx.train.machine import make_deterministic

    chosen = dict(option.split("=") for option in options if "=" in option)
    if "deterministic" in options:
        make_deterministic("cpu")
    else:
        ninx.set_num_threads(int(chosen.get("threads", 2)))
    found: dict[str, np.ndarray] = {}
    for number, (net, shape) in enumerate(networks()):
        rng = np.random.default_rng(number)
        images, labels = rng.standard_normal((16, *shape)).astype(np.float32), ninx.Tensor(rng.integers(0, 10, 16))
        size, answer = int(chosen.get("batch", 16)), ninx.freeze(net, shape) if "frozen" in options else net.eval()
        with ninx.no_grad():
            parts = [answer(ninx.Tensor(images[i : i + size])).numpy() for i in range(0, 16, size)]
        found[f"answers/{number}"] = np.concatenate(parts)
        net.train()
        learn = ninx.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
        for step in range(10):
            learn.zero_grad()
            F.cross_entropy(net(ninx.Tensor(images)), labels).backward()
            if step == 0:
                found |= {f"gradients/{number}/{k}": p.grad.numpy().copy() for k, p in net.named_parameters()}
            learn.step()
        found |= {f"weights/{number}/{k}": v.numpy().copy() for k, v in net.state_dict().items()}
    return found


def difference(a: dict[str, np.ndarray], b: dict[str, np.ndarray], part: str) -> str:
    """ "same", or by how much at most."""
    pairs = [(a[k], b[k]) for k in a if k.startswith(part)]
    if all(x.tobytes() == y.tobytes() for x, y in pairs):
        return "same"
    return f"{max(float(abs(x - y).max() / max(abs(y).max(), 1e-30)) for x, y in pairs):.0e}"


def rows() -> list[tuple[str, ...]]:
    """The table: a row for each condition."""
    made, found = [], [("condition", *PARTS)]
    with tempfile.TemporaryDirectory() as folder:
        for number, (what, other, environment, options) in enumerate(CONDITIONS):
            path = Path(folder) / f"{number}.npz"
            command = [sys.executable, str(Path(__file__)), str(path), *options.split()]
            own = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "NINX_KERNELS")}
            busy = "load" in options
            idle = "while True: sum(range(1000))"
            load = [subprocess.Popen([sys.executable, "-c", idle]) for _ in range(3)] if busy else []
            try:
                subprocess.run(command, env=own | {"OPENBLAS_NUM_THREADS": "2"} | environment, check=True)
            finally:
                for process in load:
                    process.kill()
                    process.wait()
            with np.load(path) as file:
                made.append(dict(file))
            if other is not None:
                only = PARTS[:1] if "batch" in options or "frozen" in options else PARTS
                told = [difference(made[number], made[other], part) if part in only else "" for part in PARTS]
                found.append((what, *told))
    return found


def _main(path: str, options: list[str]) -> None:
    if "one" in options and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
    if "fork" in options and os.fork():
        os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
    np.savez(path, **work(options))
    if "fork" in options:
        os._exit(0)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2:])
