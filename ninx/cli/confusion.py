"""Accuracy and confusion matrix, after ``ninx train`` and ``ninx eval``."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.text import Text

from ..tables import Column, Sheet
from ..train import Evaluation
from ..train.runs import answers
from .console import console, say


def show_evaluation(result: Evaluation, classes: tuple[str, ...], which: str) -> None:
    """Accuracy, and what was taken for what."""
    sheet = _confusion(result.confusion, classes)
    narrow = console.is_terminal and not sheet.fits(console.width)
    (_mistakes(result.confusion, classes) if narrow else sheet).show(console)
    right, total = int(np.trace(result.confusion)), int(result.confusion.sum())
    say(f"{which} accuracy [bold]{100 * result.accuracy:.2f} %[/bold] ({right} of {total}), loss {result.loss:.4f}")


def _shares(counts: np.ndarray[Any, Any]) -> list[str]:
    return [f"{100 * row[i] / max(row.sum(), 1):.1f} %" for i, row in enumerate(counts)]


def _mistakes(counts: np.ndarray[Any, Any], classes: tuple[str, ...]) -> Sheet:
    """Of each class the most frequent mistake: for many classes, and for narrow terminals."""
    names = answers(classes, counts.shape[1])
    sheet = Sheet([Column("class", text=True), Column("right"), Column("else mostly taken for", text=True)])
    for i, (name, row, share) in enumerate(zip(classes, counts, _shares(counts), strict=True)):
        wrong = np.where(np.arange(len(row)) == i, 0, row)
        sheet.add(name, share, f"{names[wrong.argmax()]} ({wrong.max()})" if wrong.any() else "")
    return sheet


def _confusion(counts: np.ndarray[Any, Any], classes: tuple[str, ...]) -> Sheet:
    """The confusion matrix, its columns numbered like its rows."""
    if len(classes) > 20:
        return _mistakes(counts, classes)
    numbers = [str(i) for i in range(len(classes))]
    heads = [*numbers, *answers(classes, counts.shape[1])[len(classes) :], "right"]
    title = "confusion matrix: rows are the true class, columns the answer"
    sheet = Sheet([Column("", text=True), *map(Column, heads)], title)
    for i, (name, row, share) in enumerate(zip(classes, counts, _shares(counts), strict=True)):
        cells = [Text(str(n), "bold green") if i == j else Text(str(n), "red") if n else "·" for j, n in enumerate(row)]
        sheet.add(name if name == numbers[i] else f"{i} {name}", *cells, share)
    return sheet
