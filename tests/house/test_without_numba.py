"""Where there is no Numba, no second thread and little memory, as in a browser: ninx is imported there, and trains."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from rooms import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# What is forbidden stays in force for all that follows; the page's own block then runs, on the first images.
LIMITS = """
import resource, sys, threading
resource.setrlimit(resource.RLIMIT_AS, (2 << 30,) * 2)
sys.platform = "emscripten"
sys.modules["numba"] = None  # so Python marks what cannot be imported

def start(thread):
    raise RuntimeError("can't start new thread")

threading.Thread.start = start
"""
AFTERWARDS = """
print(ninx.kernels.tier_name(), threading.active_count())
print(sorted({"cupy", "pooch", "safetensors", "typer", "pydantic", "matplotlib"} & set(sys.modules)))
ahead = data.DataLoader(data.load("digits", "test"), 100, num_workers=2, prefetch_factor=3, transform=prepare)
print(all((a[0] == b[0]).all().item() for a, b in zip(ahead, test, strict=True)))
"""


def _block() -> str:
    """README's network, trained for a few steps and tested on a few images."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = (found for found in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "manual_seed" in found)
    for whole, few in (
        ('data.load("digits", "train")', 'data.load("digits", "train").split(3872)[0]'),
        ("epochs = 3", "epochs = 2"),
    ):
        assert block.count(whole) == 1
        block = block.replace(whole, few)
    return block


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is no limit of addresses to set")
def test_the_readmes_network_trains_without_numba_threads_and_room(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NINX_")} | {"OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", LIMITS + _block() + AFTERWARDS]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second, right, tier, heavy, same = done.stdout.splitlines()
    assert float(second.split()[-1]) < float(first.split()[-1])  # the losses
    assert right.endswith("of the 1,000 test digits are right")
    assert (tier, heavy, same) == ("strided 1", "[]", "True")


def test_the_limits_of_that_test_hold(tmp_path: Path) -> None:
    for code, error in (
        ("import numba", "ModuleNotFoundError"),
        ("import ninx; ninx.use_kernels('fast').__enter__()", "ImportError"),
        ("threading.Thread().start()", "can't start new thread"),
        ("bytearray(3 << 30)", "MemoryError"),
    ):
        done = subprocess.run([sys.executable, "-c", LIMITS + code], cwd=tmp_path, capture_output=True, text=True)
        assert error in done.stderr


def test_what_a_browser_does_not_have_is_not_asked_for() -> None:
    """Nor is it missing anywhere else."""
    wanted = [Requirement(text) for text in PROJECT["dependencies"]]
    compiled = {"numba", "tbb"}
    for platform, machine, there in (
        ("emscripten", "wasm32", set()),
        ("linux", "x86_64", compiled),
        ("darwin", "arm64", {"numba"}),
    ):
        place = {"sys_platform": platform, "platform_machine": machine}
        asked = {r.name for r in wanted if r.marker is None or r.marker.evaluate(place)}
        assert asked & compiled == there
        assert "numpy" in asked


def test_continuous_integration_finds_the_oldest_numba() -> None:
    (search,) = re.findall(r"^oldest=\$\((.*)\)$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    found = subprocess.run(["bash", "-c", search], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    (numba,) = (r for r in map(Requirement, PROJECT["dependencies"]) if r.name == "numba")
    assert str(numba.specifier) == f">={found}"
