"""``ninx learn`` as people use it: the list, starting, checking, a whole class; on a terminal and in a pipe."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import terminal
from rich.cells import cell_len
from typer.testing import CliRunner

from ninx import learn
from ninx.cli import main
from ninx.cli.commands import app
from ninx.cli.complete import exercise_names
from ninx.learn import classes, grading, process, starting, words

SOLUTIONS = Path(__file__).parent / "solutions"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for key in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(key, raising=False)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without processes of their own."""
    monkeypatch.setattr(grading, "run_apart", process.run_here)
    monkeypatch.setattr(grading.check, "__defaults__", (process.run_here,))


def said(*arguments: str, code: int = 0) -> str:
    """What the command prints, in one line."""
    done = CliRunner().invoke(app, ["learn", *arguments])
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


def refused(*arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The sentence of an error, whose exit code is 2."""
    monkeypatch.setattr(sys, "argv", ["ninx", "learn", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def hand_in(name: str, solution: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(SOLUTIONS / name / f"{solution}.py", path)


# -------------------------------------------------------------------- one learner


@pytest.mark.usefixtures("here")
def test_from_the_list_to_a_pass() -> None:
    assert "03-im2col Every window becomes a row not started" in said()
    assert "Begin with ninx learn start 01-rows" in said()
    assert "Wrote 03-im2col.py" in said("start", "03-im2col")
    assert "03-im2col Every window becomes a row started" in said()
    assert "03-im2col: not yet im2col is not written yet" in said("check", code=1)
    hand_in("03-im2col", "wrong_1", Path("03-im2col.py"))
    told = said("check", "03-im2col", code=1)
    assert "The padding is forgotten" in told
    assert "5 of 9 hidden inputs get the right answer." in told
    assert "kernel_size = 3 stride = 1 padding = 1 expected (4x9)" in told
    hand_in("03-im2col", "right", Path("03-im2col.py"))
    assert said("check", "03-im2col.py") == "03-im2col: right Right: 9 hidden inputs, 9 right answers."
    assert "03-im2col Every window becomes a row passed" in said()
    with Path("03-im2col.py").open("a") as file:
        file.write("# a word more\n")
    assert "03-im2col Every window becomes a row passed, then changed" in said()


@pytest.mark.usefixtures("here")
def test_all_that_is_started_is_checked() -> None:
    hand_in("02-matmul", "right", Path("02-matmul.py"))
    hand_in("04-macs", "wrong_2", Path("04-macs.py"))
    told = said("check", "--lang", "zh", code=1)
    assert "02-matmul: 正确" in told
    assert "04-macs: 还不对 这是 FLOPs" in told


def test_the_language_is_asked_for_or_that_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    assert words.language(None) == "en"
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert words.language(None) == "zh"
    assert words.language("en") == "en"
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert words.language(None) == "en"
    for arguments in (["--lang", "zh"], ["start", "04-macs", "--lang", "zh"]):
        assert said(*arguments)
    assert "卷积的计算量" in Path("04-macs.py").read_text(encoding="utf-8")


def test_a_file_that_is_there_is_not_overwritten(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("03-im2col.py").write_text("mine")
    assert "03-im2col.py is there already" in refused("start", "03-im2col", monkeypatch=monkeypatch, capsys=capsys)
    assert Path("03-im2col.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["start", "03-im2cl"], "did you mean '03-im2col'?"),
        (["check", "03-loop"], "did you mean '03-loops'?"),
        (["check"], "no exercise is started in this folder; begin with: ninx learn start 01-rows"),
        (["check", "03-loops"], "there is no file 03-loops.py; `ninx learn start 03-loops` writes"),
        (["check", "mine.py"], "--exercise 03-im2col"),
        (["check", "--exercise", "loops", "mine.py"], "there is no exercise 'loops'"),
        (["--lang", "fr"], "--lang is en or zh, not 'fr'"),
        (["grade", "nowhere"], "there is no such folder"),
        (["grade", "."], "there is no file of an exercise; wanted are ada/03-im2col.py"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refused(*arguments, monkeypatch=monkeypatch, capsys=capsys)


def test_a_path_tells_the_exercise() -> None:
    for path in ("03-im2col.py", "a/b/03-im2col.py", "ada_03-im2col (1).py"):
        assert starting.exercise_of(path)[0].name == "03-im2col"
    assert starting.exercise_of("03-conv-im2col-bob.py")[0].name == "03-conv-im2col"


def test_progress_that_is_no_progress_is_none() -> None:
    hand_in("02-matmul", "right", Path("02-matmul.py"))
    for content in ("", "[]", '{"passed": 3}', '{"passed": {"02-matmul": 3}}', "\0"):
        Path(starting.PROGRESS).write_text(content)
        assert starting.states(Path())["02-matmul"] == "started"
    starting.remember("02-matmul", Path("02-matmul.py"))
    assert starting.states(Path())["02-matmul"] == "passed"


def test_names_are_completed() -> None:
    assert exercise_names("01-") == ["01-rows", "01-strides"]


def test_the_order_is_that_of_the_course() -> None:
    assert list(learn.names()) == sorted(learn.names(), key=lambda name: name[:2])
    assert learn.names()[:3] == ("01-rows", "01-strides", "02-scalar")


# -------------------------------------------------------------------- a class


def a_class() -> None:
    hand_in("03-im2col", "right", Path("class/ada/03-im2col.py"))
    hand_in("02-matmul", "wrong_2", Path("class/ada/week 2/02-matmul.py"))
    hand_in("03-im2col", "wrong_1", Path("class/bob_03-im2col.py"))
    hand_in("02-matmul", "right", Path("class/=1+1/02-matmul.py"))
    Path("class/notes.py").write_text("print('no exercise')")
    Path("class/.hidden").mkdir()
    hand_in("02-matmul", "right", Path("class/.hidden/02-matmul.py"))


@pytest.mark.usefixtures("here")
def test_a_class_is_graded_into_a_file() -> None:
    a_class()
    told = said("grade", "class", "--jobs", "1")
    assert told.startswith("student passed handed in")
    assert "ada 1 2 bob 0 1 Wrote grades.csv" in told
    content = Path("grades.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert [(row["student"], row["exercise"], row["passed"], row["fault"]) for row in rows] == [
        ("'=1+1", "02-matmul", "1", ""),  # no formula
        ("ada", "02-matmul", "0", "db_turned"),
        ("ada", "03-im2col", "1", ""),
        ("bob", "03-im2col", "0", "padding_forgotten"),
    ]
    assert rows[3]["sentence"].startswith("The padding is forgotten")
    assert (rows[3]["right"], rows[3]["inputs"], rows[3]["file"]) == ("5", "9", "class/bob_03-im2col.py")


@pytest.mark.usefixtures("here")
def test_a_gradebook_has_a_column_for_each_exercise() -> None:
    a_class()
    said("grade", "class", "--wide", "--output", "book.csv", "--jobs", "1", "--lang", "zh")
    rows = list(csv.reader(io.StringIO(Path("book.csv").read_text(encoding="utf-8-sig"))))
    assert rows[0] == ["student", "passed", "of", "02-matmul", "03-im2col"]
    assert rows[1:] == [["'=1+1", "1", "2", "1", ""], ["ada", "1", "2", "0", "1"], ["bob", "0", "2", "", "0"]]


def test_files_of_any_name_for_one_exercise() -> None:
    hand_in("02-matmul", "right", Path("class/ada.py"))
    hand_in("02-matmul", "right", Path("class/bob/solution.py"))
    hand_in("03-im2col", "right", Path("class/bob/03-im2col.py"))
    found = classes.hand_ins(Path("class"), "02-matmul")
    assert [(one.student, one.file.name) for one in found] == [("ada", "ada.py"), ("bob", "solution.py")]


def test_several_are_graded_at_once_in_processes() -> None:
    hand_in("02-matmul", "right", Path("class/ada_02-matmul.py"))
    Path("class/eve_02-matmul.py").write_text("import os\nos._exit(0)")
    told = {grade.hand_in.student: grade.verdict.key for grade in classes.grade(classes.hand_ins(Path("class")), 2)}
    assert told == {"ada": "passed", "eve": "exits"}


# -------------------------------------------------------------------- terminals


@pytest.mark.parametrize(("language", "columns"), [("zh", 60), ("en", 80)])
def test_on_a_terminal(language: str, columns: int, tmp_path: Path) -> None:
    hand_in("03-im2col", "wrong_1", Path("03-im2col.py"))
    for arguments, code in ((["--lang", language], 0), (["check", "--lang", language], 1)):
        screen = terminal.run(["learn", *arguments], tmp_path, columns)
        assert screen.returncode == code, screen.text
        assert max(map(cell_len, screen.lines)) <= columns


def test_in_a_pipe(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "LANG", "LC_"))}
    done = subprocess.run([*terminal.COMMAND, "learn"], cwd=tmp_path, capture_output=True, encoding="utf-8", env=environment)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[2 : 2 + len(learn.names())]] == list(learn.names())
    assert all(len(line.rstrip()) <= 80 for line in lines)
