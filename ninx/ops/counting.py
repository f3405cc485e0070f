"""How often values stand in a tensor. Nothing here has a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import xp_of
from ..engine import Tensor, record
from .operands import operand
from .shapes import axis_of


def unique(
    x: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The different entries, sorted; or the different slices along ``dim``. No gradient.

    With ``return_inverse`` also where each entry of x stands among them, with ``return_counts`` how often each occurs.

    >>> ninx.unique(ninx.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    x = operand("unique", x)
    axis = None if dim is None else (axis_of("unique", x, dim) or (None,))[0]
    found = xp_of(x.array).unique(x.array, return_inverse=return_inverse, return_counts=return_counts, axis=axis, equal_nan=False)
    if not (return_inverse or return_counts):
        return record(found)
    values, *rest = (Tensor(array) for array in found)
    if return_inverse:
        rest[0] = Tensor(rest[0].array.reshape(x.shape if axis is None else (x.shape[axis],)))
    return (values, *rest)


def bincount(x: Tensor, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each of the numbers 0, 1, ... stands in a vector, or the sum of the weights of its places. No gradient.

    Raises ValueError for numbers below 0, TypeError for what is no vector of whole numbers.

    >>> ninx.bincount(ninx.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    x = operand("bincount", x)
    if x.ndim != 1 or x.dtype.kind not in "iu":
        raise TypeError(f"bincount: takes a vector of whole numbers, got shape {x.shape} of {x.dtype}")
    if x.array.size and int(x.array.min()) < 0:
        raise ValueError(f"bincount: counts numbers from 0 on, got {int(x.array.min())}")
    if weights is None:
        return record(xp_of(x.array).bincount(x.array, minlength=minlength).astype(np.int64, copy=False))
    weights = operand("bincount", weights)
    if weights.shape != x.shape:
        raise ValueError(f"bincount: every entry has its weight, got shapes {x.shape} and {weights.shape}")
    value = xp_of(x.array).bincount(x.array, weights.array, minlength)
    return record(value.astype(weights.dtype if weights.dtype == np.float32 else np.float64))
