"""What a run folder says of the training itself: the command, the machine, how it ended, and what the network was worth then.

The checkpoint holds what the network needs to go on; this file is for people, and a run without it is as good as any other.
"""

from __future__ import annotations

import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from ..files import write_atomically
from ..kernels import get_num_threads
from ..kernels.processor import processor
from ..parallel import launch

JOURNAL = "run.json"  # its name in a run folder


class Session(BaseModel):
    """One stretch of training, from a start or a ``--resume`` to its end. Times are ISO 8601, in UTC.

    ``outcome``: None while it goes on (and for ever, if the process was killed); "NaN": the loss was no finite number any more;
    ``why``: the sentence of the error. ``first_epoch``: the number of its first epoch, from 1.
    """

    command: str
    started: str
    first_epoch: int
    device: str
    train_images: int
    test_images: int
    environment: dict[str, str]
    ended: str | None = None
    outcome: Literal["finished", "stopped", "NaN", "failed"] | None = None
    why: str = ""


class Result(BaseModel):
    """What the network was worth after the last epoch, on the images that were not trained on: ``which``, test or held-out."""

    which: Literal["test", "held-out"]
    right: int
    images: int
    loss: float

    @property
    def accuracy(self) -> float:
        """The share of right answers, 0 to 1."""
        return self.right / max(self.images, 1)


class Journal(BaseModel):
    """All sessions of a run, and its result, if it was evaluated after the last of them.

    >>> run = ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20, "epochs": 1}), "run")
    >>> for metrics in run.run():
    ...     pass
    >>> ninx.train.journal.read("run").sessions[0].outcome
    'finished'
    """

    sessions: list[Session] = Field(default_factory=list)
    result: Result | None = None

    def begin(self, epoch: int, device: str, train_images: int, test_images: int) -> None:
        """A new session, now, whose first epoch is ``epoch``. The result of what went before is none of this network's."""
        self.result = None
        session = Session(
            command=command_line(),
            started=now(),
            first_epoch=epoch,
            device=device,
            train_images=train_images,
            test_images=test_images,
            environment=environment(),
        )
        self.sessions.append(session)

    def end(self, outcome: Literal["finished", "stopped", "NaN", "failed"], why: str = "") -> None:
        """The last session is over."""
        session = self.sessions[-1]
        session.ended, session.outcome, session.why = now(), outcome, why

    def write(self, folder: str | Path) -> None:
        """Into a run folder, whole or not at all."""
        write_atomically(Path(folder) / JOURNAL, (self.model_dump_json(indent=1) + "\n").encode())


def read(folder: str | Path) -> Journal:
    """The journal of a run folder; an empty one where there is none, or where it cannot be read: nothing depends on it.

    >>> ninx.train.journal.read("nowhere")
    Journal(sessions=[], result=None)
    """
    try:
        return Journal.model_validate_json((Path(folder) / JOURNAL).read_bytes())
    except (OSError, ValidationError):
        return Journal()


def now() -> str:
    """The time, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def command_line() -> str:
    """How this process was started, as one would type it again: ``ninx ...`` or ``python FILE ...``; "" from a prompt.

    With ``mpiexec -n N`` before it, if that started it.

    >>> import sys
    >>> sys.argv = ["/usr/bin/ninx", "train", "--seed", "1"]
    >>> ninx.train.journal.command_line()
    'ninx train --seed 1'
    """
    program = Path(sys.argv[0] if sys.argv else "")
    if program.stem == "ninx" or (program.name == "__main__.py" and program.parent.name == "ninx"):
        return launch.prefix() + shlex.join(["ninx", *sys.argv[1:]])
    if program.suffix == ".py" and not program.stem.startswith("ipykernel"):
        return launch.prefix() + shlex.join(["python", program.name, *sys.argv[1:]])
    return ""


def environment() -> dict[str, str]:
    """Versions and machine, in words."""
    try:
        numba = metadata.version("numba")
    except metadata.PackageNotFoundError:
        numba = "not installed"
    return {
        "ninx": metadata.version("ninx"),
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "Numba": numba,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "threads": str(get_num_threads()),
    }
