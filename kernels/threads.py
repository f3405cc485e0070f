"""How many threads the fast kernels use."""

from __future__ import annotations

import operator
import os
from typing import Any

_count: int | None = None


def held_at_fork(lock: Any) -> Any:
    """The lock, which whoever forks will hold meanwhile: held by another thread it would stay closed in the child for ever."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock


def available() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def get_num_threads() -> int:
    """The number of threads of the fast kernels: what `set_num_threads` said, else the environment's, else all processors.

    >>> ninx.get_num_threads() >= 1
    True
    """
    global _count
    if _count is None:
        asked = os.environ.get("OMP_NUM_THREADS", "")
        _count = min(int(asked), available()) if asked.isdigit() and int(asked) else available()
    return _count


def set_num_threads(count: int) -> None:
    """Let the fast kernels share their work among ``count`` threads. For a fixed number their results never change.

    The matrix products of the "strided" tier are NumPy's: their threads are set by OPENBLAS_NUM_THREADS and the like.

    Raises ValueError for a number below 1.

    >>> ninx.set_num_threads(1)
    >>> ninx.get_num_threads()
    1
    """
    global _count
    count = operator.index(count)
    if count < 1:
        raise ValueError(f"set_num_threads: the number of threads must be at least 1, got {count}")
    _count = count
