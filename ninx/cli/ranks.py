"""``mpiexec -n 4 ninx ...``: rank 0 speaks for all, and whoever fails ends all."""

from __future__ import annotations

import os
import sys
import time
import traceback

from ninx.kernels import get_num_threads, set_num_threads

from ..parallel import Team, launch, world
from ..parallel.team import joined

MICRO_BATCHES = 8  # where the recipe cuts none
_stderr = sys.stderr


def one_voice() -> None:
    """From here on only rank 0 prints."""
    if launch.rank():
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - as long as the process lives


def check_command(name: str | None) -> None:
    """Raise ValueError for a command that several processes would only do several times."""
    if launch.size() > 1 and name != "train":
        raise ValueError(f"mpiexec: only `ninx train` shares its work among processes; start `ninx {name or ''}` without mpiexec")


def joined_team() -> Team:
    """The team of this process, alone or under mpiexec, where each rank has one thread unless OMP_NUM_THREADS says otherwise.

    All but rank 0 wait until it is `ready`: what is wrong for all is said once.
    """
    team = world()
    if launch.size() and "OMP_NUM_THREADS" not in os.environ:
        set_num_threads(1)
    if team.rank:
        team.everyone("waits")
    return team


def ready(team: Team) -> None:
    """Let the others begin, if this is rank 0."""
    if not team.rank:
        team.everyone("is ready")


def shares(team: Team, micro_batches: int) -> str:
    """Who does what, in a sentence; "" without mpiexec."""
    if not launch.size():
        return ""
    threads = get_num_threads()
    return (
        f"{team.size} rank{'s' * (team.size > 1)} of {threads} thread{'s' * (threads > 1)} each: "
        f"a batch is {micro_batches} micro-batches, {micro_batches // team.size} for each rank."
    )


def stopped(team: Team, status: int) -> None:
    """This rank was stopped, and perhaps it alone: end all, but let rank 0 speak first."""
    if team.rank:
        time.sleep(1.0)
    team.end(status)


def crashed() -> None:
    """After an error that nobody foresaw: under mpiexec show where it was raised, and end all."""
    team = joined()
    if team.size > 1:
        sys.stderr = _stderr
        if team.rank:
            sys.stderr.write(f"rank {team.rank}:\n")
        traceback.print_exc()
        team.end(1)


def failed(error: Exception) -> None:
    """Say what is wrong, and end all with exit status 2. Before the ranks have met, rank 0 alone says it: it is wrong for all."""
    from .console import complain

    team = joined()
    if team.rank:
        sys.stderr = _stderr
        error = RuntimeError(f"rank {team.rank}: {error or type(error).__name__}")
    complain(error)
    team.end(2)
