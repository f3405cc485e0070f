"""A recipe says everything about a training: data, model, optimiser, schedule, seed. One TOML file each, checked when read."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ninx.kernels.names import unknown

from .. import limits
from ..files import open_regular
from ..looks import brief, printable, unfailing


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class PrepareRecipe(_Strict):
    """What is done to every image, in this order; nothing of it is random."""

    resize: int | None = Field(default=None, ge=1, le=limits.SIDE)  # the shorter side, in pixels
    gcn: float | None = Field(default=None, gt=0)  # global contrast normalisation: the length of an image
    lcn: bool = False  # local contrast normalisation
    zca: float | None = Field(default=None, ge=0)  # whitening, fitted on the training set: the filter's bias
    crop: int | None = Field(
        default=None, ge=1, le=limits.SIDE
    )  # a square of so many pixels; in training anywhere, else in the middle
    normalize: bool = False  # (x - mean) / std for each channel: these, or those of the training set
    mean: list[float] | None = None
    std: list[float] | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.mean is None) != (self.std is None) or (self.mean is not None and not self.normalize):
            raise ValueError("mean and std go together, with normalize = true")
        return self


class AugmentRecipe(_Strict):
    """Data augmentation: random changes of the training images."""

    rotate: float = Field(default=0.0, ge=0, le=180)  # turned by up to so many degrees,
    scale: float = Field(default=0.0, ge=0, lt=1)  # scaled by up to 1 +- scale,
    translate: int = Field(default=0, ge=0, le=limits.SIDE)  # shifted by up to so many pixels,
    flip: bool = False  # and half of them mirrored, left to right


class ModelRecipe(_Strict):
    """Which network, with which switches, and how its weights begin ("default": each layer's own; biases 0 otherwise)."""

    name: str
    init: Literal["default", "normal", "kaiming_normal", "xavier_uniform"] = "default"
    std: float | None = Field(default=None, gt=0)  # of init = "normal"
    switches: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _deviation(self) -> Self:
        if (self.init == "normal") != (self.std is not None):
            raise ValueError('std belongs to init = "normal", which needs it')
        return self


class LayerRecipe(_Strict):
    """What one layer does otherwise: factors of the learning rates and of the weight decay, and how its weights begin."""

    lr: float = Field(default=1.0, ge=0)
    bias_lr: float | None = Field(default=None, ge=0)  # instead of optim.bias_lr
    weight_decay: float = Field(default=1.0, ge=0)
    init: Literal["default", "constant", "normal", "kaiming_normal", "xavier_uniform"] | None = None
    std: float | None = Field(default=None, gt=0)  # of "normal"; alone it means init = "normal"
    value: float | None = None  # of "constant"; alone it means init = "constant"

    @model_validator(mode="after")
    def _kind(self) -> Self:
        kind = self.init or ("normal" if self.std is not None else "constant" if self.value is not None else None)
        if (kind == "normal") != (self.std is not None) or (kind == "constant") != (self.value is not None):
            raise ValueError('std belongs to init = "normal" and value to init = "constant", which need them')
        self.init = kind
        return self


class OptimRecipe(_Strict):
    """Which optimiser. Settings that it does not have (Adam has no momentum) must stay None."""

    name: Literal["SGD", "Adam", "AdamW"] = "SGD"
    lr: float = Field(gt=0)
    bias_lr: float = Field(default=1.0, ge=0)  # a factor of lr, for all biases
    bias_weight_decay: float = Field(default=1.0, ge=0)  # a factor of weight_decay, for all biases
    momentum: float | None = Field(default=None, ge=0, lt=1)
    nesterov: bool | None = None
    weight_decay: float = Field(default=0.0, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)

    def settings(self) -> dict[str, Any]:
        """The keywords for the optimiser."""
        return self.model_dump(exclude={"name", "clip_norm", "bias_lr", "bias_weight_decay"}, exclude_none=True)


class ScheduleRecipe(_Strict):
    """How the learning rate changes, with `ninx.optim.lr_scheduler`'s names; counted in epochs or iterations (batches).

    "multistep" multiplies it by gamma at each of the milestones, "step" every step_size, "cosine" leads to 0, "onecycle" warms
    up first, for the share ``warmup`` of the training; "plateau" multiplies by gamma when the training accuracy has not risen
    for ``patience`` epochs, at most ``drops`` times.
    """

    name: Literal["constant", "cosine", "multistep", "onecycle", "plateau", "step"] = "constant"
    by: Literal["epoch", "iteration"] = "epoch"
    milestones: list[int] = Field(default_factory=list)
    step_size: int = Field(default=1, ge=1)
    gamma: float = Field(default=0.1, gt=0)
    warmup: float = Field(default=0.3, gt=0, lt=1)
    patience: int = Field(default=10, ge=0)
    drops: int = Field(default=2, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.name == "multistep") != bool(self.milestones):
            raise ValueError('milestones belong to name = "multistep", which needs them')
        if self.name == "plateau" and self.by == "iteration":
            raise ValueError("a plateau is seen at the end of an epoch")
        return self


class StageRecipe(_Strict):
    """A later stage of a network that grows: which one it grows into, what every weight of a new layer is, and its own rates."""

    model: str
    value: float
    lr: float | None = Field(default=None, gt=0)
    momentum: float | None = Field(default=None, ge=0, lt=1)


class GrowthRecipe(_Strict):
    """The stages after the first, each of as many epochs as that, and with how many seeds all of it is done."""

    stages: list[StageRecipe] = Field(min_length=1)
    seeds: int = Field(default=5, ge=1, le=16)


class Recipe(_Strict):
    """A whole training; with ``growth`` an experiment of many.

    >>> recipe = ninx.train.recipe.load("digits", {"optim.lr": 0.05})
    >>> recipe.model.name, recipe.epochs, recipe.optim.lr
    ('nin-mnist', 7, 0.05)
    """

    name: str = Field(min_length=1, max_length=100)  # that of its run folder too
    data: str
    otherwise: str | None = None  # the recipe to take where the data are not there
    published: str = ""  # the result that the source reports,
    source: str = ""  # and who that is
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    micro_batches: int | None = Field(default=None, ge=1)  # computed one by one, then summed: so several processes can share them
    label_smoothing: float = Field(default=0.0, ge=0, le=1)
    holdout: int = Field(default=0, ge=0)  # so many training samples are evaluated instead of the test set
    limit: int | None = Field(default=None, ge=1)  # use only so many training samples, of each class its share
    seed: int = Field(default=0, ge=0)
    workers: int = Field(default=0, ge=0, le=limits.WORKERS)
    prepare: PrepareRecipe = Field(default_factory=PrepareRecipe)
    augment: AugmentRecipe = Field(default_factory=AugmentRecipe)
    model: ModelRecipe
    layers: dict[str, LayerRecipe] = Field(default_factory=dict)  # by the layer's name in the network, e.g. "6.4"
    optim: OptimRecipe
    schedule: ScheduleRecipe = Field(default_factory=ScheduleRecipe)
    growth: GrowthRecipe | None = None

    @field_validator("name")
    @classmethod
    def _folder(cls, name: str) -> str:
        if name in (".", "..") or name != printable(name) or set(name) & set('/\\:*?"<>|'):
            raise ValueError(f"{name!r} cannot be the name of a folder, runs/NAME-seed0")
        return name

    @model_validator(mode="after")
    def _cut(self) -> Self:
        if self.micro_batches is not None and self.micro_batches > self.batch_size:
            raise ValueError(f"micro_batches = {self.micro_batches} are more than the {self.batch_size} images of a batch")
        return self

    @unfailing
    def __repr__(self) -> str:
        """What matters most, in one line; ``str`` tells every value."""
        stages = "" if self.growth is None else f", {1 + len(self.growth.stages)} stages"
        return (
            f"Recipe({self.name}: {self.model.name} on {self.data}{stages}, {self.epochs} epochs, batches of {self.batch_size}, "
            f"{self.optim.name} lr {self.optim.lr}, {self.schedule.name} schedule, seed {self.seed})"
        )


def names() -> list[str]:
    """The names of the recipes that come with ninx.

    >>> ninx.train.recipe.names()[:3]
    ['cifar10-bn', 'cifar10-caffe', 'cifar10-paper']
    """
    return sorted(
        f.name.removesuffix(".toml") for f in files("ninx.train").joinpath("recipes").iterdir() if f.name.endswith(".toml")
    )


def load(name: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of that name, or of a TOML file (a name that ends with .toml), with some values replaced.

    ``overrides`` names values by dots, as TOML does: {"optim.lr": 0.1, 'layers."6.4".lr': 1}. Raises ValueError, in one
    sentence, for what does not fit.

    >>> ninx.train.recipe.load("digits", {"epochs": 3}).epochs
    3
    >>> ninx.train.recipe.load("digits", {"epoch": 3})
    Traceback (most recent call last):
    ValueError: recipe digits: there is no key 'epoch'; did you mean 'epochs'?
    """
    if name.endswith(".toml"):
        text = _text(Path(name))
    elif name in names():
        text = files("ninx.train").joinpath("recipes", f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise ValueError(unknown("recipe", name, names()))
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of a number of thousands of digits, which is no TOMLDecodeError
        raise ValueError(f"recipe {name}: is no TOML ({str(error)[:200]})") from None
    tree.setdefault("name", Path(name).stem)  # of a file of one's own
    return changed(tree, overrides or {}, f"recipe {name}")


def _text(path: Path) -> str:
    with open_regular(path, "recipe ") as (file, size):
        if size > limits.RECIPE:
            raise ValueError(f"recipe {path}: has {size:,} bytes, and {limits.RECIPE:,} are the limit")
        try:
            return file.read().decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise ValueError(f"recipe {path}: is no text in UTF-8 ({error.reason} at byte {error.start})") from None


def changed(tree: dict[str, Any], overrides: Mapping[str, Any], where: str) -> Recipe:
    """The recipe of a tree of plain values, in which those that ``overrides`` names are replaced."""
    for key, value in overrides.items():
        *path, last = _path(key, where)
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
            if not isinstance(branch, dict):
                raise ValueError(f"{where}: {key!r} names nothing, because {part!r} is a single value")
        branch[last] = copy.deepcopy(value)
    return parse(tree, where)


def _path(key: str, where: str) -> list[str]:
    """The parts of a dotted key; TOML itself knows where quotes keep a dot."""
    try:
        branch: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        branch = {}
    if not branch:  # also of a comment
        raise ValueError(f"{where}: {key!r} is no key")
    path = []
    while isinstance(branch, dict):
        ((part, branch),) = branch.items()
        path.append(part)
    return path


def parse(tree: Any, where: str) -> Recipe:
    """A recipe from a tree of plain values; raises ValueError in one sentence."""
    try:
        limits.check_table(tree)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise ValueError(f"{where}: " + unknown("key", key, _keys(Recipe, tree))) from None
        if first["type"] == "missing":
            raise ValueError(f"{where}: {key} is missing") from None
        if first["type"] == "value_error":
            raise ValueError(f"{where}: {key and f'{key}: '}{first['msg'].removeprefix('Value error, ')}") from None
        raise ValueError(f"{where}: {key} = {brief(first['input'])}: {first['msg']}") from None


def _keys(model: type[BaseModel], tree: Any, prefix: str = "") -> list[str]:
    """All keys with dots; those of layers and stages for the names and numbers that stand in ``tree``."""
    keys = []
    for name, field in model.model_fields.items():
        keys.append(prefix + name)
        inside = tree.get(name) if isinstance(tree, dict) else None
        parts = {"": inside}
        if get_origin(field.annotation) in (dict, list):
            named = dict(enumerate(inside)) if isinstance(inside, list) else inside if isinstance(inside, dict) else {}
            parts = {f".{part}": below for part, below in named.items()}
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                keys += [key for part, below in parts.items() for key in _keys(kind, below, f"{prefix}{name}{part}.")]
    return keys


def value_of(text: str) -> Any:
    """The value of ``--set key=TEXT``: a number, true, false, null, a list as in JSON; anything else is a string."""
    try:
        return json.loads(text)
    except ValueError:
        return text
