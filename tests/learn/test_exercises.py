"""Every exercise: its right solution passes, its starter fails kindly, and of its wrong solutions each is told what is wrong.

The solutions stand in ``solutions/NAME/``: right.py, and three or more wrong ones, each with the key of its sentence in its first
line. They are written as learners write, not with the code of the exercise's own table of mistakes.
"""

from __future__ import annotations

import ast
import dataclasses
import math
import re
import runpy
from pathlib import Path

import pytest
from rich.cells import cell_len

from ninx import learn
from ninx.learn import comparing, exercise, grading, process, starting, telling, words

SOLUTIONS = Path(__file__).parent / "solutions"
WRONG = [path for name in learn.names() for path in sorted((SOLUTIONS / name).glob("wrong_*.py"))]
ALL = [path for name in learn.names() for path in sorted((SOLUTIONS / name).glob("*.py"))]
LIMITED = ("endless", "endless_somewhere", "memory")  # which only a process of its own is told
CHECKED = pytest.mark.parametrize("name", learn.names())


def said_of(path: Path) -> str:
    """The key that a planted solution should be told."""
    found = re.match(r"# says: (\w+)", path.read_text(encoding="utf-8"))
    return found[1] if found else "passed"


def verdict(path: Path, run: object = None) -> learn.Verdict:
    """What it is told: in this process, unless it must be stopped by limits."""
    given = learn.load(path.parent.name)
    if run is None and said_of(path) in LIMITED:
        run, given = process.run_apart, dataclasses.replace(given, seconds=1)
    return grading.check(given, path, run or process.run_here)  # type: ignore[arg-type]


@CHECKED
def test_the_right_solution_passes(name: str) -> None:
    verdict = grading.check(learn.load(name), SOLUTIONS / name / "right.py", process.run_here)
    assert verdict.key == "passed", verdict
    assert verdict.right == verdict.total == len(learn.load(name).inputs) >= 3


@CHECKED
def test_there_are_three_wrong_solutions(name: str) -> None:
    assert len([path for path in WRONG if path.parent.name == name]) >= 3
    assert all(said_of(path) != "passed" for path in WRONG)


def test_wrong_solutions_are_named_rightly() -> None:
    """95 in 100 at least, and none of them passes."""
    told = {path: verdict(path) for path in WRONG}
    said = {path: one.key for path, one in told.items()}
    other = [f"{path.parent.name}/{path.name}: {key}, not {said_of(path)}" for path, key in said.items() if key != said_of(path)]
    assert "passed" not in said.values()
    for one in told.values():
        for language in words.LANGUAGES:
            assert "{" not in one.say(language)
            assert max(map(cell_len, telling.lines(one, language, 80))) <= 80
    assert len(other) <= 0.05 * len(WRONG), "\n".join(other)


@CHECKED
@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_starter_fails_kindly(name: str, language: str, tmp_path: Path) -> None:
    path = starting.start(learn.load(name), tmp_path, language)
    verdict = grading.check(learn.load(name), path, process.run_here)
    assert verdict.key == "not_written"
    assert learn.load(name).names[0] in verdict.say(language)
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert f"ninx learn check {name}" in text


@CHECKED
def test_the_visible_test_is_right(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The right solution, in the place of the starter's code, passes the small test of the starter and prints OK."""
    text = starting.starter(learn.load(name), "en")
    test = text[text.index('if __name__ == "__main__":') :]
    path = tmp_path / "solution.py"
    path.write_text(
        (SOLUTIONS / name / "right.py").read_text(encoding="utf-8") + "\nimport numpy as np\n" + test, encoding="utf-8"
    )
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.rstrip().endswith("OK")


@CHECKED
def test_every_mistake_is_told_from_the_right_answer_and_from_the_others(name: str) -> None:
    given = learn.load(name)
    answers = [*given.wrong_answers, ("the right answer", given.right_answers)]
    for i, (one, its) in enumerate(answers):
        for other, theirs in answers[:i]:
            assert not all(equal(a, b) for a, b in zip(its, theirs, strict=True)), f"{one} looks like {other}"


def equal(a: object, b: object) -> bool:
    if isinstance(a, exercise.Raised) or isinstance(b, exercise.Raised):
        return isinstance(a, exercise.Raised) and isinstance(b, exercise.Raised)
    return comparing.same(a, b)


@CHECKED
def test_everything_is_said_in_both_languages(name: str) -> None:
    given = learn.load(name)
    assert set(given.words) - {"faults"} == {"title", "task", "mistakes"}
    assert set(given.words.get("faults", {})) <= set(exercise.read_words(words.COMMON)["faults"])
    assert set(given.words["mistakes"]) == set(given.mistakes)
    for sentences in (
        given.words["title"],
        given.words["task"],
        *given.words["mistakes"].values(),
        *given.words.get("faults", {}).values(),
    ):
        assert set(sentences) == {"en", "zh"}
        assert re.search("[\u4e00-\u9fff]", sentences["zh"])
        assert not re.search("[\u4e00-\u9fff]", sentences["en"])
        assert '"""' not in sentences["en"] + sentences["zh"]
        assert "\\" not in sentences["en"] + sentences["zh"]


@CHECKED
def test_small_inputs_come_first(name: str) -> None:
    """The first failing input is the one that is shown: it must be one that fits on a screen."""
    first = learn.load(name).inputs[0]
    assert sum(math.prod(getattr(value, "shape", ())) for value in first) <= 40


def test_common_sentences_have_both_languages_and_the_same_places() -> None:
    for table in exercise.read_words(words.COMMON).values():
        for sentences in table.values():
            assert set(sentences) == {"en", "zh"}
            assert len({frozenset(re.findall(r"\{(\w+)", text)) for text in sentences.values()}) == 1, sentences


@pytest.mark.slow
@pytest.mark.parametrize("path", ALL, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_in_a_process_of_its_own_the_verdict_is_the_same(path: Path) -> None:
    assert verdict(path, process.run_apart).key == verdict(path).key
