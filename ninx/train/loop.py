"""The training loop: epochs of a recipe, evaluation, and the files of a run."""

from __future__ import annotations

import contextlib
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from .. import data, limits, models, nn, optim, parallel
from .. import functional as F
from ..array import use_device
from ..engine import Tensor
from ..engine.modes import AnomalyError
from ..files import write_atomically
from ..looks import few, shortened, unfailing
from ..notebook import in_notebook
from ..ops import argmax
from ..random import get_rng_state, manual_seed, set_rng_state
from . import journal
from .checkpoint import CHECKPOINT as CHECKPOINT
from .checkpoint import Checkpoint, Progress, save_checkpoint
from .evaluation import evaluate
from .finite import NotFinite, hunting, not_finite, weights_of
from .folders import forget_earlier, keep_earlier, locked, tidy
from .history import History, Showing
from .interrupts import ENDING, held_back, raised_by
from .machine import machine
from .parameters import groups, initialise
from .preparation import Preparation
from .recipe import Recipe
from .schedule import Schedule
from .watch import Watch

METRICS, CURVES = "metrics.jsonl", "curves.png"


def splits(recipe: Recipe, data_dir: str | Path | None = None) -> tuple[data.LabelledDataset, data.LabelledDataset]:
    """(what to learn from, what to evaluate on): the test set, or with ``holdout`` the last samples of the training set."""
    train = data.load(recipe.data, "train", data_dir)
    train, test = train.split(recipe.holdout) if recipe.holdout else (train, data.load(recipe.data, "test", data_dir))
    limit = len(train) if recipe.limit is None else recipe.limit
    return train if limit >= len(train) else train.take(data.stratified(train.labels, limit, recipe.seed)), test


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


class _Seen(NamedTuple):
    """What is known of a batch when its gradient is there; where ranks share it, ``logits`` are of a part of it, or None."""

    images: int
    loss: float
    right: Any  # how many; on a GPU, which need not be waited for
    logits: Tensor | None


