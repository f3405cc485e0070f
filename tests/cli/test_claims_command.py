"""``ninx claims`` on a terminal of 80 columns, in a pipe, and for programs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import terminal
from rich.cells import cell_len

from ninx.study import claims


def piped(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV_")}
    command = [*terminal.COMMAND, "claims", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, timeout=300, env=environment, encoding="utf-8")


@pytest.mark.parametrize("language", claims.LANGUAGES)
def test_the_list(tmp_path: Path, language: str) -> None:
    """A line for each claim, in both places the same ones."""
    screen = terminal.run(["claims", "--lang", language], tmp_path)
    assert screen.returncode == 0, screen.text
    assert screen.broken == []
    done = piped("--lang", language, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for lines in (screen.lines, done.stdout.splitlines()):
        assert [line.split()[0] for line in lines[2:]] == claims.names()
        assert max(map(cell_len, map(str.rstrip, lines))) <= 80
    titles = [claims.words(language)[name]["title"] for name in claims.names()]
    assert all(title in line for title, line in zip(titles, done.stdout.splitlines()[2:], strict=True))


@pytest.mark.parametrize("language", ["zh", pytest.param("en", marks=pytest.mark.slow)])
def test_a_story_with_its_code(tmp_path: Path, language: str) -> None:
    screen = terminal.run(["claims", "54-vs-27", "--lang", language], tmp_path)
    assert screen.returncode == 0, screen.text
    assert screen.broken == []
    done = piped("54-vs-27", "--lang", language, cwd=tmp_path)
    assert done.stdout.splitlines() == str(claims.check("54-vs-27", language)).splitlines()
    assert "def bottleneck_weights(" in screen.lines
    assert "3 + 18 = 21" in screen.words


def test_a_narrow_terminal_gets_shorter_lines(tmp_path: Path) -> None:
    screen = terminal.run(["claims", "embedded"], tmp_path, 50)
    told = screen.lines[: screen.lines.index("")]
    assert max(map(len, told)) <= 50
    assert len(told) > len(claims.check("embedded").story())


def test_json(tmp_path: Path) -> None:
    everything = json.loads(piped("--json", cwd=tmp_path).stdout)
    assert [answer["id"] for answer in everything] == claims.names()
    one = json.loads(piped("embedded", "--json", "--lang", "zh", cwd=tmp_path).stdout)
    assert one["figures"] == next(answer["figures"] for answer in everything if answer["id"] == "embedded")
    assert one["claim"] == claims.check("embedded", "zh").say("claim")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["54-vs-72"], "Error: there is no claim '54-vs-72'; did you mean '54-vs-27'?\n"),
        (["--lang", "de"], "Error: there is no language 'de'; there are: en, zh\n"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = piped(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", words)
