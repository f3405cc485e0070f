"""Parts of a tensor by index, as NumPy and PyTorch share it.

Numbers, slices, None and ``...`` are *basic*: they give a view. Arrays, lists and masks pick entries, which gives a copy. The
adjoint pair is `getitem` and `spread`: what was picked several times gets the sum of its gradients.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..array import Array, empty, xp_of
from ..engine import Tensor, record

_BASIC = frozenset((int, slice, type(None), type(Ellipsis)))
_BOUND = frozenset((int, type(None)))


def getitem(x: Tensor, index: Any) -> Tensor:
    """x[index]: numbers, slices, None and ``...`` give a view; arrays, lists and masks pick entries. Adjoint: `spread`.

    Numbers and whole-number tensors without dimensions are taken first, as PyTorch does it: ``x[0, :, [1, 2]]`` is
    ``x[0][:, [1, 2]]``, where NumPy would put the axis of the list first. Steps backwards are allowed, as in NumPy.

    Raises IndexError for an index outside, and for what NumPy and PyTorch do not read alike: uint8 (numbers or a mask?) and
    lists in a list.

    >>> x = ninx.tensor([[1, 2, 3], [4, 5, 6]])
    >>> x[:, 1], x[x > 4]
    (tensor([2, 5]), tensor([5, 6]))
    """
    index = plain(index, x)
    try:
        value = x.array[index]
    except IndexError as error:
        raise IndexError(f"getitem: {error} (the tensor has shape {x.shape})") from None
    shape = x.array.shape
    if is_basic(index):
        return record(value, (x, lambda g: spread(g, index, shape)), view_of=x)
    index = frozen(index)
    return record(value, (x, lambda g: spread(g, index, shape)))


def spread(x: Tensor, index: Any, shape: tuple[int, ...]) -> Tensor:
    """Zeros of ``shape`` to which x is added at ``index``; an entry named twice gets both. Adjoint: `getitem`."""
    xp = xp_of(x.array)
    value = empty(shape, x.array.dtype, xp)
    value[...] = 0
    if is_basic(index):
        value[index] = x.array
    else:
        xp.add.at(value, index, x.array)
    return record(value, (x, lambda g: getitem(g, index)))


def crop(x: Tensor, slices: tuple[slice, ...]) -> Tensor:
    """``x[slices]`` as a copy without gaps, in the layout of x: what reads it next need not make one. Adjoint: `spread`."""
    shape = x.shape
    return record(x.array[slices].copy(order="K"), (x, lambda g: spread(g, slices, shape)))


def is_basic(index: Any) -> bool:
    """Only numbers, slices, None and ``...``: the answer is a view, and no entry is picked twice."""
    if type(index) is not tuple:
        return type(index) in _BASIC
    for item in index:  # noqa: SIM110 - a loop is quicker than all() over a generator, and every x[i] comes here
        if type(item) not in _BASIC:
            return False
    return True


def frozen(index: Any) -> Any:
    """A copy of the index: whoever owns those arrays may change them before the gradient needs them."""
    if hasattr(index, "dtype"):
        return index.copy()
    return tuple(frozen(i) for i in index) if isinstance(index, tuple) else index


def along(index: Array, axis: int) -> tuple[Array, ...]:
    """The advanced index that picks, at every place, the entry ``index`` says along ``axis`` (take_along_axis as an index)."""
    xp, last = xp_of(index), index.ndim - 1
    return tuple(index if i == axis else xp.arange(n).reshape(n, *(1,) * (last - i)) for i, n in enumerate(index.shape))


# -------------------------------------------------------------------- what an index means


def plain(index: Any, x: Tensor) -> tuple[Any, ...]:
    """The index as a tuple that the arrays of NumPy and CuPy read as PyTorch reads the original.

    A basic one ends in ``...``: then also one entry is a view, and not a number of NumPy's.
    """
    items = index if type(index) is tuple else (index,)
    for item in items:
        kind = type(item)
        if kind is slice:
            if type(item.start) in _BOUND and type(item.stop) in _BOUND and type(item.step) in _BOUND:
                continue
        elif kind in _BASIC:
            continue
        break
    else:
        return items if Ellipsis in items else (*items, Ellipsis)
    if isinstance(index, list) and any(isinstance(i, (Tensor, slice)) or np.ndim(i) for i in index):
        raise IndexError(
            "NumPy and PyTorch do not read a list of lists, slices or tensors alike; with one of them for each axis write "
            "x[[0, 1], [1, 2]], for one index of several dimensions x[np.array([[0, 1], [1, 2]])]"
        )
    items = tuple([_item(i) for i in items])
    if is_basic(items):
        return plain(items, x)
    mixed = int in [type(i) for i in items] and any(_is_array(i) for i in items)
    return _numbers_first(items, x.array.shape) if mixed else items


def _item(item: Any) -> Any:
    """One item of an index: a number of Python's, a slice of such, None, ``...``, a truth value or an array."""
    if isinstance(item, np.ndarray) and item.dtype == np.int64 and item.ndim:
        return item  # the common case
    if isinstance(item, slice):
        return slice(*(None if b is None else operator.index(b) for b in (item.start, item.stop, item.step)))
    if item is None or item is Ellipsis or isinstance(item, (bool, np.bool_)):
        return item
    if isinstance(item, (int, np.integer)):
        return int(item)
    if isinstance(item, (list, tuple, range)):
        item = np.asarray(item)
        item = item if item.size else item.astype(np.int64)
    if isinstance(item, Tensor):
        item = item.array if item.array.dtype != np.uint8 else item.array != 0  # bytes are a mask, as in PyTorch
    kind = getattr(item, "dtype", None)
    if kind == np.uint8:
        raise IndexError(
            "an array of uint8 as an index is numbers in NumPy and a mask in PyTorch; write astype(int) or astype(bool)"
        )
    if kind is None or kind.kind not in "iub":
        found = repr(item) if kind is None else f"entries of {kind}"
        raise IndexError(f"an index is made of whole numbers, slices, None, ... and masks; got {found}")
    return int(item) if kind.kind != "b" and not item.ndim else item


