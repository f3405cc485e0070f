"""Entries picked by an index tensor along one axis, or by a mask: gather and scatter, and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import Array, xp_of
from ..engine import Tensor, record
from .arithmetic import add
from .axes import axis_of, sequence
from .choosing import where
from .indexing import along, getitem, spread
from .inplace import setitem_
from .operands import broadcast_to, operand
from .shapes import reshape
from .tensors import clone


def _whole(operation: str, index: Any, size: int, x: Tensor) -> Array:
    """An index array; IndexError unless it counts from 0 to size - 1: numbers below 0 are no places here, as in PyTorch."""
    array = operand(operation, index, x if isinstance(index, (list, tuple)) else None).array
    if array.dtype.kind == "f" and isinstance(index, (list, tuple)):
        array = xp_of(x.array).asarray(index) if len(index) else array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise IndexError(f"{operation}: the index must hold whole numbers, not {array.dtype}")
    if array.dtype == np.uint8:  # here these are numbers, not a mask
        array = array.astype(np.int64)
    if array.size and not (int(array.min()) >= 0 and int(array.max()) < size):
        wrong = int(array.min()) if int(array.min()) < 0 else int(array.max())
        raise IndexError(f"{operation}: index {wrong} is out of range for {size} entries")
    return array


def _places(operation: str, x: Tensor, dim: Any, index: Any) -> tuple[Any, ...]:
    """The advanced index that `gather` reads and `scatter` writes."""
    axes = axis_of(operation, x, dim)
    array = _whole(operation, index, x.array.shape[axes[0]] if axes else 1, x)
    if not axes and array.ndim < 2:
        return (None,) * len(array.shape)
    if not array.size:
        return (array,) * x.ndim
    if not array.ndim and x.ndim == 1:
        array = array.reshape(1)  # one index for one place, as in PyTorch
    if array.ndim != x.ndim or any(n > m for i, (n, m) in enumerate(zip(array.shape, x.shape, strict=True)) if i != axes[0]):
        raise ValueError(f"{operation}: the index {array.shape} must have as many axes as {x.shape}, none longer but dim {dim}")
    return along(array, axes[0])


def gather(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The entries that ``index`` names along ``dim``: out[i][j] = x[index[i][j]][j] for dim 0, and so on. Adjoint: `scatter_add`.

    The index has as many axes as x and may be shorter along others. Raises IndexError for one that is not there.

    >>> ninx.gather(ninx.tensor([[1, 2], [3, 4]]), 1, ninx.tensor([[1], [0]]))
    tensor([[2],
            [3]])
    """
    x = operand("gather", x)
    return getitem(x, _places("gather", x, dim, index))


