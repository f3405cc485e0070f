"""Outputs that are written past the caches. Such outputs are large; here the limit is lowered, so that small ones are.

The instruction wants whole vectors at addresses that are multiples of a vector, and the processor ends the process where they are
not: so the kernels run in a process of their own.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from rooms import PYTHONPATH

from ninx.kernels import fast, loops, memory
from ninx.kernels.geometry import convolution

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")

from ninx.kernels.cpu.conv import direct
from ninx.kernels.cpu.jit.vector import HOST

LANES = HOST.lanes(4)
SHAPES = [  # channels of the input and of the output, kernel: either is the output of one of the two convolutions
    *((LANES, o, 1) for o in (LANES, LANES + 1, 2 * LANES, 2 * LANES + 4, 3 * LANES - 1, 3 * LANES, LANES // 2)),
    (LANES + 3, 2 * LANES, 3),
    (2 * LANES, 2 * LANES, 3),
]


def empty_off_a_vector(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array that begins one number behind a multiple of a vector."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.empty(size + 128, np.uint8)
    start = -raw.ctypes.data % 64 + dtype.itemsize
    return raw[start : start + size].view(dtype).reshape(shape)


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.empty(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def check_all(empty: Any) -> None:
    """Every output is large enough to be streamed, and lies where ``empty`` puts it."""
    direct.STREAM, memory.empty = 0, empty
    rng = np.random.default_rng(0)
    for c, o, k in SHAPES:
        geo = convolution("conv2d", (2, c, 5, 6), (o, c, k, k), padding=(k // 2, k // 2))
        x, w = rng.standard_normal((2, 5, 6, c), np.float32), rng.standard_normal((o, k, k, c), np.float32)
        b, g = rng.standard_normal(o, np.float32), rng.standard_normal((2, 5, 6, o), np.float32)
        print(o, k, "forward", flush=True)
        got = fast.conv2d(x, w, b, geo, "direct", relu=True)
        np.testing.assert_allclose(got, np.maximum(loops.conv2d(x, w, b, geo), 0), atol=1e-4)
        print(o, k, "input gradient", flush=True)
        got = fast.conv2d_input_grad(g, w, geo, "direct", masked_by=x)
        np.testing.assert_allclose(got, np.where(x > 0, loops.conv2d_input_grad(g, w, geo), 0), atol=1e-4)
    print("all are right")


@pytest.mark.parametrize("empty", [aligned, empty_off_a_vector])
def test_streamed_outputs_are_whole_aligned_vectors(empty: Any) -> None:
    code = f"import sys; sys.path[:0] = {PYTHONPATH.split(':')!r}; import {__name__} as t; t.check_all(t.{empty.__name__})"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = ended.stdout.strip().splitlines()[-1:]
    assert last == ["all are right"], f"exit code {ended.returncode} at {last}: {ended.stderr[-500:]}"


def test_a_large_output_is_streamed_and_a_small_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is in bytes of the output; what the kernel is told is the only trace of it, since the values are the same."""
    geo = convolution("conv2d", (1, LANES, 4, 4), (LANES, LANES, 1, 1))
    size = 16 * LANES * 4
    for limit, streams in ((size, True), (size + 1, False)):
        direct._setup.cache_clear()
        monkeypatch.setattr(direct, "STREAM", limit)
        assert direct._setup(geo, 4, 1, False).streams is streams
    direct._setup.cache_clear()
