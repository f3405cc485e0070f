"""The pieces that a report is built of, as HTML: tables, folded parts, pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ...looks import printable
from ...tables import Sheet


def text(words: object) -> str:
    """Plain text for a page; a line does not end before a "%".

    >>> ninx.study.report.parts.text("a < 5 %")
    'a &lt; 5&nbsp;%'
    """
    return escape(printable(str(words))).replace(" %", "&nbsp;%")


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[int] = (0,), label: str = "") -> str:
    """A table in a box that scrolls sideways, for the keyboard too. Cells are plain text; columns ``left`` hold words.

    ``label`` names the box where there is no caption.

    >>> ninx.study.report.parts.table("", ["layer"], [["conv"]], label="Layers").count("<tr>")
    2
    """
    sides = [' class="text"' if i in left else "" for i in range(len(heads))]
    head = "".join(f'<th scope="col"{side}>{text(name)}</th>' for name, side in zip(heads, sides, strict=True))
    filled = ("".join(f"<td{side}>{text(cell)}</td>" for cell, side in zip(row, sides, strict=True)) for row in rows)
    body = "".join(f"<tr>{cells}</tr>\n" for cells in filled)
    return boxed(f"<table>{titled(caption)}<thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>", caption or label)


def titled(caption: str) -> str:
    """The caption of a table, if it has one."""
    return f"<caption>{text(caption)}</caption>" if caption else ""


def boxed(inside: str, label: str) -> str:
    """A box that scrolls if what is in it is wider than the screen; ``label`` is read out."""
    return f'<div class="scrolls" tabindex="0" role="group" aria-label="{text(label)}">{inside}</div>'


def of_sheet(sheet: Sheet, label: str) -> str:
    """A table of the command line as one of the page."""
    left = [i for i, column in enumerate(sheet.columns) if column.text]
    rows = [[str(cell) for cell in row.cells] for row in (*sheet.rows, *sheet.totals)]
    return table(sheet.title, [column.name for column in sheet.columns], rows, left, label)


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Names and what they stand for, as a list.

    >>> ninx.study.report.parts.pairs([("seed", "0")])
    '<dl class="facts"><div><dt>seed</dt><dd>0</dd></div></dl>'
    """
    inside = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in rows)
    return f'<dl class="facts">{inside}</dl>'


def folded(title: str, inside: str, opened: bool = False) -> str:
    """What opens with a click, or with a key."""
    return f"<details{' open' * opened}><summary>{text(title)}</summary>\n{inside}</details>"


def chart(svg: str, caption: str, data: str) -> str:
    """A drawing with its caption, and its numbers as a table that can be opened."""
    return f'<figure class="chart">{svg}<figcaption>{text(caption)}</figcaption>{folded("The numbers", data)}</figure>'


def paragraph(words: object, kind: str = "") -> str:
    """Plain text as a paragraph; ``kind``: its class."""
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def number(value: float, form: str = ".4f") -> str:
    """A number, or what it is instead of one.

    >>> ninx.study.report.parts.number(0.25), ninx.study.report.parts.number(float("nan"))
    ('0.2500', 'NaN')
    """
    return format(value, form) if abs(value) < float("inf") else "NaN" if value != value else f"{value}"


def percent(share: float) -> str:
    """A share of 1.

    >>> ninx.study.report.parts.percent(0.987)
    '98.70 %'
    """
    return f"{number(100 * share, '.2f')} %"


def size(count: int) -> str:
    """Bytes in words.

    >>> ninx.study.report.parts.size(1_234_567)
    '1.23 MB'
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.2f} {unit}"
    return f"{count} bytes"


def duration(seconds: float) -> str:
    """A time in words.

    >>> ninx.study.report.parts.duration(83), ninx.study.report.parts.duration(7200)
    ('83 s', '2.0 h')
    """
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
