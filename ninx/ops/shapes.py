"""Shapes: these move entries and never change them, so each adjoint moves the gradient back the same way.

The pairs: reshape and reshape, permute and its inverse, `pad` and crop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..array import Array, empty, xp_of
from ..engine import Tensor, Unwritable, record
from .axes import Dims, axes_of, axis_of, sequence
from .indexing import crop, getitem
from .operands import operand


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
    if not isinstance(x, Tensor):
        x = operand("reshape", x)
    if type(shape) is not tuple:
        shape = sequence((shape,))
    old = x.array.shape
    try:
        value = x.array.reshape(shape)
        if value.shape != shape and min(shape) < -1:
            raise ValueError  # NumPy takes any number below 0 for -1
    except (ValueError, TypeError):
        wanted = sequence((shape,))
        raise ValueError(f"reshape: {x.array.size} entries of shape {tuple(old)} do not fit shape {wanted}") from None
    return record(value, (x, lambda g: reshape(g, old)), view_of=_view(value, x))


def unwritable(y: Tensor) -> Tensor:
    """``y``, made read-only if it is a copy: a change in place would not reach the tensor that it was to be a view of."""
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
    x = operand("permute", x)
    axes = axes_of("permute", x, dims)
    if len(axes) != x.ndim:
        raise ValueError(f"permute: {tuple(dims)} is no order of the {x.ndim} axes of shape {x.shape}")
    inverse = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    return record(x.array.transpose(axes), (x, lambda g: permute(g, inverse)), view_of=x)


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Swap two axes; a view. Its own adjoint.

    >>> ninx.zeros(2, 3, 4).transpose(1, 2).shape
    (2, 4, 3)
    """
    x = operand("transpose", x)
    i, j = axis_of("transpose", x, dim0), axis_of("transpose", x, dim1)
    axes = list(range(x.ndim))
    for a, b in zip(i, j, strict=True):  # nothing to swap without dimensions
        axes[a], axes[b] = b, a
    return permute(x, axes)


def movedim(x: Tensor, source: Dims, destination: Dims) -> Tensor:
    """The axes ``source`` (one or several) moved to the places ``destination``, the others in their order; a view.

    >>> ninx.movedim(ninx.zeros(10, 28, 28, 3), -1, 1).shape
    (10, 3, 28, 28)
    """
    x = operand("movedim", x)
    moved, places = axes_of("movedim", x, source), axes_of("movedim", x, destination)
    if len(moved) != len(places):
        raise ValueError(f"movedim: {len(moved)} axes {source} cannot go to {len(places)} places {destination}")
    order = [i for i in range(x.ndim) if i not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return permute(x, order)


def t(x: Tensor) -> Tensor:
    """The transpose of a matrix, a view; a vector or a number as it is. Raises ValueError for more than two axes.

    >>> ninx.tensor([[1, 2, 3]]).t().shape
    (3, 1)
    """
    x = operand("t", x)
    if x.ndim > 2:
        raise ValueError(f"t: takes at most two axes, got shape {x.shape}; x.mT swaps the last two, x.T turns all round")
    return permute(x, range(x.ndim)[::-1])


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Axes ``start_dim`` to ``end_dim`` (included) as one: by default all of them.

    >>> ninx.zeros(10, 3, 4, 4).flatten(1).shape
    (10, 48)
    """
    x = operand("flatten", x)
    ends = axis_of("flatten", x, start_dim), axis_of("flatten", x, end_dim)
    if x.ndim == 0:
        return reshape(x, (1,))
    (first,), (last,) = ends
    if first > last:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} for shape {x.shape}")
    size = math.prod(x.shape[first : last + 1])
    return reshape(x, (*x.shape[:first], size, *x.shape[last + 1 :]))


def ravel(x: Tensor) -> Tensor:
    """All axes as one; the same as `flatten`.

    >>> ninx.zeros(2, 3).ravel().shape
    (6,)
    """
    return flatten(x)


def unflatten(x: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Axis ``dim`` as several of ``sizes``, one of which may be -1. The opposite of `flatten`.

    >>> ninx.zeros(10, 48).unflatten(1, (3, 4, -1)).shape
    (10, 3, 4, 4)
    """
    x = operand("unflatten", x)
    if x.ndim == 0:
        raise IndexError("unflatten: a tensor without dimensions has no axis to take apart")
    (axis,), sizes = axis_of("unflatten", x, dim), sequence((sizes,))
    try:
        return reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))
    except ValueError:
        raise ValueError(f"unflatten: axis {axis} of shape {x.shape} has not as many entries as the sizes {sizes}") from None


