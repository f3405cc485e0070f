"""``ninx lab conv --compare``: the same input with several kernel sizes, and what a 1x1 layer before a large kernel saves.

A larger kernel costs more only if all else stays the same. So there are two comparisons: at equal input, where a k x k kernel
does k*k times the multiply-adds, and at equal FLOPs, with fewer images the larger the kernel. The bottleneck reduces the channels
by a 1x1 convolution before the large kernel reads them (Szegedy et al., "Going deeper with convolutions", 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...kernels import fast
from ...kernels.geometry import Geometry
from ...kernels.names import unknown
from ...tables import Column, Sheet
from ..measure import take_turns
from .calibration import Predictor, Roofline, roofline
from .convolution import ROUNDS, TURN, WORDS, milliseconds, sizes
from .counts import DIRECTIONS, work
from .ways import Arrays, function

INPUT, FLOPS, BOTTLENECK = "equal input", "equal FLOPs", "bottleneck"
BAR = 18  # characters of the longest bar


@dataclass(frozen=True)
class Bar:
    """A layer, or two in a row: its MACs (for all its images) and seconds by the compiled kernels."""

    group: str
    name: str
    kernel: int
    images: int
    macs: int
    predicted: float
    measured: float

    @property
    def rate(self) -> float:
        """GFLOP/s, nominal: Winograd's convolution does less, and may exceed the peak."""
        return 2e-9 * self.macs / self.measured


@dataclass(frozen=True)
class Comparison:
    """What was found; printed, a table with bars and a sentence."""

    title: str
    roof: Roofline
    bars: list[Bar]

    def of(self, group: str) -> list[Bar]:
        """The bars of a group."""
        return [bar for bar in self.bars if bar.group == group]

    def sheet(self) -> Sheet:
        """A row for each bar; those of 1x1 kernels are filled, of others hatched."""
        heads = [
            Column("", text=True),
            Column("kernel", text=True),
            Column("images"),
            Column("MMAC"),
            Column("predicted", spare=1),
        ]
        table = Sheet([*heads, Column("ms"), Column("", text=True)], self.title)
        for group in (INPUT, FLOPS, BOTTLENECK):
            some = self.of(group)
            longest = max((bar.measured for bar in some), default=0.0)
            for i, bar in enumerate(some):
                drawn = ("█" if bar.kernel == 1 else "▒") * max(1, round(BAR * bar.measured / longest))
                cells = f"{bar.images}", f"{bar.macs / 1e6:,.0f}", milliseconds(bar.predicted), milliseconds(bar.measured)
                table.add(group if i == 0 else "", bar.name, *cells, drawn)
        return table

    def below(self) -> list[str]:
        """What the columns mean, and the conclusion."""
        return [
            "MMAC: million multiply-adds, padding included; ms: by ninx's compiled kernels, predicted before, then measured.",
            "█ 1x1 kernels, ▒ others; each group has a scale of its own.", "", self.conclusion(),
        ]  # fmt: skip

    def conclusion(self) -> str:
        """One sentence, from the figures."""
        same, flops, narrow = self.of(INPUT), self.of(FLOPS), self.of(BOTTLENECK)
        a, b = same[0], same[-1]
        parts = []
        if a is not b:
            parts.append(
                f"at equal input a {b.name} kernel does {b.macs / a.macs:.0f} times the multiply-adds of a {a.name} and takes "
                f"{b.measured / a.measured:.1f} times as long"
            )
            c, d = flops[0], flops[-1]
            for_each = d.measured / d.macs / (c.measured / c.macs)
            than = f"{for_each:.2f} times the time of a {c.name} for each multiply-add"
            parts.append(f"at equal FLOPs a {d.name} kernel takes {than}")
        if narrow:
            whole, cut = narrow
            way = cut.name.replace(", ", " and then ")
            parts.append(
                f"{way} instead of {whole.name} at once does {whole.macs / cut.macs:.1f} times fewer multiply-adds and takes "
                f"{cut.measured / whole.measured:.2f} of the time"
            )
        text = "; ".join(parts) or f"a {a.name} kernel takes {milliseconds(a.measured)} ms"
        return text[0].upper() + text[1:] + "."

    def as_json(self) -> dict[str, Any]:
        """All figures; seconds."""
        bars = [asdict(bar) | {"gflops": bar.rate} for bar in self.bars]
        return {"title": self.title, "roofline": asdict(self.roof), "bars": bars, "conclusion": self.conclusion()}

    def draw(self, path: Path) -> None:
        """A bar chart as PNG: 1x1 and k x k kernels in two colours and hatchings."""
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        groups = [group for group in (INPUT, FLOPS, BOTTLENECK) if self.of(group)]
        heights = [len(self.of(group)) for group in groups]
        figure, areas = plt.subplots(len(groups), 1, figsize=(8, 1.2 + 0.5 * sum(heights)), height_ratios=heights, squeeze=False)
        for area, group in zip(areas[:, 0], groups, strict=True):
            for i, bar in enumerate(self.of(group)):
                colour, hatch = ("tab:blue", "") if bar.kernel == 1 else ("tab:orange", "//")
                area.barh(i, 1e3 * bar.measured, color=colour, hatch=hatch, edgecolor="white")
                area.plot([1e3 * bar.predicted] * 2, [i - 0.4, i + 0.4], color="black", linewidth=2)
                area.text(1e3 * max(bar.measured, bar.predicted), i, f" {milliseconds(bar.measured)}", va="center")
            area.set_yticks(range(len(self.of(group))), [f"{bar.name}, {bar.images} image(s)" for bar in self.of(group)])
            area.invert_yaxis()
            area.margins(x=0.1)
            area.set_title(group, loc="left", fontsize=10)
        areas[-1, 0].set_xlabel("ms; black line: predicted; blue: 1x1, orange and hatched: k x k")
        figure.suptitle(self.title)
        figure.tight_layout()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)
        plt.close(figure)


