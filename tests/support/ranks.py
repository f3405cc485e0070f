"""Ranks for tests: several in one process, as threads of which one runs at a time; and real ones, by mpiexec."""

from __future__ import annotations

import importlib.util
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rooms

MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
HAS_MPI = MPIEXEC is not None and importlib.util.find_spec("mpi4py") is not None
needs_mpi = pytest.mark.skipif(not HAS_MPI, reason="mpi4py or mpiexec is not installed: pip install 'ninx[mpi]'")


class FakeTeam:
    """One of ``size`` ranks that live in threads; ``calls`` notes the size of what it was given to send, and to whom."""

    def __init__(self, rank: int, size: int, boxes: dict[tuple[int, int], queue.Queue[Any]], turn: threading.Lock):
        self.rank, self.size, self._boxes, self._turn = rank, size, boxes, turn
        self.calls: list[tuple[int, int]] = []

    def _get(self, peer: int) -> Any:
        self._turn.release()
        try:
            return self._boxes[peer, self.rank].get(timeout=60)
        finally:
            self._turn.acquire()

    def exchange(self, peer: int, give: Any, take: Any) -> None:
        assert give.flags.c_contiguous
        assert take.flags.c_contiguous
        self.calls.append((peer, give.size))
        self._boxes[self.rank, peer].put(give.copy())
        take[...] = self._get(peer)

    def everyone(self, thing: Any) -> list[Any]:
        for peer in range(self.size):
            if peer != self.rank:
                self._boxes[self.rank, peer].put(thing)
        return [thing if peer == self.rank else self._get(peer) for peer in range(self.size)]

    def end(self, status: int) -> None:
        raise SystemExit(status)


def on_ranks(size: int, work: Callable[[FakeTeam], Any]) -> list[Any]:
    """What ``work`` returns on each of so many ranks; what one of them raises is raised here."""
    boxes: dict[tuple[int, int], queue.Queue[Any]] = {(a, b): queue.Queue() for a in range(size) for b in range(size)}
    turn, found, errors = threading.Lock(), [None] * size, []

    def run(rank: int) -> None:
        with turn:
            try:
                found[rank] = work(FakeTeam(rank, size, boxes, turn))
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return found


def mpiexec(size: int, *command: str, **environment: str) -> subprocess.Popen[str]:
    """``mpiexec -n size command`` with one thread for each rank; its input is empty, since mpiexec would read it."""
    assert MPIEXEC is not None
    env = {**os.environ, "PYTHONPATH": rooms.PYTHONPATH, **environment}
    env.pop("OMP_NUM_THREADS", None)
    return subprocess.Popen(
        [MPIEXEC, "-n", str(size), *command],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """(exit status, output, errors) at the end."""
    output, errors = process.communicate(timeout=600)
    return process.returncode, output, errors


def bits(model: Any) -> dict[str, bytes]:
    """All weights and buffers of a network, to be compared bit for bit."""
    return {name: np.ascontiguousarray(value.numpy()).tobytes() for name, value in model.state_dict().items()}