def take_along_dim(x: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """`gather`, but x and the indices are broadcast along the other axes; without ``dim`` from the flattened tensor.

    >>> x = ninx.tensor([[3, 1, 2], [4, 6, 5]])
    >>> ninx.take_along_dim(x, x.argsort(dim=1), dim=1)
    tensor([[1, 2, 3],
            [4, 5, 6]])
    """
    x, places = operand("take_along_dim", x), operand("take_along_dim", indices)
    if dim is None:
        return gather(reshape(x, (-1,)), 0, reshape(places, (-1,)))
    axes = axis_of("take_along_dim", x, dim)
    if places.ndim != x.ndim:
        raise ValueError(f"take_along_dim: the indices {places.shape} must have as many axes as {x.shape}")
    wide, long = list(x.shape), list(places.shape)
    for i, (m, n) in enumerate(zip(x.shape, places.shape, strict=True)):
        if i not in axes:
            wide[i] = long[i] = n if m == 1 else m
    if axes:  # numbers below 0 count from the end here, though not in gather
        places = where(places < 0, places + x.shape[axes[0]], places)
    return gather(broadcast_to(x, tuple(wide)), dim, broadcast_to(places, tuple(long)))


def scatter(x: Tensor, dim: int, index: Tensor, src: Any = None, **other: Any) -> Tensor:
    """A copy of x in which the entries that ``index`` names along ``dim`` are those of ``src``: a tensor, or one number.

    out[index[i][j]][j] = src[i][j] for dim 0, and so on. The inverse of `gather`, and like it about shapes.

    >>> labels = ninx.tensor([2, 0])
    >>> ninx.zeros(2, 3).scatter(1, labels.unsqueeze(1), 1)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    return scatter_(clone(operand("scatter", x)), dim, index, src, **other)


def scatter_(x: Tensor, dim: int, index: Tensor, src: Any = None, **other: Any) -> Tensor:
    """`scatter` in place; returns x. Raises as `add_` does.

    >>> ninx.zeros(2, 3).scatter_(1, ninx.tensor([[2], [0]]), 1)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    if "value" in other:
        src = other.pop("value")
    if other:
        raise TypeError(
            f"scatter: there is no argument {', '.join(other)}; scatter_add adds, for other sums write x[index] = ..."
        )
    if src is None:
        raise TypeError("scatter: give src, a tensor or a number to be written")
    places = _places("scatter", x, dim, index)
    setitem_(x, places, _part("scatter", src, index))
    return x


def scatter_add(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """x plus the entries of ``src``, each added where ``index`` says along ``dim``; a place named twice gets both.

    Adjoint: g, and for src `gather`.

    >>> ninx.zeros(3).scatter_add(0, ninx.tensor([0, 0, 2]), ninx.tensor([1.0, 2.0, 3.0]))
    tensor([3., 0., 3.])
    """
    x = operand("scatter_add", x)
    places = _places("scatter_add", x, dim, index)
    return add(x, spread(_part("scatter_add", operand("scatter_add", src, x), index), places, x.shape))


def _part(operation: str, src: Any, index: Any) -> Any:
    """The entries of ``src`` that an index of this shape writes: its first ones along every axis."""
    if not hasattr(src, "shape") or not src.shape:
        return src
    src, shape = operand(operation, src), np.shape(getattr(index, "array", index))
    if src.ndim != len(shape) or any(n > m for n, m in zip(shape, src.shape, strict=True)):
        raise ValueError(f"{operation}: src {src.shape} is smaller than the index {shape}")
    return getitem(src, tuple(slice(0, n) for n in shape))


def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices that ``index``, a vector, names along ``dim``; a copy. Adjoint: each slice of g is added where it came from.

    >>> ninx.tensor([[1, 2], [3, 4]]).index_select(1, ninx.tensor([1, 1]))
    tensor([[2, 2],
            [4, 4]])
    """
    x = operand("index_select", x)
    axes = axis_of("index_select", x, dim)
    array = _whole("index_select", index, x.array.shape[axes[0]] if axes else 1, x)
    if array.ndim > 1:
        raise ValueError(f"index_select: the index is a vector, got shape {array.shape}; x[index] takes other shapes")
    return getitem(x, (*(slice(None),) * axes[0], array.reshape(-1))) if axes else clone(x)


def select(x: Tensor, dim: int, index: int) -> Tensor:
    """Entry ``index`` along ``dim``, without that axis; a view.

    >>> ninx.tensor([[1, 2], [3, 4]]).select(1, 0)
    tensor([1, 3])
    """
    x = operand("select", x)
    if not x.ndim:
        raise IndexError("select: a tensor without dimensions has no entries along a dim")
    return getitem(x, (*(slice(None),) * axis_of("select", x, dim)[0], index))


def narrow(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """So many entries along ``dim`` from ``start`` on; a view.

    >>> ninx.arange(5).narrow(0, 1, 3)
    tensor([1, 2, 3])
    """
    x = operand("narrow", x)
    if not x.ndim:
        raise IndexError("narrow: a tensor without dimensions has no entries along a dim")
    (axis,), (start, length) = axis_of("narrow", x, dim), sequence((start, length))
    n = x.shape[axis]
    first = start + n if start < 0 else start
    if not 0 <= first <= first + length <= n or length < 0:
        raise IndexError(f"narrow: {length} entries from {start} on are not in the {n} along dim {dim} of shape {x.shape}")
    return getitem(x, (*(slice(None),) * axis, slice(first, first + length)))


def masked_select(x: Tensor, mask: Tensor) -> Tensor:
    """The entries where ``mask`` holds, in a row; both are broadcast.

    >>> x = ninx.tensor([[1, 2], [3, 4]])
    >>> x.masked_select(x > 2)
    tensor([3, 4])
    """
    x, chosen = operand("masked_select", x), _mask("masked_select", mask)
    shape = np.broadcast_shapes(x.shape, chosen.shape)
    return getitem(x if x.shape == shape else broadcast_to(x, shape), broadcast_to(chosen, shape).array)


def _mask(operation: str, mask: Any) -> Tensor:
    chosen = operand(operation, mask)
    if chosen.dtype != np.bool_:
        raise TypeError(f"{operation}: the mask must be boolean, not {chosen.dtype}; write mask.bool()")
    return chosen


def nonzero(x: Tensor, *, as_tuple: bool = False) -> Any:
    """Where the entries are not 0: a row of indices for each, (count, dimensions); or as_tuple a vector for each dimension.

    >>> ninx.tensor([[1, 0], [0, 2]]).nonzero()
    tensor([[0, 0],
            [1, 1]])
    """
    x = operand("nonzero", x)
    found = x.array.reshape(x.array.shape or (1,)).nonzero()
    if as_tuple:
        return tuple(Tensor(i) for i in found)
    rows = xp_of(x.array).stack(found, axis=1)
    return record(rows if x.ndim else rows[:, :0])
