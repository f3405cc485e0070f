"""What holds, and how often: any, all, counts of values. Nothing here has a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import xp_of
from ..engine import Tensor, record
from .axes import Dims, axes_of, axis_of, named
from .operands import operand


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


def any(x: Tensor, dim: Dims = None, keepdim: bool = False, **other: Any) -> Tensor:
    """Does at least one entry along ``dim`` (an axis, several, or None for all) hold, or differ from 0? No gradient.

    Booleans; of uint8 the answer is uint8, as in PyTorch.

    >>> ninx.tensor([[True, False], [False, False]]).any(dim=1)
    tensor([ True, False])
    """
    return _truth("any", x, dim, keepdim, other)


def all(x: Tensor, dim: Dims = None, keepdim: bool = False, **other: Any) -> Tensor:
    """Do all entries along ``dim`` (an axis, several, or None for all) hold, or differ from 0? No gradient.

    Booleans; of uint8 the answer is uint8, as in PyTorch.

    >>> ninx.tensor([[True, False], [True, True]]).all(dim=1)
    tensor([False,  True])
    """
    return _truth("all", x, dim, keepdim, other)


def _truth(operation: str, x: Tensor, dim: Any, keepdim: Any, other: dict[str, Any]) -> Tensor:
    if other or keepdim is not False:
        dim, keepdim = named(operation, dim, keepdim, other)
    x = operand(operation, x)
    value = getattr(x.array, operation)(axis=axes_of(operation, x, dim), keepdims=keepdim)
    return record(value.astype(np.uint8) if x.array.dtype == np.uint8 else value, name=operation)


def count_nonzero(x: Tensor, dim: Dims = None) -> Tensor:
    """How many entries along ``dim`` (an axis, several, or None for all) differ from 0? No gradient.

    >>> ninx.tensor([[1, 0], [2, 3]]).count_nonzero(), ninx.tensor([[1, 0], [2, 3]]).count_nonzero(dim=0)
    (tensor(3), tensor([2, 1]))
    """
    x = operand("count_nonzero", x)
    return record((x.array != 0).sum(axis=axes_of("count_nonzero", x, dim, all_of_none=True), dtype=np.int64))
