"""``ninx lab`` on a terminal of 80 columns, in a pipe, for programs, and with mistakes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import terminal

pytest.importorskip("numba", reason="the lab compares the compiled kernels")

TINY = ["lab", "conv", "--input", "1x4x6x6", "--out", "8"]


def piped(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV_")}
    command = [*terminal.COMMAND, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, timeout=500, env=environment, encoding="utf-8")


@pytest.mark.slow
def test_one_layer_on_a_terminal(tmp_path: Path) -> None:
    screen = terminal.run(TINY, tmp_path, timeout=400)
    assert screen.returncode == 0, screen.text
    assert screen.broken == []
    assert "measuring" not in screen.text
    assert [line.split()[0] for line in screen.lines[3:8]] == ["loops", "im2col", "product", "blocked", "fast"]
    assert "the worst prediction" in screen.words


@pytest.mark.slow
def test_one_layer_in_a_pipe_and_as_json(tmp_path: Path) -> None:
    done = piped(*TINY, "--kernel", "3", "--direction", "weight", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = done.stdout.partition("\nMB: ")[0].splitlines()
    assert [line.split()[0] for line in table[3:]] == ["loops", "im2col", "fast"]
    assert max(map(len, table)) <= 80
    assert "product: left out, the kernel is 3x3 with padding 0x0." in done.stdout
    found = json.loads(piped(*TINY, "--json", cwd=tmp_path).stdout)
    assert found["macs"] == 36 * 4 * 8
    assert all(way["error"] < 1e-6 for way in found["ways"])


@pytest.mark.slow
def test_several_kernels_with_a_picture(tmp_path: Path) -> None:
    screen = terminal.run([*TINY, "--compare", "1,3", "--plot", "bars.png"], tmp_path, timeout=400)
    assert screen.returncode == 0, screen.text
    assert screen.broken == []
    assert "At equal input a 3x3 kernel does 9 times the multiply-adds of a 1x1" in screen.words
    assert (tmp_path / "bars.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--input", "8*3"], "lab conv: --input is a size such as 8x192x28x28 (images, channels, height, width), not '8*3'"),
        (["--input", "3x32x32"], "lab conv: the input is (N, C, H, W), such as 8x192x28x28, not 3x32x32"),
        (["--kernel", "x"], "lab conv: --kernel is a size such as 3 or 3x5, not 'x'"),
        (["--kernel", "9x9", "--input", "1x2x4x4"], "lab conv: kernel 9x9 with dilation 1x1 does not fit input 4x4"),
        (["--direction", "forwards"], "lab conv: there is no direction 'forwards'; did you mean 'forward'?"),
        (["--compare", "1,2"], "lab conv: --compare is a list of odd sizes such as 1,3,5,7, not '1,2'"),
        (["--plot", "a.png"], "lab conv: --plot draws what --compare measures, for example --compare 1,3,5,7"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = piped("lab", "conv", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {words}")
    assert done.stderr.count("\n") == 1
