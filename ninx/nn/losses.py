"""Losses as modules; what each computes stands in `ninx.functional`."""

from __future__ import annotations

from .. import functional as F
from ..engine import Tensor
from ..looks import brief, unusual
from .module import Buffer, Module


class _Loss(Module):
    weight: Buffer | None = None

    def extra_repr(self) -> str:
        """The settings that differ from the defaults. (PyTorch prints none.)"""
        text = unusual(self, ignore_index=-100, reduction="mean", label_smoothing=0.0)
        return (text if self.weight is None else f", weight={brief(self.weight)}{text}").removeprefix(", ")


class CrossEntropyLoss(_Loss):
    """`functional.cross_entropy` of logits and class numbers (or probabilities)."""

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
    ):
        self.weight = None if weight is None else Buffer(weight)
        self.ignore_index, self.reduction, self.label_smoothing = ignore_index, reduction, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Logits (N, C, ...) and classes (N, ...) -> a number, or (N, ...) without reduction."""
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class NLLLoss(_Loss):
    """`functional.nll_loss` of log-probabilities and class numbers."""

    def __init__(self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"):
        self.weight = None if weight is None else Buffer(weight)
        self.ignore_index, self.reduction = ignore_index, reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Log-probabilities (N, C, ...) and classes (N, ...) -> a number, or (N, ...) without reduction."""
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class MSELoss(_Loss):
    """`functional.mse_loss`."""

    def __init__(self, reduction: str = "mean"):
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape -> a number, or that shape without reduction."""
        return F.mse_loss(input, target, self.reduction)


class L1Loss(MSELoss):
    """`functional.l1_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape -> a number, or that shape without reduction."""
        return F.l1_loss(input, target, self.reduction)
