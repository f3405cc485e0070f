"""A team by MPI, through mpi4py."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import numpy as np

from ..array import Array, to_numpy, xp_of
from . import launch
from .nccl import Nccl

PATIENT = 1e-3  # seconds: the longest nap of a rank that waits


class MPITeam:
    """The ranks of ``comm``, by default all that mpiexec started.

    Arrays on a GPU go from GPU to GPU by NCCL, where CuPy brings it, else by way of the host.
    """

    def __init__(self, comm: Any = None) -> None:
        try:
            from mpi4py import MPI
        except ImportError as error:
            raise ImportError(
                f"mpiexec started this process, but MPI cannot be used ({error}); pip install 'ninx[mpi]' brings "
                "mpi4py and an mpiexec that fits it"
            ) from None
        self._mpi, self._comm = MPI, MPI.COMM_WORLD if comm is None else comm
        self.rank, self.size = self._comm.Get_rank(), self._comm.Get_size()
        self._nccl: Nccl | None = None
        self._asked = False  # do the ranks know of each other's NCCL?
        if comm is None and self.size != launch.size():
            raise RuntimeError(
                f"mpiexec started {launch.size()} processes, but mpi4py sees {self.size}: they belong to different MPIs; "
                "take the mpiexec that lies beside this Python"
            )

    def exchange(self, peer: int, give: Array, take: Array) -> None:
        """See `Team.exchange`."""
        if xp_of(give) is np:
            self._wait(self._comm.Irecv(take, peer), self._comm.Isend(give, peer))
        elif (nccl := self._on_gpus()) is not None:
            nccl.exchange(peer, give, take)
        else:
            received = np.empty(take.shape, take.dtype)
            self.exchange(peer, to_numpy(give), received)
            take[...] = xp_of(take).asarray(received)

    def everyone(self, thing: Any) -> list[Any]:
        """See `Team.everyone`."""
        self._wait(self._comm.Ibarrier())
        found: list[Any] = self._comm.allgather(thing)
        return found

    def end(self, status: int) -> None:
        """See `Team.end`. Who calls it has said why, so what MPI would add on standard error is not shown."""
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        self._comm.Abort(status)

    def _wait(self, *requests: Any) -> None:
        """Until all are done, with longer and longer naps.

        MPI itself waits in a busy loop. That would take the processor from a rank that computes, where there are more ranks than
        processors; and a second Ctrl-C would not be heard.
        """
        nap = 0.0
        while not self._mpi.Request.Testall(list(requests)):
            time.sleep(nap)
            nap = min(nap + 2e-6, PATIENT)

    def _on_gpus(self) -> Nccl | None:
        """NCCL's communicator, made when it is first asked for; None where a rank has no NCCL, or shares its GPU with another."""
        if not self._asked:
            offers = self.everyone(Nccl.offer(self.rank))
            places = {place for _, place in offers}
            if len(places) == self.size and all(identity is not None for identity, _ in offers):
                self._nccl = Nccl(self.size, self.rank, offers[0][0])
            self._asked = True
        return self._nccl

    def first(self, size: int) -> MPITeam | None:
        """A team of the first ``size`` ranks alone; None for the others. All must ask for it."""
        taken = self.rank < size
        comm = self._comm.Split(int(taken), self.rank)
        return MPITeam(comm) if taken else None
