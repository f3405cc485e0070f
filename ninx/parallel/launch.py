"""Was this process started by mpiexec, and as which of how many? The environment says so, before any library of MPI is loaded."""

from __future__ import annotations

import os

# (rank, size, rank on this machine) of MPICH and its relatives, and of Open MPI
VARIABLES = (
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
)


def _asked(which: int, otherwise: int) -> int:
    for names in VARIABLES:
        if (text := os.environ.get(names[which], "")).isdigit():
            return int(text)
    return otherwise


def size() -> int:
    """How many processes were started together; 0 if this one was not started by mpiexec.

    >>> ninx.parallel.launch.size()
    0
    """
    return _asked(1, 0)


def rank() -> int:
    """The number of this process among them.

    >>> ninx.parallel.launch.rank()
    0
    """
    return _asked(0, 0)


def local_rank() -> int:
    """Its number among those on this machine: that of its GPU.

    >>> ninx.parallel.launch.local_rank()
    0
    """
    return _asked(2, rank())


def prefix() -> str:
    """What stands before a command that is to be started as this process was.

    >>> ninx.parallel.launch.prefix()
    ''
    """
    return f"mpiexec -n {size()} " if size() else ""
