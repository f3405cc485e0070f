"""The training loop: epochs of a recipe, evaluation, and the files of a run."""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import data, limits, models, nn, optim
from .. import functional as F
from ..array import use_device
from ..engine import Tensor, no_grad
from ..files import write_atomically
from ..looks import few, shortened, unfailing
from ..ops import argmax
from ..random import get_rng_state, manual_seed, set_rng_state
from .checkpoint import CHECKPOINT as CHECKPOINT
from .checkpoint import Checkpoint, save_checkpoint
from .parameters import groups, initialise
from .preparation import Preparation
from .recipe import Recipe
from .schedule import Schedule
from .watch import Watch

METRICS, CURVES = "metrics.jsonl", "curves.png"


@dataclass(repr=False)
class Evaluation:
    """How a network does on a data set; ``confusion[t, p]`` counts the samples of class t that were taken for p.

    A network with more outputs than there are classes may give an answer that is no class: then there is a last column for it.

    >>> ninx.train.Evaluation(loss=0.3, confusion=np.array([[9, 1], [0, 10]])).accuracy
    0.95
    """

    loss: float
    confusion: np.ndarray[Any, Any]

    @property
    def accuracy(self) -> float:
        """The share of right answers, 0 to 1."""
        return float(np.trace(self.confusion) / max(self.confusion.sum(), 1))

    @unfailing
    def __repr__(self) -> str:
        """One line, without the confusion matrix."""
        return (
            f"Evaluation(accuracy {100 * self.accuracy:.2f} %, loss {self.loss:.4f}; "
            f"{int(self.confusion.sum()):,} images of {len(self.confusion)} classes)"
        )


def splits(recipe: Recipe, data_dir: str | Path | None = None) -> tuple[data.LabelledDataset, data.LabelledDataset]:
    """(what to learn from, what to evaluate on): the test set, or with ``holdout`` the last samples of the training set."""
    train = data.load(recipe.data, "train", data_dir)
    train, test = train.split(recipe.holdout) if recipe.holdout else (train, data.load(recipe.data, "test", data_dir))
    limit = len(train) if recipe.limit is None else recipe.limit
    return train if limit >= len(train) else train.take(data.stratified(train.labels, limit, recipe.seed)), test


def evaluate(model: nn.Module, dataset: data.LabelledDataset, preparation: Preparation, workers: int = 0) -> Evaluation:
    """Loss and confusion matrix on a data set; the network is in eval mode during the call, and stays on its device.

    >>> run = ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20, "epochs": 1}), "run")
    >>> result = ninx.train.evaluate(run.model, run.test_set.take(slice(50)), run.preparation)
    >>> result.confusion.shape, int(result.confusion.sum())
    ((10, 10), 50)
    """
    classes, device = len(dataset.classes), next((p.device for p in model.parameters()), "cpu")
    confusion, total = np.zeros((classes, classes + 1), np.int64), 0.0  # the last column: an answer that is no class
    transform = preparation.transform(training=False)
    loader = data.DataLoader(preparation.dataset(dataset), 100, transform=transform, num_workers=workers, device=device)
    was_training = model.training
    model.eval()
    with no_grad():
        for images, labels in loader:
            logits = model(images)
            total += F.cross_entropy(logits, labels, reduction="sum").item()
            np.add.at(confusion, (labels.numpy(), np.minimum(argmax(logits, 1).numpy(), classes)), 1)
    model.train(was_training)
    return Evaluation(total / max(len(dataset), 1), confusion if confusion[:, -1].any() else confusion[:, :-1])


def _check_fit(recipe: Recipe, dataset: data.LabelledDataset) -> None:
    """Refuse a network for fewer classes, or for images of other channels; the sentence names the switch to set.

    One that no memory holds is refused too: a recipe may come from a stranger.
    """
    with nn.shapes_only():
        count = sum(p.numel() for p in models.create(recipe.model.name, **recipe.model.switches).parameters())
    if count > limits.PARAMETERS:
        raise ValueError(f"train: {recipe.model.name} would have {count:,} parameters, and {limits.PARAMETERS:,} are the limit")
    has, image = models.switches_of(recipe.model.name) | recipe.model.switches, dataset[0][0]
    channels, classes = 1 if image.ndim == 2 else image.shape[2], len(dataset.classes)
    if isinstance(outputs := has.get("num_classes"), int) and outputs < classes:
        found, switch = f"{classes} classes, but {recipe.model.name} names only {outputs}", f"num_classes={classes}"
    elif isinstance(wanted := has.get("in_channels"), int) and wanted != channels:
        found, switch = f"images of {channels} channels, but {recipe.model.name} wants {wanted}", f"in_channels={channels}"
    else:
        return
    raise ValueError(f"train: {recipe.data} has {found}; set model.switches.{switch} (--set, or in the recipe)")


