"""Optimisers and learning-rate schedules, with PyTorch's names and settings."""

from typing import TYPE_CHECKING

from ninx.kernels.listing import only_public

from ..hints import hinted
from . import lr_scheduler
from .adam import Adam, AdamW
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "lr_scheduler"]

__dir__ = only_public(globals())
if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__)
