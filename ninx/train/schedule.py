"""The schedule of a recipe: which of `ninx.optim.lr_scheduler`, with which settings, stepped when."""

from __future__ import annotations

from typing import Any

from .. import optim
from ..looks import unfailing
from .recipe import Recipe

_REMEMBERED = ("last_epoch", "best", "num_bad_epochs", "cooldown_counter")


class Schedule:
    """A schedule that is told of each batch and each epoch; ``batches`` is the number of batches in an epoch."""

    def __init__(self, recipe: Recipe, optimizer: optim.Optimizer, batches: int):
        s = recipe.schedule
        self.by, kinds = s.by, optim.lr_scheduler
        total = recipe.epochs * (batches if s.by == "iteration" else 1)
        rates = [group["lr"] for group in optimizer.param_groups]
        self.plateau: optim.lr_scheduler.ReduceLROnPlateau | None = None
        if s.name == "plateau":
            least = [rate * s.gamma**s.drops for rate in rates]
            self.plateau = kinds.ReduceLROnPlateau(optimizer, "max", s.gamma, s.patience, threshold=0.0, min_lr=least, eps=0.0)
        elif s.name == "onecycle":
            self.steps: optim.lr_scheduler.LRScheduler = kinds.OneCycleLR(
                optimizer, rates, total, pct_start=s.warmup, cycle_momentum=False
            )
        elif s.name == "cosine":
            self.steps = kinds.CosineAnnealingLR(optimizer, total)
        elif s.name == "step":
            self.steps = kinds.StepLR(optimizer, s.step_size, s.gamma)
        else:
            self.steps = kinds.MultiStepLR(optimizer, s.milestones if s.name == "multistep" else [], s.gamma)

    @unfailing
    def __repr__(self) -> str:
        """The schedule of the optimiser, and when it steps."""
        return f"Schedule({self.plateau or self.steps!r}, each {self.by})"

    def after_batch(self) -> None:
        """Call it after each step of the optimiser."""
        if self.plateau is None and self.by == "iteration":
            self.steps.step()

    def after_epoch(self, accuracy: float) -> None:
        """Call it after each epoch with the accuracy on the training images."""
        if self.plateau is not None:
            self.plateau.step(accuracy)
        elif self.by == "epoch":
            self.steps.step()

    def state_dict(self) -> dict[str, Any]:
        """What the schedule remembers; its settings stand in the recipe, and the rates in the optimiser's state."""
        return {k: v for k, v in (self.plateau or self.steps).state_dict().items() if k in _REMEMBERED}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        (self.plateau or self.steps).load_state_dict(state)
