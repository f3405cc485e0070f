"""Checkpoints: one safetensors file with the weights, the preparation of the images, the optimiser's state and the recipe.

A checkpoint is read as data alone: no code in it is run, all sizes are checked before memory is taken, and the text is JSON. A
checksum over everything in it tells a file in which a bit has changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, Json, NonNegativeInt, PositiveInt, ValidationError
from safetensors.numpy import save

from .. import limits, models, nn
from ..array import Array, to_numpy
from ..engine import Tensor
from ..files import open_regular, write_atomically
from ..looks import few, shortened, unfailing
from ..safetensors_file import SafetensorsFile
from .folders import earlier
from .preparation import Preparation
from .recipe import Recipe, parse

FORMAT = "ninx checkpoint 3"
UNCHECKED = "ninx checkpoint 2"  # the format before, without a checksum, and with finished epochs alone
CHECKPOINT = "checkpoint.safetensors"  # its name in a run folder


class _Group(BaseModel):
    model_config = ConfigDict(extra="allow")  # the settings: the optimiser knows which, and checks them

    params: list[int]


class _Optimizer(BaseModel):
    param_groups: list[_Group]
    scalars: dict[NonNegativeInt, dict[str, NonNegativeInt]]  # the number of a parameter: its steps


class _Data(BaseModel):
    classes: list[str]
    image_shape: Annotated[list[PositiveInt], Field(min_length=2, max_length=3)]


class _Epoch(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float] = Field(init=False)  # of what is held out

    epoch: int
    loss: float
    accuracy: float
    lr: float
    images_per_second: float


class Progress(BaseModel):
    """How far an epoch is that is not finished: what its metrics are made of, summed over ``batches``.

    ``lr`` is the learning rate at the beginning of the epoch.

    >>> ninx.train.checkpoint.Progress(batches=2, images=64, right=16, loss=140.8, seconds=0.5, lr=0.1).metrics()["accuracy"]
    0.25
    """

    batches: NonNegativeInt
    images: NonNegativeInt
    right: NonNegativeInt
    loss: float
    seconds: float
    lr: float

    def metrics(self) -> dict[str, float]:
        """Loss and accuracy over the images so far, the rate at the beginning, and images a second."""
        return {
            "loss": self.loss / self.images,
            "accuracy": self.right / self.images,
            "lr": self.lr,
            "images_per_second": self.images / self.seconds,
        }


class _Description(BaseModel):
    """What stands beside the arrays, each entry as JSON."""

    recipe: Json[Any]
    optimizer: Json[_Optimizer]
    data: Json[_Data]
    schedule: Json[dict[str, int | float]]
    rng: str
    history: Json[list[_Epoch]]
    progress: Json[Progress | None] = None
    machine: Json[dict[str, str | int]] = Field(default_factory=dict)


@dataclass(repr=False)
class Checkpoint:
    """What stands in the file.

    ``image_shape`` is that of an image of the data set, before it is prepared; ``history`` holds one dictionary of metrics for
    each finished epoch, and ``progress`` what is known of one that is not finished (None: no step of it was done). ``machine``
    says on what it was computed: results are the same bit for bit only where that is the same.

    >>> run = ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20, "epochs": 1}), "run")
    >>> run.save()
    >>> checkpoint = ninx.train.read_checkpoint(run.checkpoint)
    >>> checkpoint.epoch, checkpoint.image_shape, len(checkpoint.classes), checkpoint.recipe.optim.lr
    (0, (28, 28), 10, 0.1)
    """

    recipe: Recipe
    weights: dict[str, Any]
    prepare: dict[str, Any]
    classes: tuple[str, ...]
    image_shape: tuple[int, ...]
    optimizer: dict[str, Any] = field(default_factory=dict)
    schedule: dict[str, Any] = field(default_factory=dict)
    rng: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)
    progress: Progress | None = None
    machine: dict[str, str | int] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """The number of finished epochs."""
        return len(self.history)

    def model(self) -> nn.Module:
        """The network of the recipe, with these weights, in eval mode; RuntimeError if they are not those of such a network.

        >>> run = ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20, "epochs": 1}), "run")
        >>> run.save()
        >>> model = ninx.train.read_checkpoint(run.checkpoint).model()
        >>> model.training, model(ninx.zeros(1, 1, 28, 28)).shape
        (False, (1, 10))
        """
        name, switches = self.recipe.model.name, self.recipe.model.switches
        with nn.shapes_only():  # else a short file could ask for a network of any size
            hollow = models.create(name, **switches)
        shapes = {k: v.shape for k, v in hollow.state_dict().items() if k.rpartition(".")[2] != "num_batches_tracked"}
        if any(k not in self.weights or self.weights[k].shape != shape for k, shape in shapes.items()):
            hollow.load_state_dict(self.weights)  # which says what does not fit
        model = models.create(name, **switches)
        model.load_state_dict(self.weights)
        return model.eval()

    def preparation(self) -> Preparation:
        """What is done to an image before the network sees it; ValueError if the file does not hold all of it.

        >>> run = ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20, "epochs": 1}), "run")
        >>> run.save()
        >>> preparation = ninx.train.read_checkpoint(run.checkpoint).preparation()
        >>> x = preparation.one(np.zeros((28, 28), np.uint8))
        >>> x.shape, round(float(x.max()), 4)  # black: (0 - 0.1307) / 0.3081
        ((1, 28, 28), -0.4242)
        """
        preparation = Preparation(self.recipe)
        try:
            preparation.load_state_dict(self.prepare)
        except KeyError as error:
            raise ValueError(f"checkpoint: the preparation of the images is not whole: {error} is missing") from None
        return preparation

    @unfailing
    def __repr__(self) -> str:
        """One line: how far the run is, and how large its network."""
        r, numbers = self.recipe, sum(v.size for k, v in self.weights.items() if "running_" not in k and "num_batches" not in k)
        return (
            f"Checkpoint({r.name}: {r.model.name} on {r.data}, epoch {self.epoch} of {r.epochs}, "
            f"{numbers:,} weights, {len(self.classes)} classes)"
        )


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write the file, whole or not at all.

    >>> recipe = ninx.train.recipe.load("digits")
    >>> model = ninx.models.create(recipe.model.name, **recipe.model.switches)
    >>> learnt = {"mean": np.array([0.1307]), "std": np.array([0.3081])}
    >>> checkpoint = ninx.train.Checkpoint(recipe, model.state_dict(), learnt, tuple("0123456789"), (28, 28))
    >>> ninx.train.save_checkpoint("mine.safetensors", checkpoint)
    >>> ninx.train.read_checkpoint("mine.safetensors").classes[7]
    '7'
    """
    arrays = {f"model/{k}": _plain(v) for k, v in checkpoint.weights.items()}
    arrays |= {f"prepare/{k}": _plain(v) for k, v in checkpoint.prepare.items()}
    scalars: dict[str, dict[str, Any]] = {}
    for i, state in checkpoint.optimizer.get("state", {}).items():
        for k, v in state.items():
            if hasattr(v, "shape"):
                arrays[f"optimizer/{i}/{k}"] = _plain(v)
            else:
                scalars.setdefault(str(i), {})[k] = v
    metadata = {
        "format": FORMAT,
        "recipe": checkpoint.recipe.model_dump_json(),
        "optimizer": json.dumps({"param_groups": checkpoint.optimizer.get("param_groups", []), "scalars": scalars}),
        "data": json.dumps({"classes": checkpoint.classes, "image_shape": checkpoint.image_shape}),
        "schedule": json.dumps(checkpoint.schedule),
        "rng": checkpoint.rng,
        "history": json.dumps(checkpoint.history),
        "progress": "null" if checkpoint.progress is None else checkpoint.progress.model_dump_json(),
        "machine": json.dumps(checkpoint.machine),
    }
    metadata["checksum"] = _checksum(arrays, metadata)
    write_atomically(path, save(arrays, metadata))


