"""``ninx runs``, ``ninx compare`` and ``ninx report``: on a terminal, in a pipe, and with mistakes in what was typed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import some_runs
import terminal

import ninx
from ninx.study.significance import mcnemar


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs/ in it."""
    root = tmp_path_factory.mktemp("place")
    some_runs.finished(root / "runs" / "a")
    some_runs.finished(root / "runs" / "b", seed=1)
    some_runs.finished(root / "runs" / "lr", optim__lr=0.05)
    some_runs.stopped(root / "runs" / "stopped")
    some_runs.not_a_number(root / "runs" / "nan")
    shutil.copytree(root / "runs" / "a", root / "runs" / "broken")
    (root / "runs" / "broken" / "checkpoint.safetensors").write_bytes(b"nothing")
    some_runs.of_pictures(root / "own", root / "pictures", ["cat", "dog"])
    (root / "pictures").rename(root / "gone")
    return root


def in_pipe(cwd: Path, *args: str, code: int = 0) -> str:
    """What it prints; and it may print an error only where it ends with one."""
    env = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | {"NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-c", "from ninx.cli import main; main()", *args]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


# -------------------------------------------------------------------- runs


def test_runs_lists_every_run_and_how_it_ended(place: Path) -> None:
    text = in_pipe(place, "runs")
    state = {row.split()[0]: row.split()[-1] for row in text.splitlines()[2:8]}
    assert state == {"a": "finished", "b": "finished", "broken": "damaged", "lr": "finished", "nan": "NaN", "stopped": "stopped"}
    accuracy = 100 * ninx.load_run(place / "runs" / "a").history[-1]["accuracy"]
    assert re.search(rf"^a +digits +0 +3/3 +\({accuracy:.2f} %\) +\d{{4}}-\d\d-\d\d \d\d:\d\d +finished$", text, re.MULTILINE)
    assert re.search(r"^damaged broken: checkpoint .* is damaged", text, re.MULTILINE)
    assert re.search(r"^NaN nan: train: the loss became nan in epoch 2", text, re.MULTILINE)
    assert "(in brackets: on the training images; no others were evaluated)" in text


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_runs_fits_the_terminal(place: Path, columns: int) -> None:
    screen = terminal.run(["runs", "."], place, columns)
    assert (screen.returncode, screen.broken) == (0, [])
    assert all(name in screen.text for name in ("runs/a", "own", "finished", "damaged"))
    if columns == 80:
        assert "Not shown" not in screen.text


def test_runs_as_json_and_of_one_folder(place: Path) -> None:
    told = json.loads(in_pipe(place, "runs", "--json"))
    assert [one["state"] for one in told] == ["finished", "finished", "damaged", "finished", "NaN", "stopped"]
    (one,) = json.loads(in_pipe(place, "runs", "runs/b", "--json"))
    assert (one["folder"], one["seed"]) == ("runs/b", 1)
    assert re.search(r"^b +digits +1", in_pipe(place / "runs" / "b", "runs", "."), re.MULTILINE)
    (place / "void").mkdir(exist_ok=True)
    assert in_pipe(place, "runs", "void") == "There is no run in void.\n"
    assert in_pipe(place, "runs", "void", "--json") == "[]\n"


# -------------------------------------------------------------------- compare


def test_compare_tells_settings_accuracy_and_chance(place: Path) -> None:
    text, a, b = in_pipe(place, "compare", "runs/a", "runs/lr"), *(ninx.load_run(place / "runs" / name) for name in ("a", "lr"))
    for letter, run in (("A", a), ("B", b)):
        result = run.evaluate()
        figures = rf"{run.history[-1]['loss']:.4f} +{result.loss:.4f} +{100 * result.accuracy:.2f} %"
        assert re.search(rf"^{letter} +\w+ +3/3 +{figures}", text, re.MULTILINE), text
    assert re.search(r"^optim.lr +0.02 +0.05$", text, re.MULTILINE)
    one, other = a.evaluate(), b.evaluate()
    right, also = one.answers == one.labels, other.answers == other.labels
    p = mcnemar(int((right & ~also).sum()), int((also & ~right).sum()))
    assert f"p = {p:.2g}." in text or "equally many" in text
    differ = int((one.answers != other.answers).sum())
    assert f"They disagree on {differ} of 1,000 test images." in text
    assert "One seed each" in text
    rows = re.findall(r"^ *(\d+)  (\d) +(\d) \((\d+) %\)  (\d) \((\d+) %\)$", text, re.MULTILINE)
    assert len(rows) == min(8, differ)
    for image, true, first, sure, second, _ in rows:
        i = int(image)
        assert (int(true), int(first), int(second)) == (one.labels[i], one.answers[i], other.answers[i])
        assert int(sure) == round(100 * float(one.confidence[i]))


