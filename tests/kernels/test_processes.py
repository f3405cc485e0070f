"""The compiled kernels in processes of their own: other vector registers, guard pages; and what the tier does without Numba."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from processes import python, succeeds
from rooms import PYTHONPATH, TESTS
from samples import normal_and_slow

from ninx import kernels

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")

from ninx.kernels.cpu.jit import vector

CHECK = """
import numpy as np
from geometries import convolutions, squares
from test_fast import check_convolution
from test_winograd import check_winograd
from ninx.kernels.cpu.jit import compiled
compiled.SMALL = 0
for geo, rng in convolutions({count}, seed=3): check_convolution(geo, rng, np.float32)
for geo, rng in squares({count} // 4, seed=3): check_winograd(geo, rng)
"""


@pytest.mark.parametrize(
    "shape", ["16x16", pytest.param("16x32", marks=pytest.mark.slow), pytest.param("32x16", marks=pytest.mark.slow)]
)
def test_other_vector_registers(shape: str) -> None:
    """16 bytes: every x86-64 and, with 32 of them, ARM64."""
    succeeds(CHECK.format(count=60), NINX_VECTOR=shape)


def test_an_unknown_vector_shape_is_refused() -> None:
    run = python("import ninx.kernels.fast", NINX_VECTOR="7x7")
    assert "NINX_VECTOR must be 16, 32 or 64" in run.stderr


@pytest.mark.parametrize(
    ("features", "machine", "found"),
    [
        ("avx512f avx2 fma", "x86_64", (64, 32)), ("avx2 fma", "x86_64", (32, 16)), ("avx2", "x86_64", (16, 16)),
        ("fma", "x86_64", (16, 16)), ("", "x86_64", (16, 16)), ("neon", "aarch64", (16, 32)), ("neon", "arm64", (16, 32)),
    ],
)  # fmt: skip
def test_the_vector_registers_of_a_processor(
    features: str, machine: str, found: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every x86-64 has 16 of 16 bytes, every ARM64 32 of them; what LLVM knows but the processor lacks is False."""
    monkeypatch.delenv("NINX_VECTOR", raising=False)
    has = dict.fromkeys(("avx512f", "avx2", "fma", "neon"), False) | dict.fromkeys(features.split(), True)
    monkeypatch.setattr(vector.llvm, "get_host_cpu_features", lambda: has)
    monkeypatch.setattr(vector.llvm, "get_process_triple", lambda: f"{machine}-unknown-linux-gnu")
    assert vector.host() == vector.Vector(*found)
    monkeypatch.setenv("NINX_VECTOR", "16x32")
    assert vector.host() == vector.Vector(16, 32)


def guards(*arguments: str) -> subprocess.CompletedProcess[str]:
    """tests/torture/guards.py, in a process of its own."""
    command, environment = (
        [sys.executable, str(TESTS / "torture" / "guards.py"), *arguments],
        os.environ | {"PYTHONPATH": PYTHONPATH},
    )
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the guard pages are made by Linux's mprotect")
@normal_and_slow(25, 500)
def test_nothing_outside_the_arrays_is_touched(count: int) -> None:
    """Every array, workspaces included, lies flush against a page that kills whoever touches it."""
    done = guards(str(count))
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-2000:]}"
    assert int(done.stdout) > 60 * count


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the guard pages are made by Linux's mprotect")
def test_the_guard_pages_kill() -> None:
    assert guards("0", "trespass").returncode < 0


def test_without_numba_everything_runs_on_the_strided_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_has_numba", lambda: False)
    monkeypatch.delenv("NINX_KERNELS", raising=False)
    kernels._default.cache_clear()
    try:
        assert kernels.tier() is kernels.strided
        with pytest.raises(ImportError, match="the tier 'fast' needs Numba"), kernels.use_kernels("fast"):
            pass
    finally:
        kernels._default.cache_clear()


def test_set_num_threads_refuses_what_is_no_number_of_threads() -> None:
    with pytest.raises(ValueError, match="set_num_threads: the number of threads must be at least 1, got 0"):
        kernels.set_num_threads(0)
