"""Shapes: these move entries and never change them, so each adjoint moves the gradient back the same way.

The pairs: reshape and reshape, permute and its inverse, `getitem` and `scatter`, `pad` and crop, `cat` and split.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..array import Array, empty, xp_of
from ..engine import Tensor, record
from ..graph import Unwritable
from .operands import astype, common_dtype, operand


def sequence(args: tuple[Any, ...]) -> tuple[int, ...]:
    """The sizes of ``x.reshape(2, 3)`` or ``x.reshape((2, 3))``."""
    items = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
    return tuple(operator.index(i) for i in items)


Dims = int | Sequence[int] | None


def axes_of(operation: str, x: Tensor, dim: Dims) -> tuple[int, ...]:
    """The axes that ``dim`` names, counted from 0; IndexError for one that is not there, ValueError for one named twice."""
    if dim is None:
        return tuple(range(x.ndim))
    dims = (dim,) if isinstance(dim, (int, np.integer)) else tuple(dim)
    for d in dims:
        if not -x.ndim <= operator.index(d) < x.ndim:
            raise IndexError(f"{operation}: dim {d} is out of range for a tensor of shape {x.shape}")
    axes = tuple(operator.index(d) % x.ndim for d in dims)
    if len(set(axes)) < len(axes):
        raise ValueError(f"{operation}: a dim is named twice in {dims} for a tensor of shape {x.shape}")
    return axes


def _view(value: Array, x: Tensor) -> Tensor | None:
    """``x`` if ``value`` lies in its memory: a change of one is then a change of the other."""
    return x if xp_of(value).may_share_memory(value, x.array) else None


def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    """The same entries, counted row by row, in another shape; one size may be -1. A view where the memory allows it.

    Adjoint: the gradient in the old shape. Raises ValueError if the number of entries differs.

    >>> ninx.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    old = x.shape
    try:
        value = x.array.reshape(tuple(shape))
    except ValueError:
        raise ValueError(f"reshape: {x.array.size} entries of shape {old} do not fit shape {tuple(shape)}") from None
    return record(value, (x, lambda g: reshape(g, old)), view_of=_view(value, x))


def unwritable(y: Tensor) -> Tensor:
    """``y``, which refuses to be changed if it is a copy: who asked for a view would expect that another tensor changes too."""
    if not y.is_view:
        y.version = Unwritable()
        if xp_of(y.array) is np:
            y.array.flags.writeable = False
    return y


def permute(x: Tensor, dims: Sequence[int]) -> Tensor:
    """The axes in the order of ``dims``; a view. Adjoint: the inverse order. Raises ValueError unless each axis is named once.

    >>> images = ninx.zeros(10, 28, 28, 3)
    >>> images.permute(0, 3, 1, 2).shape
    (10, 3, 28, 28)
    """
    axes = axes_of("permute", x, dims)
    if len(axes) != x.ndim:
        raise ValueError(f"permute: {tuple(dims)} is no order of the {x.ndim} axes of shape {x.shape}")
    inverse = tuple(int(i) for i in np.argsort(axes))
    return record(x.array.transpose(axes), (x, lambda g: permute(g, inverse)), view_of=x)


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Swap two axes; a view. Its own adjoint.

    >>> ninx.zeros(2, 3, 4).transpose(1, 2).shape
    (2, 4, 3)
    """
    (i,), (j,) = axes_of("transpose", x, dim0), axes_of("transpose", x, dim1)
    axes = list(range(x.ndim))
    axes[i], axes[j] = j, i
    return permute(x, axes)


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Axes ``start_dim`` to ``end_dim`` (included) as one: by default all of them.

    >>> ninx.zeros(10, 3, 4, 4).flatten(1).shape
    (10, 48)
    """
    if x.ndim == 0:
        return reshape(x, (1,))
    (first,), (last,) = axes_of("flatten", x, start_dim), axes_of("flatten", x, end_dim)
    if first > last:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} for shape {x.shape}")
    size = math.prod(x.shape[first : last + 1])
    return reshape(x, (*x.shape[:first], size, *x.shape[last + 1 :]))


