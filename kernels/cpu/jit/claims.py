"""Who compiles what, where several processes share a cache: no kernel is compiled twice, and who needs one waits for its file.

A process claims a kernel with a lock on one byte of the file ``claims`` in the cache's folder; which byte, the kernel's file name
says. The system takes the locks of a process that ends, however it ends; so whoever waits for it then compiles the kernel itself.
Where there are no such locks (on Windows), or nothing can be written, everybody compiles what they need.
"""

from __future__ import annotations

import functools
import hashlib
import os
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FILE = "claims"
PATIENCE = 60.0  # seconds; no kernel takes so long on a machine of today
PAUSE = 0.005  # between two looks at what another process has claimed


def possible(folder: Path) -> bool:
    """Can kernels be claimed there, and so be kept?"""
    return _file(folder) is not None


def take(path: Path, patience: float = PATIENCE) -> bool:
    """Claim the kernel of this file; wait so many seconds if another process has it. Is it ours now, or may nobody claim it?

    A process can claim what it has already; other threads of its own are kept away by Numba's lock, which holds one compilation
    at a time.
    """
    file, end = _file(path.parent), time.monotonic() + patience
    if file is None:
        return True
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte(path))
            return True
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
        except OSError:  # a file system without locks
            return True
        time.sleep(PAUSE)


def give_up(path: Path) -> None:
    """The kernel's file is there, or will never be."""
    file = _file(path.parent)
    if file is not None:
        try:
            fcntl.lockf(file, fcntl.LOCK_UN, 1, _byte(path))
        except OSError:  # a file system without locks
            return


def _byte(path: Path) -> int:
    return int.from_bytes(hashlib.blake2b(path.name.encode(), digest_size=4).digest()) // 2


@functools.cache  # closed by the end of the process alone: closing it would free all its locks
def _file(folder: Path) -> int | None:
    """The file of claims, open; None where there can be none."""
    if fcntl is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        return None