def squeeze(x: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Without the axes of size 1 (all of them, or those of ``dim``; one of another size stays).

    >>> ninx.zeros(10, 3, 1, 1).squeeze().shape
    (10, 3)
    """
    x = operand("squeeze", x)
    chosen = axes_of("squeeze", x, dim)
    return reshape(x, tuple([n for i, n in enumerate(x.array.shape) if n != 1 or i not in chosen]))


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """With a new axis of size 1 at ``dim``, which may be negative: -1 is after the last axis.

    >>> ninx.zeros(3, 4).unsqueeze(0).shape
    (1, 3, 4)
    """
    x = operand("unsqueeze", x)
    if not -x.ndim - 1 <= (dim := sequence((dim,))[0]) <= x.ndim:
        raise IndexError(f"unsqueeze: dim {dim} is out of range for shape {x.shape}")
    at = dim % (x.ndim + 1)
    return reshape(x, (*x.shape[:at], 1, *x.shape[at:]))


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Put entries around x: ``pad`` = (left, right, top, bottom, ...) counts from the last axis; a size below 0 cuts off.

    ``mode``: "constant" (``value``; None: 0), or the image goes on: "reflect" (as in a mirror at its edge pixels), "replicate"
    (with its edge pixels), "circular" (from its other side). Adjoint: crop, or the sum over what was repeated.

    Raises ValueError for another mode, and for sizes that do not fit.

    >>> F.pad(ninx.ones(1, 2), (1, 1))
    tensor([[0., 1., 1., 0.]])
    >>> F.pad(ninx.tensor([[1, 2, 3]]), (2, -1), mode="reflect")
    tensor([[3, 2, 1, 2]])
    """
    x, sizes = operand("pad", input), sequence((pad,))
    if len(sizes) % 2 or len(sizes) > 2 * x.ndim:
        raise ValueError(f"pad: needs at most {x.ndim} pairs of sizes for shape {x.shape}, got {sizes}")
    pairs = [(0, 0)] * (x.ndim - len(sizes) // 2) + [(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 2, -1, -2)]
    shape = tuple(n + before + after for (before, after), n in zip(pairs, x.shape, strict=True))
    if min(shape, default=0) < 0:
        raise ValueError(f"pad: sizes {sizes} cut off more than there is of shape {x.shape}")
    if mode != "constant":
        return _continued(x, pairs, mode, value)
    if min(sizes, default=0) < 0:
        x = getitem(x, tuple(slice(max(-b, 0), n - max(-a, 0)) for (b, a), n in zip(pairs, x.shape, strict=True)))
    inside = tuple(slice(max(before, 0), max(before, 0) + n) for (before, _), n in zip(pairs, x.shape, strict=True))
    out = empty(shape, x.array.dtype, xp_of(x.array))
    out[...] = 0 if value is None else value
    out[inside] = x.array
    return record(out, (x, lambda g: crop(g, inside)), name="pad")


# What an entry at a place outside 0 to n - 1 repeats, and how far outside it may lie.
_PLACES: dict[str, tuple[Callable[[Any, int], Any], Callable[[int], float]]] = {
    "reflect": (lambda i, n: n - 1 - np.abs(n - 1 - np.abs(i)), lambda n: n - 1),
    "replicate": (lambda i, n: np.clip(i, 0, n - 1), lambda n: n and np.inf),
    "circular": (lambda i, n: i % n, lambda n: n),
}


def _continued(x: Tensor, pairs: Sequence[tuple[int, int]], mode: str, value: float | None) -> Tensor:
    """`pad` where the entries around x are entries of x."""
    if mode not in _PLACES:
        raise ValueError(f"pad: mode is 'constant', 'reflect', 'replicate' or 'circular', got {mode!r}")
    if value:
        raise ValueError(f"pad: mode {mode!r} takes its entries from x, and no value; got value={value}")
    if mode == "circular" and min(map(min, pairs), default=0) < 0:
        raise ValueError("pad: mode 'circular' takes no sizes below 0; cut off first, x[..., 1:-1], and then go on")
    place, most = _PLACES[mode]
    for axis, ((before, after), n) in enumerate(zip(pairs, x.shape, strict=True)):
        if not before and not after:
            continue
        if max(before, after) > most(n):
            raise ValueError(f"pad: mode {mode!r} can go on by {most(n)} entries along an axis of {n}, got {before} and {after}")
        x = getitem(x, (*(slice(None),) * axis, place(np.arange(-before, n + after), n)))
    return x
