"""Runs that are killed again and again (SIGKILL: no process can answer it), resumed each time, and compared with whole runs.

A third of the kills falls into the writing of a checkpoint (before and after each step of it), a third between two steps of
the optimiser, a third anywhere. A run goes on in a new process, forked from this one, which computes with the `strided` kernels
in one thread: these can be forked, and start at once. At the end weights, the optimiser's and the random state and all metrics
must be those of a run that was never killed, bit for bit.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import layout
import numpy as np

import ninx
from ninx.study import staged
from ninx.train import recipe as recipes

SMALL: dict[str, Any] = {"model.name": "nin-mnist-v0", "model.switches": {}, "limit": 60, "epochs": 3, "batch_size": 10}
KINDS: dict[str, dict[str, Any]] = {
    "momentum": {},
    "dropout, augmentation, rates by batch": {
        "model.name": "nin-mnist", "limit": 24, "batch_size": 7, "epochs": 2, "augment.translate": 2, "augment.rotate": 8.0,
    },
    "workers, Adam, held-out images": {
        "workers": 2, "optim.name": "Adam", "optim.momentum": None, "optim.nesterov": None, "optim.lr": 0.01, "holdout": 40,
    },
    "stages": {},
}  # fmt: skip
PLACES = ("in a write", "between steps", "anywhere")
WRITING = [(os, "fsync"), (Path, "replace"), (Path, "hardlink_to"), (Path, "unlink")]


def work(kind: str, folder: Path, save_every: float) -> str:
    """Begin a run, or take it up; train it to its end; a digest of all that it left."""
    if kind == "stages":
        small = {"limit": 20, "holdout": 20, "epochs": 1, "growth.seeds": 1}
        return _digest([one._asdict() for one in staged.experiment(recipes.load("digits-staged", small), folder)], {})
    recipe = recipes.load("digits", SMALL | KINDS[kind])
    saved = ninx.train.read_checkpoint(folder) if (folder / "checkpoint.safetensors").exists() else None
    run = ninx.train.Training(recipe, folder, saved, save_every=save_every)
    for _ in run.run():
        pass
    kept = ninx.train.read_checkpoint(folder)
    told = [{k: v for k, v in metrics.items() if k != "images_per_second"} for metrics in kept.history]
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    if lines != kept.history:
        return "metrics.jsonl is not what the checkpoint holds"
    arrays = kept.weights | {f"{i} {k}": v for i, state in kept.optimizer["state"].items() for k, v in state.items()}
    return _digest([told, kept.optimizer["param_groups"], kept.schedule, kept.rng], arrays)


def _digest(told: Any, arrays: dict[str, Any]) -> str:
    found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name in sorted(arrays):
        found.update(name.encode() + np.asarray(arrays[name]).tobytes())
    return found.hexdigest()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dies(before: bool, at: int, count: list[int], function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which kills its process before or after the call that is number ``at`` of all that ``count`` counts."""

    def called(*args: Any, **kwargs: Any) -> Any:
        count[0] += 1
        if before and count[0] == at:
            _die()
        result = function(*args, **kwargs)
        if not before and count[0] == at:
            _die()
        return result

    return called


def _arm(place: str, rng: random.Random) -> None:
    """Let this process die at ``place``."""
    count = [0]
    if place == "in a write":
        at, before = rng.randrange(1, 14), rng.random() < 0.5
        for owner, name in WRITING:
            setattr(owner, name, _dies(before, at, count, getattr(owner, name)))
    elif place == "between steps":
        at = rng.randrange(1, 7)
        for kind in (ninx.optim.SGD, ninx.optim.Adam):
            kind.step = _dies(False, at, count, kind.step)  # type: ignore[method-assign]
    else:
        threading.Thread(target=lambda wait: (time.sleep(wait), _die()), args=(rng.uniform(0.0, 0.4),), daemon=True).start()


def in_child(kind: str, folder: Path, save_every: float, place: str | None, seed: int) -> tuple[bool, str]:
    """(whether it was killed, what it said) of a process that does the work, and dies at ``place``."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        said = "nothing"
        try:
            if place is not None:
                _arm(place, random.Random(seed))
            said = work(kind, folder, save_every)
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        finally:
            os.write(write, said.encode()[:4000])
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status), said


def run(kills: int, seed: int = 0, most: int = 10) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Kill at least so many times, each run at most ``most`` times; counts by (kind, what), and what went wrong."""
    counts: Counter[tuple[str, str]] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as top:
        whole = {kind: in_child(kind, Path(top) / f"whole {i}", 5.0, None, 0)[1] for i, kind in enumerate(KINDS)}
        number = 0
        while sum(counts[kind, place] for kind in KINDS for place in PLACES) < kills:
            kind = list(KINDS)[number % len(KINDS)]
            folder, rng = Path(top) / str(number), random.Random(f"{seed} {number}")
            save_every = rng.choice([0.0, 0.0, 5.0])
            killed = 0
            while True:
                place = rng.choice(PLACES) if killed < most else None
                died, said = in_child(kind, folder, save_every, place, rng.randrange(2**32))
                if not died:
                    break
                killed += 1
                counts[kind, str(place)] += 1
            counts[kind, "runs"] += 1
            if said == whole[kind]:
                counts[kind, "same bits"] += 1
            else:
                wrong.append(f"run {number} ({kind}, killed {killed} times): {said[:300]}")
            with contextlib.suppress(OSError):
                for file in sorted(folder.rglob("*"), reverse=True):
                    file.unlink() if not file.is_dir() else file.rmdir()
            number += 1
    return counts, wrong


def table(counts: Counter[tuple[str, str]]) -> str:
    """A line for each kind of run, and one for all."""
    columns = ("runs", *PLACES, "same bits")
    rows = [("kind", *columns), *((kind, *(f"{counts[kind, c]:,}" for c in columns)) for kind in KINDS)]
    rows.append(("all", *(f"{sum(counts[kind, c] for kind in KINDS):,}" for c in columns)))
    return layout.table(rows)


if __name__ == "__main__":
    found, bad = run(int(sys.argv[1]), int(sys.argv[2]))
    print("\n".join([table(found), *bad]))
    sys.exit(bool(bad))