def test_compare_of_seeds_tells_mean_and_spread(place: Path) -> None:
    text = in_pipe(place, "compare", "runs/a", "runs/b", "runs/lr")
    accuracy = [100 * ninx.load_run(place / "runs" / name).evaluate().accuracy for name in ("a", "b")]
    assert f"AB: 2 seeds, mean {sum(accuracy) / 2:.2f} %" in text
    assert "p after Holm" in text


@pytest.mark.parametrize("columns", [60, 80])
def test_compare_fits_the_terminal(place: Path, columns: int) -> None:
    screen = terminal.run(["compare", "runs/a", "runs/b"], place, columns)
    assert (screen.returncode, screen.broken) == (0, [])
    assert re.search(r"loss A +\d\.\d{3} [▁▂▃▄▅▆▇█]{3} \d\.\d{3}", screen.text)


def test_compare_as_json(place: Path) -> None:
    told = json.loads(in_pipe(place, "compare", "runs/a", "runs/nan", "--json"))
    assert [run["state"] for run in told["runs"]] == ["finished", "NaN"]
    assert told["settings"] == {}
    (pair,) = told["pairs"]
    assert pair["both"] + pair["only_a"] + pair["only_b"] + pair["neither"] == 1000
    assert [len(run["history"]) for run in told["runs"]] == [3, 1]


def test_compare_without_the_images_still_tells_the_settings(place: Path) -> None:
    text = in_pipe(place, "compare", "runs/a", "own")
    assert re.search(r"^Not evaluated: .*pictures", text, re.MULTILINE)
    assert re.search(r"^data +digits +.*pictures$", text, re.MULTILINE)
    assert "disagree" not in text


# -------------------------------------------------------------------- report


@pytest.mark.slow
def test_report_is_written_where_it_is_looked_for(place: Path) -> None:
    assert in_pipe(place, "report", "runs/a").splitlines()[-1] == "runs/a/report.html"
    assert (place / "runs" / "a" / "report.html").stat().st_size > 20_000
    assert in_pipe(place, "report", "runs/a/checkpoint.safetensors", "-o", "my page.html").splitlines()[-1] == "my page.html"
    assert in_pipe(place, "report", "runs/a", "runs/b").splitlines()[-1] == "report.html"
    assert "2 runs: a, b" in (place / "report.html").read_text()
    (place / "pages").mkdir()
    assert in_pipe(place, "report", "runs/b", "-o", "pages").splitlines()[-1] == "pages/report.html"
    assert "Without the parts that need the images: " in in_pipe(place, "report", "own")
    screen = terminal.run(["report", "runs/stopped"], place, 60)
    assert (screen.returncode, screen.broken, screen.lines[-1]) == (0, [], "runs/stopped/report.html")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["runs", "nowhere"], "runs: there is no folder nowhere; `ninx train` makes runs/ where it is started"),
        (["compare", "runs/a"], "compare: give two run folders or more, not 1; `ninx runs` lists them"),
        (["compare", "runs/a", "runs/x"], "there is no file runs/x, and no run folder"),
        (["compare", "runs/a", "runs/broken"], "is damaged, or no checkpoint at all"),
        (["report", "runs"], "holds no checkpoint.safetensors, but run folders; give one of them"),
        (["report", "runs/broken"], "is damaged, or no checkpoint at all"),
        (["report", "runs/a", "-o", "nowhere/page.html"], "there is no folder nowhere to write page.html into"),
    ],
)
def test_mistakes_end_in_one_sentence(place: Path, args: list[str], sentence: str) -> None:
    said = in_pipe(place, *args, code=2)
    assert sentence in said
    assert len(said.strip().splitlines()) == 1
    assert not (place / "runs" / "broken" / "report.html").exists()
