"""The command line as a person meets it: on a terminal of 60, 80 or 120 columns, on a dumb one, in a notebook's cell."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import rooms
import terminal
from PIL import Image
from rich.console import Console

import ninx
from ninx.benchmarks import SUITES
from ninx.benchmarks.measure import Machine
from ninx.benchmarks.report import Report
from ninx.tables import Column, Sheet

TINY = ["--set", "model.name=nin-mnist-v0", "--set", "model.switches={}", "--limit", "200"]
WIDTHS = (60, 80, 120)
PLAIN = {"NINX_KERNELS": "strided"}  # nothing to compile
EPOCH = r"epoch +{}/\d+  loss \d\.\d{{4}}  accuracy +\d+\.\d\d % +\d+ img/s"
RESULTS = rooms.ROOT / "docs" / "results"


def fine(screen: terminal.Screen, returncode: int = 0) -> None:
    """It ended as it should, and nothing was broken that was printed."""
    assert screen.returncode == returncode, screen.text
    assert "Traceback" not in screen.text, screen.text
    assert screen.broken == []


def epochs(screen: terminal.Screen) -> list[int]:
    """The epochs that have a line; every line that begins like one must be whole, so a left-over bar is an error."""
    lines = [line for line in screen.lines if line.startswith("epoch ")]
    assert all(re.fullmatch(EPOCH.format(r"\d+"), line) for line in lines), lines
    return [int(line.split()[1].split("/")[0]) for line in lines]


# -------------------------------------------------------------------- train


@pytest.mark.parametrize("columns", [60, *(pytest.param(width, marks=pytest.mark.slow) for width in (80, 120))])
def test_a_training_runs_to_its_end_on_a_terminal(tmp_path: Path, columns: int) -> None:
    """The bar of an epoch makes place for the next one: the second epoch once ended in a KeyError."""
    screen = terminal.run(["train", *TINY, "--epochs", "3"], tmp_path, columns, environment=PLAIN)
    fine(screen)
    assert epochs(screen) == [1, 2, 3]
    assert b"epoch 2 \x1b" in screen.raw, "there was no bar"
    assert b"epoch 4 \x1b" not in screen.raw, "a bar of an epoch that is not to come"
    assert "nin-mnist-v0 (4,370 parameters) on digits: 200 images to learn from, 1,000 to test; seed 0" in screen.words
    assert re.search(r"test accuracy \d+\.\d\d % \(\d+ of 1000\), loss", screen.words)
    assert screen.lines[-1] == "ninx predict runs/digits-seed0 IMAGE"
    more = terminal.run(["train", "--resume", "runs/digits-seed0", "--epochs", "4"], tmp_path, columns, environment=PLAIN)
    fine(more)
    assert epochs(more) == [4]


@pytest.mark.parametrize(
    ("term", "environment"),
    [
        ("dumb", {}),
        ("xterm-color", {"JPY_PARENT_PID": "1", "FORCE_COLOR": "1", "CLICOLOR": "1"}),  # a notebook's `!ninx train`
    ],
    ids=["dumb", "notebook"],
)
def test_where_no_line_can_be_written_anew_there_is_no_bar(tmp_path: Path, term: str, environment: dict[str, str]) -> None:
    screen = terminal.run(["train", *TINY, "--epochs", "2"], tmp_path, 60, term, environment=PLAIN | environment)
    fine(screen)
    assert epochs(screen) == [1, 2]
    printed = re.sub(rb"\x1b\[[\d;]*m", b"", screen.raw)  # colours are no matter
    assert b"\x1b" not in printed
    assert b"\r" not in printed.replace(b"\r\n", b"")
    assert "nin-mnist-v0 (4,370 parameters)" in screen.words


def moments(finished: int) -> dict[str, object]:
    return {"interrupt": lambda raw: raw.count(b"img/s") >= finished, "environment": PLAIN}


def test_ctrl_c_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    screen = terminal.run(["train", *TINY, "--epochs", "500", "--out", "my run"], tmp_path, 60, **moments(2))
    fine(screen, 130)
    done = epochs(screen)
    assert done == list(range(1, len(done) + 1))
    assert len(done) >= 2
    part = r"( and \d of \d batches of the next)?"
    assert re.search(
        rf"Stopped\. my run/checkpoint\.safetensors holds {len(done)} of 500 epochs{part}; go on with:", screen.words
    )
    assert screen.lines[-1] == "ninx train --resume 'my run'"
    more = terminal.run(["train", "--resume", "my run"], tmp_path, 60, **moments(1))
    fine(more, 130)
    assert epochs(more)[0] == len(done) + 1


def test_ctrl_c_before_there_is_anything_to_keep_leaves_nothing(tmp_path: Path) -> None:
    code = """
