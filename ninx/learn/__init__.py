"""Exercises that grade themselves: each knows what is right, and what is typically wrong.

exercise    what an exercise is made of, and the list of all; the exercises stand in ``exercises/``, a folder each
starting    the learner's file, and which exercises are passed
child       the learner's process: runs the file on inputs, knows no answers
process     runs it, with limits of time and memory
grading     compares the answers, recognises mistakes, and says what is wrong
comparing   whether two answers are the same, and what strikes one first if not
classes     many learners at once
words       the sentences, in English and Chinese
"""

from __future__ import annotations

from pathlib import Path

from .exercise import Exercise, load, names
from .grading import Verdict
from .grading import check as _check

__all__ = ["Exercise", "Verdict", "check", "load", "names"]


def check(exercise: str, file: str | Path) -> Verdict:
    """Grade a learner's file. Raises ValueError for an unknown exercise, and if there is no such file.

    The file runs in a process of its own, which may take a few seconds of processor time and 500 MB of memory.

    >>> from pathlib import Path
    >>> from ninx import learn
    >>> _ = Path("03-im2col.py").write_text("def im2col(x, kernel_size, stride=1, padding=0): return None")
    >>> print(learn.check("03-im2col", "03-im2col.py").say())
    It returns None: is a return missing?
    """
    return _check(load(exercise), Path(file))
