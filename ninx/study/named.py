"""A network by a word: one that has a name, one of a recipe or of a run folder, or one of one's own in a Python file."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from ninx.kernels.names import unknown

from .. import models, nn
from ..train import recipe as recipes
from ..train.checkpoint import CHECKPOINT, read_checkpoint
from ..train.estimate import input_shape


class Named(NamedTuple):
    """A network, what it is called, and what its source says of it (None: nothing): input (C, H, W), batch, optimiser."""

    name: str
    model: nn.Module
    input_shape: tuple[int, ...] | None = None
    batch: int | None = None
    optimizer: str | None = None


def find(network: str, command: str = "summary") -> Named:
    """``network``: a name of `models.names`, a recipe's name or file, a run folder, or FILE.py:NAME. Weights have no values.

    NAME is a module, or a class or function that makes one without arguments. The file is run. ``command`` begins the
    sentences of errors.

    Raises ValueError for what is none of these, and TypeError where NAME is no network.

    >>> ninx.study.named.find("digits").model  # a recipe
    Sequential(...
    >>> ninx.study.named.find("digits").input_shape
    (1, 28, 28)
    """
    with nn.shapes_only():
        if is_own(network):
            return Named(network.rpartition(":")[2], own(command, network))
        if network in models.PRESETS:
            return Named(network, models.create(network), models.preset(network).input_shape)
        path = Path(network)
        if path.is_dir() or path.name == CHECKPOINT:
            return _trained(network, read_checkpoint(path).recipe)
        if network in recipes.names() or path.suffix == ".toml":
            return _trained(network, recipes.load(network))
    raise ValueError(
        f"{command}: {unknown('network or recipe', network, [*models.names(), *recipes.names()])}; a run folder or FILE.py:NAME "
        "will do too"
    )


def is_own(network: str) -> bool:
    """Is it FILE.py:NAME, or FILE.py?

    >>> ninx.study.named.is_own("net.py:Net"), ninx.study.named.is_own("nin-mnist")
    (True, False)
    """
    file, colon, _ = network.rpartition(":")
    return network.endswith(".py") or (bool(colon) and file.endswith(".py"))


def own(command: str, network: str) -> nn.Module:
    """The network FILE.py:NAME, with weights of its own; see `find`. ``command`` begins the sentences of errors.

    >>> from pathlib import Path
    >>> text = "from ninx import nn\\ndef net(): return nn.Sequential(nn.Linear(2, 1))"
    >>> Path("mine.py").write_text(text) > 0
    True
    >>> ninx.study.named.own("check", "mine.py:net")
    Sequential(
      (0): Linear(in_features=2, out_features=1, bias=True)
    )
    """
    file, _, name = network.rpartition(":")
    if network.endswith(".py"):
        raise ValueError(f"{command}: say which network of {network} is meant: {network}:NAME")
    return _made(command, _run(command, Path(file)), file, name)


def _trained(name: str, recipe: recipes.Recipe) -> Named:
    model = models.create(recipe.model.name, **recipe.model.switches)
    optimizer = "sgd" if recipe.optim.name == "SGD" else "adam"
    return Named(name, model, input_shape(recipe), recipe.batch_size, optimizer)


def _run(command: str, file: Path) -> ModuleType:
    """The module that a file makes; as for a script, what lies beside it can be imported."""
    if not file.is_file():
        raise ValueError(f"{command}: there is no file {file}")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ValueError(f"{command}: {file} cannot be run as Python")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


def _made(command: str, module: ModuleType, file: str, name: str) -> nn.Module:
    """The network of that name in a module."""
    if not hasattr(module, name):
        raise ValueError(f"{command}: {unknown('network', name, [n for n in vars(module) if not n.startswith('_')])} in {file}")
    found: Any = getattr(module, name)
    made: Callable[..., Any] | nn.Module = found
    if not isinstance(found, nn.Module) and callable(found):
        try:
            made = found()
        except TypeError as error:
            raise TypeError(f"{command}: {name} of {file} must make a network without arguments: {error}") from error
    if not isinstance(made, nn.Module):
        raise TypeError(f"{command}: {name} of {file} is no network but a {type(made).__name__}")
    return made
