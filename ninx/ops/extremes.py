"""The largest and the smallest, and orders: maxima and their places, sort, topk, median. NaN counts as larger than any number."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..array import Array, xp_of
from ..engine import Tensor, record
from .axes import Dims, axes_of, axis_of, named
from .choosing import maximum, minimum, where
from .indexing import along, getitem
from .operands import operand
from .shapes import flatten, reshape


class ValuesIndices(NamedTuple):
    """What `max`, `min`, `sort`, `topk` and `median` along one axis return."""

    values: Tensor
    indices: Tensor


def amax(x: Tensor, dim: Dims = None, keepdim: bool = False, **other: Any) -> Tensor:
    """The largest entry along ``dim`` (one axis or several); equal entries share the gradient evenly.

    Raises ValueError where there are no entries.

    >>> ninx.tensor([[1, 5], [4, 2]]).amax(dim=(0, 1))
    tensor(5)
    """
    return _extreme("amax", x, dim, keepdim, other)


def amin(x: Tensor, dim: Dims = None, keepdim: bool = False, **other: Any) -> Tensor:
    """The smallest entry along ``dim`` (one axis or several); equal entries share the gradient evenly.

    Raises ValueError where there are no entries.

    >>> ninx.tensor([[1, 5], [4, 2]]).amin(dim=1)
    tensor([1, 2])
    """
    return _extreme("amin", x, dim, keepdim, other)


def _extreme(operation: str, x: Any, dim: Dims, keepdim: bool, other: dict[str, Any]) -> Tensor:
    if other or keepdim is not False:
        dim, keepdim = named(operation, dim, keepdim, other)
    x = operand(operation, x)
    axes = axes_of(operation, x, dim, all_of_none=True)
    if math.prod([x.array.shape[a] for a in axes]) == 0:
        raise ValueError(f"{operation}: no entries along dim {dim} of a tensor of shape {x.shape}")
    return _shared(operation, x, getattr(x.array, operation[1:])(axis=axes, keepdims=True), axes, keepdim)


def _shared(operation: str, x: Tensor, value: Array, axes: tuple[int, ...], keepdim: bool) -> Tensor:
    """Record ``value``, the extreme of x (size 1 along ``axes``): the entries of x that are equal to it share g evenly."""
    chosen, kept = (x.array == value) | (x.array != x.array), value.shape
    count = chosen.sum(axis=axes, keepdims=True)

    def share(g: Tensor) -> Tensor:
        return where(Tensor(chosen), reshape(g, kept) / Tensor(count.astype(x.array.dtype)), 0.0)

    return record(value if keepdim else value.squeeze(axes), (x, share), name=operation)


def max(x: Tensor, dim: Any = None, keepdim: bool = False, **other: Any) -> Any:
    """Without ``dim`` the largest entry of all; with it (values, indices) along that axis, as in PyTorch.

    With a tensor instead of a dim the larger of the two, as `maximum`. Equal entries share the gradient evenly without ``dim``;
    with it the first of them gets it.

    >>> x = ninx.tensor([[1, 5], [4, 2]])
    >>> x.max(), ninx.max(x, 3 * ninx.ones(2, dtype=ninx.int64))
    (tensor(5), tensor([[3, 5],
            [4, 3]]))
    >>> values, indices = x.max(dim=1)
    >>> values, indices
    (tensor([5, 4]), tensor([1, 0]))
    """
    return _max_or_min("max", x, dim, keepdim, other)


def min(x: Tensor, dim: Any = None, keepdim: bool = False, **other: Any) -> Any:
    """Without ``dim`` the smallest entry of all; with it (values, indices) along that axis, as in PyTorch.

    With a tensor instead of a dim the smaller of the two, as `minimum`. Equal entries share the gradient evenly without ``dim``;
    with it the first of them gets it.

    >>> ninx.tensor([[1, 5], [4, 2]]).min(dim=1).indices
    tensor([0, 1])
    """
    return _max_or_min("min", x, dim, keepdim, other)


def _max_or_min(operation: str, x: Any, dim: Any, keepdim: Any, other: dict[str, Any]) -> Any:
    if "other" in other:
        dim = other.pop("other")
    if hasattr(dim, "dtype") and not isinstance(dim, np.integer):
        return maximum(operand(operation, x), dim) if operation == "max" else minimum(operand(operation, x), dim)
    values_alone = "out" in other  # so asks np.max(x), which knows no pairs
    if other or keepdim is not False:
        dim, keepdim = named(operation, dim, keepdim, other)
    if dim is None or values_alone:
        return _extreme("a" + operation, x, dim, keepdim, {})
    x = operand(operation, x)
    axes = axis_of(operation, x, dim, f"; a{operation} takes several")
    return _taken(x, _place("arg" + operation, x, axes), axes, keepdim)


def _place(which: str, x: Tensor, axes: tuple[int, ...]) -> Array:
    """Where the extreme lies along the axis, which stays with size 1."""
    if not axes:
        return xp_of(x.array).zeros((), np.int64)
    if not x.array.shape[axes[0]]:
        raise IndexError(f"{which[3:]}: no entries along dim {axes[0]} of a tensor of shape {x.shape}")
    return getattr(x.array, which)(axis=axes[0], keepdims=True)


def _taken(x: Tensor, index: Array, axes: tuple[int, ...], keepdim: bool = True) -> ValuesIndices:
    """The entries at ``index`` along the axis, with the index."""
    if not axes:
        return ValuesIndices(reshape(x, ()), Tensor(index))
    values = getitem(x, along(index, axes[0]))
    if not keepdim:
        index = index.squeeze(axes)
        values = reshape(values, index.shape)
    return ValuesIndices(values, Tensor(index))


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False, **other: Any) -> Tensor:
    """The index of the largest entry: in the flattened tensor, or along ``dim``. The first of equals; no gradient.

    >>> logits = ninx.tensor([[0.1, 2.0, 0.3], [1.5, 0.2, 0.1]])
    >>> logits.argmax(dim=1)
    tensor([1, 0])
    """
    return _argument("argmax", x, dim, keepdim, other)


def argmin(x: Tensor, dim: int | None = None, keepdim: bool = False, **other: Any) -> Tensor:
    """The index of the smallest entry: in the flattened tensor, or along ``dim``. The first of equals; no gradient.

    >>> ninx.tensor([3, 1, 2]).argmin()
    tensor(1)
    """
    return _argument("argmin", x, dim, keepdim, other)


def _argument(operation: str, x: Any, dim: Any, keepdim: Any, other: dict[str, Any]) -> Tensor:
    if other or keepdim is not False:
        dim, keepdim = named(operation, dim, keepdim, other)
    x = operand(operation, x)
    axes = (None,) if dim is None else axis_of(operation, x, dim)
    if not axes:  # without dimensions there is one entry
        return record(xp_of(x.array).zeros((), np.int64), name=operation)
    if not (x.array.size if dim is None else x.array.shape[axes[0]]):
        raise IndexError(f"{operation}: no entries along dim {dim} of a tensor of shape {x.shape}")
    return record(getattr(x.array, operation)(axis=axes[0], keepdims=keepdim), name=operation)


# -------------------------------------------------------------------- orders


def sort(x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True, **other: Any) -> ValuesIndices:
    """(values, indices): the entries along ``dim`` in order, and where they stood. Equal entries always keep their order.

    >>> values, indices = ninx.tensor([3, 1, 2]).sort()
    >>> values, indices
    (tensor([1, 2, 3]), tensor([1, 2, 0]))
    """
    x, axes = _ordered("sort", x, dim, other)
    return _taken(x, _order(x.array, axes, descending), axes)


def argsort(x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True, **other: Any) -> Tensor:
    """The indices of `sort`: where the entries stand that come first, second, ... along ``dim``. No gradient.

    >>> ninx.tensor([3, 1, 2]).argsort(descending=True)
    tensor([0, 2, 1])
    """
    x, axes = _ordered("argsort", x, dim, other)
    return record(_order(x.array, axes, descending))


def topk(x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, **other: Any) -> ValuesIndices:
    """(values, indices) of the ``k`` largest entries along ``dim``, the largest first; with ``largest=False`` of the smallest.

    Of equals the first counts. They always come sorted. Raises ValueError for k beyond the entries there are.

    >>> ninx.tensor([3, 1, 2]).topk(2).values
    tensor([3, 2])
    """
    x, axes = _ordered("topk", x, dim, other)
    n = x.array.shape[axes[0]] if axes else 1
    if not 0 <= k <= n:
        raise ValueError(f"topk: k must be from 0 to the {n} entries along dim {dim}, got {k}")
    index = _order(x.array, axes, largest)
    return _taken(x, index[(*(slice(None),) * axes[0], slice(0, int(k)))] if axes else index, axes)


def _ordered(operation: str, x: Any, dim: Any, other: dict[str, Any]) -> tuple[Tensor, tuple[int, ...]]:
    if other:
        dim, _ = named(operation, None if "axis" in other else dim, False, other)
    x = operand(operation, x)
    return x, axis_of(operation, x, dim)


def _order(x: Array, axes: tuple[int, ...], descending: bool = False) -> Array:
    """The places of the entries in order; those of equals ascend, also where the values descend."""
    xp = xp_of(x)
    if not axes:
        return xp.zeros((), np.int64)
    (axis,) = axes
    if not descending:
        return xp.argsort(x, axis=axis, kind="stable")
    last = x.shape[axis] - 1
    return xp.flip(last - xp.argsort(xp.flip(x, axis), axis=axis, kind="stable"), axis)


def median(x: Tensor, dim: int | None = None, keepdim: bool = False, **other: Any) -> Any:
    """The middle of the entries in order, of two middles the lower; along ``dim`` (values, indices). NaN if one is NaN.

    >>> ninx.tensor([3.0, 1.0, 2.0, 4.0]).median()
    tensor(2.)
    """
    if other or keepdim is not False:
        dim, keepdim = named("median", dim, keepdim, other)
    x = operand("median", x)
    axes = (0,) if dim is None else axis_of("median", x, dim)
    line = flatten(x) if dim is None else x
    n = line.array.shape[axes[0]] if axes else 1
    if not n:
        raise IndexError(f"median: no entries along dim {dim} of a tensor of shape {x.shape}")
    xp, index = xp_of(line.array), _order(line.array, axes)
    if axes:
        bad = line.array != line.array
        index = xp.take(index, xp.asarray([(n - 1) // 2]), axes[0])
        index = xp.where(bad.any(axis=axes, keepdims=True), bad.argmax(axis=axes[0], keepdims=True), index)
    if dim is None:
        return _shared("median", line, line.array[index], (0,), False)
    return _taken(x, index, axes, keepdim)
