"""The ranks that train together, as each of them sees it; one process alone is a team too."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Protocol

from .. import nn
from ..array import Array, cuda_device, to_numpy
from . import launch


class Team(Protocol):
    """``size`` ranks, of which this is number ``rank``. Rank 0 prints and writes files."""

    rank: int
    size: int

    def exchange(self, peer: int, give: Array, take: Array) -> None:
        """Send the array ``give`` (contiguous) to ``peer``, and fill ``take`` with what it sends at the same time."""

    def everyone(self, thing: Any) -> list[Any]:
        """What each rank says, in the order of their numbers; each waits for all."""

    def end(self, status: int) -> None:
        """End the processes of all ranks now, with this exit status."""


class Alone:
    """A team of one.

    >>> ninx.parallel.ALONE.everyone("here")
    ['here']
    """

    rank, size = 0, 1

    def exchange(self, peer: int, give: Array, take: Array) -> None:
        """There is none to exchange with."""
        raise ValueError(f"parallel: there is no rank {peer}; this process trains alone")

    def everyone(self, thing: Any) -> list[Any]:
        """What it says itself."""
        return [thing]

    def end(self, status: int) -> None:
        """Nobody else has to end."""


ALONE = Alone()
_world: Team | None = None


def world() -> Team:
    """All processes that mpiexec started with this one; `ALONE`, if it was started without.

    Raises ImportError, with the extra to install, without mpi4py; RuntimeError if mpiexec belongs to another MPI than mpi4py.

    >>> team = ninx.parallel.world()
    >>> team.rank, team.size
    (0, 1)
    """
    global _world
    if _world is None:
        if launch.size() == 0:
            return ALONE
        from .mpi import MPITeam  # which needs mpi4py

        _world = MPITeam()
    return _world


def joined() -> Team:
    """The team that `world` has made already, for who must end it; else `ALONE`.

    >>> ninx.parallel.team.joined().size
    1
    """
    return ALONE if _world is None else _world


def own_device(team: Team, device: str) -> str:
    """The GPU of this rank, where several train on "cuda": on each machine one after another, beginning anew after the last.

    >>> ninx.parallel.own_device(ninx.parallel.ALONE, "cuda")
    'cuda'
    """
    if team.size == 1 or device != "cuda":
        return device
    cuda_device(device)  # which says why there is none
    import cupy

    return f"cuda:{launch.local_rank() % cupy.cuda.runtime.getDeviceCount()}"


def check_alike(team: Team, computes: Mapping[str, Any], model: nn.Module) -> None:
    """Raise ValueError, on rank 0, if a rank would compute otherwise than rank 0, or begins with other weights.

    ``computes`` says on what a rank computes: only where that is the same are the bits the same.

    >>> ninx.parallel.check_alike(ninx.parallel.ALONE, {"threads": 1}, nn.Linear(2, 1))
    """
    weights = hashlib.sha256()
    for value in model.state_dict().values():
        weights.update(to_numpy(value.array).tobytes())
    own = {k: str(v).partition(":")[0] if k == "device" else v for k, v in computes.items()}
    first, *others = team.everyone(own | {"ninx": metadata.version("ninx"), "weights": weights.hexdigest()[:8]})
    for rank, other in enumerate(others, 1):
        if other != first and team.rank == 0:
            unlike = "; ".join(f"{k}: {first.get(k)} and {v}" for k, v in other.items() if v != first.get(k))
            raise ValueError(f"parallel: ranks 0 and {rank} do not compute alike ({unlike}); the bits would not be the same")
