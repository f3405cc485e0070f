"""Compiled code on threads: every part runs once, errors come back, and threads, forks and layers do not harm each other."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from processes import python, succeeds

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")

import llvmlite.binding as llvm
import numba
from llvmlite.binding import ffi

from ninx import kernels
from ninx.kernels import fast, strided
from ninx.kernels.cpu.jit import cache, compiled
from ninx.kernels.cpu.jit.compiled import helper, kernel, part, program, spread
from ninx.kernels.cpu.jit.threading_layer import ALONE, ThreadingLayer, layer
from ninx.kernels.geometry import convolution


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's cache is no place for the kernels of tests, whose sources it does not know."""
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)


@pytest.fixture(params=["threads", "one thread"])
def workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels run on several threads, or all parts run one after the other."""
    if request.param == "one thread":
        monkeypatch.setattr(layer, "team", ALONE)
        monkeypatch.setattr(layer, "reentrant", True)


@kernel()
def count_calls(t: int, calls: np.ndarray, value: float, threads: int) -> None:
    """Part t adds value to its own number."""
    calls[t] += value


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("threads", [1, 2, 3, 7, 64, 1000])
def test_every_part_runs_once(threads: int) -> None:
    for dtype in (np.float32, np.int64):
        calls = np.zeros(threads + 1, dtype)
        for _ in range(20):
            count_calls(calls, 1, threads)
        assert (calls[:-1] == 20).all()
        assert calls[-1] == 0


@program()
def told(runner: int, workers: int, a: np.ndarray, on_threads: np.ndarray, threads: int) -> None:
    """on_threads[0]: was it given the threading layer?"""
    on_threads[0] = runner != 0


def test_small_work_is_done_in_the_calling_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small are the arrays, all together; a kernel without any tells nothing of its work, and gets its threads."""
    on_threads, other = np.zeros(1, np.int64), np.zeros(5, np.int64)
    monkeypatch.setattr(compiled, "SMALL", other.nbytes + on_threads.nbytes)
    for size, threads, expected in ((5, 2, 1), (4, 2, 0), (5, 1, 0)):
        told(other[:size], on_threads, threads)
        assert on_threads[0] == expected, (size, threads)
    assert compiled._bytes((other, 3, (other, other))) == other.nbytes
    assert not compiled._is_small((1.0, (other,), 2))


@pytest.mark.usefixtures("workers")
def test_no_part_is_no_error() -> None:
    count_calls(np.zeros(0), 1.0, 0)


@kernel()
def raises(t: int, calls: np.ndarray, which: int, threads: int) -> None:
    if t == which:
        raise ValueError("whatever it was")
    calls[t] += 1


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_body_that_raises_is_one_error_for_the_caller(threads: int) -> None:
    """The other parts are done, and the kernel works again afterwards."""
    for which in range(threads):
        calls = np.zeros(threads)
        with pytest.raises(RuntimeError, match=r"^a kernel failed on one of its threads$"):
            raises(calls, which, threads)
        assert calls.sum() == threads - 1
        raises(calls, -1, threads)
        assert calls.sum() == 2 * threads - 1


@part()
def write(t: int, a: np.ndarray, threads: int) -> None:
    a[t] = t + 1


@part()
def add_all(t: int, a: np.ndarray, sums: np.ndarray, factor: float, threads: int) -> None:
    for value in a:
        sums[t] += factor * value


@program()
def written_and_added(runner: int, workers: int, a: np.ndarray, sums: np.ndarray, threads: int) -> float:
    """The second part begins when all of the first is done."""
    spread(write, runner, workers, threads, (a, threads))
    spread(add_all, runner, workers, threads, (a, sums, 10.0, threads))
    return float(sums.sum())


@pytest.mark.usefixtures("workers")
def test_a_program_runs_its_parts_one_after_the_other() -> None:
    for threads in (1, 2, 5, 64):
        sums = np.zeros(threads)
        assert written_and_added(np.zeros(threads), sums, threads) == 5 * threads**2 * (threads + 1)
        assert (sums == 5 * threads * (threads + 1)).all()


@helper()
def multiply_and_add(a: float, b: float, c: float) -> float:
    return a * b + c