def _numbers_first(index: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """An index with numbers and arrays, so that NumPy answers as if the numbers had been taken first.

    NumPy counts a number as an array, and the axes of arrays that are apart come first: ``x[0, :, [1, 2]]`` has shape (2, n)
    there, and not (n, 2). Where that makes a difference, the slices between number and arrays are written as arrays too.
    """
    items = [part for i in index for part in (i.nonzero() if _is_array(i) and i.dtype == np.bool_ else (i,))]
    missing = len(shape) - sum(i is not None and i is not Ellipsis for i in items)
    dots = next((k for k, i in enumerate(items) if i is Ellipsis), len(items))
    items[dots : dots + 1] = [slice(None)] * missing
    arrays = [k for k, i in enumerate(items) if _is_array(i)]
    picked = [k for k, i in enumerate(items) if k in arrays or type(i) is int]
    between = [k for k in range(picked[0], picked[-1]) if k not in picked]
    before, after = [k for k in between if k < arrays[0]], [k for k in between if k > arrays[-1]]
    if missing < 0 or len(before) + len(after) < max(len(between), 1) or all(k in picked for k in range(arrays[0])):
        return index  # NumPy's order is PyTorch's
    most = max(items[k].ndim for k in arrays)
    order = [*before, *[-1] * most, *after]  # the axes of the answer that these arrays make
    block, axis = [], sum(i is not None for i in items[: picked[0]])
    for k, item in enumerate(items[picked[0] : picked[-1] + 1], picked[0]):
        if k in arrays:
            block.append(item.reshape((1,) * (len(before) + most - item.ndim) + item.shape + (1,) * len(after)))
        elif item is not None:
            rest = len(order) - 1 - order.index(k) if k in order else 0
            block.append(item if type(item) is int else np.arange(shape[axis])[item].reshape(-1, *(1,) * rest))
        axis += item is not None
    return (*items[: picked[0]], *block, *items[picked[-1] + 1 :])


def _is_array(item: Any) -> bool:
    """An array of numbers or a mask, with dimensions."""
    return hasattr(item, "dtype") and item.ndim > 0
