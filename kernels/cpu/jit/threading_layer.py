"""The threads on which kernels run: those of Numba's threading layer.

Numba takes TBB where that is installed (the wheel comes with ninx on x86-64), else OpenMP, else its own work queue. They differ
in what they survive. TBB survives calls from several Python threads at once, and a fork by the thread that started it, unless
others may be computing. OpenMP survives no fork. Nor does the work queue, and it dies of two callers at once, so they take
turns. In a child process where the threads are lost, kernels run in one thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import operator
import os
import platform
import threading

import llvmlite.binding as llvm
import numba
from numba.core.compiler_lock import global_compiler_lock

from ...threads import held_at_fork

ALONE = (0, 1)  # the team of who does everything in the calling thread


class ThreadingLayer:
    """Numba's threading layer, which is started by the first kernel that wants several threads."""

    def __init__(self) -> None:
        self.name: str | None = None  # "tbb", "omp" or "workqueue"; None: not started
        self.team = ALONE  # the address of its function ``parallel_for`` (see `launcher`), and how many threads it has
        self.reentrant = False  # is it started, and may several threads call it at once?
        self.turn = threading.Lock()  # if not: whose turn it is
        self.starting = threading.Lock()
        self._starter = 0  # the Python thread that started it
        self._others = False  # were there other Python threads at the fork?

    def start(self) -> tuple[int, int]:
        """Start its threads, once, however many ask for them; the team."""
        with self.starting:
            if self.name is None:
                numba.get_num_threads()  # starts them
                self.name, self._starter = numba.threading_layer(), threading.get_ident()
                self.team = llvm.address_of_symbol("numba_parallel_for"), numba.config.NUMBA_NUM_THREADS
                self.reentrant = self.name in ("tbb", "omp")  # last: now others call it without asking here
        return self.team

    def forking(self) -> None:
        """Before a fork: nobody forks while the threads are being started, for the start would go on in the parent only."""
        self.starting.acquire()
        self._others = threading.active_count() > 1

    def forked(self) -> None:
        """In a child process: are the threads still there? Whoever had the turn is not."""
        if self.name and (self.name != "tbb" or self._others or self._starter != threading.get_ident()):
            self.team, self.reentrant = ALONE, True
        self.turn = threading.Lock()
        self.starting.release()


def _load_tbb() -> None:
    """Open the library of the tbb wheel, which lies where no linker looks, before Numba asks for it by name."""
    name = {"Linux": "libtbb.so.12", "Windows": "tbb12.dll"}.get(platform.system())
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, OSError):  # Numba then takes another layer
        for file in importlib.metadata.files("tbb") or []:
            if file.name == name:
                ctypes.CDLL(str(file.locate()), mode=ctypes.RTLD_GLOBAL)


layer = ThreadingLayer()
_load_tbb()
# Whoever forks waits until nothing is being compiled and the threads are not being started. What is registered last is done first
# before a fork, so the locks are taken in the order in which others take them: a start asks Numba and LLVM for addresses. Both
# locks have private names: where a version has others, a fork while another thread compiles may hang the child.
for _owner, _path in ((llvm.ffi, "lib._lock._lock"), (global_compiler_lock, "_lock")):
    with contextlib.suppress(AttributeError):
        held_at_fork(operator.attrgetter(_path)(_owner))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=layer.forking, after_in_parent=layer.starting.release, after_in_child=layer.forked)
