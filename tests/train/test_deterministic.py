"""``--deterministic``: the bits do not depend on the number of threads or processors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ninx
from ninx import train
from ninx.train import machine

SMALL = ["--limit", "40", "--epochs", "1", "--holdout", "10", "--set", "batch_size=20", "--set", "model.name=nin-mnist-v0"]
SMALL += ["--set", "model.switches={}"]


def _trained(folder: Path, *options: str, **environment: str) -> list[bytes]:
    command = [sys.executable, "-m", "ninx", "train", *SMALL, "-o", str(folder), *options]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [a.tobytes() for a in train.read_checkpoint(folder).weights.values()]


def test_the_number_of_threads_does_not_matter(tmp_path: Path) -> None:
    one = _trained(tmp_path / "one", "--deterministic", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    assert one == _trained(tmp_path / "all", "--deterministic", OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2")
    assert train.read_checkpoint(tmp_path / "one").machine["threads"] == machine.THREADS
    assert one != _trained(tmp_path / "plain", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


def test_a_gpu_is_refused() -> None:
    before = ninx.get_num_threads()
    with pytest.raises(ValueError, match=r"^train: --deterministic is for the processor: on a GPU"):
        machine.make_deterministic("cuda")
    assert ninx.get_num_threads() == before


def test_without_threadpoolctl_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    before = ninx.get_num_threads()
    with pytest.raises(ImportError, match=r"pip install 'ninx\[deterministic\]'"):
        machine.make_deterministic("cpu")
    assert ninx.get_num_threads() == before
