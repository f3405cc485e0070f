"""The entries in another order, repeated, or only some of them: flip, roll, tile, the triangles of a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..array import to_numpy, xp_of
from ..engine import Tensor, record
from .axes import Dims, axes_of, axis_of, sequence
from .choosing import where
from .indexing import getitem, spread
from .operands import broadcast_to, operand
from .shapes import flatten, reshape


def flip(x: Tensor, dims: Dims) -> Tensor:
    """The entries in the opposite order along each of ``dims``; a copy. Its own adjoint.

    >>> ninx.flip(ninx.tensor([[1, 2], [3, 4]]), (0,))
    tensor([[3, 4],
            [1, 2]])
    """
    x = operand("flip", x)
    axes = axes_of("flip", x, dims)
    backwards = tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(x.ndim))
    return record(x.array[(*backwards, ...)].copy(order="K"), (x, lambda g: flip(g, axes)))


def roll(x: Tensor, shifts: int | Sequence[int], dims: Dims = None) -> Tensor:
    """Every entry ``shifts`` places further along ``dims``, round the end; without dims in the flattened tensor. A copy.

    Adjoint: back by as many places.

    >>> ninx.arange(5).roll(2)
    tensor([3, 4, 0, 1, 2])
    """
    x, steps = operand("roll", x), sequence((shifts,))
    if dims is None:
        if len(steps) != 1:
            raise ValueError(f"roll: {len(steps)} shifts need as many dims")
        return reshape(roll(flatten(x), steps, (0,)), x.shape)
    axes = tuple(axis for d in sequence((dims,)) for axis in axis_of("roll", x, d))
    if x.ndim and len(axes) != len(steps):
        raise ValueError(f"roll: {len(steps)} shifts {steps} for {len(axes)} dims {axes}")
    if not axes:
        return record(x.array.copy(), (x, lambda g: g))
    value = xp_of(x.array).roll(x.array, steps, axes)
    return record(value, (x, lambda g: roll(g, tuple(-s for s in steps), axes)))


def tile(x: Tensor, dims: Sequence[int]) -> Tensor:
    """The tensor so many times along each axis; where there are more axes than numbers, the last ones are meant. A copy.

    Adjoint: the sum over the copies.

    >>> ninx.tile(ninx.tensor([1, 2]), (2, 2))
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    x, times = operand("tile", x), sequence((dims,))
    if min(times, default=0) < 0:
        raise ValueError(f"tile: every axis is repeated 0 times or more, got {times}")
    n = max(x.ndim, len(times))
    shape, times = (1,) * (n - x.ndim) + x.shape, (1,) * (n - len(times)) + times
    apart = reshape(x, tuple(size for s in shape for size in (1, s)))
    big = broadcast_to(apart, tuple(size for k, s in zip(times, shape, strict=True) for size in (k, s)))
    return reshape(big, tuple(k * s for k, s in zip(times, shape, strict=True)))


