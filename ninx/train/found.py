"""Run folders that lie somewhere: which there are, how far each is, and how it ended."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from . import journal
from .checkpoint import CHECKPOINT, Checkpoint, read_checkpoint
from .finite import not_finite
from .folders import in_use
from .recipe import Recipe

State: TypeAlias = Literal["finished", "stopped", "NaN", "failed", "running", "killed", "damaged"]
FILES = {CHECKPOINT, journal.JOURNAL, "metrics.jsonl"}  # a folder that holds one of them is a run folder


class Found(NamedTuple):
    """A run folder. What a damaged one does not tell any more is None.

    ``state``: *finished*, all epochs of its recipe; *stopped* before; *NaN*, the loss was no finite number any more, or a weight
    is none; *failed* by another error; *running*, a process trains in it; *killed*, none does, and no end was noted; *damaged*,
    the checkpoint cannot be read. ``why``: the error's sentence. ``accuracy``: 0 to 1, on ``measured_on``: "test" or "held-out"
    images, or those of the "training" where no others are known of.
    """

    folder: Path
    state: State
    why: str
    recipe: Recipe | None
    epoch: int | None
    accuracy: float | None
    measured_on: Literal["test", "held-out", "training"] | None
    date: datetime

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json.dumps`; without the whole recipe.

        >>> ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20}), "runs/one").save()
        >>> found = ninx.train.found.look("runs/one").as_json()
        >>> found["state"], found["recipe"], found["epoch"], found["epochs"], found["accuracy"]
        ('stopped', 'digits', 0, 7, None)
        """
        r = self.recipe
        about = {"recipe": r.name, "model": r.model.name, "data": r.data, "seed": r.seed, "epochs": r.epochs} if r else {}
        own = self._asdict() | {"folder": str(self.folder), "date": self.date.isoformat(timespec="seconds"), "recipe": None}
        return own | about


def below(path: str | Path) -> list[Found]:
    """Every run folder at ``path`` and below it, in the order of their names; hidden folders are left out.

    Raises ValueError where there is no such folder.

    >>> for seed in range(2):
    ...     ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20, "seed": seed}), f"runs/seed{seed}").save()
    >>> [str(found.folder) for found in ninx.train.found.below("runs")]
    ['runs/seed0', 'runs/seed1']
    """
    path = Path(path)
    if not path.is_dir():
        raise ValueError(f"runs: there is no folder {path}; `ninx train` makes runs/ where it is started")
    return [look(folder) for folder in sorted(_folders(path))]


def _folders(path: Path) -> Iterator[Path]:
    for folder, below_it, files in os.walk(path):
        below_it[:] = [name for name in below_it if not name.startswith(".")]
        if not FILES.isdisjoint(files):
            yield Path(folder)


def look(folder: str | Path) -> Found:
    """How one run is. Nothing of it raises: what cannot be read is damaged.

    >>> ninx.train.found.look("nowhere").state
    'damaged'
    """
    folder = Path(folder)
    kept = journal.read(folder)
    try:
        checkpoint = read_checkpoint(folder)
    except ValueError as error:
        return Found(folder, "damaged", str(error), None, None, None, None, _date(folder, kept))
    state, why = _state(checkpoint, kept)
    if in_use(folder):
        state, why = "running", ""
    accuracy, measured_on = _accuracy(checkpoint, kept)
    return Found(folder, state, why, checkpoint.recipe, checkpoint.epoch, accuracy, measured_on, _date(folder, kept))


def _state(checkpoint: Checkpoint, kept: journal.Journal) -> tuple[State, str]:
    if (epoch := lost_in(checkpoint.history)) is not None:
        return "NaN", f"a metric of epoch {epoch} is no finite number"
    if (held := not_finite(checkpoint.weights)) is not None:
        return "NaN", held
    if checkpoint.epoch >= checkpoint.recipe.epochs:
        return "finished", ""
    last = kept.sessions[-1] if kept.sessions else None
    if last is None:
        return "stopped", ""
    if last.outcome is None:
        return "killed", ""
    return ("stopped" if last.outcome == "finished" else last.outcome), last.why  # finished: there were to be fewer epochs


def lost_in(history: list[dict[str, Any]]) -> int | None:
    """The first epoch one of whose metrics is no finite number; None if there is none.

    >>> ninx.train.found.lost_in([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": float("nan")}])
    2
    """
    return next((m["epoch"] for m in history if not all(map(math.isfinite, m.values()))), None)


def _accuracy(
    checkpoint: Checkpoint, kept: journal.Journal
) -> tuple[float | None, Literal["test", "held-out", "training"] | None]:
    if kept.result is not None:
        return kept.result.accuracy, kept.result.which
    last = checkpoint.history[-1] if checkpoint.history else {}
    if "holdout_accuracy" in last:
        return last["holdout_accuracy"], "held-out"
    return (last["accuracy"], "training") if last else (None, None)


def _date(folder: Path, kept: journal.Journal) -> datetime:
    """When it ended, or began; without a journal when its files were written last."""
    for session in reversed(kept.sessions):
        try:
            return datetime.fromisoformat(session.ended or session.started)
        except ValueError:
            continue
    times = [file.stat().st_mtime for name in FILES if (file := folder / name).exists()]
    return datetime.fromtimestamp(max(times, default=0), UTC)
