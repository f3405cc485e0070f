"""``ninx lab conv``: one convolution, all ways: what each does, how long it should take and takes, and how exact it is."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...kernels import clear_memory, memory_stats
from ...kernels.geometry import Geometry, Pair, convolution
from ...kernels.names import unknown
from ...kernels.types import Array
from ...tables import Column, Sheet
from ..measure import Timing, take_turns
from .calibration import Predictor, Roofline, roofline
from .counts import DIRECTIONS, work
from .ways import MEANING, Arrays, error, exact, ways

ROUNDS, TURN = 5, 0.02


@dataclass(frozen=True)
class Row:
    """A way: floating-point operations, bytes, and seconds; ``error`` is relative to the largest value of the float64 result.

    moved       bytes that it reads and writes, each array as often as it goes over it
    workspace   bytes that it needs beside input, weights and result, at most at one time
    roof        seconds of a perfect kernel, see `calibration.Roofline`
    predicted   seconds, see `calibration.Predictor`
    measured    seconds: median, and first and third quartile
    """

    way: str
    flops: float
    moved: float
    workspace: int
    roof: float
    predicted: float
    measured: float
    quartiles: tuple[float, float]
    error: float

    @property
    def intensity(self) -> float:
        """Floating-point operations for each byte that is moved."""
        return self.flops / self.moved

    @property
    def off(self) -> float:
        """By what factor the prediction is wrong, 1 or more."""
        return max(self.predicted / self.measured, self.measured / self.predicted)


@dataclass(frozen=True)
class Study:
    """What was found about a convolution; printed, it is a table."""

    geo: Geometry
    direction: str
    roof: Roofline
    rows: list[Row]
    absent: dict[str, str]

    @property
    def title(self) -> str:
        """ "8x192x28x28 -> 32, kernel 1x1, forward" """
        return f"{label(self.geo)}, {WORDS[self.direction]}"

    def sheet(self) -> Sheet:
        """A row for each way."""
        heads = [Column("way", text=True), Column("MFLOP"), Column("MB"), Column("FLOP/B", spare=1), Column("work")]
        heads += [Column("roof"), Column("predicted"), Column("measured"), Column("error")]
        table = Sheet(heads, self.title)
        for r in self.rows:
            amounts = digits(r.flops / 1e6), digits(r.moved / 1e6), f"{r.intensity:.1f}", digits(r.workspace / 1e6)
            table.add(r.way, *amounts, *map(milliseconds, (r.roof, r.predicted, r.measured)), f"{r.error:.0e}")
        return table

    def below(self) -> list[str]:
        """What the columns mean, what was left out and why, and the conclusion."""
        lines = ["MB: moved, all passes; work: MB of workspace; roof, predicted, measured: ms; error: against float64."]
        lines.append(
            f"roof: what a perfect kernel would take at {self.roof.peak / 1e9:.0f} GFLOP/s and "
            f"{self.roof.copies[-1][1] / 1e9:.0f} GB/s from memory ({max(r for _, r in self.roof.copies) / 1e9:.0f} from caches)."
        )
        lines += [f"{r.way}: {MEANING[r.way]}." for r in self.rows]
        lines += [f"{way}: left out, {why}." for way, why in self.absent.items()]
        return [*lines, "", self.conclusion()]

    def conclusion(self) -> str:
        """In one sentence: which way is the fastest, what limits it, and how good the predictions were."""
        best = min(self.rows, key=lambda r: r.measured)
        by_bytes = best.moved / self.roof.bandwidth(best.moved) > best.flops / self.roof.peak
        limit = "the bytes that it moves" if by_bytes else "its multiply-adds"
        slow = next((r for r in self.rows if r.way == "im2col" and r is not best), None)
        against = f", {slow.measured / best.measured:.1f} times as fast as im2col" if slow else ""
        worst = max(self.rows, key=lambda r: r.off)
        return (
            f"{best.way} takes {milliseconds(best.measured)} ms{against}, and {best.measured / best.roof:.1f} times as long as "
            f"the roof allows, which is set by {limit}; the worst prediction, of {worst.way}, is off by a factor of "
            f"{worst.off:.2f}."
        )

    def as_json(self) -> dict[str, Any]:
        """All figures, in FLOP, bytes and seconds."""
        geo = {name: value for name, value in self.geo._asdict().items() if name != "operation"}
        rows = [asdict(r) | {"intensity": r.intensity} for r in self.rows]
        return {"layer": geo, "direction": self.direction, "macs": self.geo.macs, "roofline": asdict(self.roof), "ways": rows,
                "left out": self.absent, "conclusion": self.conclusion()}  # fmt: skip


WORDS = {"forward": "forward", "input": "gradient of the input", "weight": "gradient of the weights"}


def label(geo: Geometry) -> str:
    """A convolution in words.

    >>> from ninx.kernels.geometry import convolution
    >>> ninx.benchmarks.lab.convolution.label(convolution("conv2d", (8, 192, 28, 28), (32, 192, 5, 5), padding=(2, 2)))
    '8x192x28x28 -> 32, kernel 5x5, padding 2'
    """
    text = f"{geo.N}x{geo.C}x{geo.H}x{geo.W} -> {geo.O}, kernel {geo.KH}x{geo.KW}"
    for name, (a, b), usual in (("stride", (geo.SH, geo.SW), 1), ("padding", (geo.PH, geo.PW), 0)):
        if (a, b) != (usual, usual):
            text += f", {name} {a}" + f"x{b}" * (a != b)
    return text + f", {geo.groups} groups" * (geo.groups > 1)


def digits(number: float) -> str:
    """Three digits or so."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.2f}" if number >= 1 else f"{number:.3f}"


