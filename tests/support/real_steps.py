"""How much memory training steps really take: run as a program, in a process of its own. Prints a line of JSON.

    python tests/support/real_steps.py PRESET BATCH [OPTIMIZER]

    growth   by how much the resident memory has grown at most (VmHWM) since just before the first step
    pool     by how much the pool's own peak has
    place    where most was in use, by the ledger of `ninx.study.dry`, with kernels that compute and weights that have values

Before that the kernels are loaded and compiled by another, smaller network, whose memory is then given back.
"""

import ctypes
import gc
import json
import sys

import numpy as np

import ninx
from ninx import models, nn, optim
from ninx.study import dry, uncomputed

OPTIMIZERS = {"sgd": lambda p: optim.SGD(p, lr=1e-4, momentum=0.9), "adam": lambda p: optim.Adam(p, lr=1e-4)}


def small() -> nn.Module:
    """A network of all kinds of layers."""
    layers = [
        *(nn.Conv2d(3, 40, 5, padding=2), nn.ReLU(), nn.Conv2d(40, 40, 1), nn.ReLU(), nn.Conv2d(40, 40, 3, padding=1), nn.ReLU()),
        *(nn.MaxPool2d(3, 2, ceil_mode=True), nn.Dropout(), nn.Conv2d(40, 40, 5, padding=2), nn.BatchNorm2d(40), nn.ReLU()),
        *(nn.MaxPool2d(2, 2), nn.LocalResponseNorm(5), nn.AvgPool2d(3, 2, ceil_mode=True), nn.Dropout()),
        *(nn.Conv2d(40, 40, 3, stride=2, padding=1, groups=2), nn.ReLU(), nn.Conv2d(40, 36, 1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(36, 100), nn.ReLU(), nn.Dropout(), nn.Linear(100, 10)),
    ]
    return nn.Sequential(*layers)


def stepper(net: nn.Module, shape: tuple[int, ...], batch: int, optimizer: str):
    c, h, w = shape
    rng = np.random.default_rng(0)
    x = ninx.from_numpy(rng.standard_normal((batch, h, w, c), np.float32).transpose(0, 3, 1, 2))
    labels, trained = ninx.from_numpy(rng.integers(0, 10, batch)), OPTIMIZERS[optimizer](net.parameters())

    def step() -> None:
        trained.zero_grad()
        uncomputed.loss_of(net(x), labels).backward()
        trained.step()

    return step


def status(key: str) -> int:
    """Bytes, from what Linux tells of a process."""
    with open("/proc/self/status", encoding="ascii") as file:
        return 1024 * int(next(line for line in file if line.startswith(key)).split()[1])


def trimmed() -> None:
    """Give back to the system what nobody uses."""
    gc.collect()
    ninx.kernels.clear_memory()
    ctypes.CDLL(None).malloc_trim(0)


def main(name: str, batch: int, optimizer: str = "sgd") -> dict[str, object]:
    step = stepper(small(), (3, 48, 48), 2, optimizer)
    step()
    step()
    del step
    trimmed()
    shape = models.preset(name).input_shape
    step = stepper(models.create(name), shape, batch, optimizer)
    trimmed()
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # forget the high-water mark
    before, lent = status("VmRSS"), ninx.memory_stats().lent
    for _ in range(3):
        step()
    growth, pool = status("VmHWM") - before, ninx.memory_stats().peak - lent
    del step
    trimmed()
    with (
        uncomputed.swapped(uncomputed, "silence", uncomputed.enable_grad),
        uncomputed.swapped(uncomputed, "_unmultiplied", lambda thread: np.matmul),
        uncomputed.swapped(dry, "without_values", lambda net: net),
    ):
        place = dry.dry_steps(models.create(name), shape, batch, optimizer).place
    return {"growth": growth, "pool": pool, "place": list(place)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])))
