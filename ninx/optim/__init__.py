"""Optimisers and learning-rate schedules, with PyTorch's names and settings."""

from typing import TYPE_CHECKING, Any

from ninx.kernels.listing import only_public

from .adam import Adam, AdamW
from .optimizer import Optimizer
from .sgd import SGD

if TYPE_CHECKING:
    from . import lr_scheduler
    from .adaptive import Adadelta, Adagrad, Adamax, NAdam, RMSprop

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Optimizer", "RMSprop", "lr_scheduler"]

__dir__ = only_public(globals())


def __getattr__(name: str) -> Any:
    """Import on first use what not every program needs, so that ``import ninx`` stays quick."""
    import importlib

    if name == "lr_scheduler":
        return importlib.import_module("ninx.optim.lr_scheduler")
    if name in __all__:
        return getattr(importlib.import_module("ninx.optim.adaptive"), name)
    raise AttributeError(f"module 'ninx.optim' has no attribute {name!r}")