@kernel()
def rounded_twice(t: int, x: np.ndarray, y: np.ndarray, threads: int) -> None:
    for i in range(t, x.size, threads):
        y[i] = multiply_and_add(x[i], x[i], -x[i])


@kernel(fastmath={"contract"})
def rounded_once(t: int, x: np.ndarray, y: np.ndarray, threads: int) -> None:
    for i in range(t, x.size, threads):
        y[i] = multiply_and_add(x[i], x[i], -x[i])


@pytest.mark.skipif(not llvm.get_host_cpu_features().get("fma"), reason="the processor does not multiply and add at once")
def test_a_kernels_options_hold_for_its_body_and_its_helpers() -> None:
    """Multiplied and added as NumPy does, or at once where the kernel allows it."""
    x = np.random.default_rng(0).standard_normal(1000)
    y = np.empty_like(x)
    rounded_twice(x, y, 2)
    assert (y == x * x - x).all()
    rounded_once(x, y, 2)
    assert 0 < (y != x * x - x).sum() < 1000


def test_two_kernels_of_one_name_are_refused() -> None:
    """The cache would take the code of one for that of the other."""

    def made(factor: float) -> object:
        @kernel()
        def scale(t: int, a: np.ndarray, threads: int) -> None:
            a[t] *= factor

        return scale

    made(2.0)
    with pytest.raises(ValueError, match=r"^there are two kernels of the name test_jit_threads\..*made\.<locals>\.scale$"):
        made(3.0)


@kernel()
def divide(t: int, a: np.ndarray, threads: int) -> None:
    a[t] = a[t] / (a[t] - a[t])


def test_a_division_by_zero_is_no_error() -> None:
    a = np.array([1.0, -1.0, 0.0])
    divide(a, 3)
    np.testing.assert_array_equal(a, [np.inf, -np.inf, np.nan])


def test_results_do_not_depend_on_how_many_threads_really_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is cut by `set_num_threads` alone; in a child process, say, one thread does it all.

    The convolution is one for Winograd's algorithm: many parts in a row.
    """
    rng = np.random.default_rng(0)
    geo = convolution("conv2d", (5, 34, 12, 12), (40, 34, 3, 3), padding=(1, 1))
    x, w, g = (rng.standard_normal(shape).astype(np.float32) for shape in ((5, 12, 12, 34), (40, 3, 3, 34), (5, 12, 12, 40)))
    made, before = [], kernels.get_num_threads()
    kernels.set_num_threads(3)
    try:
        parallel_for, most = layer.start()
        for team in ((parallel_for, most), (parallel_for, 1), ALONE):
            monkeypatch.setattr(layer, "team", team)
            results = fast.conv2d(x, w, None, geo), fast.conv2d_input_grad(g, w, geo), *fast.conv2d_weight_bias_grad(x, g, geo)
            made.append([a.tobytes() for a in results])
    finally:
        kernels.set_num_threads(before)
    assert made[0] == made[1] == made[2]
    right = strided.conv2d(x, w, None, geo), strided.conv2d_input_grad(g, w, geo), *strided.conv2d_weight_bias_grad(x, g, geo)
    for a, b in zip(results, right, strict=True):
        assert abs(a - b).max() < 1e-5 * abs(b).max()


# -------------------------------------------------------------------- starting the threads


def test_threads_that_come_at_once_start_the_layer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, started, found = ThreadingLayer(), [], []

    def slowly() -> int:
        started.append(threading.get_ident())
        time.sleep(0.2)
        return int(get_num_threads())

    get_num_threads = numba.get_num_threads
    monkeypatch.setattr(numba, "get_num_threads", slowly)
    monkeypatch.setattr(compiled, "layer", fresh)

    def work() -> None:
        calls = np.zeros(8)
        count_calls(calls, 1.0, 8)
        found.append((fresh.name, fresh.reentrant, fresh.team, calls.sum()))

    callers = [threading.Thread(target=work) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(started) == 1
    name = numba.threading_layer()
    team = llvm.address_of_symbol("numba_parallel_for"), numba.config.NUMBA_NUM_THREADS
    assert found == [(name, name != "workqueue", team, 8)] * 4


FORK = """
import os, threading, time
import numba
from llvmlite.binding import ffi
import numpy as np
from ninx import kernels
from ninx.kernels import fast

