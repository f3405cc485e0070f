"""Large kernels by Winograd's convolution, by the plain sum, and in PyTorch: python tests/kernels/large_kernels.py [7 9 11].

Milliseconds, and how many times as fast Winograd's is: median and quartiles of rounds in turns.
"""

from __future__ import annotations

import sys

import numpy as np

from ninx.benchmarks.conv import Layer, _ours, _theirs
from ninx.benchmarks.measure import ratio, take_turns
from ninx.benchmarks.peer import peer

SIZES = (16, 64, 32, 64, 7), (8, 128, 32, 128, 7), (8, 128, 16, 128, 7), (8, 64, 64, 128, 9), (8, 64, 32, 64, 11)
LAYERS = [Layer("", n, c, h, o, k, 1, k // 2) for n, c, h, o, k in SIZES]


def show(layer: Layer, direction: str) -> None:
    """A row."""
    geo, rng, beside = layer.geometry, np.random.default_rng(0), peer("cpu")
    shapes = (geo.N, geo.H, geo.W, geo.C), (geo.O, geo.KH, geo.KW, geo.C), (geo.O,), (geo.N, geo.OH, geo.OW, geo.O)
    arrays = [rng.standard_normal(shape, np.float32) for shape in shapes]
    ours = _ours(direction, *arrays, geo)
    assert beside is not None, "PyTorch is not installed"
    works = {name: ours[name] for name in ("fast", "direct")} | _theirs(beside, direction, *arrays, layer)
    times = dict(zip(works, take_turns([*works.values()], 9, warm_up=1), strict=True))
    better = min(("PyTorch", "channels_last"), key=lambda name: times[name].median)
    cells = " ".join(f"{1e3 * times[name].median:6.1f}" for name in works)
    print(
        f"{layer.label:28} {direction:15} {cells}   ", *(ratio(times["fast"], times[n]) for n in ("direct", better)), flush=True
    )


if __name__ == "__main__":
    print(
        "layer                        direction       fast, direct, PyTorch, channels_last   over direct, over PyTorch's better"
    )
    for layer in LAYERS:
        for direction in ("forward", "input gradient", "weight gradient"):
            if len(sys.argv) < 2 or str(layer.k) in sys.argv[1:]:
                show(layer, direction)
