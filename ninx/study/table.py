"""A summary as a table: plain text of at most 80 columns, for a prompt and a terminal, and HTML for a notebook.

A row is a layer. Numbers keep their columns; the name and the settings of a layer share what room is left, and what is too long
for it goes on in the next line, or shows by "…" that something was left out.
"""

from __future__ import annotations

import html
import textwrap
from typing import TYPE_CHECKING

from ..looks import shortened

if TYPE_CHECKING:
    from .summary import Row, Summary

WIDTH, GLUE = 80, "\xa0"  # a space at which no line ends
HEADS = ("layer", "kernel/stride/padding", "output", "params", "MACs", "share", "sees")
NOTE = (
    "MACs: multiply-adds for one image. share: of all MACs. sees: the side of the patch of the image, in pixels, that one value "
    "depends on"
)
UNSEEN = ", and - where there is no such patch: after a linear layer, and in a module with a forward of its own"


def as_text(s: Summary) -> str:
    """The table of a summary, its sums, and what the columns mean; no line is longer than 80 characters.

    >>> from ninx.study.table import as_text
    >>> print(as_text(ninx.summary(nn.Linear(3, 2), (3,))).splitlines()[1])
    layer  kernel/stride/padding  output  params  MACs    share  sees
    """
    rows = [_cells(row, s.macs) for row in s.rows]
    marks = ["*" if row.pointwise else " " for row in s.rows]
    widths = [max(len(cells[i]) for cells in [HEADS, *rows]) for i in range(len(HEADS))]
    margin = 2 if "*" in marks else 0
    gap = 2 if margin + sum(widths) + 2 * (len(widths) - 1) <= WIDTH else 1
    room = WIDTH - margin - sum(widths[2:]) - gap * (len(widths) - 1)  # for the name and the settings
    widths[0] = min(widths[0], max(room - widths[1], 2 * room // 5))
    widths[1] = min(widths[1], room - widths[0])
    rule = "-" * (margin + sum(widths) + gap * (len(widths) - 1))
    lines = [f"input {_size(s.input_shape)}", *_line(" " * margin, HEADS, widths, gap), rule]
    for mark, cells in zip(marks, rows, strict=True):
        lines += _line(mark.ljust(margin) if margin else "", cells, widths, gap)
    lines += [rule] if rows else ["no layers", rule]
    for name, text in _sums(s):
        lines += textwrap.wrap(f"{name:12s}{text}", WIDTH, subsequent_indent=" " * 12)
    return "\n".join([*lines, "", *textwrap.wrap(_note(s), WIDTH)])


def as_html(s: Summary) -> str:
    """The same for a notebook; the rows of 1x1 convolutions are bold.

    >>> from ninx.study.table import as_html
    >>> as_html(ninx.summary(nn.Conv2d(3, 2, 1), (3, 4, 4))).count("<tr")
    2
    """

    def row(cells: tuple[str, ...], tag: str, bold: bool) -> str:
        sides = ["left" if i < 2 else "right" for i in range(len(cells))]
        weight = "; font-weight: bold" if bold else ""
        return "<tr>" + "".join(
            f'<{tag} style="text-align: {side}{weight}">{html.escape(cell)}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        ) + "</tr>"  # fmt: skip

    body = "".join(row(_cells(r, s.macs), "td", r.pointwise) + "\n" for r in s.rows)
    sums = "<br/>".join(f"<b>{name}</b> {html.escape(text).replace('(*)', '(bold)')}" for name, text in _sums(s))
    return (
        f"<p>input {_size(s.input_shape)}</p>\n"
        f"<table>\n<thead>{row(HEADS, 'th', True)}</thead>\n<tbody>\n{body}</tbody>\n</table>\n"
        f"<p>{sums}</p>\n<p><small>{html.escape(_note(s))}</small></p>"
    )


def _cells(row: Row, total: int) -> tuple[str, ...]:
    """What stands in the columns of a layer's line; ``total``: the MACs of all layers."""
    settings = " ".join(f"{row.kind} {row.settings.replace(' -> ', '->')}".split())  # a module of one's own may say anything
    share = f"{100 * row.macs / total:.1f} %" if row.macs else ""
    counts = _count(row.params, 10_000_000), _count(row.macs, 100_000)
    name = " ".join(row.name.split()) or "-"
    return name, shortened(settings, 200), shortened(_size(row.output_shape), 16), *counts, share, _patch(row.receptive_field)


def _line(margin: str, cells: tuple[str, ...], widths: list[int], gap: int) -> list[str]:
    """A row as one line or more: the settings go on below themselves, after a comma where that will do."""
    kind, _, rest = cells[1].partition(" ")
    text = f"{shortened(kind, widths[1])} {rest.replace(' ', GLUE).replace(',' + GLUE, ', ')}"
    said = [part.replace(GLUE, " ") for part in textwrap.wrap(text, widths[1], subsequent_indent="  ", break_on_hyphens=False)]
    between = " " * gap
    head = margin + shortened(cells[0], widths[0]).ljust(widths[0]) + between
    numbers = between.join(cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True))
    lines = [head + said[0].ljust(widths[1]) + between + numbers, *(" " * len(head) + part for part in said[1:])]
    return [line.rstrip() for line in lines]


def _sums(s: Summary) -> list[tuple[str, str]]:
    """What stands below the table: a name, and the exact numbers."""
    ones = any(row.pointwise for row in s.rows)
    hidden = s.params - sum(row.params for row in s.rows)
    params, macs = (f", of these {100 * n:.1f} % in 1x1 convolutions (*)" * ones for n in (s.pointwise_params, s.pointwise_macs))
    params += f"; {hidden:,} belong to no layer that is listed" * (hidden > 0)
    lines = [("parameters", f"{s.params:,}{params}"), ("MACs", f"{s.macs:,} for one image{macs}")]
    if s.receptive_field is not None:
        lines.append(("sees", f"{s.receptive_field[0]}x{s.receptive_field[1]} pixels after the last convolution"))
    return lines


def _note(s: Summary) -> str:
    """What the columns mean."""
    return NOTE + (UNSEEN if any(row.receptive_field is None for row in s.rows) else "") + "."


def _count(number: int, rounded: int) -> str:
    """A number; from ``rounded`` on in millions or billions; nothing for 0."""
    if number >= max(1_000_000_000, rounded):
        return f"{number / 1e9:,.2f} G"
    return "" if number == 0 else f"{number:,}" if number < rounded else f"{number / 1e6:.1f} M"


def _size(shape: tuple[int, ...] | None) -> str:
    return "x".join(map(str, shape)) if shape else "-"


def _patch(field: tuple[int, int] | None) -> str:
    return str(field[0]) if field and field[0] == field[1] else _size(field)
