"""Changes in place: ``x[...] = v``, ``x += v``, `add_`, `copy_`, `fill_`.

Where gradients are wanted, an in-place operation is the ordinary operation whose result x then takes over, with its history.
Each change raises the version of x, by which `backward` notices that a value it needs is gone. Writing through ``.array`` or
``.numpy()`` is not noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..array import Array, device_of, xp_of
from ..engine import Tensor, Unwritable, is_grad_enabled, no_grad, record, source
from . import arithmetic
from .indexing import frozen, getitem, plain
from .operands import RANK, astype, broadcast_to, operand, sum_to, to
from .shapes import reshape


def _is_tracked(operation: str, x: Tensor, value_wants: bool) -> bool:
    """Must this change be recorded for backward? Raises RuntimeError where it cannot be."""
    source(x)  # refuses a stale view
    if isinstance(x.version, Unwritable):
        raise RuntimeError(
            f"{operation}: this tensor of shape {x.shape} is a copy where a view was asked for (view of an image that lies "
            "channels-last, expand), so nothing else would change with it; use reshape() or clone() for one of your own"
        )
    if not is_grad_enabled() or not (x.requires_grad or value_wants):
        return False
    if x.is_leaf and x.requires_grad:
        raise RuntimeError(f"{operation}: a leaf that requires grad cannot be changed in place; do it under no_grad()")
    if x.is_view:
        raise RuntimeError(
            f"{operation}: a view cannot be changed in place where gradients are recorded; write y[0] = y[0] * 2, not y[0] *= 2"
        )
    return True


def _write(operation: str, x: Tensor, index: Any, value: Array) -> None:
    """x.array[index] = value, checked, and counted as a new version."""
    if RANK[value.dtype.kind] > RANK[x.array.dtype.kind]:
        raise TypeError(f"{operation}: a value of dtype {value.dtype} does not fit in place into {x.array.dtype}")
    if value.device != x.array.device:
        raise ValueError(f"{operation}: a value on {device_of(value)} for a tensor on {x.device}; move it with .to()")
    try:
        x.array[index] = value
    except IndexError as error:
        raise IndexError(f"{operation}: {error} (the tensor has shape {x.shape})") from None
    except (ValueError, TypeError):  # TypeError: for a boolean mask NumPy accepts only a vector of values
        if xp_of(x.array) is np and not x.array.flags.writeable:
            raise ValueError(f"{operation}: the array of this tensor is read-only") from None
        place = tuple(x.array[index].shape)
        raise ValueError(f"{operation}: a value of shape {tuple(value.shape)} does not fit in place into shape {place}") from None
    changed(x)


def changed(x: Tensor) -> None:
    """Note that the memory of x was written to: raise its version. For code that writes to ``x.array`` itself."""
    x.version.count += 1


def become(operation: str, x: Tensor, function: Callable[..., Tensor], *values: Any, **options: Any) -> Tensor:
    """x becomes ``function(x, *values, **options)``: the entries are written into x's memory, and the history becomes that of x.

    So every operation has its form in place.
    """
    given = [v for v in (*values, *options.values()) if isinstance(v, Tensor)]
    if not _is_tracked(operation, x, any(v.requires_grad for v in given)):
        with no_grad():
            y = function(detach(x), *values, **options)
        _write(operation, x, ..., _same_shape(operation, x, y))
        return x
    old = Tensor(x.array.copy(order="K"), x.requires_grad)  # a copy, for the vjps: x itself is overwritten below
    old.node = x.node
    y = function(old, *values, **options)
    _write(operation, x, ..., _same_shape(operation, x, y))
    retained = None if x.node is None else x.node.retained
    x.node = astype(y, x.array.dtype).node
    x.requires_grad = x.node is not None  # zero_ leaves a constant
    if retained is not None and old.node is not None and x.node is not None:
        old.node.retained, x.node.retained = None, retained  # .grad is to be that of the new value
    x.version.tracked += 1
    x.seen_version = x.version.tracked
    return x


def _same_shape(operation: str, x: Tensor, y: Tensor) -> Array:
    if y.shape != x.shape:
        raise ValueError(f"{operation}: a result of shape {y.shape} does not fit in place into shape {x.shape}")
    return y.array


def detach(x: Tensor) -> Tensor:
    """The same memory without history: no gradient flows through. A change in place of one is a change of the other.

    >>> w = ninx.tensor(3.0, requires_grad=True)
    >>> (w * w.detach()).backward()  # the second factor counts as a constant
    >>> w.grad
    tensor(3.)
    """
    out = Tensor(x.array)
    out.version = x.version
    return out


def setitem_(x: Tensor, index: Any, value: Any) -> None:
    """``x[index] = value``: entries at the index come from the value, broadcast; all others stay.

    Adjoint: the value gets g at the index, x gets it everywhere else. Raises as `add_` does.

    >>> x = ninx.zeros(3)
    >>> x[1:] = ninx.tensor([1.0, 2.0])
    >>> x
    tensor([0., 1., 2.])
    """
    index, value = plain(index, x), operand("setitem", value, x)
    if x.array.dtype == np.bool_:
        value = astype(value, np.bool_)  # what is not 0 is True
    if not _is_tracked("setitem", x, value.requires_grad):
        _write("setitem", x, index, value.array)
        return

    index = frozen(index)

    def put(old: Tensor, new: Tensor) -> Tensor:
        new, small = astype(new, old.array.dtype), new.shape
        _write("setitem", old, index, new.array)  # old is a copy of x
        return record(
            old.array, (old, lambda g: cleared(g, index)), (new, lambda g: _gathered(getitem(g, index), small)), name="setitem"
        )

    become("setitem", x, put, value)


def _gathered(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """g summed to the shape of the value that was written, which may have more axes, of size 1, than its place has."""
    return reshape(sum_to(g, shape[max(len(shape) - g.ndim, 0) :]), shape)


def cleared(x: Tensor, index: Any) -> Tensor:
    """x with zeros at ``index``; its own adjoint."""
    value = x.array.copy(order="K")
    value[index] = 0
    return record(value, (x, lambda g: cleared(g, index)))


def add_(x: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """x += alpha * other, in place; returns x.

    Raises RuntimeError for a leaf that requires grad (outside `no_grad`), TypeError and ValueError for a result that does not
    fit into x.

    >>> x = ninx.tensor([1.0, 2.0])
    >>> x.add_(10)
    tensor([11., 12.])
    """
    return become("add_", x, arithmetic.add, other, alpha=alpha)


def sub_(x: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """x -= alpha * other, in place; returns x. Raises as `add_` does.

    >>> x = ninx.tensor([1.0, 2.0])
    >>> x.sub_(1)
    tensor([0., 1.])
    """
    return become("sub_", x, arithmetic.sub, other, alpha=alpha)


def mul_(x: Tensor, other: Any) -> Tensor:
    """x *= other, in place; returns x. Raises as `add_` does.

    >>> x = ninx.tensor([1.0, 2.0])
    >>> x.mul_(10)
    tensor([10., 20.])
    """
    return become("mul_", x, arithmetic.mul, other)


def div_(x: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """x /= other, in place; returns x. Raises as `add_` does: a tensor of whole numbers cannot hold the quotient.

    >>> x = ninx.tensor([1.0, 2.0])
    >>> x.div_(2)
    tensor([0.5000, 1.0000])
    """
    return become("div_", x, arithmetic.div, other, rounding_mode=rounding_mode)


def copy_(x: Tensor, other: Any) -> Tensor:
    """The entries of x become those of ``other``, broadcast, cast and moved to x's device; returns x. Raises as `add_` does.

    >>> ninx.zeros(2).copy_(ninx.tensor([1, 2]))
    tensor([1., 2.])
    """
    other = to(operand("copy_", other, x), x.device)
    return become("copy_", x, lambda old, new: broadcast_to(astype(new, old.array.dtype), old.shape), other)


def fill_(x: Tensor, value: Any) -> Tensor:
    """Every entry of x becomes ``value``, a number; returns x. Raises as `add_` does.

    >>> ninx.zeros(2).fill_(5)
    tensor([5., 5.])
    """
    if isinstance(value, Tensor) and value.ndim:
        raise ValueError(f"fill_: one value for all, not a tensor of shape {value.shape}; copy_ takes several")
    return become("fill_", x, lambda old, new: broadcast_to(astype(new, old.array.dtype), old.shape), operand("fill_", value, x))
