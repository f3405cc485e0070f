"""How good is the rule that sends a convolution through Winograd's way? python tests/kernels/where_winograd_pays.py [--packed].

Random layers in both ways, in turns: forward pass and both gradients together, or with --packed a frozen layer's forward pass.
Printed is how much longer than the better way the one took that the rule chooses, and what either way alone would have cost.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from types import ModuleType

import numpy as np

from ninx.benchmarks.conv import Layer
from ninx.benchmarks.measure import Work, take_turns
from ninx.kernels import memory
from ninx.kernels.cpu.conv import direct, winograd
from ninx.kernels.geometry import Geometry
from ninx.kernels.threads import get_num_threads

SECONDS = 80
KERNELS = 3, 3, 3, 4, 5, 5, 5, 6, 7, 9, 11
PIXELS = 6, 7, 8, 10, 12, 14, 16, 20, 28, 32, 56
CHANNELS = (8, 10, 12, 16, 16, 20, 24, 28, 32, 32, 48, 64, 96, 128, 192, 256)
WAYS = winograd, direct


def drawn(packed: bool) -> Iterator[Geometry]:
    """Layers of up to 1,000 million multiply-adds that Winograd's way can do."""
    rng = np.random.default_rng(0)
    while True:
        k, h, c, o = (int(rng.choice(some)) for some in (KERNELS, PIXELS, CHANNELS, CHANNELS))
        each, padding = h * h * k * k * c * o, k // 2 if rng.random() < 0.8 else 0
        n = 1 if packed else max(1, round(10 ** rng.uniform(6.3, 8.7) / each))
        if each * n < 1e9 and n * h * h * max(c, o) < 2e7 and h + 2 * padding - k >= 2:
            geo = Layer("", n, c, h, o, k, 1, padding).geometry
            if winograd.tiles(geo) >= winograd.FEWEST:
                yield geo


def works(way: ModuleType, geo: Geometry, packed: bool) -> Work:
    """What is timed."""
    rng = np.random.default_rng(0)
    shapes = (geo.N, geo.H, geo.W, geo.C), (geo.O, geo.KH, geo.KW, geo.C), (geo.O,), (geo.N, geo.OH, geo.OW, geo.O)
    x, w, b, g = (rng.standard_normal(shape, np.float32) for shape in shapes)
    if packed:
        workspace = memory.empty((get_num_threads(), winograd.workspace_size(geo, 4)), np.float32)
        run: Work = way.prepared(x, way.pack(w, b, geo), g, geo, True, workspace).run
        return run
    return lambda: (way.conv2d(x, w, b, geo, True), way.conv2d_input_grad(g, w, geo, x), way.conv2d_weight_grad(x, g, geo, True))


if __name__ == "__main__":
    packed, end = "--packed" in sys.argv, time.monotonic() + SECONDS
    lost: dict[str, list[float]] = {"the rule": [], "always Winograd": [], "always the plain sum": []}
    for geo in drawn(packed):
        times = [t.median for t in take_turns([works(way, geo, packed) for way in WAYS], 5, 0.01, warm_up=1)]
        chosen = times[0 if winograd.fits(geo, np.dtype(np.float32), packed) else 1]
        for name, took in zip(lost, (chosen, *times), strict=True):
            lost[name].append(took / min(times))
        if time.monotonic() > end:
            break
    print(f"{len(lost['the rule'])} layers; time beyond that of the better way: geometric mean, 95 of 100 layers, worst")
    for name, found in lost.items():
        mean, (high, worst) = np.exp(np.mean(np.log(found))), np.percentile(found, [95, 100])
        print(f"{name:20} {mean - 1:5.1%} {high - 1:5.0%} {worst - 1:5.0%}")