def squeeze(x: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Without the axes of size 1 (all of them, or those of ``dim``; one of another size stays).

    >>> ninx.zeros(10, 3, 1, 1).squeeze().shape
    (10, 3)
    """
    chosen = axes_of("squeeze", x, dim)
    return reshape(x, tuple(n for i, n in enumerate(x.shape) if n != 1 or i not in chosen))


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """With a new axis of size 1 at ``dim``, which may be negative: -1 is after the last axis.

    >>> ninx.zeros(3, 4).unsqueeze(0).shape
    (1, 3, 4)
    """
    if not -x.ndim - 1 <= dim <= x.ndim:
        raise IndexError(f"unsqueeze: dim {dim} is out of range for shape {x.shape}")
    at = dim % (x.ndim + 1)
    return reshape(x, (*x.shape[:at], 1, *x.shape[at:]))


def plain(index: Any) -> Any:
    """An index with tensors in it as an index with arrays. One of bytes is a mask, as in PyTorch."""
    if isinstance(index, Tensor):
        return index.array if index.array.dtype != np.uint8 else index.array != 0
    return tuple(plain(i) for i in index) if isinstance(index, tuple) else index


def is_basic(index: Any) -> bool:
    """Only numbers, slices, None and ``...``: NumPy answers with a view, and no entry is picked twice."""
    items = index if isinstance(index, tuple) else (index,)
    return all(i is None or i is Ellipsis or (isinstance(i, (int, np.integer, slice)) and not isinstance(i, bool)) for i in items)


def getitem(x: Tensor, index: Any) -> Tensor:
    """x[index], as in NumPy: numbers, slices, None and ``...`` give a view; arrays and masks pick entries. Adjoint: `scatter`.

    Raises IndexError for an index outside.

    >>> x = ninx.tensor([[1, 2, 3], [4, 5, 6]])
    >>> x[:, 1], x[x > 4]
    (tensor([2, 5]), tensor([5, 6]))
    """
    index = plain(index)
    if is_basic(index) and not (isinstance(index, tuple) and Ellipsis in index):
        index = (*(index if isinstance(index, tuple) else (index,)), Ellipsis)  # then one entry is a view too, not a NumPy number
    try:
        value = x.array[index]
    except IndexError as error:
        raise IndexError(f"getitem: {error} (the tensor has shape {x.shape})") from None
    index, shape = frozen(index), x.shape
    return record(value, (x, lambda g: scatter(g, index, shape)), view_of=_view(value, x) if is_basic(index) else None)


def frozen(index: Any) -> Any:
    """A copy of the index: whoever owns those arrays may change them before the gradient needs them."""
    if hasattr(index, "dtype"):
        return index.copy()
    return type(index)(frozen(i) for i in index) if isinstance(index, (tuple, list)) else index


def scatter(x: Tensor, index: Any, shape: tuple[int, ...]) -> Tensor:
    """Zeros of ``shape`` to which x is added at ``index``; an entry named twice gets both. Adjoint: `getitem`."""
    xp = xp_of(x.array)
    value = empty(shape, x.array.dtype, xp)
    value[...] = 0
    if is_basic(index):
        value[index] = x.array
    else:
        xp.add.at(value, index, x.array)
    return record(value, (x, lambda g: getitem(g, index)))


def pad(x: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Put ``value`` (None: 0) around x: ``pad`` = (left, right, top, bottom, ...) counts from the last axis, each at least 0.

    The only ``mode`` is "constant". Adjoint: crop.

    Raises ValueError for another mode, and for sizes that do not fit.

    >>> F.pad(ninx.ones(1, 2), (1, 1))
    tensor([[0., 1., 1., 0.]])
    """
    if mode != "constant":
        raise ValueError(f"pad: mode must be 'constant', the only one there is, got {mode!r}")
    if len(pad) % 2 or len(pad) > 2 * x.ndim or any(p < 0 for p in pad):
        raise ValueError(f"pad: needs at most {x.ndim} pairs of sizes of at least 0 for shape {x.shape}, got {tuple(pad)}")
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    inside = tuple(slice(before, before + n) for (before, _), n in zip(pairs, x.shape, strict=True))
    out = empty(
        tuple(n + before + after for (before, after), n in zip(pairs, x.shape, strict=True)), x.array.dtype, xp_of(x.array)
    )
    out[...] = 0 if value is None else value
    out[inside] = x.array
    return record(out, (x, lambda g: crop(g, inside)))


def crop(x: Tensor, slices: tuple[slice, ...]) -> Tensor:
    """``x[slices]`` as a copy without gaps, in the layout of x: what reads it next need not make one. Adjoint: `scatter`."""
    shape = x.shape
    return record(x.array[slices].copy(order="K"), (x, lambda g: scatter(g, slices, shape)))


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors along ``dim``; all other sizes must agree. Adjoint: each gets its slice of g.

    Raises ValueError for other shapes and for no tensors at all, IndexError for a dim that is not there.

    >>> ninx.cat([ninx.zeros(1, 2), ninx.ones(2, 2)])
    tensor([[0., 0.],
            [1., 1.],
            [1., 1.]])
    """
    if not tensors:
        raise ValueError("cat: there are no tensors to join")
    items = [operand("cat", t) for t in tensors]
    first = items[0]
    if first.ndim == 0 or not -first.ndim <= dim < first.ndim:
        raise IndexError(f"cat: dim {dim} is out of range for shape {first.shape}")
    axis = dim % first.ndim
    for t in items[1:]:
        if t.ndim != first.ndim or any(i != axis and m != n for i, (m, n) in enumerate(zip(first.shape, t.shape, strict=False))):
            raise ValueError(f"cat: shapes {first.shape} and {t.shape} differ along more than dim {dim}")
    dtype = common_dtype(items)
    items = [astype(t, dtype) for t in items]
    ends = np.cumsum([0] + [t.shape[axis] for t in items])
    slices = [(*(slice(None),) * axis, slice(int(a), int(b))) for a, b in pairwise(ends)]
    out = empty((*first.shape[:axis], int(ends[-1]), *first.shape[axis + 1 :]), dtype, xp_of(first.array))
    for t, where in zip(items, slices, strict=True):
        out[where] = t.array
    return record(out, (tuple(items), lambda g: tuple(crop(g, where) for where in slices)))


def concat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The same as `cat`.

    >>> ninx.concat([ninx.tensor([1]), ninx.tensor([2, 3])])
    tensor([1, 2, 3])
    """
    return cat(tensors, dim)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis ``dim``: k of (2, 3) become (k, 2, 3). Raises ValueError for different shapes.

    >>> ninx.stack([ninx.tensor([1, 2]), ninx.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    if not tensors:
        raise ValueError("stack: there are no tensors to join")
    shapes = {operand("stack", t).shape for t in tensors}
    if len(shapes) > 1:
        raise ValueError(f"stack: the shapes must be equal, got {sorted(shapes)}")
    return cat([unsqueeze(operand("stack", t), dim) for t in tensors], dim)
