"""The compiled kernels in processes of their own: other vector registers, guard pages; and what the tier does without Numba."""

from __future__ import annotations

import sys

import pytest
from processes import python, succeeds
from samples import normal_and_slow

from ninx import kernels

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")


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


GUARDED = """
import ctypes, mmap
import numpy as np
from geometries import convolutions, poolings, squares
from ninx.kernels import fast, memory, set_num_threads, strided
from ninx.kernels.cpu.conv import winograd
from ninx.kernels.cpu.jit import compiled

compiled.SMALL = 0  # also what is small is done on threads
libc, page, kept = ctypes.CDLL(None, use_errno=True), mmap.PAGESIZE, []

def guarded(shape, dtype, at_end):
    "An array flush against a page that may not be touched, after its end or before its start."
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = -(-max(size, 1) // page) * page
    block = mmap.mmap(-1, room + 2 * page)
    base = ctypes.addressof(ctypes.c_char.from_buffer(block))
    for place in (base, base + page + room):
        assert libc.mprotect(ctypes.c_void_p(place), ctypes.c_size_t(page), 0) == 0
    kept.append((block, base, room))
    return np.frombuffer(block, dtype, int(np.prod(shape)), page + (room - size if at_end else 0)).reshape(shape)

def put(a, at_end):
    g = guarded(a.shape, a.dtype, at_end)
    g[...] = a
    return g

done = 0
for at_end in (True, False):
    memory.empty = lambda shape, dtype: guarded(shape, dtype, at_end)
    for dtype in (np.float32, np.float64):
        for geo, rng in convolutions({count}, seed=4):
            x, w = rng.standard_normal((geo.N, geo.H, geo.W, geo.C)), rng.standard_normal((geo.O, geo.KH, geo.KW, geo.C))
            b, g = rng.standard_normal(geo.O), rng.standard_normal((geo.N, geo.OH, geo.OW, geo.O))
            x, w, b, g = (put(a.astype(dtype), at_end) for a in (x, w, b, g))
            fast.conv2d(x, w, b, geo, relu=True)
            fast.conv2d_input_grad(g, w, geo, masked_by=x)
            fast.conv2d_weight_bias_grad(x, g, geo)
            kept.clear()
            done += 1
    for geo, rng in squares({count}, seed=4):
        set_num_threads(2 if done % 2 else 64)  # more than some of the work can be cut into
        x, w = rng.standard_normal((geo.N, geo.H, geo.W, geo.C)), rng.standard_normal((geo.O, geo.KH, geo.KW, geo.C))
        b, g = rng.standard_normal(geo.O), rng.standard_normal((geo.N, geo.OH, geo.OW, geo.O))
        x, w, b, g = (put(a.astype(np.float32), at_end) for a in (x, w, b, g))
        winograd.conv2d(x, w, b, geo, True)
        winograd.conv2d_input_grad(g, w, geo, x)
        winograd.conv2d_weight_grad(x, g, geo, True)
        kept.clear()
        done += 1
    set_num_threads(2)
    for dtype in (np.float32, np.float64):
        for geo, rng in poolings({count}, seed=4):
            x, g = rng.standard_normal((geo.N, geo.H, geo.W, geo.C)), rng.standard_normal((geo.N, geo.OH, geo.OW, geo.O))
            x, g = (put(a.astype(dtype), at_end) for a in (x, g))
            y, arg = fast.max_pool2d(x, geo, True, (0.5, 1, 1))
            fast.max_unpool2d(g, put(arg, at_end), geo)
            divisor = strided.pool_divisor(geo, True)
            fast.avg_pool2d(x, geo, divisor)
            fast.avg_pool2d_input_grad(g, geo, divisor, x)
            fast.dropout(x, 0.5, 1, 1)
            kept.clear()
print(done, "convolutions inside their arrays")
if {trespass}:
    a = guarded((16,), np.float32, True)
    ctypes.memset(a.ctypes.data + 64, 0, 1)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the guard pages are made by Linux's mprotect")
@normal_and_slow(25, 500)
def test_nothing_outside_the_arrays_is_touched(count: int) -> None:
    """Every array, workspaces included, lies flush against a page that kills whoever touches it."""
    succeeds(GUARDED.format(count=count, trespass=False))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the guard pages are made by Linux's mprotect")
def test_the_guard_pages_kill() -> None:
    assert python(GUARDED.format(count=0, trespass=True)).returncode < 0


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