def milliseconds(seconds: float) -> str:
    """Seconds in ms."""
    return digits(1e3 * seconds)


def conv(
    input: Sequence[int],
    out: int,
    kernel: int | Pair = 1,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    groups: int = 1,
    direction: str = "forward",
    rounds: int = ROUNDS,
) -> Study:
    """Compute one convolution in all ways that there are, each predicted, then measured.

    input: (N, C, H, W); out: output channels; direction: "forward", "input" or "weight" (the two gradients).

    Raises ValueError for sizes that do not fit and for another direction.
    """
    geo = sizes(input, out, kernel, stride, padding, groups)
    if direction not in DIRECTIONS:
        raise ValueError("lab conv: " + unknown("direction", direction, DIRECTIONS))
    arrays, wanted = Arrays(geo), exact(direction, geo)
    functions, absent = ways(direction, geo, arrays)
    done = {way: work(way, direction, geo) for way in functions}
    predictor = Predictor(roofline())
    predictor.calibrate(dict.fromkeys(w.kind for w in done.values()), never=[geo])
    predicted = {way: predictor.seconds(w) for way, w in done.items()}  # before any of them has run
    errors = {way: error(f(), wanted) for way, f in functions.items()}
    times = dict(zip(functions, take_turns([*functions.values()], rounds, TURN, warm_up=1), strict=True))
    rows = [
        _row(way, times[way], predicted[way], errors[way], workspace(f), done[way].flops, done[way].moved, predictor.roof)
        for way, f in functions.items()
    ]
    return Study(geo, direction, predictor.roof, rows, absent)


def _row(way: str, timing: Timing, predicted: float, off: float, extra: int, flops: float, moved: float, roof: Roofline) -> Row:
    return Row(way, flops, moved, extra, roof.seconds(flops, moved), predicted, timing.median, timing.quartiles, off)


def sizes(
    input: Sequence[int], out: int, kernel: int | Pair = 1, stride: int | Pair = 1, padding: int | Pair = 0, groups: int = 1
) -> Geometry:
    """The geometry; ValueError if it does not fit, or if there are too few or too many sizes."""
    if len(input) != 4:
        raise ValueError(f"lab conv: the input is (N, C, H, W), such as 8x192x28x28, not {'x'.join(map(str, input))}")
    if groups < 1 or input[1] % groups:
        raise ValueError(f"lab conv: {input[1]} input channels cannot be split into groups={groups}")
    pairs = [(v, v) if isinstance(v, int) else v for v in (kernel, stride, padding)]
    return convolution("lab conv", tuple(input), (out, input[1] // groups, *pairs[0]), pairs[1], pairs[2], (1, 1), groups)


def workspace(function: Callable[[], Array]) -> int:
    """Bytes in use at one time beside what was there before and the result: lent by the pool, and NumPy's own."""
    gc.collect()  # what goes later would be taken for the work's
    clear_memory()
    lent = memory_stats().lent
    function()
    pooled = memory_stats().peak - lent
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = function()
        own = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    return int(max(0, pooled + own - result.nbytes))
