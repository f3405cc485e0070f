"""Where a result is to be written is looked at before the minutes that it takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("numba", reason="the benchmarks compare the compiled kernels")

from ninx import benchmarks
from ninx.benchmarks import lab
from ninx.cli.commands import app
from ninx.learn import classes

CLASS = ["learn", "grade", "class", "-o"]
LAB = ["lab", "conv", "--input", "1x4x6x6", "--out", "8", "--compare", "1,3", "--plot"]


@pytest.mark.parametrize("command", [["bench", "memory", "--json"], ["bench", "memory", "--csv"], LAB, CLASS], ids=" ".join)
@pytest.mark.parametrize(("place", "words"), [("none/found", "there is no folder none"), ("class", "class is a folder")])
def test_nothing_is_computed_for_a_file_that_cannot_be_written(
    command: list[str], place: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("class", "ada").mkdir(parents=True)
    Path("class", "ada", "02-matmul.py").write_text("", encoding="utf-8")
    begun: list[str] = []
    for module, name in ((benchmarks, "run"), (lab, "compare"), (classes, "grade")):
        monkeypatch.setattr(module, name, lambda *_: begun.append("too early") or [])
    done = CliRunner().invoke(app, [*command, place])
    assert not begun
    assert isinstance(done.exception, OSError)
    assert words in str(done.exception)


def test_a_file_is_no_folder_for_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks, "run", lambda *_: pytest.fail("too early"))
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = CliRunner().invoke(app, ["bench", "memory", "--plots", str(tmp_path / "file")])
    assert "file is a file; name a folder to draw into" in str(done.exception)
