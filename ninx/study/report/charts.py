"""Charts for a page: matplotlib draws them as SVG, and the page gives them its colours and its font.

matplotlib, because ninx needs it anyhow and its SVG stands in the page as it is: some 10 kB for a chart, no script, nothing to
load. A library that draws in the browser would bring a megabyte of script into every page.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, NamedTuple

INK, SOFT, LINE = "#00000a", "#00000b", "#00000c"  # stand for the page's own colours, which light and dark decide
SERIES = tuple(f"#0000{16 + i:02x}" for i in range(6))
DASHES, MARKERS = ("-", "--", "-.", ":"), ("o", "s", "^", "D", "v", "P")  # a colour is never all that tells two lines apart
COLOURS = {INK: "currentColor", SOFT: "var(--soft)", LINE: "var(--line)"}
COLOURS |= {colour: f"var(--series-{i})" for i, colour in enumerate(SERIES)}
SIZE = (4.4, 2.7)  # inches
FEW = 30  # points that have markers


class Line(NamedTuple):
    """A named row of points; ``number`` chooses its colour, ``second`` dashes it: another measurement of the same run."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    number: int = 0
    second: bool = False


def lines(name: str, title: str, given: Sequence[Line], y_label: str, log: bool = False, zero: bool = False) -> str:
    """Curves over the epochs, as SVG. ``name`` is a word that no other chart of the page has.

    >>> svg = ninx.study.report.charts.lines("loss", "Loss", [ninx.study.report.charts.Line("run", [1, 2], [2.3, 0.4])], "loss")
    >>> svg[:4], "currentColor" in svg, "#0000" in svg
    ('<svg', True, False)
    """

    def draw(ax: Any) -> None:
        for line in given:
            mark = MARKERS[line.number % len(MARKERS)] if len(line.x) <= FEW else ""
            colour, dash = SERIES[line.number % len(SERIES)], DASHES[int(line.second)]
            style = {"color": colour, "marker": mark, "markersize": 4, "linewidth": 1.6}
            ax.plot(line.x, line.y, dash, label=f" {line.name}", **style)  # a name with "_" first would be left out without " "
        ax.set_xlabel("epoch")
        ax.set_ylabel(y_label)
        if log:
            ax.set_yscale("log")
        if zero:
            ax.set_ylim(bottom=0)
        _whole_numbers(ax.xaxis)
        ax.grid(color=LINE, linewidth=0.7)
        if len(given) > 1:
            ax.legend(frameon=False, fontsize=8, labelcolor=INK)

    return _svg(name, title, draw)


def reliability(name: str, title: str, confidence: Sequence[float], accuracy: Sequence[float], counts: Sequence[int]) -> str:
    """A bar of the accuracy for each bin of confidence with the number of its answers, and the diagonal of a calibrated network.

    >>> charts = ninx.study.report.charts
    >>> charts.reliability("c", "Reliability", [0.25, 0.75], [0.2, 0.9], [5, 20]).count("<svg")
    1
    """

    def draw(ax: Any) -> None:
        width = 1 / len(counts)
        middles = [(i + 0.5) * width for i in range(len(counts))]
        filled = [i for i, n in enumerate(counts) if n]
        places, heights = [middles[i] for i in filled], [accuracy[i] for i in filled]
        ax.bar(places, heights, 0.9 * width, color=SERIES[0], label="right (and how many answers)")
        for i in filled:
            ax.text(middles[i], accuracy[i] + 0.015, f"{counts[i]:,}", ha="center", fontsize=7, color=INK)
        ax.plot([0, 1], [0, 1], "--", color=INK, linewidth=1, label="calibrated")
        ax.plot([confidence[i] for i in filled], heights, "o", color=SERIES[1], markersize=4, label="at their mean confidence")
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1.08)
        ax.set_xlabel("confidence")
        ax.set_ylabel("share")
        ax.grid(color=LINE, linewidth=0.7)
        ax.set_axisbelow(True)
        ax.legend(frameon=False, fontsize=7.5, labelcolor=INK, loc="upper left")

    return _svg(name, title, draw)


def _whole_numbers(axis: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    low, high = axis.get_view_interval()
    if high - low < 1:  # a single epoch
        axis.axes.set_xlim(round(low) - 0.5, round(low) + 0.5)


def _svg(name: str, title: str, draw: Callable[[Any], None]) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "axes.edgecolor": SOFT,
        "axes.labelcolor": INK,
        "text.color": INK,
    }
    settings |= {"xtick.color": SOFT, "ytick.color": SOFT, "xtick.labelcolor": INK, "ytick.labelcolor": INK, "font.size": 9.5}
    settings |= {"text.parse_math": False}
    buffer = io.StringIO()
    with mpl.rc_context(settings):
        figure = Figure(figsize=SIZE)
        ax = figure.add_axes((0.155, 0.175, 0.82, 0.79))
        ax.patch.set_visible(False)
        ax.spines[["top", "right"]].set_visible(False)
        draw(ax)
        figure.savefig(buffer, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _tidy(name, title, buffer.getvalue())


def _tidy(name: str, title: str, svg: str) -> str:
    """Only the element; no name that another chart has too, colours and font of the page, and a title for who cannot see it."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)[ >].*?</\1>", "", svg, flags=re.DOTALL)  # a style would be the whole page's
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\1{name}-", svg)
    svg = re.sub(r"#0000[0-9a-f]{2}", lambda m: COLOURS.get(m[0], "currentColor"), svg)
    svg = re.sub(r"font(-family)?: ([\d.]+px)?[^;\"]*", lambda m: f"font-size: {m[2]}" if m[2] else "font-family: inherit", svg)
    head = f'<svg role="img" aria-labelledby="{name}-title"'
    return svg.replace("<svg", head, 1).replace(">", f'><title id="{name}-title">{escape(title)}</title>', 1).strip()
