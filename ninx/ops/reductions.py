"""Sums, means and extremes over axes. ``dim`` is an axis, several, or None or () for all; ``keepdim`` keeps them with size 1."""

from __future__ import annotations

import builtins
from typing import Any, NamedTuple

import numpy as np

from ..array import Array, xp_of
from ..engine import Tensor, record
from .arithmetic import where
from .elementary import exp
from .operands import added, broadcast_to, floating
from .shapes import Dims, axes_of, getitem, reshape


class ValuesIndices(NamedTuple):
    """What `max` and `min` along one axis return."""

    values: Tensor
    indices: Tensor


def _kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` with size 1 along ``axes``: the shape of a reduction with keepdim."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def _axes(operation: str, x: Tensor, dim: Dims) -> tuple[int, ...]:
    """`axes_of`, and PyTorch's rule that no dim at all is every dim. (`any` and `all` have it otherwise, there as here.)"""
    return axes_of(operation, x, None if isinstance(dim, (tuple, list)) and not dim else dim)


def _axis(operation: str, x: Tensor, dim: Any) -> int:
    """The one axis that ``dim`` names."""
    if not isinstance(dim, (int, np.integer)):
        hint = f"; a{operation} takes several" if operation in ("max", "min") else ""
        raise TypeError(f"{operation}: dim must be one whole number, got {dim}{hint}")
    return axes_of(operation, x, int(dim))[0]


def sum(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The sum over ``dim`` (an axis, several, or None for all), in float64 for float32. Adjoint: every summand gets g.

    ``keepdim`` leaves a size of 1 where an axis was: (2, 3) over dim 1 becomes (2,), or (2, 1).

    >>> x = ninx.tensor([[1, 2, 3], [4, 5, 6]])
    >>> x.sum(), x.sum(dim=0), x.sum(dim=1)
    (tensor(21), tensor([5, 7, 9]), tensor([ 6, 15]))
    """
    axes, shape = _axes("sum", x, dim), x.shape
    kept = _kept(shape, axes)
    return record(added(x.array, axes, keepdim), (x, lambda g: broadcast_to(reshape(g, kept), shape)))


def mean(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The mean over ``dim`` (an axis, several, or None for all; of nothing: NaN). Adjoint: every entry gets g / n.

    >>> ninx.tensor([[1.0, 2.0], [3.0, 4.0]]).mean(dim=0)
    tensor([2., 3.])
    """
    x, axes = floating(x), _axes("mean", x, dim)
    shape, kept = x.shape, _kept(x.shape, axes)
    n = _count(shape, axes) or np.nan
    return record(
        _mean(x.array, axes, keepdim),
        (x, lambda g: broadcast_to(reshape(g / n, kept), shape)),
    )


def _mean(x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    """The mean, NaN if it is that of nothing."""
    return added(x, axes, keepdims) / x.dtype.type(_count(x.shape, axes) or np.nan)


def _count(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    return int(np.prod([shape[a] for a in axes], dtype=np.int64))


def var(x: Tensor, dim: Dims = None, *, correction: int = 1, keepdim: bool = False) -> Tensor:
    """The variance: sum of (x - mean)^2 / (n - correction). Adjoint: g * 2 (x - mean) / (n - correction).

    >>> x = ninx.tensor([1.0, 2.0, 3.0])
    >>> x.var(), x.var(correction=0)
    (tensor(1.), tensor(0.6667))
    """
    x, axes = floating(x), _axes("var", x, dim)
    kept = _kept(x.shape, axes)
    n = builtins.max(_count(x.shape, axes) - correction, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        centred = x.array - _mean(x.array, axes, True)
        value = added(centred * centred, axes, keepdim) / x.array.dtype.type(n)

    def back(g: Tensor) -> Tensor:
        with np.errstate(invalid="ignore"):
            return reshape(g, kept) * (x - mean(x, axes, keepdim=True)) * (2 / n if n else np.inf)

    return record(value, (x, back))


def std(x: Tensor, dim: Dims = None, *, correction: int = 1, keepdim: bool = False) -> Tensor:
    """The standard deviation, sqrt(var); its derivative at 0, where all entries are equal, is 0.

    >>> ninx.tensor([1.0, 2.0, 3.0]).std()
    tensor(1.)
    """
    v = var(x, dim, correction=correction, keepdim=keepdim)
    return record(xp_of(v.array).sqrt(v.array), (v, lambda g, y: where(y == 0, 0.0, g / (2 * where(y == 0, 1.0, y)))))


def amax(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The largest entry along ``dim`` (one axis or several); equal entries share the gradient evenly.

    Raises ValueError where there are no entries.

    >>> ninx.tensor([[1, 5], [4, 2]]).amax(dim=(0, 1))
    tensor(5)
    """
    return _extreme("amax", x, dim, keepdim)


def amin(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The smallest entry along ``dim`` (one axis or several); equal entries share the gradient evenly.

    Raises ValueError where there are no entries.

    >>> ninx.tensor([[1, 5], [4, 2]]).amin(dim=1)
    tensor([1, 2])
    """
    return _extreme("amin", x, dim, keepdim)


def _extreme(operation: str, x: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    axes = _axes(operation, x, dim)
    kept = _kept(x.shape, axes)
    if _count(x.shape, axes) == 0:
        raise ValueError(f"{operation}: no entries along dim {dim} of a tensor of shape {x.shape}")
    value = getattr(x.array, operation[1:])(axis=axes, keepdims=True)
    chosen = (x.array == value) | (x.array != x.array)
    count = chosen.sum(axis=axes, keepdims=True)

    def share(g: Tensor) -> Tensor:
        return where(chosen, reshape(g, kept) / Tensor(count.astype(x.array.dtype)), 0.0)

    return record(value if keepdim else value.squeeze(axes), (x, share), name=operation)


def max(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Without ``dim`` the largest entry of all; with it (values, indices) along that axis, as in PyTorch.

    Equal entries share the gradient evenly without ``dim``; with it the first of them gets it.

    >>> x = ninx.tensor([[1, 5], [4, 2]])
    >>> x.max()
    tensor(5)
    >>> values, indices = x.max(dim=1)
    >>> values, indices
    (tensor([5, 4]), tensor([1, 0]))
    """
    return amax(x) if dim is None else _along("argmax", x, dim, keepdim)


def min(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Without ``dim`` the smallest entry of all; with it (values, indices) along that axis, as in PyTorch.

    Equal entries share the gradient evenly without ``dim``; with it the first of them gets it.

    >>> ninx.tensor([[1, 5], [4, 2]]).min(dim=1).indices
    tensor([0, 1])
    """
    return amin(x) if dim is None else _along("argmin", x, dim, keepdim)


def _along(which: str, x: Tensor, dim: int, keepdim: bool) -> ValuesIndices:
    axis = _axis(which[3:], x, dim)
    index = xp_of(x.array).expand_dims(getattr(x.array, which)(axis=axis), axis)
    values = getitem(x, along(index, axis))
    if not keepdim:
        values, index = reshape(values, values.shape[:axis] + values.shape[axis + 1 :]), index.squeeze(axis)
    return ValuesIndices(values, Tensor(index))


def along(index: Array, axis: int) -> tuple[Array, ...]:
    """The advanced index that picks, at every place, the entry ``index`` says along ``axis`` (take_along_axis as an index)."""
    xp, last = xp_of(index), index.ndim - 1
    return tuple(index if i == axis else xp.arange(n).reshape(n, *(1,) * (last - i)) for i, n in enumerate(index.shape))


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the largest entry: in the flattened tensor, or along ``dim``. The first of equals; no gradient.

    >>> logits = ninx.tensor([[0.1, 2.0, 0.3], [1.5, 0.2, 0.1]])
    >>> logits.argmax(dim=1)
    tensor([1, 0])
    """
    axis = None if dim is None else _axis("argmax", x, dim)
    return record(x.array.argmax(axis=axis, keepdims=keepdim))


def argmin(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the smallest entry: in the flattened tensor, or along ``dim``. The first of equals; no gradient.

    >>> ninx.tensor([3, 1, 2]).argmin()
    tensor(1)
    """
    axis = None if dim is None else _axis("argmin", x, dim)
    return record(x.array.argmin(axis=axis, keepdims=keepdim))


def any(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Does at least one entry along ``dim`` (an axis, several, or None for all) hold, or differ from 0? No gradient.

    >>> ninx.tensor([[True, False], [False, False]]).any(dim=1)
    tensor([ True, False])
    """
    return record(x.array.any(axis=axes_of("any", x, dim), keepdims=keepdim))


def all(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Do all entries along ``dim`` (an axis, several, or None for all) hold, or differ from 0? No gradient.

    >>> ninx.tensor([[True, False], [True, True]]).all(dim=1)
    tensor([False,  True])
    """
    return record(x.array.all(axis=axes_of("all", x, dim), keepdims=keepdim))


def logsumexp(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over ``dim``, with the largest entry taken out first. Adjoint: g * softmax(x).

    >>> ninx.tensor([100.0, 100.0]).logsumexp(dim=0)  # 100 + log(2), although e**100 overflows
    tensor(100.6931)
    """
    x, axes = floating(x), _axes("logsumexp", x, dim)
    xp, kept = xp_of(x.array), _kept(x.shape, axes)
    top = x.array.max(axis=axes, keepdims=True) if _count(x.shape, axes) else xp.zeros(kept, x.array.dtype)
    top = xp.where(xp.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        value = xp.log(added(xp.exp(x.array - top), axes, True)) + top

    def back(g: Tensor, y: Tensor) -> Tensor:
        with np.errstate(invalid="ignore"):  # the softmax of infinities is NaN
            return reshape(g, kept) * exp(x - reshape(y, kept))

    return record(value if keepdim else value.squeeze(axes), (x, back))
