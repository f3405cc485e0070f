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
    """`functional.cross_entropy`: -log(softmax(input)[target]) of logits (N, C, ...) and class numbers (N, ...).

    Or probabilities (N, C, ...) instead of class numbers. A number, the mean or the sum; with ``reduction="none"`` (N, ...).
    Raises IndexError for a class number that is not there.

    >>> loss = nn.CrossEntropyLoss()
    >>> loss(ninx.zeros(8, 10), ninx.arange(8))  # a guess among ten: log(10)
    tensor(2.3026)
    """

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
    ):
        self.weight = None if weight is None else Buffer(weight)
        self.ignore_index, self.reduction, self.label_smoothing = ignore_index, reduction, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Logits (N, C, ...) and classes (N, ...) -> a number, or (N, ...) without reduction."""
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class NLLLoss(_Loss):
    """`functional.nll_loss` of log-probabilities (N, C, ...) and class numbers (N, ...): -input[target].

    >>> nn.NLLLoss()(ninx.tensor([[-0.1, -2.0], [-1.0, -0.3]]), ninx.tensor([0, 1]))
    tensor(0.2000)
    """

    def __init__(self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"):
        self.weight = None if weight is None else Buffer(weight)
        self.ignore_index, self.reduction = ignore_index, reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Log-probabilities (N, C, ...) and classes (N, ...) -> a number, or (N, ...) without reduction."""
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class MSELoss(_Loss):
    """`functional.mse_loss` of two tensors of one shape: the mean (or sum) of (input - target)^2, or each.

    >>> nn.MSELoss()(ninx.tensor([1.0, 2.0]), ninx.tensor([1.0, 5.0]))
    tensor(4.5000)
    """

    def __init__(self, reduction: str = "mean"):
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape -> a number, or that shape without reduction."""
        return F.mse_loss(input, target, self.reduction)


class L1Loss(MSELoss):
    """`functional.l1_loss` of two tensors of one shape: the mean (or sum) of |input - target|, or each.

    >>> nn.L1Loss()(ninx.tensor([1.0, 2.0]), ninx.tensor([1.0, 5.0]))
    tensor(1.5000)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape -> a number, or that shape without reduction."""
        return F.l1_loss(input, target, self.reduction)
