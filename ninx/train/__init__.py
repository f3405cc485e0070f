"""Training by recipe: the loop, checkpoints, curves; and the runs that were saved."""

from ninx.kernels.listing import only_public

from . import recipe
from .checkpoint import Checkpoint, load_checkpoint, read_checkpoint, save_checkpoint
from .evaluation import Evaluation, evaluate
from .history import History
from .loop import Training
from .recipe import Recipe
from .runs import Prediction, Run, load_run

__all__ = [
    "Checkpoint",
    "Evaluation",
    "History",
    "Prediction",
    "Recipe",
    "Run",
    "Training",
    "evaluate",
    "load_checkpoint",
    "load_run",
    "read_checkpoint",
    "recipe",
    "save_checkpoint",
]

__dir__ = only_public(globals())
