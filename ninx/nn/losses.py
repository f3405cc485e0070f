"""Losses as modules; what each computes stands in `ninx.functional`."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..engine import Tensor
from ..functional.inputs import check_reduction, need_tensors, refuse_old_settings
from ..looks import brief, unusual
from .module import Module
from .parameter import Buffer


class _Loss(Module):
    weight: Buffer | None = None

    def __init__(self, reduction: str, size_average: Any, reduce: Any, weight: Tensor | None = None):
        name = type(self).__name__
        refuse_old_settings(name, size_average, reduce)
        check_reduction(name, reduction)
        if weight is not None:
            need_tensors(name, weight=weight)
        self.reduction, self.weight = reduction, None if weight is None else Buffer(weight)

    def extra_repr(self) -> str:
        """The settings that differ from the defaults. (PyTorch prints none.)"""
        text = unusual(self, ignore_index=-100, reduction="mean", label_smoothing=0.0, beta=1.0)
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
        self,
        weight: Tensor | None = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ):
        super().__init__(reduction, size_average, reduce, weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Logits (N, C, ...) and classes (N, ...) -> a number, or (N, ...) without reduction."""
        settings: dict[str, Any] = {"ignore_index": self.ignore_index, "label_smoothing": self.label_smoothing}
        return F.cross_entropy(input, target, self.weight, reduction=self.reduction, **settings)


class NLLLoss(_Loss):
    """`functional.nll_loss` of log-probabilities (N, C, ...) and class numbers (N, ...): -input[target].

    >>> nn.NLLLoss()(ninx.tensor([[-0.1, -2.0], [-1.0, -0.3]]), ninx.tensor([0, 1]))
    tensor(0.2000)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
    ):
        super().__init__(reduction, size_average, reduce, weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Log-probabilities (N, C, ...) and classes (N, ...) -> a number, or (N, ...) without reduction."""
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class MSELoss(_Loss):
    """`functional.mse_loss` of two tensors of one shape: the mean (or sum) of (input - target)^2, or each.

    >>> nn.MSELoss()(ninx.tensor([1.0, 2.0]), ninx.tensor([1.0, 5.0]))
    tensor(4.5000)
    """

    def __init__(self, size_average: None = None, reduce: None = None, reduction: str = "mean"):
        super().__init__(reduction, size_average, reduce)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape -> a number, or that shape without reduction."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """`functional.l1_loss` of two tensors of one shape: the mean (or sum) of |input - target|, or each.

    >>> nn.L1Loss()(ninx.tensor([1.0, 2.0]), ninx.tensor([1.0, 5.0]))
    tensor(1.5000)
    """

    def __init__(self, size_average: None = None, reduce: None = None, reduction: str = "mean"):
        super().__init__(reduction, size_average, reduce)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape -> a number, or that shape without reduction."""
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """`functional.smooth_l1_loss` of two tensors of one shape: a square near 0, straight from ``beta`` on.

    >>> nn.SmoothL1Loss()(ninx.tensor([1.0, 2.0]), ninx.tensor([1.5, 5.0]))
    tensor(1.3125)
    """

    def __init__(self, size_average: None = None, reduce: None = None, reduction: str = "mean", beta: float = 1.0):
        super().__init__(reduction, size_average, reduce)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape -> a number, or that shape without reduction."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class BCELoss(_Loss):
    """`functional.binary_cross_entropy` of probabilities and targets from 0 to 1; of logits take `BCEWithLogitsLoss`.

    >>> nn.BCELoss()(ninx.tensor([0.5, 0.5]), ninx.tensor([1.0, 0.0]))
    tensor(0.6931)
    """

    def __init__(self, weight: Tensor | None = None, size_average: None = None, reduce: None = None, reduction: str = "mean"):
        super().__init__(reduction, size_average, reduce, weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape -> a number, or that shape without reduction."""
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """`functional.binary_cross_entropy_with_logits` of logits and targets from 0 to 1.

    >>> nn.BCEWithLogitsLoss()(ninx.tensor([0.0, 0.0]), ninx.tensor([1.0, 0.0]))
    tensor(0.6931)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ):
        super().__init__(reduction, size_average, reduce, weight)
        if pos_weight is not None:
            need_tensors("BCEWithLogitsLoss", pos_weight=pos_weight)
        self.pos_weight = None if pos_weight is None else Buffer(pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape -> a number, or that shape without reduction."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )
