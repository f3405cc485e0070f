"""The command for a machine with a GPU, on the stand-in: all parts, planted faults, and what happens to a part that dies."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import gpu_day
import gpu_day_faults
import gpu_day_page
import host_cuda
import pytest

pytestmark = pytest.mark.skipif(not host_cuda.GXX, reason="g++ is not installed, so the CUDA kernels cannot run on the CPU")
SCRIPT = Path(__file__).with_name("gpu_day.sh")


def a_day(folder: Path, parts: str, fault: str = "") -> tuple[int, dict[str, Any], str]:
    """(exit code, the JSON file, the page) of these parts on the stand-in."""
    environment = os.environ | {"NINX_GPU_DAY": "stand-in", "NINX_GPU_DAY_FAULT": fault, "NINX_GPU_DAY_PARTS": parts}
    environment["PYTHON"] = os.environ.get("PYTHON", gpu_day.sys.executable)
    run = subprocess.run(["bash", str(SCRIPT), str(folder)], env=environment, capture_output=True, text=True)
    day = json.loads((folder / "gpu-day.json").read_text())
    assert list(day["parts"]) == list(parts), run.stdout + run.stderr
    for letter, part in day["parts"].items():
        assert f"({letter}) {part['status']}" in run.stdout
    return run.returncode, day, (folder / "gpu-day.md").read_text()


def statuses(day: dict[str, Any]) -> str:
    return " ".join(f"{letter}:{part['status']}" for letter, part in day["parts"].items())


def test_a_part_that_is_red_leaves_the_others_running(tmp_path: Path) -> None:
    """A copy too many in a step is counted; the part behind it runs."""
    code, day, page = a_day(tmp_path, "ea", fault="e")
    assert (code, statuses(day)) == (1, "e:red a:ok")
    assert "3 steps copy 6 arrays in and 6 out" in page
    assert "the driver: not on this machine" in page


@pytest.mark.slow
def test_the_whole_day_on_the_stand_in(tmp_path: Path) -> None:
    code, day, page = a_day(tmp_path, "abcdefg")
    assert (code, statuses(day)) == (0, "a:ok b:ok c:ok d:ok e:ok f:ok g:ok"), page
    assert page.count("not on this machine") >= 4  # the driver, two tools, PyTorch on a GPU
    assert len(page.splitlines()) <= 150
    assert len(day["parts"]["f"]["figures"]["conv"]) == 6


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "words"), [("b", "failed"), ("d", "losses differ"), ("e", "6 out")])
def test_a_planted_fault_makes_its_part_red_and_no_other(fault: str, words: str, tmp_path: Path) -> None:
    code, day, page = a_day(tmp_path, "abcde", fault)
    assert (code, statuses(day)) == (1, " ".join(f"{p}:{'red' if p == fault else 'ok'}" for p in "abcde")), page
    assert words in "; ".join(day["parts"][fault]["lines"])
    assert set(gpu_day_faults.FAULTS) == {"b", "d", "e"}


# -------------------------------------------------------------------- the driver and the page by themselves


def ended(pid: int) -> bool:
    """Is there no such process any more? (Or only what its new parent has not looked at yet.)"""
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().split()[2] == "Z"


def test_a_part_that_takes_too_long_is_stopped_and_one_that_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it had found, and with the processes that it had started."""
    script = tmp_path / "gpu_day_parts.py"
    monkeypatch.setattr(gpu_day, "HERE", tmp_path)
    found = '{"status": "ok", "lines": ["one thing"], "figures": {"n": 1}}'
    script.write_text(
        "import subprocess, sys, time, pathlib\n"
        f"pathlib.Path(sys.argv[2]).write_text({found!r})\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    slow = gpu_day.run("a", tmp_path, 6)  # long enough for a busy machine to start it
    assert (slow["status"], slow["lines"], slow["figures"]) == ("red", ["one thing", "stopped after 6 s"], {"n": 1})
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if ended(pid):
            break
        gpu_day.time.sleep(0.05)
    assert ended(pid)
    script.write_text("import sys; sys.exit('no such card')")
    (tmp_path / "a.json").unlink()
    dead = gpu_day.run("a", tmp_path, 10)
    assert (dead["status"], dead["lines"], dead["log"]) == ("red", ["exit code 1"], "no such card\n")


def test_the_page_never_has_more_than_150_lines() -> None:
    layer = {"name": "a | b", "ms": {"fast": 1.0, "PyTorch": 2.0}, "share_of_roof": 0.5, "ratio": 2.0, "ratio_tf32": None}
    figures = {
        "b": {"failed": [f"test_{i}" for i in range(500)]},
        "f": {"conv": [layer] * 60, "step": [layer] * 9, "conv_notes": ["a note"]},
    }
    parts = {
        letter: {"title": "x", "status": "red", "seconds": 1, "lines": ["one", "two"], "log": "a line\n" * 90,
                 "figures": figures.get(letter, {})}
        for letter in "abcdefg"
    }  # fmt: skip
    page = gpu_day_page.page({"date": "today", "where": "here", "parts": parts})
    lines = page.splitlines()
    assert len(lines) <= 150
    assert "* and 480 more" in lines
    assert lines.count("```text") == lines.count("```")
    assert "| a / b | 1.000 | - | 2.000 |" in page
