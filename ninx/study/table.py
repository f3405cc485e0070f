"""A summary as a table: text for a prompt and a terminal, HTML for a notebook. A row is a layer."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING

from ..looks import shortened
from ..tables import Column, Sheet

if TYPE_CHECKING:
    from .summary import Summary

WIDTH = 80  # of the text, where no terminal says otherwise
NOTE = (
    "5x5/1/2: kernel/stride/padding. MACs: multiply-adds for one image. share: of all MACs. sees: the side of the patch of the "
    "image, in pixels, that one value depends on"
)
UNSEEN = ", and - where there is no such patch: after a linear layer, and in a module with a forward of its own"


def sheet(s: Summary) -> Sheet:
    """A row for each layer; a 1x1 convolution is marked by a star, and bold where text can be.

    >>> ninx.study.table.sheet(ninx.summary(nn.Conv2d(3, 2, 1), (3, 4, 4))).rows[0].cells[:3]
    ('* -', 'Conv2d 1x1/1/0, 3->2', '2x4x4')
    """
    heads = [Column("layer", text=True), Column("kind and settings", text=True), Column("output")]
    heads += [Column("params"), Column("MACs"), Column("share", spare=2), Column("sees", spare=1)]
    table = Sheet(heads)
    starred = any(row.pointwise for row in s.rows)
    for row in s.rows:
        mark = ("* " if row.pointwise else "  ") * starred
        settings = " ".join(f"{row.kind} {row.settings.replace(' -> ', '->')}".split())  # a module of one's own may say anything
        counts = _count(row.params, 10_000_000), _count(row.macs, 100_000)
        share = f"{100 * row.macs / max(s.macs, 1):.1f} %" if row.macs else ""
        name = mark + (" ".join(row.name.split()) or "-")
        where = shortened(size(row.output_shape), 14), *counts, share, patch(row.receptive_field)
        table.add(name, shortened(settings, 200), *where, style="bold" if row.pointwise else "")
    return table


def below(s: Summary) -> list[str]:
    """What stands below the table: the sums, exactly, and what the columns mean.

    >>> ninx.study.table.below(ninx.summary(nn.Linear(3, 2), (3,)))[0]
    'parameters  8'
    """
    ones = any(row.pointwise for row in s.rows)
    hidden = s.params - sum(row.params for row in s.rows)
    params, macs = (f", of these {100 * n:.1f} % in 1x1 convolutions (*)" * ones for n in (s.pointwise_params, s.pointwise_macs))
    params += f"; {hidden:,} belong to no layer that is listed" * (hidden > 0)
    lines = [f"parameters  {s.params:,}{params}", f"MACs        {s.macs:,} for one image{macs}"]
    if s.receptive_field is not None:
        lines.append(f"sees        {s.receptive_field[0]}x{s.receptive_field[1]} pixels after the last convolution")
    return [*lines, NOTE + (UNSEEN if any(row.receptive_field is None for row in s.rows) else "") + "."]


def as_text(s: Summary, width: int = WIDTH) -> str:
    """The table of a summary, and what stands below it, in lines of at most ``width`` characters.

    >>> print(ninx.study.table.as_text(ninx.summary(nn.Linear(3, 2), (3,))).splitlines()[1])
    layer  kind and settings  output  params  MACs    share  sees
    """
    lines = [f"input {size(s.input_shape)}", *(sheet(s).text(width).splitlines() if s.rows else ["no layers"]), ""]
    for text in below(s):
        lines += textwrap.wrap(text, width, subsequent_indent="" if text.startswith(NOTE) else " " * 12)
    return "\n".join(lines)


def as_html(s: Summary) -> str:
    """The same for a notebook.

    >>> ninx.study.table.as_html(ninx.summary(nn.Conv2d(3, 2, 1), (3, 4, 4))).count("<tr")
    2
    """
    lines = "".join(f"<p>{escape(line)}</p>\n" for line in below(s))
    return f"<p>input {size(s.input_shape)}</p>\n{sheet(s).html()}\n{lines}"


def _count(number: int, rounded: int) -> str:
    """A number; from ``rounded`` on in millions or billions; nothing for 0."""
    if number >= max(1_000_000_000, rounded):
        return f"{number / 1e9:,.2f} G"
    return "" if number == 0 else f"{number:,}" if number < rounded else f"{number / 1e6:.1f} M"


def size(shape: tuple[int, ...] | None) -> str:
    """A shape in a cell.

    >>> ninx.study.table.size((3, 32, 32)), ninx.study.table.size(None)
    ('3x32x32', '-')
    """
    return "x".join(map(str, shape)) if shape else "-"


def patch(field: tuple[int, int] | None) -> str:
    """The side of a square of pixels, both sides of another patch.

    >>> ninx.study.table.patch((5, 5)), ninx.study.table.patch((5, 3))
    ('5', '5x3')
    """
    return str(field[0]) if field and field[0] == field[1] else size(field)