class Training:
    """One run of a recipe in a folder: the network, its optimiser, and its checkpoints.

    A checkpoint is written after each epoch, within an epoch after ``save_every`` minutes, and when Ctrl-C ends the run; the last
    three are kept. A run that is resumed from any of them goes on bit for bit as if it had never stopped. On any ``device`` it
    begins with the same weights, and draws the same batches and masks; only rounding differs. With ``find_nan`` every result of
    every operation is looked through, and the first NaN or infinity named (see `ninx.train.finite.hunting`).

    With ``micro_batches`` in the recipe, the ranks of ``team`` share each batch, with the same bits for any number of them; the
    default are the processes that mpiexec started. Rank 0 alone writes files.

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
        save_every: float = 5.0,
        find_nan: bool = False,
        team: parallel.Team | None = None,
    ):
        self.team = parallel.world() if team is None else team
        if self.team.size > 1 and recipe.micro_batches is None:
            way = "set micro_batches = 8" if resumed is None else "the run was begun without them, so one process goes on with it"
            raise ValueError(f"train: {self.team.size} ranks share the micro-batches of a batch, but the recipe cuts none; {way}")
        device = parallel.own_device(self.team, device)
        use_device(device)
        self.recipe, self.folder, self.save_every, self.find_nan = recipe, Path(folder), save_every, find_nan
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
        how: dict[str, Any] = {
            "dataset": self.preparation.dataset(self.train_set),
            "batch_size": recipe.batch_size,
            "shuffle": True,
            "seed": recipe.seed,
            "num_workers": recipe.workers,
            "transform": self.preparation.transform(training=True),
            "device": device,
        }
        self.loader = data.DataLoader(**how)
        self.micro: parallel.MicroBatches | None = None
        if recipe.micro_batches is not None:
            self.micro = parallel.MicroBatches(self.model, recipe.micro_batches, self.team, self._loss)
            self.own_loader = parallel.MicroBatchLoader(recipe.micro_batches, self.micro.own, **how)
        self.schedule = Schedule(recipe, self.optimizer, len(self.loader))
        self.watch = Watch(len(self.train_set.classes))
        self.history = History()
        self.journal = journal.Journal() if resumed is None else journal.read(self.folder)
        self._done: Progress | None = None  # of the epoch that is not finished
        self._right: Any = 0  # its right answers; on a GPU, which need not be waited for
        self._whole, self._news = True, False  # no step is half done; there is something to save
        self._saved = time.monotonic()
        self.stopping = False  # do all ranks stop after the same step?
        self._late: list[int] = []  # signals that this rank was sent,
        self._asked: int | None = None  # and the one that all ranks know of
        self.resumed = resumed is not None
        self.owns = self.resumed  # the checkpoint in the folder is of this run, not of an earlier one
        self.holds = ""  # how far the run was when it was saved last; "" before its first step
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
        self.history, self._done = History(checkpoint.history), checkpoint.progress
        self._right = 0 if self._done is None else self._done.right
        self.holds = self._reached()

    @property
    def progress(self) -> Progress | None:
        """How far the epoch is that is not finished; None between two epochs."""
        if self._done is None or not self._done.batches:
            return None
        return self._done.model_copy(update={"right": int(self._right)})

    @property
    def checkpoint(self) -> Path:
        """The file that holds the last checkpoint."""
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
        """Write the checkpoint and the metrics; the checkpoint that is there becomes the first of the earlier ones.

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
            self.progress,
            machine(self.model),
        )
        if self.owns:
            keep_earlier(self.checkpoint)
        else:
            forget_earlier(self.checkpoint)
        save_checkpoint(self.checkpoint, state)
        self._saved, self._news, self.owns = time.monotonic(), False, True
        self.holds = self._reached()
        self._write_metrics()

    def _write_metrics(self) -> None:
        write_atomically(self.folder / METRICS, "".join(json.dumps(line) + "\n" for line in self.history).encode())

    def run(
        self,
        on_step: Callable[[int, float], None] | None = None,
        on_warning: Callable[[str], None] = warnings.warn,
    ) -> Iterator[dict[str, Any]]:
        """Train the epochs that are left; yields the metrics of each, after it was saved.

        An earlier run in the folder is replaced by the first checkpoint, not before: until then it is all there is. Ctrl-C takes
        effect after the step that is under way, and what was learnt until then is saved; a second one takes effect at once.
        ``on_step`` is called after each step with the number of images seen in this epoch and the step's loss; without it a
        notebook shows a bar and the epochs. ``on_warning`` is called with a sentence where something goes wrong (see
        `ninx.train.watch`), once for each kind.

        Raises ValueError, naming the epoch and the layer, if the loss or a weight is no longer a finite number; the last
        checkpoint then is of before. Raises it too if another process trains in the folder.

        >>> recipe = ninx.train.recipe.load("digits", {"limit": 20, "epochs": 1, "batch_size": 10})
        >>> run = ninx.train.Training(recipe, "run")
        >>> for metrics in run.run(on_step=lambda done, loss: print(done, "images")):
        ...     print(sorted(metrics))
        10 images
        20 images
        ['accuracy', 'epoch', 'images_per_second', 'loss', 'lr']
        """
        parallel.check_alike(self.team, machine(self.model), self.model)
        if self.team.rank:
            with held_back() as self._late:
                yield from self._epochs(on_step or (lambda done, loss: None), lambda said: None)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        together = held_back() if self.team.size > 1 else contextlib.nullcontext(self._late)
        with locked(self.folder), together as self._late:
            tidy(self.folder, (CHECKPOINT, METRICS))
            if not self.checkpoint.exists():
                self.save()
            elif self.resumed:
                self._write_metrics()  # a run that was killed may have written the checkpoint alone
            if len(self.history) >= self.recipe.epochs:
                return
            self.journal.begin(len(self.history) + 1, str(machine(self.model)["device"]), len(self.train_set), len(self.test_set))
            if self.owns:
                self.journal.write(self.folder)
            showing = Showing(self) if on_step is None and in_notebook() else None
            moved = on_step or (showing.step if showing else lambda done, loss: None)
            try:
                for metrics in self._epochs(moved, on_warning):
                    if len(self.history) == self.recipe.epochs:
                        self.journal.end("finished")
                    self.journal.write(self.folder)
                    if showing is not None:
                        showing.epoch()
                    yield metrics
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt) and self._news and self._whole and self.owns:
                    self.save()
                if self.owns and len(self.history) < self.recipe.epochs:
                    self.journal.end(*_ending(error))
                    self.journal.write(self.folder)
                raise

    def _epochs(self, on_step: Callable[[int, float], None], on_warning: Callable[[str], None]) -> Iterator[dict[str, Any]]:
        while len(self.history) < self.recipe.epochs:
            done = self._train(on_step, on_warning)
            metrics: dict[str, Any] = {"epoch": len(self.history) + 1, **done.metrics()}
            if self.recipe.holdout and not self.team.rank:
                result = evaluate(self.model, self.test_set, self.preparation, self.recipe.workers)
                metrics |= {"holdout_loss": result.loss, "holdout_accuracy": result.accuracy}
            if (said := self.watch.epoch(metrics)) is not None:
                on_warning(said)
            self._check_weights()
            with held_back():
                self.history.append(metrics)
                self._done, self._right = None, 0
                self.schedule.after_epoch(metrics["accuracy"])
                if not self.team.rank:
                    self.save()
            yield metrics

    def _train(self, on_step: Callable[[int, float], None], on_warning: Callable[[str], None]) -> Progress:
        """The batches of the epoch that are left."""
        self.model.train()
        self.loader.epoch = len(self.history)
        if self._done is None:
            rate = self.optimizer.param_groups[0]["lr"]
            self._done = Progress(batches=0, images=0, right=0, loss=0.0, seconds=0.0, lr=rate)
        done = self._done
        start = time.perf_counter() - done.seconds
        for gradient in self._gradients(done.batches):
            with held_back():
                self._whole = False
                images, loss, right, logits = gradient()
                self._update()
                done.batches, done.images, done.loss = done.batches + 1, done.images + images, done.loss + loss * images
                self._right = right + self._right
                self._whole = self._news = True
            done.seconds = time.perf_counter() - start
            on_step(done.images, loss)
            if logits is not None and (said := self.watch.step(loss, logits)) is not None:
                on_warning(said)
            if self._asked is not None:
                self.stopping = True
                raise raised_by(self._asked)
            if not self.team.rank and time.monotonic() - self._saved >= 60 * self.save_every:
                self._check_weights()
                self.save()
                self.journal.write(self.folder)
        done.right = int(self._right)
        return done

    def _gradients(self, first: int) -> Iterator[Callable[[], _Seen]]:
        """For each batch from number ``first`` on a function that puts its gradient into the parameters."""
        if self.micro is None:
            for images, labels in self.loader.from_batch(first):
                yield partial(self._gradient, images, labels)
        else:
            self.own_loader.epoch = self.loader.epoch
            own, size = self.own_loader.from_batch(first), self.recipe.batch_size
            for number in range(first, len(self.loader)):
                yield partial(self._shared_gradient, own, number, min(size, len(self.train_set) - number * size))

    def _gradient(self, images: Tensor, labels: Tensor) -> _Seen:
        with self._hunting():
            logits = self.model(images)
            loss = self._loss(logits, labels)
            value = loss.item()
            if not math.isfinite(value):
                raise NotFinite(self._failed(value, images, labels))
            self.optimizer.zero_grad()
            loss.backward()
        return _Seen(len(labels), value, (argmax(logits, 1) == labels).sum(), logits)

    def _shared_gradient(self, own: Iterator[Any], number: int, images: int) -> _Seen:
        """By micro-batches, with the other ranks; they also tell each other of signals, so that all stop after the same step."""
        assert self.micro is not None
        step = len(self.history) * len(self.loader) + number
        with self._hunting():
            found = self.micro.gradient(own, images, step, [float(signal in self._late) for signal in ENDING])
        if not math.isfinite(found.loss):
            if self.team.rank:
                self.team.everyone("waits")  # rank 0 says it, and ends all
            raise NotFinite(self._failed(found.loss, *found.seen[:2]) if found.seen else self._failed(found.loss))
        self._asked = next((signal for signal, asked in zip(ENDING, found.notes, strict=True) if asked), None)
        return _Seen(images, found.loss, found.right, found.seen and found.seen[2])

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)

    @contextlib.contextmanager
    def _hunting(self) -> Iterator[None]:
        """With ``find_nan`` the first operation inside whose result is no finite number is named."""
        try:
            with hunting(self.model) if self.find_nan else contextlib.nullcontext():
                yield
        except AnomalyError as error:
            own = f"recipe {self.recipe.name}: model.name = {self.recipe.model.name!r}, optim.lr = {self.recipe.optim.lr:g}"
            raise NotFinite(f"train: {self._now()}: {error} ({own}); try a smaller optim.lr{self._kept()}") from None

    def _update(self) -> None:
        """One step of the optimiser."""
        if self.recipe.optim.clip_norm is not None:
            nn.clip_grad_norm_(self.model.parameters(), self.recipe.optim.clip_norm)
        self.optimizer.step()
        self.schedule.after_batch()
        if self.find_nan:
            self._check_weights()

    def _check_weights(self) -> None:
        """Refuse to save a network that is damaged: the checkpoint of before is worth more."""
        if not self.team.rank and (found := not_finite(weights_of(self.model))) is not None:
            where = self._now() if self.find_nan else f"a step of epoch {len(self.history) + 1}"
            raise NotFinite(f"train: after {where} {found}; try a smaller optim.lr{self._kept()}")

    def _now(self) -> str:
        """Which batch is under way."""
        return f"batch {(self._done.batches if self._done else 0) + 1} of epoch {len(self.history) + 1}"

    def _kept(self) -> str:
        """What the checkpoint holds, as the end of a sentence."""
        return f"; {self.checkpoint} holds {self.holds}" if self.holds else ""

    def _reached(self) -> str:
        done, epochs = self.progress, f"{len(self.history)} of {self.recipe.epochs} epochs"
        if done is None:
            return epochs if self.history else ""
        return f"{epochs} and {done.batches} of {len(self.loader)} batches of the next"

    def _failed(self, loss: float, *batch: Tensor) -> str:
        """The sentence for a loss that is no number: where it came from (images and labels show it), and what is left."""
        from ..study.checking import first_not_finite  # only now, as it goes through the batch once more

        where = first_not_finite(self.model, *batch) if batch else ""
        more = "try a smaller optim.lr; --find-nan (find_nan=True) names the operation"
        return f"train: the loss became {loss} in epoch {len(self.history) + 1}{where}; {more}{self._kept()}"


def _ending(error: BaseException) -> tuple[Literal["stopped", "NaN", "failed"], str]:
    """How a training ended that did not reach its last epoch, and why."""
    if isinstance(error, NotFinite):
        return "NaN", str(error)
    if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
        return "stopped", ""
    return "failed", f"{type(error).__name__}: {error}"
