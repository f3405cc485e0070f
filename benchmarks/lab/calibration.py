"""Seconds for what `counts` counts: this machine's roofline, and by how much each kind of kernel stays below it.

Measured are the peak of multiply-adds, and how fast arrays of several sizes are copied, so from each level of the caches and from
memory. They would make the time of a perfect kernel. How far a kind of kernel is from perfect, a few *other* layers say, each
chosen so that one part of the work takes most of the time: their times, measured now, are explained by one factor for each
part, and with these factors the layer in question is predicted. It is not run before.

The parts are added up. A pure roofline takes the longest of them, as if everything else happened meanwhile; but a kernel first
packs its weights and then multiplies, and what is prefetched during the products comes in time only in part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ...kernels import blocked, fast, get_num_threads, loops, strided
from ...kernels.cpu.peak import copy
from ...kernels.geometry import Geometry, convolution
from ..measure import burst, take_turns
from .counts import DIRECTIONS, Work, work
from .ways import Arrays, function

SIZES = tuple(2**n for n in range(18, 28, 3))  # bytes that a copy reads and writes: 256 KiB to 128 MiB
ROUNDS, TURN = 7, 0.01  # of each measurement, and seconds of one turn
MOVES = ("memory", "packing", "transforms", "columns", "sums")  # parts that are bytes, at the bandwidth of the caches


class Case(NamedTuple):
    """A layer of the calibration: a way, a direction, and the sizes."""

    way: str
    direction: str
    geo: Geometry


def layer(n: int, c: int, h: int, o: int, k: int, stride: int = 1, padding: int = 0) -> Geometry:
    """A convolution of n square images, c x h x h, to o channels by a k x k kernel."""
    return convolution("conv2d", (n, c, h, h), (o, c, k, k), (stride, stride), (padding, padding))


# In each line one layer for each part: products, memory, packing, starts of short loops, the call itself; then some between.
_DIRECT = (
    layer(8, 160, 24, 96, 1), layer(2, 3, 160, 48, 1), layer(1, 256, 5, 320, 3, 1, 1), layer(8, 6, 16, 16, 5),
    layer(1, 32, 10, 32, 1), layer(4, 2, 28, 6, 5, 1, 2), layer(16, 20, 12, 48, 5), layer(2, 3, 80, 64, 3, 1, 1),
    layer(4, 40, 14, 64, 3, 2, 1), layer(8, 256, 20, 224, 1), layer(4, 72, 24, 64, 3, 1, 1),
)  # fmt: skip
_WINOGRAD = (
    layer(8, 64, 28, 64, 3, 1, 1), layer(1, 192, 24, 192, 3, 1, 1), layer(8, 48, 16, 96, 5, 1, 2),
    layer(12, 256, 8, 320, 3, 1, 1), layer(1, 32, 64, 32, 3, 1, 1), layer(8, 128, 10, 96, 3, 1, 1),
)  # fmt: skip
_NUMPY = (
    layer(4, 160, 24, 96, 1), layer(8, 32, 28, 128, 1), layer(4, 24, 20, 40, 3, 1, 1), layer(2, 3, 64, 64, 7, 2, 3),
    layer(8, 64, 12, 64, 3), layer(1, 16, 10, 16, 1), layer(4, 96, 14, 96, 3, 2, 1), layer(2, 6, 24, 16, 5),
    layer(4, 1, 40, 32, 5, 2, 2),
)  # fmt: skip
_SMALL = (layer(1, 4, 5, 4, 3), layer(1, 16, 6, 8, 1), layer(1, 2, 8, 6, 3, 1, 1))
_BLOCKED = (
    layer(2, 96, 14, 96, 1), layer(1, 16, 24, 16, 3, 1, 1), layer(1, 8, 40, 8, 1), layer(1, 200, 4, 400, 1),
    layer(2, 128, 20, 16, 1), layer(2, 160, 16, 40, 1),
)  # fmt: skip


def _cases() -> dict[str, list[Case]]:
    both = "forward", "input"  # the same kernels
    return {
        "direct": [Case("direct", d, geo) for geo in _DIRECT for d in both if d == "forward" or geo.SH == 1],
        "direct, weights": [Case("direct", "weight", geo) for geo in _DIRECT],
        "Winograd": [Case("fast", d, geo) for geo in _WINOGRAD for d in both],
        "Winograd, weights": [Case("fast", "weight", geo) for geo in _WINOGRAD],
        **{f"NumPy, {d}": [Case("product" if geo.pointwise else "im2col", d, geo) for geo in _NUMPY] for d in DIRECTIONS},
        "blocked": [Case("blocked", "forward", geo) for geo in _BLOCKED],
        "loops": [Case("loops", d, geo) for geo in _SMALL for d in DIRECTIONS],
    }  # fmt: skip


CASES = _cases()


@dataclass(frozen=True)
class Roofline:
    """What this machine can do at most: ``peak`` in FLOP/s (float32), ``copies`` as (bytes that a copy moves, bytes/s)."""

    peak: float
    copies: tuple[tuple[int, float], ...]

    def bandwidth(self, size: float) -> float:
        """Bytes a second where ``size`` bytes are worked on: that of the smallest copy that is as large, read + written."""
        return next((rate for most, rate in self.copies if size <= most), self.copies[-1][1])

    def seconds(self, flops: float, moved: float) -> float:
        """The roofline: what takes longer, the multiply-adds at the peak or the bytes at the bandwidth.

        >>> from ninx.benchmarks.lab.calibration import Roofline
        >>> roof = Roofline(100e9, ((2**20, 40e9), (2**27, 20e9)))
        >>> roof.seconds(flops=2e9, moved=0.1e9), roof.seconds(flops=0.5e9, moved=0.1e9)
        (0.02, 0.005)
        """
        return max(flops / self.peak, moved / self.bandwidth(moved))

    def parts(self, done: Work) -> dict[str, float]:
        """Each part of the work in seconds of a perfect kernel; what is neither multiply-adds nor bytes, as its number."""
        rate = self.bandwidth(done.parts.get("memory", 0.0))
        return {
            name: amount / self.peak if name == "products" else amount / rate if name in MOVES else amount
            for name, amount in done.parts.items()
        }


@dataclass
class Predictor:
    """Predicts times. ``factors``: for each kind of kernel and part by how much more than perfect (or seconds for each)."""

    roof: Roofline
    factors: dict[str, dict[str, float]] = field(default_factory=dict)

    def seconds(self, done: Work) -> float:
        """How long this work will take.

        Raises KeyError for a kind of kernel that was not calibrated.
        """
        factors = self.factors[done.kind]
        return sum(factors[name] * amount for name, amount in self.roof.parts(done).items())

    def calibrate(self, kinds: Iterable[str], never: Iterable[Geometry] = ()) -> None:
        """Measure the layers of these kinds of kernels, but none of ``never``, and find the factors."""
        banned = {geo[1:] for geo in never}
        cases = {kind: [case for case in CASES[kind] if case.geo[1:] not in banned] for kind in kinds}
        # All in the same turns: a machine that is slow for some seconds then makes one round slow, and not one kind.
        times = iter(take_turns([_call(case) for some in cases.values() for case in some], ROUNDS, TURN, warm_up=1))
        for kind, some in cases.items():
            rows = [self.roof.parts(work(*case)) for case in some]
            names = list(dict.fromkeys(name for row in rows for name in row))
            table = np.array([[row.get(name, 0.0) for name in names] for row in rows])
            least = np.array([float(name == "products") for name in names])  # no kernel is faster than the peak
            found = explain(table, np.array([next(times).quartiles[0] for _ in some]), least)
            self.factors[kind] = dict(zip(names, found.tolist(), strict=True))


def roofline() -> Roofline:
    """Measure this machine's peak and its copies, now."""
    threads, (spin, operations) = get_num_threads(), burst()
    arrays = [(np.ones(size // 16), np.zeros(size // 16)) for size in SIZES]
    copies = [lambda a=a, b=b: copy(a, b, threads) for a, b in arrays]
    at_peak, *copied = (min(t.seconds) for t in take_turns([spin, *copies], ROUNDS, TURN))  # the best: a roof is what can be done
    return Roofline(operations / at_peak, tuple((size, size / t) for size, t in zip(SIZES, copied, strict=True)))


def explain(table: Any, seconds: Any, least: Any = 0.0) -> Any:
    """Factors, none below ``least``, for the columns of ``table`` (measurements, parts): each row shall add up to ``seconds``.

    They make the sum of the squared relative errors least (bounded least squares, one factor at a time until none moves).

    >>> from ninx.benchmarks.lab.calibration import explain
    >>> explain(np.array([[1.0, 0.0], [1.0, 2.0], [0.0, 1.0]]), np.array([3.0, 7.0, 2.0])).round(6)
    array([3., 2.])
    """
    size = np.maximum(table.max(axis=0), np.finfo(float).tiny)  # so that all factors are of one size
    scaled, bound = table / size / seconds[:, None], np.broadcast_to(least, size.shape) * size
    square, aim, factors = scaled.T @ scaled, scaled.sum(axis=0), np.zeros(table.shape[1])
    for _ in range(20_000):
        before = factors.copy()
        for i in range(len(factors)):
            step = (aim[i] - square[i] @ factors) / square[i, i] if square[i, i] > 0 else 0.0
            factors[i] = max(bound[i], factors[i] + step)
        if np.abs(factors - before).max() <= 1e-12 * factors.max():
            break
    return factors / size


def _call(case: Case) -> Callable[[], Any]:
    tier = {"loops": loops, "blocked": blocked, "im2col": strided, "product": strided}.get(case.way, fast)
    method = {"im2col": "im2col", "product": "gemm", "direct": "direct", "fast": "auto"}.get(case.way)
    return function(tier, method, case.direction, case.geo, Arrays(case.geo))
