"""tests/torture, with few cases: its tables are of thousands."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
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
