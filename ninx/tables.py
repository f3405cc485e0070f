"""Tables of text that fit where they are shown: a terminal of any width, a pipe, a page.

In a pipe every column is there and no line is broken, for a program may read it. On a terminal that is too narrow, text wraps
at words; if that is not enough, the columns that matter least are left out, and a line below says which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from io import StringIO
from typing import NamedTuple, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .looks import printable

Cell: TypeAlias = str | Text  # a Text has colours of its own

GAP = 2  # blanks between two columns
WORD = 16  # text may be folded to so many columns, even within a word

# A Chinese text has no blanks: it may be broken behind every sign, but no line begins with a full stop or ends with a bracket.
WIDE = "\u2e80-\u9fff\uff00-\uffef"
PIECES = re.compile(f"\\s+|[（《]*(?:[{WIDE}]|[^\\s{WIDE}]+)[，。；：、）》？]*")  # noqa: RUF001


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most ``width`` columns, of which a Chinese sign takes two.

    >>> from ninx.tables import wrapped
    >>> wrapped("every pixel is a row", 12)
    ['every pixel', 'is a row']
    """
    lines = [""]
    for piece in PIECES.findall(text):
        if cell_len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines]


def _total(widths: Iterable[int]) -> int:
    """The width of a table whose columns have these."""
    known = list(widths)
    return sum(known) + GAP * (len(known) - 1)


class Column(NamedTuple):
    """A heading. ``text`` stands to the left and may wrap; anything else is a number. The highest ``spare`` is left out first."""

    name: str
    text: bool = False
    spare: int = 0


class Row(NamedTuple):
    """The cells of a line, and how it looks on a terminal: a style of rich's, such as "bold"."""

    cells: Sequence[Cell]
    style: str = ""


def _row(cells: Sequence[Cell], style: str) -> Row:
    return Row(tuple(cell if isinstance(cell, Text) else printable(cell) for cell in cells), style)


@dataclass
class Sheet:
    """A table: what stands above it, its columns, its rows, and the rows below a line at its end."""

    columns: Sequence[Column]
    title: str = ""
    rows: list[Row] = field(default_factory=list)
    totals: list[Row] = field(default_factory=list)

    def add(self, *cells: Cell, style: str = "") -> None:
        """One row."""
        self.rows.append(_row(cells, style))

    def total(self, *cells: Cell, style: str = "") -> None:
        """One row below the line."""
        self.totals.append(_row(cells, style))

    def fitting(self, width: int | None) -> list[int]:
        """The numbers of the columns that are shown in ``width`` characters; all of them if it is None."""
        shown = list(range(len(self.columns)))
        while width is not None and self._least(shown) > width:
            last = max(shown, key=lambda i: self.columns[i].spare)
            if self.columns[last].spare == 0:
                break  # what is left is needed: then the lines run on
            shown.remove(last)
        return shown

    def fits(self, width: int) -> bool:
        """Can all of it be shown in ``width`` characters, without a wrapped line?"""
        return _total(map(self._widest, range(len(self.columns)))) <= width

    def _cells(self, i: int) -> list[str]:
        return [str(row.cells[i]) for row in (*self.rows, *self.totals)]

    def _widest(self, i: int) -> int:
        return max(map(cell_len, [self.columns[i].name, *self._cells(i)]))

    def _narrowest(self, i: int) -> int:
        """The width below which column i would lose something: headings wrap at words, text too, numbers never."""
        words = [cell_len(word) for word in self.columns[i].name.split()]
        if self.columns[i].text:
            words += [min(cell_len(word), WORD) for cell in self._cells(i) for word in re.findall(r"^\s*\S+|\S+", cell)]
        else:
            words += [cell_len(cell) for cell in self._cells(i)]
        return max(words, default=0)

    def _least(self, shown: list[int]) -> int:
        return _total(map(self._narrowest, shown))

    def _widths(self, shown: list[int], width: int | None) -> list[int]:
        """Of each shown column: as wide as it would like to be, or, one by one, the widest that can be narrower."""
        widths, narrowest = [self._widest(i) for i in shown], [self._narrowest(i) for i in shown]
        while width is not None and _total(widths) > width:
            loose = [k for k in range(len(shown)) if widths[k] > narrowest[k]]
            if not loose:
                break
            widths[max(loose, key=lambda k: widths[k])] -= 1
        return widths

    def show(self, console: Console, most: int | None = None, whole: bool = False) -> None:
        """Print it: whole into a pipe, and onto a terminal what fits.

        most: in a pipe, too, only what fits into so many characters; whole: on a terminal, too, all of it.
        """
        width = console.width if console.is_terminal else None
        if whole:
            width = None
        elif most is not None:
            width = most if width is None else min(width, most)
        shown = self.fitting(width)
        if self.title:
            console.print(self.title, style="italic", markup=False, soft_wrap=width is None)
        console.print(self._table(shown, self._widths(shown, width)), crop=False, soft_wrap=width is None)
        absent = [column.name for i, column in enumerate(self.columns) if i not in shown]
        if absent:
            console.print(f"Not shown for want of width: {', '.join(absent)}.", style="dim", markup=False)

    def _table(self, shown: list[int], widths: list[int]) -> Table:
        box = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0), width=_total(widths))
        for i, width in zip(shown, widths, strict=True):
            box.add_column(
                Text(self.columns[i].name),
                justify="left" if self.columns[i].text else "right",
                width=width,
                overflow="fold",
            )
        for number, row in enumerate((*self.rows, *self.totals)):
            if number == len(self.rows):
                box.add_section()
            cells = (row.cells[i] for i in shown)
            box.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells), style=row.style)
        return box

    def text(self, width: int = 80) -> str:
        """It as plain text, in lines of at most ``width`` characters."""
        out = StringIO()
        console = Console(
            file=out,
            width=width,
            force_terminal=True,
            force_jupyter=False,  # in a notebook rich would show it by itself
            color_system=None,
            legacy_windows=False,
        )
        self.show(console)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines())

    def html(self) -> str:
        """It as a table for a page; bold rows are bold there too."""
        sides = ["left" if column.text else "right" for column in self.columns]

        def line(tag: str, cells: Sequence[Cell], weight: str = "") -> str:
            styles = [f"text-align: {side}{weight}" for side in sides]
            parts = [f'<{tag} style="{s}">{escape(str(c))}</{tag}>' for c, s in zip(cells, styles, strict=True)]
            return f"<tr>{''.join(parts)}</tr>"

        head = line("th", [column.name for column in self.columns])
        weights = ["; font-weight: bold" if "bold" in row.style else "" for row in (*self.rows, *self.totals)]
        body = "".join(line("td", row.cells, w) for row, w in zip((*self.rows, *self.totals), weights, strict=True))
        caption = f'<caption style="text-align: left">{escape(self.title)}</caption>' if self.title else ""
        return f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>"
