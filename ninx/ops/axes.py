"""Sizes and axes as arguments: which axes a ``dim`` names, in all the forms in which PyTorch and NumPy take them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine import Tensor


def sequence(args: tuple[Any, ...], keyword: dict[str, Any] | None = None) -> tuple[int, ...]:
    """The sizes of ``x.reshape(2, 3)`` or ``x.reshape((2, 3))``: numbers, or one list, tuple or array of them.

    ``keyword``: what was given by name, as in ``x.reshape(shape=(2, 3))``.
    """
    if keyword:
        if args or len(keyword) > 1 or not {"shape", "size", "sizes", "dims", "repeats"} & set(keyword):
            raise TypeError(f"there is no argument {', '.join(keyword)} beside the sizes or axes {args}")
        args = tuple(keyword.values())
    items: Any = args
    if len(args) == 1 and type(args[0]) is not int:
        (one,) = args
        if isinstance(one, (tuple, list, range)) or (isinstance(one, (np.ndarray, Tensor)) and one.ndim):
            items = one
    try:
        return tuple([operator.index(i) for i in items])
    except TypeError:
        if any(isinstance(i, (type, np.dtype)) for i in items):
            hint = "the bytes of a tensor are not read as another dtype, x.to(dtype) converts its numbers"
        else:
            hint = "the quotient n // 2 is one, n / 2 is not"
        raise TypeError(f"sizes and axes are whole numbers, got {tuple(items)}; {hint}") from None


Dims = int | Sequence[int] | None


def axes_of(operation: str, x: Tensor, dim: Dims, all_of_none: bool = False) -> tuple[int, ...]:
    """The axes that ``dim`` names, counted from 0; IndexError for one that is not there, ValueError for one named twice.

    A tensor without dimensions has the dims 0 and -1 although it has no axis, as in PyTorch. ``all_of_none``: no dim at all,
    as in ``dim=()``, is every dim; that is so for most reductions.
    """
    n = len(x.array.shape)
    if dim is None or (all_of_none and isinstance(dim, (tuple, list)) and not dim):
        return tuple(range(n))
    if type(dim) is int and -n <= dim < n:
        return (dim % n,)
    dims = (dim,) if isinstance(dim, (int, np.integer)) else dim
    try:
        if isinstance(dims, str) or any(isinstance(d, (bool, np.bool_)) for d in dims):
            raise TypeError
        numbers = tuple([operator.index(d) for d in dims])
    except TypeError:
        if isinstance(dim, Tensor) and not dim.ndim:
            return axes_of(operation, x, int(dim))
        raise TypeError(f"{operation}: dim is a whole number or several in a tuple, got {dim!r}") from None
    for d in numbers:
        if not -(n or 1) <= d < (n or 1):
            raise IndexError(f"{operation}: dim {d} is out of range for a tensor of shape {x.shape}")
    axes = tuple([d % n for d in numbers]) if n else ()
    if len(set(axes)) < len(axes):
        raise ValueError(f"{operation}: a dim is named twice in {numbers} for a tensor of shape {x.shape}")
    return axes


def axis_of(operation: str, x: Tensor, dim: Any, hint: str = "") -> tuple[int, ...]:
    """`axes_of` for a ``dim`` that must be one: (axis,), or () for a tensor without dimensions."""
    if type(dim) is not int and not isinstance(dim, np.integer):
        raise TypeError(f"{operation}: dim must be one whole number, got {dim}{hint}")
    return axes_of(operation, x, int(dim))


def named(operation: str, dim: Any, keepdim: Any, other: dict[str, Any]) -> tuple[Any, bool]:
    """(dim, keepdim), where ``other`` may have NumPy's names for them: ``axis`` and ``keepdims``, and an ``out`` that is None.

    Raises TypeError for any other argument, and for a keepdim that may be meant for a second axis.
    """
    for ours, theirs, given in (("dim", "axis", dim is not None), ("keepdim", "keepdims", keepdim is not False)):
        if theirs in other and given and other[theirs] is not None:
            raise TypeError(f"{operation}: {ours} and {theirs} are two names of one argument; give one of them")
    dim, keepdim = other.get("axis", dim), other.get("keepdims", keepdim)
    if other.get("out") is not None:
        raise TypeError(f"{operation}: there is no out; write y[...] = ninx.{operation}(x), or y.copy_(x.{operation}())")
    if unknown := set(other) - {"axis", "keepdims", "out"}:
        raise TypeError(f"{operation}: there is no argument {', '.join(sorted(unknown))}; see help(ninx.{operation})")
    if not isinstance(keepdim, (bool, np.bool_)):
        raise TypeError(f"{operation}: keepdim is True or False, got {keepdim!r}; several axes are a tuple, dim=(0, 1)")
    return dim, bool(keepdim)