def _plain(value: Tensor | Array) -> Any:
    """A C-contiguous array: safetensors writes the memory as it lies. (ascontiguousarray would turn 0-d into 1-d.)"""
    return np.asarray(to_numpy(value.array if isinstance(value, Tensor) else value), order="C")


def _checksum(arrays: dict[str, Any], metadata: dict[str, str]) -> str:
    """SHA-256 over all names, shapes, dtypes and values, in an order that the file does not decide."""
    found = hashlib.sha256()
    for name in sorted(metadata.keys() - {"checksum"}):
        found.update(json.dumps([name, metadata[name]]).encode())
    for name, array in sorted(arrays.items()):
        found.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        found.update(array.reshape(-1).view(np.uint8))
    return found.hexdigest()


def read_checkpoint(path: str | Path, verify: bool = True) -> Checkpoint:
    """Read a checkpoint: the file, or the one in a run folder.

    Raises ValueError, in one sentence, for a file that is missing, damaged or something else. ``verify=False`` takes one with a
    wrong checksum all the same, as far as it can be read.

    >>> ninx.train.read_checkpoint("nowhere.safetensors")
    Traceback (most recent call last):
    ValueError: checkpoint: there is no file nowhere.safetensors, and no run folder; `ninx train` says where it writes
    """
    path = _file(Path(path))
    if not path.exists():
        raise ValueError(f"checkpoint: there is no file {path}, and no run folder; `ninx train` says where it writes")
    with open_regular(path, "checkpoint ") as (file, _):
        try:
            opened = SafetensorsFile(file)
            metadata = opened.metadata
            arrays = opened.arrays() if metadata.get("format") in (FORMAT, UNCHECKED) else {}
        except ValueError as error:
            raise ValueError(f"checkpoint {path}: is damaged, or no checkpoint at all ({error}){_beside(path)}") from None
    if metadata.get("format") not in (FORMAT, UNCHECKED):
        raise ValueError(f"checkpoint {path}: is a safetensors file, but not one of ninx ({FORMAT!r})")
    checked = metadata["format"] == FORMAT or "checksum" in metadata
    if verify and checked and metadata.get("checksum") != _checksum(arrays, metadata):
        raise ValueError(
            f"checkpoint {path}: is damaged: its checksum is another than when it was written{_beside(path)}; "
            "--ignore-checksum (verify=False) reads it all the same"
        )
    described = _described(metadata, f"checkpoint {path}")
    recipe = parse(described.recipe, f"checkpoint {path}: recipe")
    weights: dict[str, Any] = {}
    prepare: dict[str, Any] = {}
    state: dict[int, dict[str, Any]] = {int(i): dict(s) for i, s in described.optimizer.scalars.items()}
    for name, array in arrays.items():
        found = re.fullmatch(r"(model|prepare)/(.+)|optimizer/(\d{1,9})/([^/]+)", name, re.ASCII)
        if not found:
            raise ValueError(f"checkpoint {path}: holds an array {name!r}, which is nothing of a network's or its optimiser's")
        part, key, i, remembered = found.groups()
        if part:
            (weights if part == "model" else prepare)[key] = array
        else:
            state.setdefault(int(i), {})[remembered] = array
    return Checkpoint(
        recipe,
        weights,
        prepare,
        tuple(described.data.classes),
        tuple(described.data.image_shape),
        {"state": state, "param_groups": [group.model_dump() for group in described.optimizer.param_groups]},
        described.schedule,
        described.rng,
        [epoch.model_dump() for epoch in described.history],
        described.progress,
        described.machine,
    )