def compare(
    input: Sequence[int], out: int, kernels: Sequence[int] = (1, 3, 5, 7), direction: str = "forward", rounds: int = ROUNDS
) -> Comparison:
    """Several odd kernel sizes, with as much padding as keeps the image's size.

    input: (N, C, H, W); out: output channels. The bottleneck is that of the kernel 5, or of the largest: first 1x1 to half of the
    output channels.

    Raises ValueError for sizes that do not fit, for an even kernel, and for another direction.
    """
    if direction not in DIRECTIONS:
        raise ValueError("lab conv: " + unknown("direction", direction, DIRECTIONS))
    if not kernels or any(k % 2 == 0 for k in kernels):
        raise ValueError(f"lab conv: only odd kernels keep the size of the image, got {', '.join(map(str, kernels)) or 'none'}")
    n, *image = input
    plan: list[tuple[str, str, int, list[Geometry]]] = []

    def layer(images: int, channels: int, outputs: int, k: int) -> Geometry:
        return sizes((images, channels, *image[1:]), outputs, k, padding=k // 2)

    for k in kernels:
        plan.append((INPUT, f"{k}x{k}", k, [layer(n, image[0], out, k)]))
    for k in kernels:
        images = max(1, round(max(n, max(kernels) ** 2) / k**2))
        plan.append((FLOPS, f"{k}x{k}", k, [layer(images, image[0], out, k)]))
    k, middle = 5 if 5 in kernels else max(kernels), max(1, out // 2)
    if k > 1:
        plan.append((BOTTLENECK, f"{k}x{k}", k, [layer(n, image[0], out, k)]))
        plan.append((BOTTLENECK, f"1x1 to {middle}, {k}x{k}", k, [layer(n, image[0], middle, 1), layer(n, middle, out, k)]))
    layers = list(dict.fromkeys(geo for *_, geos in plan for geo in geos))
    works = {geo: work("fast", direction, geo) for geo in layers}
    predictor = Predictor(roofline())
    predictor.calibrate(dict.fromkeys(w.kind for w in works.values()), never=layers)
    predicted = {geo: predictor.seconds(w) for geo, w in works.items()}
    times = take_turns([function(fast, "auto", direction, geo, Arrays(geo)) for geo in layers], rounds, TURN, warm_up=1)
    measured = {geo: timing.median for geo, timing in zip(layers, times, strict=True)}
    bars = [
        Bar(group, name, k, geos[0].N, sum(g.macs for g in geos), sum(predicted[g] for g in geos), sum(measured[g] for g in geos))
        for group, name, k, geos in plan
    ]
    return Comparison(f"{'x'.join(map(str, input))} -> {out}, {WORDS[direction]}", predictor.roof, bars)
