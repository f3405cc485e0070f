"""The CUDA kernels under AddressSanitizer: no thread reads or writes beside an array, and the check would notice if one did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cuda_checks
import host_cuda
import pytest
import rooms
from test_cuda_kernels import TABLE, drawn

from ninx.kernels import geometry

pytestmark = pytest.mark.skipif(not host_cuda.GXX, reason="g++ is not installed, so the CUDA kernels cannot run on the CPU")

CHILD = """
import json, sys
import numpy as np
import cuda_checks, cupy_stand_in, host_cuda
from ninx.kernels.cuda import launcher
from ninx.kernels.geometry import Geometry

examples, right, wrong = json.load(sys.stdin)
source = launcher.source().replace(right, wrong)
assert not right or source != launcher.source(), "the source has changed: plant this mistake anew"
launcher.source = lambda: source
host_cuda.sanitize()
with cupy_stand_in.installed():
    for check, geo, number, seed, option in examples:
        try:
            cuda_checks.run(check, Geometry(**geo), number, seed, option)
        except AssertionError:
            assert right, "a wrong result"
    for number in range(cuda_checks.VARIANTS):
        dtype, context = cuda_checks.variant(number)
        with context:
            cuda_checks.steps(dtype, (3, 5), np.random.default_rng(0))
            cuda_checks.the_rest(dtype, np.random.default_rng(0))
assert set(cupy_stand_in.launches) >= set(host_cuda.kernels_of(source))
print("all", len(examples))
"""


def sanitized(count: int, right: str = "", wrong: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``count`` examples of each check in a process whose memory has red zones around every array."""
    assert host_cuda.GXX
    examples = [(check, geo._asdict(), *rest) for check in TABLE for geo, *rest in drawn(check, count)]
    wide = geometry.pooling("pool", (1, 2, 18, 19), (17, 16), (2, 3), (3, 2))  # its positions take four bytes
    examples += [("max_pooling", wide._asdict(), number, 0, True) for number in range(cuda_checks.VARIANTS)]
    libasan = subprocess.run([host_cuda.GXX, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = os.environ | {
        "LD_PRELOAD": libasan.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python itself leaves memory behind
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": rooms.PYTHONPATH,
    }
    return subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps((examples, right, wrong)),
        env=environment,
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_no_thread_leaves_its_arrays() -> None:
    run = sanitized(300)
    assert run.returncode == 0, run.stderr[-4000:]
    assert run.stdout.split() == ["all", str(300 * len(TABLE) + cuda_checks.VARIANTS)]


PLANTED = {  # in every one a thread reads or writes one entry beside an array
    "w <= W": ("h < geo.H && w >= 0 && w < geo.W", "h < geo.H && w >= 0 && w <= geo.W"),
    "h <= H": ("h >= 0 && h < geo.H", "h >= 0 && h <= geo.H"),
    "w >= -1": ("w >= 0 && w < geo.W;", "w >= -1 && w < geo.W;"),
    "window OW": ("start / stride < out ?", "start / stride <= out ?"),
    "c <= C": ("c < C; c += ROW_THREADS) sum", "c <= C; c += ROW_THREADS) sum"),
    "i <= total": ("i < (total); i += step", "i <= (total); i += step"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_step_beside_an_array_is_noticed(name: str) -> None:
    run = sanitized(60, *PLANTED[name])
    assert run.returncode != 0
    assert "AddressSanitizer: heap-buffer-overflow" in run.stderr, run.stderr[-2000:]
    assert ".cu:" in run.stderr  # it names the line of the kernel