held, get_num_threads = threading.Lock(), numba.get_num_threads
def slowly():
    with held:  # as Numba does
        time.sleep(0.5)
        return get_num_threads()
numba.get_num_threads = slowly
a = np.full(9999, -1.0)
kernels.set_num_threads(1)
fast.relu(a)  # compiles it
kernels.set_num_threads(2)
first = threading.Thread(target=fast.relu, args=(a,))
first.start()
while not held.locked():
    time.sleep(0.01)
child = os.fork()
if child == 0:
    os._exit(0 if (fast.relu(a) == 0).all() else 3)
for _ in range(600):
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        break
    time.sleep(0.1)
else:
    os.kill(child, 9)
    status = "the child hangs"
assert status == 0, status
first.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_waits_until_another_thread_has_started_the_layer(tmp_path: Path) -> None:
    """And the child does not count on threads that only the other thread could take along."""
    succeeds(FORK, NINX_CACHE_DIR=str(tmp_path))


LAYERS = """
import multiprocessing, threading
import numpy as np
from geometries import convolutions
from test_fast import check_convolution
from ninx.kernels.cpu.jit import compiled
from ninx.kernels.cpu.jit.threading_layer import layer

compiled.SMALL = 0

def work(seed):
    for geo, rng in convolutions(15, seed=seed): check_convolution(geo, rng, np.float32)

if __name__ == "__main__":
    work(0)
    assert layer.name == "{layer}", layer.name
    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    failed = []
    threading.excepthook = lambda args: failed.append(args)
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failed, failed
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=work, args=(5,))
    child.start()
    child.join(120)
    assert child.exitcode == 0, child.exitcode
    work(6)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize("name", ["tbb", "omp", "workqueue"])
def test_threading_layers_survive_threads_and_forks(name: str) -> None:
    run = python(LAYERS.format(layer=name), NUMBA_THREADING_LAYER=name)
    if "No threading layer could be loaded" in run.stderr:
        pytest.skip(f"Numba has no {name} here")
    assert run.returncode == 0, f"exit {run.returncode}: {run.stderr[-2000:]}"


FORK_WHILE_COMPILING = """
import os, threading, time
import numba
from llvmlite.binding import ffi
import numpy as np
from ninx.kernels import fast

begun = threading.Event()

@numba.extending.overload(len)  # called while Numba compiles
def slowly(thing):
    if isinstance(thing, numba.types.Boolean):
        begun.set()
        time.sleep(0.5)
        return lambda thing: 1

compiling = threading.Thread(target=lambda: numba.njit(lambda x: len(x))(True))
compiling.start()
begun.wait()
child = os.fork()
if child == 0:
    os._exit(0 if (fast.relu(np.full(9999, -1.0)) == 0).all() else 3)
for _ in range(600):
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        break
    time.sleep(0.1)
else:
    os.kill(child, 9)
    status = "the child hangs"
compiling.join()
assert status == 0, status
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_waits_until_another_thread_has_compiled() -> None:
    succeeds(FORK_WHILE_COMPILING)


def in_a_child(work: Callable[[], bool]) -> str:
    """ "right", "wrong" or "hangs": the end of a forked process that does ``work``."""
    if (child := os.fork()) == 0:
        code = 3
        try:
            code = 0 if work() else 4
        finally:
            os._exit(code)
    for _ in range(600):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "wrong" if status else "right"
        time.sleep(0.1)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return "hangs"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_waits_for_another_threads_llvm() -> None:
    """It is also called where nothing is compiled: when Python throws away what was."""
    held = threading.Event()

    def hold() -> None:
        with ffi.lib._lock:
            held.set()
            time.sleep(0.5)

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    assert in_a_child(lambda: llvm.get_host_cpu_name() != "") == "right"
    other.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_does_not_count_on_threads_that_others_were_using(monkeypatch: pytest.MonkeyPatch) -> None:
    """TBB cannot end its threads before a fork while they are at work for another."""
    layer.start()
    monkeypatch.setattr(layer, "_starter", threading.get_ident())
    go_on = threading.Event()
    other = threading.Thread(target=go_on.wait)
    other.start()
    assert in_a_child(lambda: layer.team == ALONE) == "right"
    go_on.set()
    other.join()
