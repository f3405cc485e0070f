"""From what the learner's process told to a verdict: right, or what is wrong, in words, with the smallest input that shows it.

A mistake is recognised by its answers. For every exercise there is a table of typical mistakes, each with a function that
computes what it leads to; the one whose answers are the learner's is named. Where none is, the difference itself is described.
"""

from __future__ import annotations

import difflib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..files import open_regular
from .child import decode
from .comparing import difference, same
from .exercise import Exercise, Raised
from .process import Told, run_apart
from .words import sentence

LARGEST = 1_000_000  # bytes of a learner's file


class Failing(NamedTuple):
    """An input that shows the fault, with both answers."""

    inputs: dict[str, Any]
    expected: Any
    got: Any


class Verdict(NamedTuple):
    """What the grader says of a file.

    key names the sentence: that of a typical mistake, or of a fault that any file may have; "passed" if all is right.
    """

    exercise: str
    key: str
    values: dict[str, Any]
    right: int = 0
    total: int = 0
    failing: Failing | None = None
    head: str = ""
    printed: int = 0

    @property
    def passed(self) -> bool:
        """Is everything right?"""
        return self.key == "passed"

    def say(self, language: str = "en") -> str:
        """The sentence, in a language.

        >>> from ninx import learn
        >>> learn.Verdict("03-im2col", "padding_forgotten", {}).say()
        'The padding is forgotten: put that many rows and columns of zeros around the image first.'
        """
        return sentence(self.exercise, self.key, self.values, language)


def check(exercise: Exercise, file: Path, run: Callable[[dict[str, Any]], Told] = run_apart) -> Verdict:
    """Grade a learner's file; ``run`` is what runs it. Raises ValueError if there is no such file."""
    about = {"function": exercise.names[0], "arguments": ", ".join(exercise.arguments())}
    if unreadable := _unreadable(file):
        return Verdict(exercise.name, unreadable, about)
    told = run(exercise.job(file))
    return _Reading(exercise, about, told).verdict()


def _unreadable(file: Path) -> str:
    """The key of what keeps the file from being read, "" if nothing does."""
    with open_regular(file) as (opened, size):
        content = opened.read(LARGEST + 1)
    if size > LARGEST or b"\0" in content:
        return "not_text"
    try:
        return "" if content.decode("utf-8-sig").strip() else "empty"
    except UnicodeDecodeError:
        return "not_text"