def unlike(known: tuple[str, ...], there: tuple[str, ...], split: str) -> str:
    """The sentence for images of other classes than the network knows; of many classes only the first that differ."""
    if max(len(known), len(there)) <= 12:
        return f"the network knows {', '.join(known)}, but the {split} images are {', '.join(there)}"
    first = next((i for i, (a, b) in enumerate(zip(known, there, strict=False)) if a != b), min(len(known), len(there)))
    ours, theirs = (few(names[first:], 3) or "no more" for names in (known, there))
    return (
        f"the network knows {len(known)} classes, and the {split} images have {len(there)}, which differ from number {first} on: "
        f"{ours}, but {theirs}"
    )


class Training:
    """One run of a recipe in a folder: the network, its optimiser, and the checkpoint after each epoch.

    A run that is resumed from a checkpoint goes on bit for bit as if it had never stopped. On any ``device`` it begins with the
    same weights, and draws the same batches and masks; only rounding differs.

    >>> recipe = ninx.train.recipe.load("digits", {"limit": 20, "epochs": 2, "batch_size": 10})
    >>> run = ninx.train.Training(recipe, "run")
    >>> for metrics in run.run():
    ...     print(metrics["epoch"], run.checkpoint.name)
    1 checkpoint.safetensors
    2 checkpoint.safetensors
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: str | Path,
        resumed: Checkpoint | None = None,
        data_dir: str | Path | None = None,
        device: str = "cpu",
    ):
        use_device(device)
        self.recipe, self.folder = recipe, Path(folder)
        self.train_set, self.test_set = splits(recipe, data_dir)
        _check_fit(recipe, self.train_set)
        manual_seed(recipe.seed)
        self.model = models.create(recipe.model.name, **recipe.model.switches)
        initialise(self.model, recipe)
        self.model.to(device)
        settings = recipe.optim.settings()
        try:
            self.optimizer = getattr(optim, recipe.optim.name)(groups(self.model, recipe), **settings)
        except TypeError:
            raise ValueError(f"recipe {recipe.name}: {recipe.optim.name} does not have all of {', '.join(settings)}") from None
        self.preparation = Preparation(recipe) if resumed is None else resumed.preparation()
        if resumed is None:
            self.preparation.fit(self.train_set)
        self.loader = data.DataLoader(
            self.preparation.dataset(self.train_set),
            recipe.batch_size,
            shuffle=True,
            seed=recipe.seed,
            num_workers=recipe.workers,
            transform=self.preparation.transform(training=True),
            device=device,
        )
        self.schedule = Schedule(recipe, self.optimizer, len(self.loader))
        self.watch = Watch(len(self.train_set.classes))
        self.history: list[dict[str, Any]] = []
        self.resumed = resumed is not None
        if resumed is not None:
            self._resume(resumed)

    def _resume(self, checkpoint: Checkpoint) -> None:
        if checkpoint.classes != self.train_set.classes:
            raise ValueError(f"resume: {unlike(checkpoint.classes, self.train_set.classes, 'train')}")
        self.model.load_state_dict(checkpoint.weights)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        try:
            self.schedule.load_state_dict(checkpoint.schedule)
        except (KeyError, ValueError, OverflowError) as error:
            raise ValueError(f"checkpoint: the state of its schedule is damaged ({type(error).__name__}: {error})") from None
        set_rng_state(checkpoint.rng)
        self.history = list(checkpoint.history)
        self.loader.epoch = len(self.history)

    @property
    def checkpoint(self) -> Path:
        """The file that holds the last finished epoch."""
        return self.folder / CHECKPOINT

    @unfailing
    def __repr__(self) -> str:
        """One line: where it writes, what is trained, how far it is."""
        r, count = self.recipe, sum(p.numel() for p in self.model.parameters())
        return (
            f"Training({shortened(str(self.folder), 60)!r}: {r.model.name} ({count:,} parameters) on {len(self.train_set):,} "
            f"images of {r.data}, epoch {len(self.history)} of {r.epochs})"
        )

    def save(self) -> None:
        """Write the checkpoint and the metrics.

        >>> run = ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20, "epochs": 1}), "run")
        >>> run.save()
        >>> sorted(file.name for file in run.folder.iterdir())
        ['checkpoint.safetensors', 'metrics.jsonl']
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        state = Checkpoint(
            self.recipe,
            self.model.state_dict(),
            self.preparation.state_dict(),
            self.train_set.classes,
            self.train_set[0][0].shape,
            self.optimizer.state_dict(),
            self.schedule.state_dict(),
            get_rng_state(),
            self.history,
        )
        save_checkpoint(self.checkpoint, state)
        write_atomically(self.folder / METRICS, "".join(json.dumps(line) + "\n" for line in self.history).encode())

    def run(
        self,
        on_step: Callable[[int, float], None] = lambda done, loss: None,
        on_warning: Callable[[str], None] = warnings.warn,
    ) -> Iterator[dict[str, Any]]:
        """Train the epochs that are left; yields the metrics of each, after it was saved.

        An earlier run in the folder is replaced when the first epoch is done, not before: until then it is all there is.
        ``on_step`` is called after each step with the number of images seen in this epoch and the step's loss; ``on_warning``
        with a sentence where something goes wrong (see `ninx.train.watch`), once for each kind.

        Raises ValueError, naming the epoch and the layer, if the loss is no longer a finite number.

        >>> recipe = ninx.train.recipe.load("digits", {"limit": 20, "epochs": 1, "batch_size": 10})
        >>> run = ninx.train.Training(recipe, "run")
        >>> for metrics in run.run(on_step=lambda done, loss: print(done, "images")):
        ...     print(sorted(metrics))
        10 images
        20 images
        ['accuracy', 'epoch', 'images_per_second', 'loss', 'lr']
        """
        if self.resumed or not self.checkpoint.exists():
            self.save()
        while len(self.history) < self.recipe.epochs:
            metrics = self._epoch(on_step, on_warning)
            if self.recipe.holdout:
                result = evaluate(self.model, self.test_set, self.preparation, self.recipe.workers)
                metrics |= {"holdout_loss": result.loss, "holdout_accuracy": result.accuracy}
            if (said := self.watch.epoch(metrics)) is not None:
                on_warning(said)
            self.history.append(metrics)
            self.schedule.after_epoch(metrics["accuracy"])
            self.save()
            yield metrics

    def _epoch(self, on_step: Callable[[int, float], None], on_warning: Callable[[str], None]) -> dict[str, Any]:
        self.model.train()
        right: Any = 0
        seen, total, start, lr = 0, 0.0, time.perf_counter(), self.optimizer.param_groups[0]["lr"]
        for images, labels in self.loader:
            logits = self.model(images)
            loss = F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
            value = loss.item()
            if not math.isfinite(value):
                raise ValueError(self._failed(value, images, labels))
            self.optimizer.zero_grad()
            loss.backward()
            if self.recipe.optim.clip_norm is not None:
                nn.clip_grad_norm_(self.model.parameters(), self.recipe.optim.clip_norm)
            self.optimizer.step()
            self.schedule.after_batch()
            seen += len(labels)
            right = (argmax(logits, 1) == labels).sum() + right  # read once, after the epoch: a GPU must not wait for it
            total += value * len(labels)
            on_step(seen, value)
            if (said := self.watch.step(value, logits)) is not None:
                on_warning(said)
        seconds = time.perf_counter() - start
        return {
            "epoch": len(self.history) + 1,
            "loss": total / seen,
            "accuracy": int(right) / seen,
            "lr": lr,  # at the beginning
            "images_per_second": seen / seconds,
        }

    def _failed(self, loss: float, images: Tensor, labels: Tensor) -> str:
        """The sentence for a loss that is no number: where it came from, and what is left."""
        from ..study.checking import first_not_finite  # only now, as it goes through the batch once more

        epochs = len(self.history)
        kept = f"; {self.checkpoint} holds epoch {epochs}" if epochs else ""
        where = first_not_finite(self.model, images, labels)
        return f"train: the loss became {loss} in epoch {epochs + 1}{where}; try a smaller optim.lr{kept}"
