"""Optimisers and learning-rate schedules, with PyTorch's names and settings."""

from typing import TYPE_CHECKING

from ninx.kernels.listing import only_public

from ..hints import hinted
from .adam import Adam, AdamW
from .optimizer import Optimizer
from .sgd import SGD

if TYPE_CHECKING:
    from . import lr_scheduler
    from .adam_variants import Adamax, NAdam
    from .adaptive import Adadelta, Adagrad, RMSprop

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Optimizer", "RMSprop", "lr_scheduler"]

_LAZY = dict.fromkeys(("Adadelta", "Adagrad", "RMSprop"), "ninx.optim.adaptive")
_LAZY |= dict.fromkeys(("Adamax", "NAdam"), "ninx.optim.adam_variants")
_LAZY["lr_scheduler"] = "ninx.optim.lr_scheduler"

__dir__ = only_public(globals())
if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__, _LAZY)
