"""The pool of memory: what is given back is lent again, from several threads at once."""

from __future__ import annotations

import os
import sys
import threading

import numpy as np
import pytest
from processes import succeeds

from ninx.kernels import memory


def test_memory_is_used_again_when_all_views_are_gone() -> None:
    pool = memory.Pool()
    a = pool.empty((100, 1000), np.float32)
    place, view = a.ctypes.data, a[3:5].T
    assert place % 64 == 0
    assert a.flags.c_contiguous
    assert a.flags.writeable
    del a
    b = pool.empty((100, 1000), np.float32)
    assert b.ctypes.data != place  # the view still lies there
    del view
    c = pool.empty((100, 1000), np.float32)
    assert c.ctypes.data == place
    assert pool.stats() == memory.MemoryStats(lent=2 * 400_000, peak=2 * 400_000, touched=2 * 400_000)
    del b, c
    assert pool.stats().lent == 0


def test_free_neighbours_grow_together() -> None:
    pool = memory.Pool()
    pieces = [pool.empty((1 << 18,), np.uint8) for _ in range(4)]
    first = pieces[0].ctypes.data
    for i in (1, 3, 0, 2):
        pieces[i] = None
    whole = pool.empty((1 << 20,), np.uint8)
    assert whole.ctypes.data == first
    assert pool.stats().touched == 1 << 20


def test_arenas_grow_with_what_is_wanted() -> None:
    """The first ones are small; together they double, and an idle one makes place for a larger one."""
    pool = memory.Pool()
    kept = [pool.empty((memory.LARGE,), np.uint8)]
    assert [a.size for a in pool._arenas] == [memory.FIRST]
    while len(pool._arenas) < 4:
        kept.append(pool.empty((memory.LARGE,), np.uint8))
    assert [a.size for a in pool._arenas] == [memory.FIRST, memory.FIRST, 2 * memory.FIRST, 4 * memory.FIRST]
    kept.clear()
    kept.append(pool.empty((5 * memory.FIRST,), np.uint8))
    assert [a.size for a in pool._arenas] == [memory.ARENA]
    assert kept[0].ctypes.data % memory.LINE == 0


def test_what_an_arena_cannot_be_had_for_comes_without_spare_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """First an arena for the piece alone, then NumPy, whose own MemoryError it is if there is nothing."""
    asked, real = [], memory._Arena

    def arena(size: int, large: bool) -> memory._Arena:
        asked.append(size)
        if size > most:
            raise MemoryError
        return real(size, large)

    monkeypatch.setattr(memory, "_Arena", arena)
    pool, most = memory.Pool(), 1 << 22
    tight = pool.empty((1 << 22,), np.uint8)
    assert asked == [memory.FIRST, 1 << 22]
    assert pool.stats().lent == 1 << 22
    beyond = pool.empty((1 << 23,), np.uint8)
    assert asked[2:] == [memory.FIRST, 1 << 23]
    assert beyond.base is None
    assert pool.stats() == memory.MemoryStats(lent=1 << 22, peak=1 << 22, touched=1 << 22)
    del tight


SCARCE = """
import resource
import numpy as np
import ninx
import ninx.functional as F
from ninx import models, optim
from ninx.kernels import memory

model = models.create("nin-mnist-v2")
optimiser = optim.SGD(model.parameters(), lr=0.01)

def step(batch):
    x, y = ninx.zeros(batch, 1, 28, 28), ninx.tensor(np.arange(batch) % 10)
    loss = F.cross_entropy(model(x).reshape(batch, -1), y)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return float(loss)

first = step(2)  # threads, compiled code
ninx.kernels.clear_memory()
here = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmSize"))
room = 300 << 20
resource.setrlimit(resource.RLIMIT_AS, (here + room, here + room))
for _ in range(3):
    step(256)
assert 4 << 20 < ninx.memory_stats().peak < room, ninx.memory_stats()
kept = []
try:
    while True:
        kept.append(memory.empty((16 << 20,), np.uint8))
        kept[-1][::4096] = 1
except MemoryError:
    lent = sum(a.nbytes for a in kept)
assert lent > room // 2, lent
kept.clear()
assert step(2) < first
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is no limit of addresses to set")
def test_training_works_where_addresses_are_scarce() -> None:
    """As under ``ulimit -v``, or in a small container; most of what is left can be lent, and after a MemoryError all goes on."""
    pytest.importorskip("numba", reason="the pool lends memory to the compiled kernels")
    succeeds(SCARCE)


def test_small_and_excessive_arrays_come_from_numpy() -> None:
    pool = memory.Pool(limit=0)
    assert pool.empty((3, 4), np.float32).base is None
    assert pool.empty((1 << 20,), np.uint8).base is None
    assert pool.stats().lent == 0


def test_an_emptied_pool_gives_its_memory_back() -> None:
    pool = memory.Pool()
    kept = pool.empty((1 << 20,), np.uint8)
    pool.clear()
    assert pool.stats().touched == 1 << 20
    del kept
    pool.clear()
    assert pool.stats() == memory.MemoryStats(0, 0, 0)


def test_the_pool_survives_several_threads() -> None:
    pool, wrong = memory.Pool(), []

    def work(number: int) -> None:
        rng = np.random.default_rng(number)
        held: list[np.ndarray] = []
        for _ in range(300):
            a = pool.empty((int(rng.integers(70_000, 300_000)),), np.uint8)
            a[...] = number
            held.append(a)
            if len(held) > 5:
                old = held.pop(int(rng.integers(0, 5)))
                if not (old == number).all():
                    wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert pool.stats().lent == 0


FORK = """
import os, signal, threading, time
import ninx
import numpy as np
from ninx.engine import graph
from ninx.kernels import memory

for lock in (memory._pool._lock, graph._one_leaf):
    held = threading.Event()
    def hold():
        with lock:
            held.set()
            time.sleep(0.3)
    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    if (child := os.fork()) == 0:
        signal.alarm(60)
        x = ninx.ones(300, 300, requires_grad=True)
        (x * memory.empty((300, 300), np.float32)).sum().backward()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, "the child waits for a thread that it does not have"
    other.join()
    memory.empty((300, 300), np.float32)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_waits_until_no_other_thread_holds_a_lock() -> None:
    succeeds(FORK)