import ninx.cli.training as t
t.Training = lambda *args: print("busy", flush=True) or __import__("time").sleep(100)
from ninx.cli import main; main()
"""
    stop = {"interrupt": lambda raw: b"busy" in raw, "command": [sys.executable, "-c", code]}
    screen = terminal.run(["train", *TINY], tmp_path, **stop)
    fine(screen, 130)
    assert screen.lines[-1] == "Stopped before there was anything to keep."
    assert list(tmp_path.iterdir()) == []
    ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 10}), tmp_path / "old").save()
    kept = (tmp_path / "old" / "checkpoint.safetensors").read_bytes()
    screen = terminal.run(["train", *TINY, "--out", "old", "--overwrite"], tmp_path, **stop)
    fine(screen, 130)
    assert screen.lines[-1] == "Stopped before this run had saved anything. old still holds the earlier run."
    assert (tmp_path / "old" / "checkpoint.safetensors").read_bytes() == kept
    shutil.copytree(tmp_path / "old", tmp_path / "runs" / "digits-seed0")  # an earlier run of the same name is another's
    screen = terminal.run(["train", *TINY], tmp_path, **stop)
    fine(screen, 130)
    assert screen.lines[-1] == "Stopped before there was anything to keep."
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["digits-seed0"]


@pytest.mark.slow
def test_ctrl_c_at_any_moment_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    """Ten times, from the first second on; whatever is there can be resumed, and what is not there was not begun."""
    rng = np.random.default_rng()
    for number, wait in enumerate(rng.uniform(0.5, 12, 10)):
        import time

        begun = time.monotonic()
        late = {"interrupt": lambda raw, begun=begun, wait=wait: time.monotonic() - begun > wait}
        screen = terminal.run(["train", *TINY, "--epochs", "500", "--out", f"run{number}"], tmp_path, 80, **late)
        fine(screen, 130)
        if not (tmp_path / f"run{number}").exists():
            continue
        there = ninx.load_run(tmp_path / f"run{number}")
        more = terminal.run(["train", "--resume", f"run{number}", "--epochs", str(len(there.history) + 1)], tmp_path, 80)
        fine(more)
        assert epochs(more) == [len(there.history) + 1]


def test_the_stages_of_a_growing_network_on_a_narrow_terminal(tmp_path: Path) -> None:
    small = ["--limit", "40", "--holdout", "60", "--epochs", "1", "--set", "growth.seeds=1"]
    screen = terminal.run(["train", "digits-staged", *small], tmp_path, 60, environment=PLAIN)
    fine(screen)
    assert "Wrote growth.json and growth.md into runs/digits-staged-seed0." in screen.words
    assert "Not shown for want of width:" in screen.text
    again = terminal.run(["train", "digits-staged", *small[:-2], "--set", "growth.seeds=1", "--seed", "0"], tmp_path, 120)
    fine(again)
    other = terminal.run(["train", "digits-staged", *small, "--set", "batch_size=10"], tmp_path, 80)
    fine(other, 2)
    assert "holds runs of this experiment with other settings; keep them and take another folder" in other.words


# -------------------------------------------------------------------- a run is never lost


def run_in_pipe(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | PLAIN
    done = subprocess.run([*terminal.COMMAND, *arguments], cwd=cwd, capture_output=True, text=True, timeout=240, env=environment)
    return done.returncode, done.stdout, done.stderr


def test_a_finished_run_is_never_lost(tmp_path: Path) -> None:
    small = ["train", *TINY, "--epochs", "1"]
    assert run_in_pipe(*small, cwd=tmp_path)[0] == 0
    first = tmp_path / "runs" / "digits-seed0"
    kept = {file.name: file.read_bytes() for file in first.iterdir() if file.name != ".lock"}
    code, out, _ = run_in_pipe(*small, cwd=tmp_path)
    assert (code, (tmp_path / "runs" / "digits-seed0-2" / "checkpoint.safetensors").exists()) == (0, True)
    assert "runs/digits-seed0 is there already and stays as it is." in out
    code, out, wrong = run_in_pipe(*small, "--out", "runs/digits-seed0", cwd=tmp_path)
    assert code == 2
    for way in ("--resume runs/digits-seed0", "--overwrite", "another folder"):
        assert way in wrong
    code, _, wrong = run_in_pipe("train", "--resume", "runs/digits-seed0-2", "--out", "runs/digits-seed0", cwd=tmp_path)
    assert (code, "holds a run already" in wrong) == (2, True)
    for failing, ends in (
        (["--set", "data=./nowhere"], 2),
        (["--set", "optim.lr=1e30", "--epochs", "2"], 1),
    ):  # before an epoch is done
        code, _, wrong = run_in_pipe(*small, *failing, "--out", "runs/digits-seed0", "--overwrite", cwd=tmp_path)
        assert code == ends, failing
    assert {file.name: file.read_bytes() for file in first.iterdir() if file.name != ".lock"} == kept
    code, out, _ = run_in_pipe(*small, "--overwrite", "--seed", "0", "--set", "optim.lr=0.05", cwd=tmp_path)
    assert code == 0
    assert ninx.load_run(first).recipe.optim.lr == 0.05
    assert {p.name for p in (tmp_path / "runs").iterdir()} == {"digits-seed0", "digits-seed0-2"}


def test_a_training_that_dies_in_its_first_epoch_leaves_what_can_be_shown_and_nothing_in_the_way(tmp_path: Path) -> None:
    wrong = ["train", *TINY, "--epochs", "1", "--set", "optim.lr=1e30"]
    for out, folder in (([], "runs/digits-seed0"), (["--out", "mine"], "mine")):
        code, told, said = run_in_pipe(*wrong, *out, cwd=tmp_path)
        assert (code, "the loss became" in said, f"ninx report {folder}" in told) == (1, True, True)
    code, _, said = run_in_pipe("train", *TINY, "--epochs", "1", "--set", "data=./nowhere", "--out", "other", cwd=tmp_path)
    assert (code, (tmp_path / "other").exists()) == (2, False)
    (tmp_path / "file").write_text("kept")
    code, _, said = run_in_pipe("train", *TINY, "--out", "file", cwd=tmp_path)
    assert (code, said) == (2, "Error: train: file is no folder; choose another with --out\n")


def test_resuming_a_finished_run_says_that_nothing_is_left(tmp_path: Path) -> None:
    assert run_in_pipe("train", *TINY, "--epochs", "1", "--out", "run", cwd=tmp_path)[0] == 0
    code, out, _ = run_in_pipe("train", "--resume", "run", cwd=tmp_path)
    assert code == 0
    assert out.startswith("All 1 epochs are done already; --epochs with a larger number goes on.\n")


# -------------------------------------------------------------------- lists, help, answers


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize(
    "arguments",
    [
        "models",
        "models nin-mnist",
        "models nin-imagenet",
        "models nin-cifar10 nin-cifar10-bn",
        "data",
        "doctor",
        "-h",
        "train -h",
    ],
)
def test_lists_fit_the_terminal(tmp_path: Path, arguments: str, columns: int) -> None:
    screen = terminal.run(arguments.split(), tmp_path, columns)
    fine(screen)
    assert len(screen.lines) > 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        *((command, columns) for command in ("recipes", "bench conv --quick") for columns in WIDTHS),
        *((f"bench {suite} --quick", 60) for suite in SUITES if suite != "conv"),
    ],
)
def test_what_takes_longer_fits_the_terminal_too(tmp_path: Path, arguments: str, columns: int) -> None:
    screen = terminal.run(arguments.split(), tmp_path, columns, timeout=500)
    fine(screen)
    assert "measuring" not in screen.text  # what moves is gone in the end
    assert len(screen.lines) > 5


def test_why_train_and_models_count_different_parameters(tmp_path: Path) -> None:
    listed = terminal.run(["models", "nin-mnist"], tmp_path).words
    recipe = ninx.train.recipe.load("digits")
    counts = [
        sum(p.numel() for p in ninx.models.create("nin-mnist", **switches).parameters())
        for switches in ({}, recipe.model.switches)
    ]
    switches = "batch_norm=True, last_relu=False, dropout=0"
    assert f"The recipe digits trains it with {switches}: {counts[1]:,} parameters." in listed
    trained = terminal.run(["train", "--limit", "20", "--epochs", "1"], tmp_path, environment=PLAIN).words
    assert f"nin-mnist ({counts[1]:,} parameters; {counts[0]:,} without {switches})" in trained


@pytest.mark.parametrize("suite", ["conv", "step", "memory", "scaling"])
@pytest.mark.parametrize("columns", WIDTHS)
def test_figures_of_a_benchmark_fit_the_terminal(suite: str, columns: int) -> None:
    """Those that were measured, on consoles of these widths: what matters most is there, and all of it if it may be wide."""
    found = json.loads((RESULTS / f"{suite}.json").read_text())
    report = Report(suite, Machine(**found["machine"]), found["columns"], found["rows"], found["records"], found["notes"])
    shown, piped = StringIO(), StringIO()
    report.show(Console(file=shown, width=columns, force_terminal=True, color_system=None))
    report.show(Console(file=piped, width=columns), wide=True)
    assert max(map(len, shown.getvalue().splitlines())) <= columns
    wanted = {"conv": 14, "step": 6, "memory": 5, "scaling": 4}[suite]  # the comparison
    words = " ".join(shown.getvalue().split())
    for row in found["rows"]:
        assert row[wanted] in shown.getvalue() or row[wanted].split()[0] in words
        assert any(all(cell in line for cell in row) for line in piped.getvalue().splitlines())


def test_the_columns_that_matter_least_are_left_out_first() -> None:
    sheet = Sheet([Column("name", text=True), Column("a", spare=1), Column("b", spare=2), Column("c")])
    sheet.add("a long name of two lines", "1,000", "2,000", "3,000")
    assert sheet.text(80).splitlines()[-1] == "a long name of two lines  1,000  2,000  3,000"
    assert "Not shown" not in sheet.text(80)
    narrow = sheet.text(21).splitlines()
    assert max(map(len, narrow)) <= 21
    assert " ".join(narrow[-2:]) == "Not shown for want of width: b."[-len(" ".join(narrow[-2:])) :]
    assert "2,000" not in sheet.text(21)
    assert "1,000" in sheet.text(21)
    needed = sheet.text(4)  # nothing that is needed is ever cut off: the lines run on
    assert "3,000" in needed
    assert "name" in needed
    assert sheet.html().count("<td") == 4


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run whose classes have names that look like markup, and pictures with such names."""
    folder = tmp_path_factory.mktemp("odd")
    recipe = ninx.train.recipe.load("digits", {"limit": 50, "model.name": "nin-mnist-v0", "model.switches": {}})
    run = ninx.train.Training(recipe, folder / "run")
    run.train_set.classes = tuple(f"[bold]{c}[/bold]\x1b[31m:smile: [/]" for c in "abcdefghij")
    run.save()
    for name in ("[red]one[/red].png", "[/].png", ":smile:.png", "two\nlines\x1b[2J.png"):
        Image.fromarray(np.pad(ninx.data.load("digits", "test").images[0], 20)).save(folder / name.replace("/", "|"))
    return folder


