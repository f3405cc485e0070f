"""Tensors joined to one, and one taken apart. The adjoint of `cat` gives each its slice; the parts of `split` are views."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ..array import device_of, empty, xp_of
from ..engine import Tensor, record
from .axes import axis_of, named, sequence
from .indexing import crop, getitem
from .operands import astype, common_dtype, operand
from .shapes import reshape, unsqueeze


def _given(operation: str, tensors: Any) -> list[Tensor]:
    """The tensors of a list of at least one."""
    if isinstance(tensors, Tensor) or not hasattr(tensors, "__iter__") or hasattr(tensors, "dtype"):
        raise TypeError(f"{operation}: takes a list of tensors, {operation}([a, b]), not one {type(tensors).__name__}")
    items = [operand(operation, t) for t in tensors]
    if not items:
        raise ValueError(f"{operation}: there are no tensors to join")
    return items


def cat(tensors: Sequence[Tensor], dim: int = 0, **other: Any) -> Tensor:
    """Join tensors along ``dim``; all other sizes must agree. Adjoint: each gets its slice of g.

    A tensor of shape (0,) fits everywhere, as in PyTorch: a collection may begin with ``ninx.tensor([])``. Different dtypes meet
    as in a sum. Raises ValueError for other shapes and for no tensors at all, IndexError for a dim that is not there.

    >>> ninx.cat([ninx.zeros(1, 2), ninx.ones(2, 2)])
    tensor([[0., 0.],
            [1., 1.],
            [1., 1.]])
    """
    if other:
        dim, _ = named("cat", None if "axis" in other else dim, False, other)
    given = _given("cat", tensors)
    dtype, items = common_dtype(given), [t for t in given if t.array.shape != (0,)] or given[:1]
    first = items[0]
    if first.ndim == 0:
        raise ValueError("cat: a tensor without dimensions cannot be joined; stack makes a new axis")
    (axis,) = axis_of("cat", first, dim)
    for t in items[1:]:
        if t.ndim != first.ndim or any(i != axis and m != n for i, (m, n) in enumerate(zip(first.shape, t.shape, strict=False))):
            raise ValueError(f"cat: shapes {first.shape} and {t.shape} differ along more than dim {dim}")
        if t.array.device != first.array.device:
            raise ValueError(
                f"cat: one tensor is on {device_of(first.array)}, another on {device_of(t.array)}; move it with .to()"
            )
    items = [astype(t, dtype) for t in items]
    ends = list(accumulate([t.array.shape[axis] for t in items], initial=0))
    slices = [(*(slice(None),) * axis, slice(a, b)) for a, b in pairwise(ends)]
    out = empty((*first.shape[:axis], ends[-1], *first.shape[axis + 1 :]), dtype, xp_of(first.array))
    for t, where in zip(items, slices, strict=True):
        out[where] = t.array
    return record(out, (tuple(items), lambda g: tuple(crop(g, where) for where in slices)))


def concat(tensors: Sequence[Tensor], dim: int = 0, **other: Any) -> Tensor:
    """The same as `cat`.

    >>> ninx.concat([ninx.tensor([1]), ninx.tensor([2, 3])])
    tensor([1, 2, 3])
    """
    return cat(tensors, dim, **other)


def stack(tensors: Sequence[Tensor], dim: int = 0, **other: Any) -> Tensor:
    """Join tensors of one shape along a new axis ``dim``: k of (2, 3) become (k, 2, 3). Raises ValueError for different shapes.

    >>> ninx.stack([ninx.tensor([1, 2]), ninx.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    if other:
        dim, _ = named("stack", None if "axis" in other else dim, False, other)
    items = _given("stack", tensors)
    shapes = {t.shape for t in items}
    if len(shapes) > 1:
        raise ValueError(f"stack: the shapes must be equal, got {sorted(shapes)}")
    return cat([unsqueeze(t, dim) for t in items], dim)


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Side by side: joined along axis 1, vectors and numbers along axis 0.

    >>> ninx.hstack([ninx.tensor([1, 2]), ninx.tensor([3])])
    tensor([1, 2, 3])
    """
    items = [t if t.ndim else reshape(t, (1,)) for t in _given("hstack", tensors)]
    return cat(items, 0 if items[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """One below the other: joined along axis 0, a vector as one row.

    >>> ninx.vstack([ninx.tensor([1, 2]), ninx.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return cat([t if t.ndim > 1 else reshape(t, (1, t.array.size)) for t in _given("vstack", tensors)])


# -------------------------------------------------------------------- taken apart


def _axis(operation: str, x: Tensor, dim: int) -> int:
    if x.ndim == 0:
        raise ValueError(f"{operation}: a tensor without dimensions has no parts")
    return axis_of(operation, x, dim)[0]


def _parts(x: Tensor, axis: int, ends: Sequence[int]) -> tuple[Tensor, ...]:
    """The views between each end and the next."""
    return tuple(getitem(x, (*(slice(None),) * axis, slice(a, max(a, b)))) for a, b in pairwise(ends))


def split(x: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Parts along ``dim``, views: of so many entries each (the last may have fewer), or of the sizes of a list.

    Raises ValueError for sizes that do not add up.

    >>> ninx.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    >>> ninx.arange(5).split([1, 4])
    (tensor([0]), tensor([1, 2, 3, 4]))
    """
    x = operand("split", x)
    axis = _axis("split", x, dim)
    n, sizes = x.shape[axis], sequence((split_size_or_sections,))
    if not isinstance(split_size_or_sections, (list, tuple)):
        (size,) = sizes
        if size < 0 or (size == 0 and n):
            raise ValueError(f"split: parts of {size} entries do not make up the {n} of axis {axis} of shape {x.shape}")
        return _parts(x, axis, [*range(0, n, size or 1), n] if n else [0, 0])
    if sum(sizes) != n or min(sizes, default=0) < 0:
        raise ValueError(f"split: sizes {sizes} do not add up to the {n} entries of axis {axis} of shape {x.shape}")
    return _parts(x, axis, list(accumulate(sizes, initial=0)))


def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most so many parts along ``dim``, views of one size, of which the last may have fewer entries, as in PyTorch.

    >>> ninx.arange(5).chunk(3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    x = operand("chunk", x)
    n, (count,) = x.shape[_axis("chunk", x, dim)], sequence((chunks,))
    if count < 1:
        raise ValueError(f"chunk: into at least one part, not {count}")
    return split(x, -(-n // count) if n else [0] * count, dim)


def tensor_split(x: Tensor, indices_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Exactly so many parts along ``dim``, the first ones larger by one entry if need be; or parts that begin at given places.

    >>> ninx.arange(5).tensor_split(3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    >>> ninx.arange(5).tensor_split([1, 3])
    (tensor([0]), tensor([1, 2]), tensor([3, 4]))
    """
    x = operand("tensor_split", x)
    axis = _axis("tensor_split", x, dim)
    n, numbers = x.shape[axis], sequence((indices_or_sections,))
    if isinstance(indices_or_sections, (list, tuple)) or np.ndim(indices_or_sections):
        return _parts(x, axis, [0, *(min(max(i + n if i < 0 else i, 0), n) for i in numbers), n])
    (count,) = numbers
    if count < 1:
        raise ValueError(f"tensor_split: into at least one part, not {count}")
    return _parts(x, axis, [i * (n // count) + min(i, n % count) for i in range(count + 1)])


def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The tensors that lie along ``dim``, without that axis: views, as `select` gives them.

    >>> ninx.tensor([[1, 2], [3, 4]]).unbind(1)
    (tensor([1, 3]), tensor([2, 4]))
    """
    x = operand("unbind", x)
    axis = _axis("unbind", x, dim)
    return tuple(getitem(x, (*(slice(None),) * axis, i)) for i in range(x.shape[axis]))
