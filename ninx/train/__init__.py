"""Training by recipe: the loop, checkpoints, curves."""

from .checkpoint import Checkpoint, load_checkpoint, read_checkpoint, save_checkpoint
from .loop import Evaluation, Training, evaluate
from .recipe import Recipe

__all__ = ["Checkpoint", "Evaluation", "Recipe", "Training", "evaluate", "load_checkpoint", "read_checkpoint", "save_checkpoint"]
