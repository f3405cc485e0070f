"""Class numbers in other words."""

from __future__ import annotations

import numpy as np

from ..array import xp_of
from ..engine import Tensor, record
from ..ops.operands import operand


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A row for each class number, 1 at its place and 0 elsewhere: shape (...) becomes (..., num_classes), int64. No gradient.

    Without ``num_classes`` there are as many as the largest number asks for. Raises TypeError for what is no whole number,
    IndexError for one that is no class.

    >>> F.one_hot(ninx.tensor([2, 0]), num_classes=3)
    tensor([[0, 0, 1],
            [1, 0, 0]])
    """
    labels = operand("one_hot", tensor).array
    if labels.dtype.kind not in "iu":
        raise TypeError(f"one_hot: class numbers must be whole numbers, got {labels.dtype}")
    if num_classes == -1 and not labels.size:
        raise ValueError("one_hot: no class number tells how many classes there are; give num_classes")
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, -1)
    classes = high + 1 if num_classes == -1 else num_classes
    if low < 0 or high >= classes:
        raise IndexError(f"one_hot: class numbers are from 0 to num_classes - 1 = {classes - 1}, got {low if low < 0 else high}")
    xp = xp_of(labels)
    return record((labels[..., None] == xp.arange(classes)).astype(np.int64))
