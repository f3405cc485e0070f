"""The learner's file, and which exercises are started and passed in a folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ..files import write_atomically
from .exercise import Exercise, load, names
from .telling import wrapped_text
from .words import word

PROGRESS = ".ninx-learn.json"  # which content of which file has passed


def file_of(name: str, folder: Path) -> Path:
    """Where an exercise's file stands."""
    return folder / f"{name}.py"


def start(exercise: Exercise, folder: Path, language: str) -> Path:
    """Write the file that the learner begins with. Raises ValueError if it is there already: it is never overwritten.

    >>> from ninx.learn import load, starting
    >>> starting.start(load("03-im2col"), Path("."), "en").name
    '03-im2col.py'
    """
    path = file_of(exercise.name, folder)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter(exercise, language))
    except FileExistsError:
        raise ValueError(
            f"learn: {path} is there already, and is not overwritten; `ninx learn check {exercise.name}` grades it. "
            "To begin anew, rename it first"
        ) from None
    return path


def starter(exercise: Exercise, language: str) -> str:
    """The content of that file: title, task, signature, and a small test that runs with it."""
    name, words = exercise.name, exercise.words
    task = wrapped_text(words["task"][language].strip(), 79)
    how = word("labels", "task", language, file=f"{name}.py", name=name)
    code = (exercise.folder / "starter.txt").read_text(encoding="utf-8")
    lines = []
    for line in code.splitlines():
        mark = line.strip()[:6]
        if mark in ("# en: ", "# zh: "):  # a comment in one language
            if mark[2:4] != language:
                continue
            line = line.replace(mark, "# ", 1)
        lines.append(line)
    gap = "\n\n" if lines[0].startswith(("def ", "class ")) else "\n"
    return f'"""{name}: {words["title"][language]}\n\n{task}\n\n{how}\n"""\n{gap}' + "\n".join(lines) + "\n"


def states(folder: Path) -> dict[str, str]:
    """Of each exercise: "not started", "started", "passed", or "changed" if the file is not the one that passed."""
    passed = _passed(folder)
    found = {}
    for name in names():
        path = file_of(name, folder)
        if not path.is_file():
            found[name] = "not started"
        elif name not in passed:
            found[name] = "started"
        else:
            found[name] = "passed" if passed[name] == _digest(path) else "changed"
    return found


def remember(name: str, file: Path) -> None:
    """Note beside the file that it has passed. A folder that cannot be written to is no fault of the learner's."""
    folder = file.resolve().parent
    try:
        content = json.dumps({"passed": {**_passed(folder), name: _digest(file)}}, indent=1)
        write_atomically(folder / PROGRESS, content.encode())
    except OSError:
        pass


def _passed(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))["passed"]
        return {name: digest for name, digest in found.items() if isinstance(digest, str)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none yet, or not ours
        return {}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def exercise_of(file: str) -> tuple[Exercise, Path]:
    """The exercise and the file that an argument of `ninx learn check` means: a name, or the path of a file that bears it.

    Raises ValueError if it is neither.

    >>> from ninx.learn import starting
    >>> starting.exercise_of("hand-in/ada_03-im2col.py")[0].name
    '03-im2col'
    """
    if file in names():
        return load(file), file_of(file, Path())
    path = Path(file)
    inside = [name for name in names() if name in path.name]
    if path.suffix == ".py" and inside:
        return load(max(inside, key=len)), path
    if path.suffix == ".py":
        raise ValueError(f"learn: the name of {path} tells no exercise; say which one it is: --exercise 03-im2col")
    return load(file), path  # which says what is nearest
