"""Many learners at once: a folder with a sub-folder or a file for each of them, graded into a table."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from .exercise import load, names
from .grading import Verdict, check

HEAD = ("student", "exercise", "passed", "right", "inputs", "fault", "sentence", "file")


class HandIn(NamedTuple):
    """A file that a student has handed in for an exercise."""

    student: str
    exercise: str
    file: Path


class Grade(NamedTuple):
    """A hand-in and what the grader says of it."""

    hand_in: HandIn
    verdict: Verdict


def hand_ins(folder: Path, exercise: str | None = None) -> list[HandIn]:
    """The files of a class, in the order of students and exercises.

    In a sub-folder, at any depth, the student is the first folder's name, and the exercise stands in the file's. Beside them, a
    file's name holds both: ada_03-im2col.py. With ``exercise`` all files are for this one, and a sub-folder's with its name only,
    unless it has but one file. Raises ValueError if there is no such folder, and if nothing is found in it.
    """
    if not folder.is_dir():
        raise ValueError(f"learn grade: {folder}: there is no such folder")
    found = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).parts
        if any(part.startswith((".", "__")) for part in parts) or not path.is_file():
            continue
        known = max((name for name in names() if name in path.stem), key=len, default=None)
        if exercise is not None and known not in (None, exercise):
            continue
        which = exercise or known
        if which is None:
            continue
        rest = re.sub(r"^[\s_.-]+|[\s_.-]+$", "", path.stem.replace(known or "", ""))
        found.append(HandIn(parts[0] if len(parts) > 1 else rest or path.stem, which, path))
    if not found:
        raise ValueError(
            f"learn grade: in {folder} there is no file of an exercise; wanted are ada/03-im2col.py or ada_03-im2col.py, "
            "or files of any name with --exercise 03-im2col"
        )
    return sorted(found)


def grade(found: list[HandIn], jobs: int | None = None, done: Callable[[], None] = lambda: None) -> Iterator[Grade]:
    """Grade them, several at once, each in a process of its own; ``done`` is called after each."""

    def one(hand_in: HandIn) -> Grade:
        verdict = check(load(hand_in.exercise), hand_in.file)
        done()
        return Grade(hand_in, verdict)

    for name in {hand_in.exercise for hand_in in found}:
        load(name)  # before the threads, which would import it at once
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        yield from pool.map(one, found)


def as_csv(grades: list[Grade], language: str, wide: bool = False) -> str:
    """A row for each hand-in; if ``wide``, a row for each student and a column for each exercise, with 1 for what has passed."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    if wide:
        exercises = sorted({g.hand_in.exercise for g in grades})
        table.writerow(["student", "passed", "of", *exercises])
        for student, passed in by_student(grades).items():
            marks = [int(passed[name]) if name in passed else "" for name in exercises]
            table.writerow([_cell(student), sum(passed.values()), len(exercises), *marks])
        return out.getvalue()
    table.writerow(HEAD)
    for hand_in, v in grades:
        fault, sentence = ("", "") if v.passed else (v.key, v.say(language))
        cells = (hand_in.student, hand_in.exercise, int(v.passed), v.right, v.total, fault, sentence, hand_in.file.as_posix())
        table.writerow([_cell(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()


def by_student(grades: list[Grade]) -> dict[str, dict[str, bool]]:
    """For each student which exercises have passed; of several files for one, any."""
    found: dict[str, dict[str, bool]] = {}
    for hand_in, verdict in grades:
        of = found.setdefault(hand_in.student, {})
        of[hand_in.exercise] = of.get(hand_in.exercise, False) or verdict.passed
    return found


def _cell(text: str) -> str:
    """One line; and what a spreadsheet would take for a formula is text."""
    text = " ".join(text.split())
    return f"'{text}" if text[:1] in tuple("=+-@") else text
