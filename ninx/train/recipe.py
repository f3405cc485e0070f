"""A recipe says everything about a training: data, model, optimiser, schedule, seed. One TOML file each, checked when read."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..names import unknown


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ModelRecipe(_Strict):
    """Which network, with which switches, and how its weights begin ("default": each layer's own; biases 0 otherwise)."""

    name: str
    init: Literal["default", "kaiming_normal", "xavier_uniform"] = "default"
    switches: dict[str, Any] = Field(default_factory=dict)


class OptimRecipe(_Strict):
    """Which optimiser. Settings that it does not have (Adam has no momentum) must stay None."""

    name: Literal["SGD", "Adam", "AdamW"] = "SGD"
    lr: float = Field(gt=0)
    momentum: float | None = Field(default=None, ge=0, lt=1)
    nesterov: bool | None = None
    weight_decay: float = Field(default=0.0, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)

    def settings(self) -> dict[str, Any]:
        """The keywords for the optimiser."""
        return self.model_dump(exclude={"name", "clip_norm"}, exclude_none=True)


class ScheduleRecipe(_Strict):
    """How the learning rate changes: not at all, by cosine to 0, or by ``gamma`` at each of the ``milestones`` (epochs)."""

    name: Literal["constant", "cosine", "multistep"] = "constant"
    milestones: list[int] = Field(default_factory=list)
    gamma: float = Field(default=0.1, gt=0)


class Recipe(_Strict):
    """A whole training."""

    name: str
    data: str
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    translate: int = Field(default=0, ge=0)  # the training images are shifted by up to so many pixels,
    rotate: float = Field(default=0.0, ge=0, le=180)  # turned by up to so many degrees,
    scale: float = Field(default=0.0, ge=0, lt=1)  # and scaled by up to 1 +- scale
    label_smoothing: float = Field(default=0.0, ge=0, le=1)
    holdout: int = Field(default=0, ge=0)  # so many training samples are evaluated instead of the test set
    limit: int | None = Field(default=None, ge=1)  # use only the first so many training samples
    seed: int = Field(default=0, ge=0)
    workers: int = Field(default=0, ge=0)
    model: ModelRecipe
    optim: OptimRecipe
    schedule: ScheduleRecipe = Field(default_factory=ScheduleRecipe)


def names() -> list[str]:
    """The names of the recipes that come with ninx."""
    return sorted(
        f.name.removesuffix(".toml") for f in files("ninx.train").joinpath("recipes").iterdir() if f.name.endswith(".toml")
    )


def load(name: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of that name, or of a TOML file (a name that ends with .toml), with some values replaced.

    ``overrides`` names values by dots: {"optim.lr": 0.1}. Raises ValueError, in one sentence, for what does not fit.
    """
    if name.endswith(".toml"):
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"recipe {name}: cannot be read ({error})") from None
    elif name in names():
        text = files("ninx.train").joinpath("recipes", f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise ValueError(unknown("recipe", name, names()))
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"recipe {name}: is no TOML ({error})") from None
    for key, value in (overrides or {}).items():
        *path, last = key.split(".")
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
            if not isinstance(branch, dict):
                raise ValueError(f"recipe {name}: {key!r} names nothing, because {part!r} is a single value")
        branch[last] = copy.deepcopy(value)
    return parse(tree, f"recipe {name}")


def parse(tree: Any, where: str) -> Recipe:
    """A recipe from a tree of plain values; raises ValueError in one sentence."""
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise ValueError(f"{where}: " + unknown("key", key, _keys(Recipe))) from None
        if first["type"] == "missing":
            raise ValueError(f"{where}: {key} is missing") from None
        raise ValueError(f"{where}: {key} = {first['input']!r}: {first['msg']}") from None


def _keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """All keys with dots."""
    keys = []
    for name, field in model.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _keys(field.annotation, f"{prefix}{name}.")
    return keys


def value_of(text: str) -> Any:
    """The value of ``--set key=TEXT``: a number, true, false, null, a list as in JSON; anything else is a string."""
    try:
        return json.loads(text)
    except ValueError:
        return text
