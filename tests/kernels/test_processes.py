"""The compiled kernels in processes of their own: vector registers, guard pages, the cache on disk, threading layers, forks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import rooms
import strategies as some

from ninx import kernels

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh interpreter that finds the helpers of these tests."""
    env = {**os.environ, "PYTHONPATH": rooms.PYTHONPATH, **environment}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False, timeout=600)


def succeeds(code: str, **environment: str) -> str:
    run = python(code, **environment)
    assert run.returncode == 0, f"exit {run.returncode}: {run.stderr[-2000:]}"
    return run.stderr


CHECK = """
import numpy as np
from geometries import convolutions, squares
from test_fast import check_convolution
from test_winograd import check_winograd
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
            fast.conv2d_input_grad(g, w, geo, gate=x)
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
@some.normal_and_slow(25, 500)
def test_nothing_outside_the_arrays_is_touched(count: int) -> None:
    """Every array, workspaces included, lies flush against a page that kills whoever touches it."""
    succeeds(GUARDED.format(count=count, trespass=False))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the guard pages are made by Linux's mprotect")
def test_the_guard_pages_kill() -> None:
    assert python(GUARDED.format(count=0, trespass=True)).returncode < 0


def test_compiled_code_is_kept_and_never_taken_for_another_build(tmp_path: Path) -> None:
    code = "import numpy as np\nfrom ninx.kernels import fast\nassert (fast.relu(np.full(9999, -1.0)) == 0).all()"
    notice = "ninx: compiling kernels (first run only)\n"
    cache = tmp_path / "cache"
    assert succeeds(code, NINX_CACHE_DIR=str(cache)) == notice
    assert succeeds(code, NINX_CACHE_DIR=str(cache)) == ""
    assert len(list(cache.iterdir())) == 1
    assert succeeds(code, NINX_CACHE_DIR=str(cache), NINX_VECTOR="16x16") == notice
    assert len(list(cache.iterdir())) == 2
    for path in cache.rglob("*.nb*"):
        path.write_bytes(b"damaged")
    assert succeeds(code, NINX_CACHE_DIR=str(cache)) == notice
    file = tmp_path / "file"
    file.write_text("no folder can be made here")
    assert succeeds(code, NINX_CACHE_DIR=str(file)) == notice


def test_code_of_another_type_is_not_run(tmp_path: Path) -> None:
    """Two processes that compile at once may give their files one name, and then the index names the other's code."""
    code = "import numpy as np\nfrom ninx.kernels import fast\n"
    code += "for t in (np.float32, np.float64): assert (fast.relu(np.full(9999, 2, t)) == 2).all()"
    succeeds(code, NINX_CACHE_DIR=str(tmp_path))
    first, second = sorted(tmp_path.rglob("*relu*.nbc"))
    for path, content in ((second, first.read_bytes()), (first, second.read_bytes())):
        path.write_bytes(content)
    assert succeeds(code, NINX_CACHE_DIR=str(tmp_path)) == "ninx: compiling kernels (first run only)\n"
    assert succeeds(code, NINX_CACHE_DIR=str(tmp_path)) == ""


STEP = """
from ninx import functional as F, models, optim, rand, tensor
from ninx.kernels.cpu.jit import compiled
made = []
save = compiled._Cache.save_overload
compiled._Cache.save_overload = lambda self, *given: made.append(self._py_func.__name__) or save(self, *given)
net = models.create("nin-mnist", batch_norm=True)
learn = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
F.cross_entropy(net(rand(8, 1, 28, 28)), tensor([1] * 8)).backward()
learn.step()
print(*made)
"""


@pytest.mark.slow
def test_a_second_process_compiles_all_that_a_backward_pass_needs(tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    once = "from ninx.kernels.cpu.jit import warmup\nassert warmup.start().wait() == 0\nassert warmup.start() is None"
    succeeds(once, NINX_CACHE_DIR=cache)
    made = python(STEP, NINX_CACHE_DIR=cache).stdout.split()
    assert "_convolve" in made
    assert not {"_outer", "_correlate", "gather", "_sgd", "_max_unpool", "_products", "_back", "pack_backward", "_gate"} & set(
        made
    )


def test_no_second_process_is_started_where_it_could_keep_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder can be made here")
    succeeds("from ninx.kernels.cpu.jit import warmup\nassert warmup.start() is None", NINX_CACHE_DIR=str(file))


LAYERS = """
import multiprocessing, threading
import numpy as np
from geometries import convolutions
from test_fast import check_convolution
from ninx.kernels.cpu.jit.compiled import _threading

def work(seed):
    for geo, rng in convolutions(15, seed=seed): check_convolution(geo, rng, np.float32)

if __name__ == "__main__":
    work(0)
    assert _threading.layer == "{layer}" or _threading.free, _threading.layer
    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    failed = []
    threading.excepthook = lambda args: failed.append(args)
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failed, failed
    child = multiprocessing.get_context("fork").Process(target=work, args=(5,))
    child.start()
    child.join(120)
    assert child.exitcode == 0, child.exitcode
    work(6)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize("layer", ["tbb", "omp", "workqueue"])
def test_threading_layers_survive_threads_and_forks(layer: str) -> None:
    run = python(LAYERS.format(layer=layer), NUMBA_THREADING_LAYER=layer)
    if "No threading layer could be loaded" in run.stderr:
        pytest.skip(f"Numba has no {layer} here")
    assert run.returncode == 0, f"exit {run.returncode}: {run.stderr[-2000:]}"


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
