"""tests/torture, with few cases: its tables are of thousands."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from flips import in_checkpoints
from rooms import TESTS


def _table(*options: str) -> dict[str, list[int]]:
    """Of each reader: cases, crash, hang, memory, foreign, silent, refused, no sum, fitted, same."""
    command = [sys.executable, str(TESTS / "torture"), "corruptions", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^(\S.*?)  +((?:[\d,]+ +){11}[\d.]+)$", done.stdout, re.MULTILINE)
    return {name: [int(n.replace(",", "")) for n in numbers.split()[:10]] for name, numbers in rows}


def test_damaged_files_of_every_kind_end_in_a_sentence_or_in_sound_data() -> None:
    found = _table("--cases", "240", "--workers", "1")
    assert len(found) > 20
    for cases, *rest in found.values():
        bad, good = rest[:5], rest[5:]
        assert not any(bad)
        assert cases == sum(good) > 0
    assert found["all"][6] > 100


@pytest.mark.slow
def test_ten_thousand_damaged_files() -> None:
    assert _table("--cases", "10000")["all"][0] >= 10_000


def _kills(count: int) -> dict[str, list[int]]:
    """The numbers of each kind of run: runs, killed in a write, between steps, anywhere, ended with the same bits."""
    command = [sys.executable, str(TESTS / "torture"), "kills", "--kills", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^(\S.*?)  +((?:[\d,]+ +){4}[\d,]+)$", done.stdout, re.MULTILINE)
    return {name: [int(n.replace(",", "")) for n in numbers.split()] for name, numbers in rows}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_runs_that_are_killed_end_with_the_same_bits() -> None:
    runs, *killed, same = _kills(30)["all"]
    assert sum(killed) >= 30
    assert runs == same > 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_thousand_kills() -> None:
    runs, *killed, same = _kills(1000)["all"]
    assert min(killed) > 250
    assert runs == same >= 100


def _outcomes(*arguments: str) -> dict[str, tuple[int, int, str]]:
    """What was done: (how often, how often it went wrong, a note)."""
    done = subprocess.run([sys.executable, str(TESTS / "torture"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^(\S.*?)  +([\d,]+) +(\d+)(?:  +(.*))?$", done.stdout, re.MULTILINE)
    return {what: (int(tried.replace(",", "")), int(wrong), note) for what, tried, wrong, note in rows}


def test_threads_at_once_have_the_bits_of_one_after_the_other() -> None:
    assert _outcomes("threads", "--threads", "3", "--steps", "6") == {"threads that train 6 steps at once": (3, 0, "")}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_forks_beside_threads_that_compute() -> None:
    assert _outcomes("forks", "--forks", "3") == {"forks beside threads that compute": (3, 0, "")}


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limits are those of Linux")
def test_a_full_disk_and_too_little_memory_end_in_a_sentence() -> None:
    found = _outcomes("limits", "--tries", "4")
    assert [(tried, wrong) for tried, wrong, _ in found.values()] == [(4, 0)] * 2


def test_a_bit_that_flips_in_a_checkpoint_is_noticed(tmp_path: Path) -> None:
    assert in_checkpoints(20, tmp_path) == []


@pytest.mark.slow
def test_readers_are_fuzzed_where_atheris_is_installed(tmp_path: Path) -> None:
    done = _outcomes("fuzz", "--only", "recipe", "--minutes", "0.02", "--findings", str(tmp_path))
    ((tried, wrong, note),) = done.values()
    assert (wrong, tried > 0) == (0, importlib.util.find_spec("atheris") is not None), note


@pytest.mark.slow
def test_all_of_it() -> None:
    """Kills and corruptions have their own tests above."""
    _outcomes("threads")
    _outcomes("forks")
    _outcomes("guards")
    _outcomes("flips")
    _outcomes("limits")
    done = subprocess.run([sys.executable, str(TESTS / "torture"), "bits"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
