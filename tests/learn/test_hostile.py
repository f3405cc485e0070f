"""Files that are broken or mean harm: each gets a kind sentence, in bounded time and memory, and nothing is left behind."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from ninx import learn
from ninx.learn import child, grading, process, telling, words

EXERCISE = dataclasses.replace(learn.load("03-im2col"), seconds=1, memory=200_000_000)
RIGHT = (Path(__file__).parent / "solutions" / "03-im2col" / "right.py").read_text(encoding="utf-8")
READS = f"import numpy, pathlib\nprint(pathlib.Path({str(learn.load('03-im2col').folder / '__init__.py')!r}).read_text())\n"


def body(text: str) -> str:
    """A file whose function does this, from line 4 on."""
    return f"import os, sys\nimport numpy as np\ndef im2col(x, kernel_size, stride=1, padding=0):\n    {text}\n"


# (name, the file the key of its sentence, a word of it). Those without a process need no limits.
HERE = [
    ("empty", "", "empty", "The file is empty"),
    ("blank", "\n  \n", "empty", "write im2col"),
    ("latin1", "# caf\xe9".encode("latin1"), "not_text", "UTF-8"),
    ("zeros", b"\0" * 100, "not_text", "plain text"),
    ("large", "#" * 2_000_000, "not_text", "plain text"),
    ("comment", "# nothing yet\n", "missing", "does not define im2col"),
    ("syntax", "def im2col(x:\n    pass\n", "syntax", "line 1"),
    ("indentation", "def im2col(x):\npass\n", "syntax", "line 2"),
    ("other name", "def im2cols(x): return x\n", "missing_like", "but im2cols"),
    ("no function", "im2col = 3\n", "missing", "does not define im2col"),
    ("one argument", "def im2col(x): return x\n", "arguments", "x, kernel_size, stride, padding"),
    ("not loading", "import numpy as np\nnp.array(1).nothing\n", "load", "AttributeError in line 2"),
    ("pass", body("pass"), "returns_nothing", "is a return missing"),
    ("raises", body("return x[99]"), "raises", "IndexError in line 4"),
    ("a text", body("return 'x'"), "wrong_type", "str, where array (1, 4)"),
    ("a ragged list", body("return [[1], [2, 3]]"), "wrong_type", "list"),
    ("a function", body("return im2col"), "wrong_type", "function"),
    ("objects", body("return np.array([object()])"), "wrong_type", "array of object"),
    ("a huge number", body("return 10 ** 5000"), "wrong_type", "int"),
    ("a list in itself", body("a = []; a.append(a); return a"), "wrong_type", "list"),
    ("shape", body("return x.ravel()"), "shape", "(4,), and should have (1, 4)"),
    ("nan", body("return np.full((1, 4), np.nan)"), "not_a_number", "NaN"),
    ("zeros of the shape", body("return np.zeros((1, 4))"), "zeros", "all zeros"),
    ("recursion", body("return im2col(x, kernel_size, stride, padding)"), "recursion", "calls itself without end"),
    ("keyboard", body("return input()"), "reads_input", "leave input() out"),
    ("exit", body("sys.exit(0)"), "exits", "ends Python itself"),
    (
        "an error without words",
        body("class E(Exception):\n        def __str__(self): raise ValueError\n    raise E"),
        "raises",
        "E in line",
    ),
]
APART = [
    ("endless", body("while True: pass"), "endless", "line 4"),
    ("endless in NumPy", body("\n    while True: np.arange(3_000_000).sum()"), "endless", "without end"),
    ("endless on loading", "while True: pass\n", "endless", "line 1"),
    ("memory", body("return np.ones((50_000, 50_000))"), "memory", "200 MB"),
    ("memory, slowly", body("a = []\n    while True: a.append(bytearray(9_000_000))"), "memory", "grow without end"),
    ("prints", body("print('x' * 5_000_000)\n    return np.zeros((1, 4))"), "zeros", "all zeros"),
    ("exit", body("os._exit(0)"), "exits", "ends Python itself"),
    ("crash", body("os.abort()"), "crashed", "signal"),
    ("reads the tests", READS + RIGHT, "refused_tests", "not help to understand"),
    (
        "lists the tests",
        f"import os\nos.listdir({str(learn.load('03-im2col').folder)!r})\n" + RIGHT,
        "refused_tests",
        "leave that out",
    ),
    ("the engine", "from ninx.kernels import loops\n" + RIGHT, "refused_engine", "imports ninx"),
    ("the engine, hidden", "try:\n    import torch\nexcept Exception: pass\n" + RIGHT, "refused_engine", "imports torch"),
    ("programs", body("os.system('true')"), "refused_programs", "os.system"),
    ("kills", body("os.kill(os.getppid(), 0)"), "refused_programs", "os.kill"),
    ("writes", body("open('/tmp/ninx-learn-hostile', 'w')"), "refused_files", "/tmp/ninx-learn-hostile"),
    ("removes", body("os.remove('/tmp/nothing-at-all')"), "refused_files", "os.remove"),
    ("network", body("import socket; socket.create_connection(('127.0.0.1', 9))"), "refused_network", "network"),
]
CHANGES = RIGHT.replace(
    "    x = np.pad",
    "    result = windows(x, kernel_size, stride, padding)\n    x[...] = 0\n    return result\n\n\n"
    "def windows(x, kernel_size, stride, padding):\n    x = np.pad",
)


def verdict(content: str | bytes, folder: Path, apart: bool = False, exercise: learn.Exercise = EXERCISE) -> learn.Verdict:
    path = folder / "solution.py"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return grading.check(exercise, path, process.run_apart if apart else process.run_here)


@pytest.mark.parametrize(("content", "key", "words"), [row[1:] for row in HERE], ids=[row[0] for row in HERE])
def test_a_broken_file_gets_a_sentence(
    content: str | bytes, key: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(os.devnull, encoding="utf-8") as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        found = verdict(content, tmp_path)
    assert (found.key, words in found.say()) == (key, True), found.say()
    assert found.say("zh") != found.say()


# Each takes a second or more; the others wait for the slow tests.
QUICK = {"endless", "memory", "prints", "exit", "reads the tests", "the engine, hidden", "writes", "programs"}
ROWS = [pytest.param(*row[1:], id=row[0], marks=[] if row[0] in QUICK else pytest.mark.slow) for row in APART]


@pytest.mark.parametrize(("content", "key", "words"), ROWS)
def test_a_hostile_file_gets_a_sentence(content: str, key: str, words: str, tmp_path: Path) -> None:
    found = verdict(content, tmp_path, apart=True)
    assert (found.key, words in found.say()) == (key, True), found.say()
    assert not Path("/tmp/ninx-learn-hostile").exists()


def test_what_sleeps_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WAIT", 2)
    assert verdict("import time; time.sleep(1000)\n", tmp_path, apart=True).key == "waits"


def test_an_endless_loop_cannot_catch_its_end(tmp_path: Path) -> None:
    endless = "while True:\n        try:\n            while True: pass\n        except: pass"
    assert verdict(body(endless), tmp_path, apart=True).key.startswith("endless")


def test_an_input_that_is_changed_is_named(tmp_path: Path) -> None:
    found = verdict(CHANGES, tmp_path)
    assert (found.key, found.right) == ("changes_input", 9)
    assert "changes its input x:" in found.say()


def test_much_that_is_printed_is_cut(tmp_path: Path) -> None:
    found = verdict(
        body("for i in range(9): print('line', i, '\\x1b[2J' + 400_000 * 'x')\n    return np.zeros((1, 4))"), tmp_path, apart=True
    )
    assert found.printed > 3_000_000
    told = telling.lines(found, "en", 80)
    assert told[-1].startswith("  | line 0 ?[2Jxxx")
    assert len("\n".join(told)) < 3_000
    passed = verdict(f"print('z' * 3_000_000)\n{RIGHT}".replace("print", "import sys; print", 1), tmp_path, apart=True)
    assert passed.passed


def test_answers_that_the_file_makes_up_count_for_nothing(tmp_path: Path) -> None:
    """The learner's process cannot say that it has passed: it does not know the answers, and what is no event is refused."""
    lines = '{"done": true}\\n[1]\\n{"case": "x"}\\n'
    forged = f"import sys, json\njob = json.load(open(sys.argv[1]))\nopen(job['events'], 'a').write('{lines}')\n"
    found = verdict(forged + RIGHT.replace("reshape(-1", "reshape(1, -1"), tmp_path, apart=True)
    assert not found.passed


def test_a_file_may_import_another_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "windows.py").write_text(RIGHT, encoding="utf-8")
    assert verdict("from windows import im2col\n", tmp_path, apart=True).passed
    assert not (tmp_path / "__pycache__").exists()


def test_nothing_right_is_in_what_the_process_is_given(tmp_path: Path) -> None:
    job = EXERCISE.job(tmp_path / "x.py")
    assert set(job) == {"file", "names", "driver", "inputs", "seconds", "memory", "libraries", "programs"}
    assert "oracle" not in Path(child.__file__).read_text(encoding="utf-8")


def test_the_sentences_of_this_table_are_all_that_there_are() -> None:
    """Every common fault is shown by a file here or is a matter of numbers, tested in test_comparing.py."""
    shown = {row[2] for row in (*HERE, *APART)} | {"waits", "changes_input", "not_written", "endless_somewhere"}
    numbers = {"shape_turned", "shape_ones", "infinite", "sign", "imprecise", "turned", "factor", "entries", "all_wrong", "value"}
    from ninx.learn.exercise import read_words

    assert set(read_words(words.COMMON)["faults"]) - shown - numbers == {"raises_outside"}