def test_nothing_in_a_name_is_taken_for_markup(odd: Path) -> None:
    pictures = sorted(file.name for file in odd.glob("*.png"))
    code, out, wrong = run_in_pipe("predict", "run", *pictures, cwd=odd)
    assert code == 0, wrong
    lines = out.splitlines()
    assert len(lines) == len(pictures)
    for line, name in zip(lines, pictures, strict=True):
        shown = re.escape(name.replace("\n", "?").replace("\x1b", "?"))
        assert re.match(shown + r": \[bold\][a-j]\[/bold\]\?\[31m:smile: \[/\]  \(\d", line), line


def test_one_bad_picture_does_not_discard_the_other_answers(odd: Path) -> None:
    (odd / "text.png.txt").write_text("hello")
    good = ":smile:.png"
    code, out, wrong = run_in_pipe("predict", "run", good, "text.png.txt", "none.png", good, cwd=odd)
    assert code == 2
    assert [line.split(": ")[0] for line in out.splitlines()] == [good, good]
    told = wrong.splitlines()
    assert [re.search(r"text\.png\.txt|none\.png", line).group() for line in told] == ["text.png.txt", "none.png"]


def test_where_signs_or_colours_are_missing_the_answer_is_not(odd: Path) -> None:
    """A pipe on Windows has cp1252; NO_COLOR leaves characters for greys."""
    for surroundings in ({"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "ascii"}):
        environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | PLAIN | surroundings
        for arguments in (["predict", "--show", "run", ":smile:.png"], ["models", "nin-cifar10", "nin-cifar10-bn"]):
            done = subprocess.run([*terminal.COMMAND, *arguments], cwd=odd, capture_output=True, timeout=240, env=environment)
            assert done.returncode == 0, done.stderr
    screen = terminal.run(["predict", "--show", "run", ":smile:.png"], odd, 80, environment={"NO_COLOR": "1"})
    fine(screen)
    assert "▀" not in screen.text
    assert "@" in screen.text


def test_a_picture_where_the_run_should_be_is_named(odd: Path) -> None:
    code, _, said = run_in_pipe("predict", ":smile:.png", "run", cwd=odd)
    assert (code, "the run comes first: ninx predict RUN IMAGE..." in said) == (2, True)


def test_several_digits_in_one_picture_are_read_one_by_one(odd: Path) -> None:
    images = ninx.data.load("digits", "test").images
    Image.fromarray(np.hstack([images[i] for i in (0, 350, 650)])).save(odd / "three.PNG")
    code, out, wrong = run_in_pipe("predict", "run", "three.PNG", cwd=odd)
    assert code == 0, wrong
    assert re.fullmatch(r"three\.PNG: (\S+:smile: \[/\] ?){3}  \((\d+\.\d %(, )?){3}\)\n", out), out
    alone = [ninx.load_run(odd / "run").predict(images[i]).label for i in (0, 350, 650)]
    assert out.startswith(f"three.PNG: {' '.join(alone)}  (".replace("\x1b", "?"))


@pytest.mark.parametrize("columns", WIDTHS)
def test_show_draws_what_the_network_saw_and_ten_bars(odd: Path, columns: int) -> None:
    screen = terminal.run(["predict", "--show", "run", ":smile:.png"], odd, columns)
    assert screen.returncode == 0
    assert "Traceback" not in screen.text
    assert screen.broken == []
    assert sum("▀" * 28 in line for line in screen.lines) == 14
    assert sum(bool(re.search(r"\d\.\d %$", line)) for line in screen.lines) == 10
    code, out, _ = run_in_pipe("predict", "--show", "run", ":smile:.png", cwd=odd)
    assert code == 0
    assert "▀" not in out
    assert "@" in out
