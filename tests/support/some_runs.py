"""Small trainings in run folders, as they end in life: finished, stopped, with a loss that is no number, failed, killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ninx.train import Training, recipe

TINY = {"limit": 60, "epochs": 3, "batch_size": 20, "model.name": "nin-mnist-v0", "model.switches": {}, "optim.lr": 0.02}


def training(folder: Path, **changes: Any) -> Training:
    """Not begun."""
    changes = {key.replace("__", "."): value for key, value in changes.items()}
    return Training(recipe.load("digits", TINY | changes), folder)


def finished(folder: Path, **changes: Any) -> Path:
    """All three epochs."""
    run = training(folder, **changes)
    assert len(list(run.run())) == run.recipe.epochs
    return folder


def stopped(folder: Path, **changes: Any) -> Path:
    """One epoch of three, as by Ctrl-C in the second."""
    run = training(folder, **changes)

    def in_the_second(seen: int, loss: float) -> None:
        if run.history:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run.run(on_step=in_the_second))
    return folder


def not_a_number(folder: Path, **changes: Any) -> Path:
    """One epoch of three, then NaN."""
    run = training(folder, **changes)
    epochs = run.run()
    next(epochs)
    run.model[0][0].weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="became nan in epoch 2"):
        next(epochs)
    return folder


def failed(folder: Path, **changes: Any) -> Path:
    """One epoch of three, then an error that is nobody's wish."""
    run = training(folder, **changes)
    epochs = run.run()
    next(epochs)
    run.loader = [(1, 2)]  # type: ignore[assignment]
    with pytest.raises(Exception, match=r".+") as error:
        next(epochs)
    assert not isinstance(error.value, KeyboardInterrupt)
    return folder


def killed(folder: Path, **changes: Any) -> Iterator[Any]:
    """One epoch of three, and it goes on as long as what is returned lives."""
    epochs = training(folder, **changes).run()
    next(epochs)
    return epochs


def of_pictures(folder: Path, root: Path, classes: list[str], **changes: Any) -> Path:
    """Trained on colour pictures in folders, which are noise, two of each class in train and in test."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in classes:
            (root / split / name).mkdir(parents=True)
            for i in range(2):
                Image.fromarray(rng.integers(0, 256, (28, 28, 3), np.uint8)).save(root / split / name / f"{i}.png")
    switches = {"in_channels": 3, "num_classes": len(classes)}
    own = {"data": str(root), "limit": None, "prepare": {}, "augment": {}, "model__switches": switches}
    return finished(folder, **(own | changes))