def repeat(x: Tensor, repeats: Sequence[int]) -> Tensor:
    """The tensor so many times along each axis, as `tile`, but every axis needs its number. (NumPy's is `repeat_interleave`.)

    >>> ninx.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    times = sequence((repeats,))
    if len(times) < x.ndim:
        raise ValueError(f"repeat: {len(times)} numbers {times} for the {x.ndim} axes of shape {x.shape}; tile takes fewer")
    return tile(x, times)


def repeat_interleave(x: Tensor, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Every entry along ``dim`` so many times in a row, or each its own number of times; without dim of the flattened tensor.

    Adjoint: the sum over the repetitions.

    >>> ninx.tensor([1, 2]).repeat_interleave(2), ninx.tensor([1, 2]).repeat_interleave(ninx.tensor([1, 3]))
    (tensor([1, 1, 2, 2]), tensor([1, 2, 2, 2]))
    """
    x = operand("repeat_interleave", x)
    if dim is None or x.ndim == 0:
        x, dim = flatten(x), 0
    (axis,), times = axis_of("repeat_interleave", x, dim), to_numpy(operand("repeat_interleave", repeats).array)
    if times.dtype.kind not in "iu" or (times < 0).any() or times.size not in (1, x.shape[axis]) or times.ndim > 1:
        raise ValueError(f"repeat_interleave: takes one number, or one for each of {x.shape[axis]} entries, got {repeats}")
    index = np.repeat(np.arange(x.shape[axis]), times)
    if output_size not in (None, len(index)):
        raise ValueError(f"repeat_interleave: makes {len(index)} entries, not output_size={output_size}")
    return getitem(x, (*(slice(None),) * axis, xp_of(x.array).asarray(index)))


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Every vector along an axis of its own, repeated along those of the others; "xy" swaps the first two axes. Copies.

    >>> rows, columns = ninx.meshgrid(ninx.arange(2), ninx.arange(3))
    >>> rows
    tensor([[0, 0, 0],
            [1, 1, 1]])
    """
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing is 'ij' or 'xy', got {indexing!r}")
    vectors = [flatten(operand("meshgrid", t)) for t in given if operand("meshgrid", t).ndim < 2]
    if len(vectors) < max(len(given), 1):
        raise ValueError(f"meshgrid: takes vectors, got shapes {[operand('meshgrid', t).shape for t in given]}")
    if len(vectors) > 1 and indexing == "xy":
        second, first, *rest = meshgrid(vectors[1], vectors[0], *vectors[2:])
        return (first, second, *rest)
    shape = tuple(v.shape[0] for v in vectors)
    ones = (1,) * len(vectors)
    return tuple(broadcast_to(reshape(v, (*ones[:i], -1, *ones[i + 1 :])), shape) for i, v in enumerate(vectors))


# -------------------------------------------------------------------- matrices


def tril(x: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of every matrix (..., m, n), zeros above; ``diagonal`` 1 is one further up. Adjoint: that of g.

    >>> ninx.tril(ninx.ones(2, 3))
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    return _triangle("tril", x, lambda i, j: j - i <= diagonal)


def triu(x: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of every matrix (..., m, n), zeros below; ``diagonal`` 1 is one further up. Adjoint: that of g.

    >>> ninx.triu(ninx.ones(2, 3), 1)
    tensor([[0., 1., 1.],
            [0., 0., 1.]])
    """
    return _triangle("triu", x, lambda i, j: j - i >= diagonal)


def _triangle(operation: str, x: Any, inside: Any) -> Tensor:
    x = operand(operation, x)
    if x.ndim < 2:
        raise ValueError(f"{operation}: takes matrices (..., m, n), got shape {x.shape}")
    xp, (m, n) = xp_of(x.array), x.shape[-2:]
    chosen = inside(xp.arange(m)[:, None], xp.arange(n))
    return where(Tensor(chosen), x, Tensor(xp.zeros((), x.array.dtype)))


def diag(x: Tensor, diagonal: int = 0) -> Tensor:
    """The matrix with this vector on a diagonal, or the diagonal of this matrix; a copy. 1 is the diagonal above the main one.

    >>> ninx.diag(ninx.tensor([1, 2])), ninx.diag(ninx.tensor([[1, 2], [3, 4]]), 1)
    (tensor([[1, 0],
            [0, 2]]), tensor([2]))
    """
    x, down, right = operand("diag", x), max(-diagonal, 0), max(diagonal, 0)
    xp = xp_of(x.array)
    if x.ndim == 1:
        i, side = xp.arange(x.shape[0]), x.shape[0] + max(down, right)
        return spread(x, (i + down, i + right), (side, side))
    if x.ndim != 2:
        raise ValueError(f"diag: takes a vector or a matrix, got shape {x.shape}")
    i = xp.arange(max(min(x.shape[0] - down, x.shape[1] - right), 0))
    return getitem(x, (i + down, i + right))
