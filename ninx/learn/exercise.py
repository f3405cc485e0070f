"""An exercise: a folder of ``exercises/`` with the name of the exercise, such as 03-im2col.

    __init__.py    what is right and what is typically wrong: NAMES, cases, oracle, MISTAKES
    words.toml     title, task, and a sentence for each mistake, in English and Chinese; under [faults.KEY] one that replaces
                   a common sentence of ``ninx/learn/words.toml``, such as that of an endless loop (optional)
    starter.txt    what the learner's file begins with: the signature, and a small test
    driver.py      only where the learner writes more than one function: how to use what he wrote

In ``__init__.py`` these names are looked for:

    NAMES       the names that the learner's file must define; without a driver, the only function
    cases()     the hidden inputs, small ones first: a list of tuples of arguments
    oracle      the right answer for such arguments
    MISTAKES    by key of its sentence, what a typical mistake would answer, where there are several ways to make it a list
                of them; it may raise where the mistake would
    PARTS       where the answer is a tuple: what its parts are called (optional)
    SECONDS     of processor time for all cases (optional, 5)
    MEMORY      bytes beside Python and NumPy (optional, 500 MB)
    LIBRARIES   other libraries that the exercise is about, such as ("numba",) (optional)
    PROGRAMS    may the file start programs, such as a compiler? (optional, False)
"""

from __future__ import annotations

import importlib
import inspect
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ninx.kernels.names import unknown

FOLDER = Path(__file__).parent / "exercises"

# In which order one learns. What is not named here comes at the end of its chapter.
ORDER = [
    *("01-rows", "01-strides"),
    *("02-scalar", "02-order", "02-unbroadcast", "02-matmul", "02-second"),
    *("03-output-size", "03-loops", "03-im2col", "03-conv-im2col", "03-weight-gradient", "03-input-gradient"),
    *("04-one-by-one", "04-bottleneck", "04-macs"),
    *("05-max-pool", "05-max-pool-gradient", "05-average-pool", "05-ceil-mode"),
    *("06-gap", "06-class-map"),
    *("07-logsumexp", "07-cross-entropy", "07-cross-entropy-gradient"),
    *("08-batch-norm", "08-batch-norm-gradient", "08-dropout"),
    *("09-sgd", "09-nin"),
    *("10-chance",),
    *("11-blocked", "11-winograd"),
    *("12-cuda",),
    *("13-tree-sum",),
]


class Raised(NamedTuple):
    """In the place of an answer: the code raised this fault."""

    fault: dict[str, Any]


def _try(answer: Callable[..., Any], case: tuple[Any, ...]) -> Any:
    """What a mistake leads to."""
    try:
        with np.errstate(all="ignore"):
            return answer(*case)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return Raised({"type": type(error).__name__})


@dataclass(frozen=True)
class Exercise:
    """An exercise as its folder describes it; `load` makes one.

    >>> from ninx.learn import load
    >>> exercise = load("03-output-size")
    >>> exercise.chapter, exercise.names, exercise.inputs[0], exercise.right_answers[0]
    (3, ('output_size',), (3, 2, 1, 0, 1), 2)
    """

    name: str
    names: tuple[str, ...]
    cases: Callable[[], list[tuple[Any, ...]]]
    oracle: Callable[..., Any]
    mistakes: Mapping[str, Callable[..., Any] | list[Callable[..., Any]]]
    parts: tuple[str, ...] = ()
    seconds: int = 5
    memory: int = 500_000_000
    libraries: tuple[str, ...] = ()
    programs: bool = False
    folder: Path = field(default=FOLDER, repr=False)

    @property
    def chapter(self) -> int:
        """The number in front of the name."""
        return int(self.name[:2])

    @cached_property
    def words(self) -> dict[str, Any]:
        """Title, task and sentences, each with "en" and "zh"."""
        return read_words(self.folder / "words.toml")

    @cached_property
    def inputs(self) -> list[tuple[Any, ...]]:
        """The hidden inputs, which nobody may change."""
        return self.cases()

    @property
    def driver(self) -> str:
        """The source of the driver, "" if there is none."""
        path = self.folder / "driver.py"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @cached_property
    def right_answers(self) -> list[Any]:
        """What the oracle answers to each input."""
        return [self.oracle(*case) for case in self.cases()]

    @cached_property
    def wrong_answers(self) -> list[tuple[str, list[Any]]]:
        """Every way to make a mistake: the key of its sentence, and what it answers to each input."""
        return [
            (key, [_try(way, case) for case in self.cases()])  # inputs of its own, for it may work in place
            for key, found in self.mistakes.items()
            for way in (found if isinstance(found, list) else [found])
        ]

    def arguments(self) -> list[str]:
        """What the arguments of a case are called: as the oracle calls them.

        >>> from ninx.learn import load
        >>> load("02-matmul").arguments()
        ['g', 'a', 'b']
        """
        given = inspect.signature(self.oracle).parameters.values()
        return [parameter.name for parameter in given if parameter.default is parameter.empty]

    def job(self, file: Path) -> dict[str, Any]:
        """What the learner's process needs to know; nothing of it says what is right.

        >>> from pathlib import Path
        >>> from ninx.learn import load
        >>> load("03-output-size").job(Path("mine.py"))["inputs"][0]
        {'list': [3, 2, 1, 0, 1]}
        """
        from .child import encode

        return {
            "file": str(file.resolve()),
            "names": self.names,
            "driver": self.driver,
            "inputs": [{"list": [encode(value) for value in case]} for case in self.inputs],
            "seconds": self.seconds,
            "memory": self.memory,
            "libraries": self.libraries,
            "programs": self.programs,
        }


@cache
def read_words(path: Path) -> dict[str, Any]:
    """A file of sentences in both languages."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def names() -> tuple[str, ...]:
    """All exercises, in the order of the chapters.

    >>> from ninx.learn import names
    >>> "03-im2col" in names()
    True
    """
    found = [path.name for path in FOLDER.iterdir() if (path / "words.toml").exists()]
    return tuple(sorted(found, key=lambda name: (name[:2], ORDER.index(name) if name in ORDER else len(ORDER), name)))


@cache
def load(name: str) -> Exercise:
    """An exercise by its name. Raises ValueError for an unknown one.

    >>> from ninx.learn import load
    >>> load("03-im2col").words["title"]["en"]
    'Every window becomes a row'
    """
    if name not in names():
        raise ValueError(unknown("exercise", name, names()))
    module: Any = importlib.import_module(f"ninx.learn.exercises.{name}")
    options = ("parts", "seconds", "memory", "libraries", "programs")
    given = {key: getattr(module, key.upper()) for key in options if hasattr(module, key.upper())}
    return Exercise(name, module.NAMES, module.cases, module.oracle, module.MISTAKES, folder=FOLDER / name, **given)