def _beside(path: Path) -> str:
    """The end of a sentence on a damaged file: the earlier checkpoints of the run, if there are any."""
    there = [other.name for other in earlier(path) if other.exists()]
    return f"; beside it are earlier ones of the run: {', '.join(there)}" if there else ""


def _described(metadata: dict[str, str], where: str) -> _Description:
    """What stands beside the arrays, checked; ValueError, which begins with ``where``."""
    for name, text in metadata.items():
        try:
            limits.check_table(json.loads(text) if text[:1] in ("{", "[") else None)
        except RecursionError:
            raise ValueError(f"{where}: {name} is damaged (it has tables in tables without end)") from None
        except json.JSONDecodeError:
            pass  # said below
        except ValueError as error:
            raise ValueError(f"{where}: {name} is damaged ({error})") from None
    try:
        return _Description.model_validate(metadata)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = shortened(".".join(map(str, first["loc"])), 100)
        raise ValueError(f"{where}: {place} is damaged ({shortened(first['msg'], 200)})") from None


def _file(path: Path) -> Path:
    """The checkpoint in a run folder; or the path itself, if it is no folder."""
    if not path.is_dir() or (path / CHECKPOINT).is_file():
        return path / CHECKPOINT if path.is_dir() else path
    there = sorted(path.iterdir())
    runs = [p for p in there if (p / CHECKPOINT).is_file()]
    if runs:
        raise ValueError(
            f"checkpoint: the folder {path} holds no {CHECKPOINT}, but run folders; give one of them: {few(runs, 4)}"
        )
    raise ValueError(
        f"checkpoint: the folder {path} holds no {CHECKPOINT} ({few((p.name for p in there), 4) or 'it is empty'}); "
        "give the run folder that `ninx train` names when it begins"
    )


def load_checkpoint(path: str | Path, verify: bool = True) -> nn.Module:
    """The network of a checkpoint (the file, or its run folder), with its weights, in eval mode.

    The network alone: it wants images that are prepared as those of its training were, float32 (N, C, H, W). `ninx.load_run`
    also knows how: its ``predict`` takes pictures as they are. Raises ValueError, in one sentence, for what is missing.

    >>> run = ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20, "epochs": 1}), "run")
    >>> run.save()
    >>> model = ninx.load_checkpoint("run/checkpoint.safetensors")
    >>> model(ninx.zeros(1, 1, 28, 28)).shape
    (1, 10)
    """
    return read_checkpoint(path, verify).model()
