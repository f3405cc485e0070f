"""``ninx lab sweep``: how good are the predictions? Sixty layers in three directions, each predicted, then measured.

None of them belongs to the calibration. All are predicted before the first of them runs; then they are timed in turns, so that
seconds in which the machine is slow do not hit all rounds of one layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...kernels import fast
from ...kernels.geometry import Geometry
from ...tables import Column, Sheet
from ..measure import take_turns
from .calibration import TURN, Predictor, Roofline, layer, roofline
from .convolution import label, milliseconds
from .counts import DIRECTIONS, work
from .ways import Arrays, function

FACTOR = 1.5
ROUNDS = 5

# Images, input channels, pixels, output channels, kernel; stride, padding.
LAYERS = (
    # 1x1: of NiN, GoogLeNet, ResNet, with stride, with few channels and with many
    (1, 64, 14, 64, 1), (8, 192, 28, 32, 1), (8, 192, 28, 192, 1), (32, 96, 26, 96, 1), (16, 256, 14, 1024, 1),
    (1, 2048, 7, 512, 1), (4, 64, 56, 256, 1), (4, 256, 56, 64, 1), (8, 10, 32, 10, 1), (64, 192, 8, 10, 1),
    (8, 256, 28, 512, 1, 2), (8, 832, 7, 256, 1), (32, 480, 14, 16, 1), (1, 512, 28, 128, 1), (8, 192, 32, 160, 1),
    (16, 160, 16, 96, 1), (32, 192, 8, 192, 1), (8, 384, 12, 384, 1), (4, 16, 64, 64, 1), (1, 3, 224, 64, 1),
    (16, 512, 7, 512, 1), (2, 128, 40, 48, 1), (8, 64, 28, 64, 1, 2), (64, 32, 8, 32, 1), (1, 1024, 14, 256, 1),
    (4, 100, 20, 100, 1), (16, 24, 28, 144, 1), (16, 144, 28, 24, 1), (128, 64, 4, 128, 1), (2, 96, 112, 16, 1),
    # k x k: of NiN, AlexNet, VGG, ResNet, LeNet
    (8, 3, 32, 192, 5, 1, 2), (4, 96, 16, 192, 5, 1, 2), (8, 192, 8, 192, 3, 1, 1), (4, 1, 224, 96, 11, 4),
    (8, 256, 12, 384, 3, 1, 1), (2, 3, 224, 64, 7, 2, 3), (4, 64, 56, 64, 3, 1, 1), (8, 128, 28, 128, 3, 1, 1),
    (1, 512, 7, 512, 3, 1, 1), (2, 128, 56, 128, 3, 2, 1), (8, 16, 28, 32, 5, 1, 2), (8, 32, 28, 96, 5, 1, 2),
    (4, 192, 28, 32, 5, 1, 2), (4, 96, 16, 96, 7, 1, 3), (8, 1, 28, 6, 5, 1, 2), (8, 6, 14, 16, 5), (16, 20, 14, 50, 5),
    (2, 3, 224, 64, 3, 1, 1), (64, 8, 32, 8, 3, 1, 1), (64, 16, 16, 16, 3, 1, 1), (32, 32, 16, 64, 3, 2, 1),
    (16, 24, 20, 40, 3, 1, 1), (2, 192, 28, 32, 7, 1, 3), (2, 48, 13, 100, 4), (8, 160, 8, 224, 3, 1, 1),
    (1, 3, 64, 32, 3, 2, 1), (4, 96, 27, 256, 5, 1, 2), (8, 384, 13, 384, 3, 1, 1), (1, 64, 112, 64, 3, 1, 1),
    (2, 64, 16, 64, 9, 1, 4),
)  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """A layer in one direction, and its seconds."""

    layer: str
    direction: str
    kernel: int
    kind: str
    roof: float
    predicted: float
    measured: float

    @property
    def ratio(self) -> float:
        """Predicted by measured."""
        return self.predicted / self.measured

    @property
    def off(self) -> float:
        """By what factor the prediction is wrong, 1 or more."""
        return max(self.ratio, 1 / self.ratio)


@dataclass(frozen=True)
class Sweep:
    """All trials; printed, a table with a sentence."""

    roof: Roofline
    trials: list[Trial]

    def sheet(self) -> Sheet:
        """A row for each trial; what is off by more than `FACTOR` is marked."""
        heads = [
            Column("layer", text=True),
            Column("", text=True),
            Column("kernels", text=True, spare=1),
            Column("roof", spare=2),
        ]
        table = Sheet([*heads, Column("predicted"), Column("measured"), Column("ratio")], "the compiled kernels; times in ms")
        for t in self.trials:
            times = map(milliseconds, (t.roof, t.predicted, t.measured))
            style = "yellow" if t.off > FACTOR else ""
            table.add(t.layer, t.direction, t.kind.split(",")[0], *times, f"{t.ratio:.2f}", style=style)
        return table

    def share(self, chosen: Callable[[Trial], bool] = lambda trial: True) -> tuple[int, int]:
        """(how many of the chosen trials are within `FACTOR`, of how many)."""
        some = [t for t in self.trials if chosen(t)]
        return sum(t.off <= FACTOR for t in some), len(some)

    def conclusion(self) -> list[str]:
        """The share within the factor: of all, of 1x1 and k x k, and of each direction; and the worst."""
        good, all_of_them = self.share()
        worst = max(self.trials, key=lambda t: t.off)
        groups: list[tuple[str, Callable[[Trial], bool]]] = [
            ("1x1", lambda t: t.kernel == 1), ("k x k", lambda t: t.kernel > 1),
            *((d, lambda t, d=d: t.direction == d) for d in DIRECTIONS),
        ]  # fmt: skip
        parts = [(name, *self.share(chosen)) for name, chosen in groups]
        middle = float(np.median([t.off for t in self.trials]))
        return [
            f"Within a factor of {FACTOR}: {good} of {all_of_them} ({good / all_of_them:.0%}); "
            + ", ".join(f"{name} {a} of {n}" for name, a, n in parts if n) + ".",
            f"The median factor is {middle:.2f}, the worst {worst.off:.2f} ({worst.layer}, {worst.direction}: "
            f"{milliseconds(worst.predicted)} ms predicted, {milliseconds(worst.measured)} ms measured).",
        ]  # fmt: skip

    def below(self) -> list[str]:
        """What stands below the table."""
        return ["", *self.conclusion()]

    def as_json(self) -> dict[str, Any]:
        """All figures; seconds."""
        trials = [asdict(t) | {"ratio": t.ratio} for t in self.trials]
        return {"roofline": asdict(self.roof), "trials": trials, "conclusion": self.conclusion()}


def sweep(sizes: Sequence[tuple[int, ...]] = LAYERS, rounds: int = ROUNDS) -> Sweep:
    """Predict and measure layers, each (N, C, H, O, kernel, stride, padding), in all three directions."""
    cases = [(layer(*size), direction) for size in sizes for direction in DIRECTIONS]
    works = [work("fast", direction, geo) for geo, direction in cases]
    predictor = Predictor(roofline())
    predictor.calibrate(dict.fromkeys(w.kind for w in works), never=[geo for geo, _ in cases])
    predicted = [predictor.seconds(w) for w in works]
    arrays: dict[Geometry, Arrays] = {geo: Arrays(geo) for geo, _ in cases}
    times = take_turns([function(fast, "auto", d, geo, arrays[geo]) for geo, d in cases], rounds, TURN, warm_up=1)
    trials = [
        Trial(label(geo), d, max(geo.KH, geo.KW), w.kind, predictor.roof.seconds(w.flops, w.moved), guess, timing.median)
        for (geo, d), w, guess, timing in zip(cases, works, predicted, times, strict=True)
    ]
    return Sweep(predictor.roof, trials)
