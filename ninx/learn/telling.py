"""A verdict as lines of text: the sentence, then the smallest input that shows the fault, what was expected, and what came."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from rich.cells import cell_len

from ..looks import brief, printable, shortened
from ..tables import wrapped
from .child import Odd
from .exercise import load
from .grading import Verdict
from .words import word

ROWS = 12  # of an array that are shown
LONG = 400  # characters of something else


def wrapped_text(text: str, width: int) -> str:
    """Paragraphs in lines of at most ``width`` columns."""
    return "\n".join("\n".join(wrapped(line, width)) for line in text.split("\n"))


def lines(verdict: Verdict, language: str, width: int) -> list[str]:
    """What stands below the headline of a verdict."""
    if verdict.passed:
        return [word("labels", "passed", language, count=verdict.total)]
    found = wrapped(printable(verdict.say(language)), width)
    if verdict.total:
        found += wrapped(word("labels", "some", language, right=verdict.right, count=verdict.total), width)
    if verdict.failing:
        found += ["", word("labels", "smallest", language)]
        for name, value in verdict.failing.inputs.items():
            found += _named(name, value, width)
        parts = load(verdict.exercise).parts
        found += _named(word("labels", "expected", language), verdict.failing.expected, width, parts)
        found += _named(word("labels", "got", language), verdict.failing.got, width, parts)
    if verdict.printed:
        size = f"{verdict.printed:,} B" if verdict.printed < 10_000 else f"{verdict.printed / 1e6:,.2f} MB"
        found += ["", word("labels", "printed", language, size=size)]
        found += [f"  | {shortened(printable(line), width - 4)}" for line in verdict.head.splitlines()[:8]]
    return found


def _named(name: str, value: Any, width: int, parts: tuple[str, ...] = ()) -> list[str]:
    """``name = value``, an array below its name; of several arrays each under its own, or its number."""
    if isinstance(value, (tuple, list)) and any(isinstance(part, np.ndarray) for part in value):
        names = [f"{name} {part}" for part in parts] if len(parts) == len(value) else [f"{name}[{k}]" for k in range(len(value))]
        return [line for one, part in zip(names, value, strict=True) for line in _named(one, part, width)]
    if isinstance(value, np.ndarray) and value.ndim:
        shape = "x".join(map(str, value.shape))
        return [f"  {name} ({shape})", *_array(value, width)]
    text = f"{value:.10g}" if isinstance(value, float) else value if isinstance(value, Odd) else brief(value)
    if isinstance(value, (np.ndarray, np.generic)):
        text = f"{value.item():.10g}" if value.dtype.kind == "f" else str(value.item())
    if isinstance(value, str) and not isinstance(value, Odd):
        text = printable(value)
    return [f"  {name} = {shortened(text, min(LONG, width - cell_len(name) - 6))}"]


def _array(value: np.ndarray, width: int) -> list[str]:
    """Its numbers, the first rows of a large one."""
    per_row = value.shape[-1] or 1
    most = max(1, ROWS * per_row)
    whole = math.prod(value.shape) <= most
    with np.printoptions(linewidth=width - 4, precision=5, suppress=True, threshold=most, edgeitems=3, floatmode="maxprec"):
        text = str(value).splitlines()
    cut = text if whole and len(text) <= 2 * ROWS else [*text[:ROWS], *(["..."] if len(text) > ROWS else [])]
    return [f"    {line}" for line in cut if line.strip()]
