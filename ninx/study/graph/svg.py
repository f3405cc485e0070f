"""A picture as SVG: light or dark as the reader's screen is, with text that can be selected and is read aloud."""

from __future__ import annotations

import textwrap
import zlib
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from ...looks import printable
from .boxes import Arrow, Box, Picture
from .layout import CHARACTER, LINE, PAD, Rect, layout

MARGIN = 16.0
LEAST = 620.0  # pixels of width, for the words above and below
LEGEND = (
    "Values go down the arrows. name ← f(g): how the gradient of a source is made of g, the gradient of the box's own value. "
    "A dashed arrow: nobody asks for that gradient. keeps: what stays in memory for the way back, counted where it is kept "
    "first; weights and images are there anyway."
)
STYLE = """
.ninx-graph { --paper: #ffffff; --ink: #1a1c20; --soft: #555a64; --line: #4a5160; --back: #0b5a52; --kept: #7a4300;
  --bad: #a3150f; --operation: #e3edff; --parameter: #fff3cf; --input: #dcf3e3; --constant: #ececef; --error: #ffe1de;
  --edge: #7d8aa3 }
@media (prefers-color-scheme: dark) { .ninx-graph { --paper: #14161a; --ink: #eceef2; --soft: #a9b0bd; --line: #a3adbf;
  --back: #6fd6c9; --kept: #f0b56a; --bad: #ff9d94; --operation: #1d2a44; --parameter: #3a3014; --input: #17351f;
  --constant: #2a2c31; --error: #4a1a18; --edge: #66748f } }
.ninx-graph .paper { fill: var(--paper) }
.ninx-graph text { font: 12px "DejaVu Sans Mono", Menlo, Consolas, "Liberation Mono", monospace; fill: var(--ink);
  white-space: pre }
.ninx-graph .title { font-weight: bold } .ninx-graph .where, .ninx-graph .none, .ninx-graph .words { fill: var(--soft) }
.ninx-graph .back { fill: var(--back) } .ninx-graph .kept { fill: var(--kept) } .ninx-graph .error { fill: var(--bad) }
.ninx-graph rect { stroke: var(--edge) }
.ninx-graph .frame { fill: none; stroke-dasharray: 6 4; stroke: var(--line) }
.ninx-graph path { fill: none; stroke: var(--line); stroke-width: 1.4 } .ninx-graph .unasked { stroke-dasharray: 5 4 }
.ninx-graph .head { fill: var(--line); stroke: none }
"""
STYLE += "\n".join(
    f".ninx-graph .{kind} > rect {{ fill: var(--{kind}) }}" for kind in ("operation", "parameter", "input", "constant", "error")
)
STYLE += "\n.ninx-graph g.error > rect { stroke: var(--bad); stroke-width: 2.5 }\n"


def svg(p: Picture) -> str:
    """The picture as the text of an SVG file. Raises ImportError without igraph, which lays it out.

    >>> p = ninx.study.graph.boxes.picture(ninx.study.graph.of(nn.ReLU(), (3,)))
    >>> ninx.study.graph.svg.svg(p)[:4]
    '<svg'
    """
    placed = layout(p)
    width = max(placed.width, LEAST)
    above, below = _wrapped(p.summary, width), _wrapped(LEGEND, width)
    left, top = MARGIN + (width - placed.width) / 2, MARGIN + (len(above) + 2.5) * LINE
    mark = f"g{zlib.crc32(repr(p).encode()):08x}"  # ids of its own: several pictures may stand on a page
    height = top + placed.height + (len(below) + 1) * LINE + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ninx-graph" role="graphics-document" '
        f'aria-labelledby="{mark}-title {mark}-desc" width="{width + 2 * MARGIN:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width + 2 * MARGIN:.0f} {height:.0f}" style="max-width: 100%; height: auto">',
        f'<title id="{mark}-title">{_text(p.title)}: the graph of a training step</title>',
        f'<desc id="{mark}-desc">{_text(p.summary)}</desc>',
        f"<style>{STYLE}</style>",
        f'<marker id="{mark}-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M0 0 L8 4 L0 8 z"/></marker>',
        '<rect class="paper" width="100%" height="100%" style="stroke: none"/>',
        f'<text class="title" x="{MARGIN}" y="{MARGIN + 12}">{_text(p.title)}</text>',
        *_words(above, MARGIN + 1.5 * LINE),
        f'<g transform="translate({left:.1f} {top:.1f})">',
    ]
    for frame, rect in zip(p.frames, placed.frames, strict=True):
        lines.append(f'<rect class="frame" {_at(rect)} rx="10"/>')
        lines.append(f'<text class="title" x="{rect.x + 10:.1f}" y="{rect.y + 15:.1f}">{_text(frame.text)}</text>')
    lines += [_arrow(arrow, points, mark) for arrow, points in zip(p.arrows, placed.arrows, strict=True)]
    for box in p.boxes:
        lines += _box(box, placed.boxes[box.key])
    lines.append("</g>")
    lines += _words(below, top + placed.height + MARGIN)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _text(text: str) -> str:
    return escape(printable(text))


def _wrapped(text: str, width: float) -> list[str]:
    return textwrap.wrap(printable(text), int(width / CHARACTER))


def _words(lines: Sequence[str], top: float) -> list[str]:
    return [f'<text class="words" x="{MARGIN}" y="{top + i * LINE + 12:.1f}">{_text(t)}</text>' for i, t in enumerate(lines)]


def _at(rect: Rect) -> str:
    return f'x="{rect.x:.1f}" y="{rect.y:.1f}" width="{rect.width:.1f}" height="{rect.height:.1f}"'


def _box(box: Box, rect: Rect) -> list[str]:
    """A group: what the mouse is told, the rectangle, and its lines."""
    tip = escape("\n".join(map(printable, box.tip.split("\n"))))
    lines = [f'<g class="{box.kind}" data-key="{box.key}"><title>{tip}</title>', f'<rect {_at(rect)} rx="6"/>']
    for i, line in enumerate(box.lines):
        x, y = rect.x + PAD, rect.y + PAD + i * LINE + 12
        lines.append(f'<text class="{line.role}" x="{x:.1f}" y="{y:.1f}">{_text(line.text)}</text>')
    return [*lines, "</g>"]


def _arrow(arrow: Arrow, points: Sequence[tuple[float, float]], mark: str) -> str:
    """A line that goes straight through the layers, and bends between them."""
    (x, y), *rest = points
    path = f"M{x:.1f} {y:.1f}"
    for nx, ny in rest:
        if abs(nx - x) < 0.05 or abs(ny - y) < 0.05:
            path += f"L{nx:.1f} {ny:.1f}"
        else:
            path += f"C{x:.1f} {(y + ny) / 2:.1f} {nx:.1f} {(y + ny) / 2:.1f} {nx:.1f} {ny:.1f}"
        x, y = nx, ny
    tip = f"back: {arrow.back}" if arrow.back else "no gradient goes back"
    tip += "" if arrow.used or not arrow.back else ", which nobody asks for"
    kind = "" if arrow.used else ' class="unasked"'
    label = quoteattr(f"{arrow.source}-{arrow.target}")
    return f'<path{kind} data-arrow={label} d="{path}" marker-end="url(#{mark}-head)"><title>{_text(tip)}</title></path>'
