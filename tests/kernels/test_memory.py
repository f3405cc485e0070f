"""The pool of memory: what is given back is lent again, from several threads at once."""

from __future__ import annotations

import threading

import numpy as np

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