class _Reading:
    """What the process told about one file, case by case."""

    def __init__(self, exercise: Exercise, about: dict[str, Any], told: Told):
        self.exercise, self.about, self.told = exercise, about, told
        self.answers: dict[int, Any] = {}
        self.changed: set[int] = set()
        self.load: dict[str, Any] | None = None
        self.refused: dict[str, Any] | None = None
        self.done, self.last = False, -1
        for event in told.events:
            self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        try:
            if "case" in event:
                self.last = int(event["case"])
            elif "answer" in event:
                self.answers[self.last] = decode(event["answer"])
                self.changed |= set(event["changed"])
            elif "raised" in event:
                self.answers[self.last] = Raised(event["raised"])
            elif "load" in event:
                self.load = event["load"]
            elif "refused" in event:
                self.refused = self.refused or event
            elif "done" in event:
                self.done = True
        except (ValueError, TypeError, KeyError):  # written by the learner's code itself
            self.refused = self.refused or {"refused": "files", "what": "events"}

    def verdict(self) -> Verdict:
        """The first of these that holds: it did something refused, did not run, did not end, is wrong, changes its input."""
        if self.refused:
            return self._says(f"refused_{self.refused['refused']}", what=self.refused["what"])
        if self.load:
            return self._of_fault(self.load, loading=True)
        expected = self.exercise.right_answers
        right = [i in self.answers and same(self.answers[i], expected[i]) for i in range(len(expected))]
        if not self.done and (ended := self._ended()):
            return ended._replace(right=sum(right), total=len(right))
        if all(right):
            found = self._says("passed")
            if self.changed:
                names = [name for k, name in enumerate(self.exercise.arguments()) if k in self.changed]
                found = self._says("changes_input", names=", ".join(names))
            return found._replace(right=len(right), total=len(right))
        return self._wrong(expected, right)

    def _says(self, key: str, **values: Any) -> Verdict:
        values = {**self.about, "seconds": self.exercise.seconds, "megabytes": self.exercise.memory // 1_000_000, **values}
        return Verdict(self.exercise.name, key, values, head=self.told.head, printed=self.told.printed)

    # ---------------------------------------------------------------- it did not end

    def _ended(self) -> Verdict | None:
        """Why the process did not get to the end."""
        last = self.answers.get(self.last)
        if isinstance(last, Raised) and last.fault.get("type") in ("OutOfTime", "MemoryError", "KeyboardInterrupt"):
            return self._of_fault(last.fault)
        code = self.told.code
        if code is None:
            return self._says("waits")
        if code in (-signal.SIGKILL, -getattr(signal, "SIGXCPU", 0)) and code:
            return self._says("endless_somewhere")
        if code < 0:
            return self._says("crashed", signal=-code)
        return self._says("exits")

    # ---------------------------------------------------------------- it raised

    def _of_fault(self, fault: dict[str, Any], loading: bool = False) -> Verdict:
        """The words for an error in the learner's code."""
        kind, line, text = str(fault.get("type")), fault.get("line", 0), str(fault.get("text", ""))
        values = {"type": kind, "line": line, "text": text.strip() or kind}
        if kind == "Missing":
            like = difflib.get_close_matches(text, map(str, fault.get("there", [])), 1, 0.5)
            return self._says("missing_like" if like else "missing", missing=text, like=like[0] if like else "")
        if kind == "TypeError" and not line:
            return self._says("arguments", **values)
        key = {
            **dict.fromkeys(("SyntaxError", "IndentationError", "TabError"), "syntax"),
            **{
                "NotImplementedError": "not_written",
                "SystemExit": "exits",
                "RecursionError": "recursion",
                "EOFError": "reads_input",
            },
            **{"MemoryError": "memory", "OutOfTime": "endless" if line else "endless_somewhere"},
        }.get(kind, "load" if loading else "raises" if line else "raises_outside")
        return self._says(key, **values)

    # ---------------------------------------------------------------- it is wrong

    def _wrong(self, expected: list[Any], right: list[bool]) -> Verdict:
        first = right.index(False)
        got = self.answers.get(first)
        plain = self._of_fault(got.fault) if isinstance(got, Raised) else self._difference(expected[first], got)
        if plain.key in ("not_written", "arguments"):
            return plain
        found = self._mistake(expected, right) or plain
        shown = f"{got.fault.get('type')}: {got.fault.get('text')}" if isinstance(got, Raised) else got
        inputs = dict(zip(self.exercise.arguments(), self.exercise.inputs[first], strict=True))
        failing = Failing(inputs, expected[first], shown)
        return found._replace(right=sum(right), total=len(right), failing=failing)

    def _mistake(self, expected: list[Any], right: list[bool]) -> Verdict | None:
        """The typical mistake whose answers are the learner's: all of them; else all the wrong ones; else most of those."""
        wrong = [i for i, fine in enumerate(right) if not fine]
        best, best_score = "", 0.0
        for key, answers in self.exercise.wrong_answers:
            hits = [i for i, answer in enumerate(answers) if self._equals(i, answer)]
            explained = [i for i in wrong if i in hits]
            if 2 * len(explained) <= len(wrong) or all(isinstance(self.answers[i], Raised) for i in explained):
                continue  # that both raise something says little
            score = len(explained) / len(wrong) + len(hits) / len(expected)
            if score > best_score:
                best, best_score = key, score
        return self._says(best) if best else None

    def _equals(self, i: int, answer: Any) -> bool:
        mine = self.answers.get(i)
        if isinstance(mine, Raised) or isinstance(answer, Raised):
            return isinstance(mine, Raised) and isinstance(answer, Raised)
        return same(mine, answer)

    def _difference(self, expected: Any, got: Any) -> Verdict:
        """What strikes one first; where several things are returned, in which of them."""
        part = ""
        if isinstance(expected, tuple) and isinstance(got, (tuple, list)) and len(got) == len(expected):
            k = next(k for k in range(len(got)) if not same(expected[k], got[k]))
            part = self.exercise.parts[k] if self.exercise.parts else str(k + 1)
            expected, got = expected[k], got[k]
        found = difference(expected, got)
        return self._says(found.key, part=part, **found.values)
