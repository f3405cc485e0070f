"""Arithmetic, element by element, with broadcasting. Each derivative stands on one line under its formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..array import Array, device_of, empty, on_device, xp_of
from ..engine import Tensor, record
from ..graph import Vjp

_RANK = {"b": 0, "i": 1, "u": 1, "f": 2}  # booleans, whole numbers, floats
_NEW = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float32}  # what a number becomes where it has no example


def as_tensor(x: Any, like: Tensor | None = None) -> Tensor:
    """``x`` as a tensor. A number or a list takes the dtype of ``like`` (unless it would lose its kind) and its device."""
    if isinstance(x, Tensor):
        return x
    array = np.asarray(x) if xp_of(x) is np else x
    if like is None or not isinstance(x, (bool, int, float, np.generic, list, tuple)):
        return Tensor(array.astype(np.float32) if isinstance(x, (float, list, tuple)) and array.dtype == np.float64 else array)
    given, kind = array.dtype.kind, like.array.dtype
    return Tensor(xp_of(like.array).asarray(x, _NEW[given] if _RANK.get(given, 0) > _RANK[kind.kind] else kind))


def common_dtype(tensors: Sequence[Tensor]) -> np.dtype[Any]:
    """The dtype in which tensors meet, by PyTorch's rule.

    Floats win over whole numbers and these over booleans, whatever their size; among the winners the larger; and a tensor
    without dimensions only counts where no other wins.
    """
    highest = max(_RANK[t.array.dtype.kind] for t in tensors)
    winners = [t for t in tensors if _RANK[t.array.dtype.kind] == highest]
    return np.result_type(*(t.array.dtype for t in [t for t in winners if t.array.ndim] or winners))


def promote(operation: str, a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Both operands as tensors on one device and of one dtype: floating wins over whole numbers of any size, as in PyTorch."""
    a = as_tensor(a, b if isinstance(b, Tensor) else None)
    b = as_tensor(b, a)
    if a.array.device != b.array.device:
        raise ValueError(
            f"{operation}: one tensor is on {device_of(a.array)}, the other on {device_of(b.array)}; move one with .to()"
        )
    if a.array.dtype != b.array.dtype:
        common = common_dtype([a, b])
        a, b = astype(a, common), astype(b, common)
    return a, b


def pair(operation: str, a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """`promote`, and a check that the shapes broadcast."""
    a, b = promote(operation, a, b)
    try:
        if a.array.shape != b.array.shape and a.array.ndim and b.array.ndim:
            np.broadcast_shapes(a.array.shape, b.array.shape)
    except ValueError:
        raise ValueError(f"{operation}: shapes {a.shape} and {b.shape} cannot be broadcast together") from None
    return a, b


def unbroadcast(t: Tensor, vjp: Vjp) -> Vjp:
    """``vjp``, followed by the adjoint of broadcasting: what was repeated is summed, back to the shape of ``t``."""
    shape = t.array.shape
    return lambda g: sum_to(vjp(g), shape)


def sum_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Sum over the axes along which ``shape`` was broadcast; the adjoint of `broadcast_to`."""
    if x.array.shape == shape:
        return x
    lead = x.array.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(shape) if n == 1 and x.array.shape[i + lead] != 1)
    big = x.array.shape
    value = added(x.array, axes, True).reshape(shape)
    return record(value, (x, lambda g: broadcast_to(g, big)))


def added(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
    """The sum over ``axes``, of float32 taken in float64, of float16 in float32.

    NumPy adds in pairs of pairs only along the axis whose entries are neighbours in memory. Along others, such as all pixels of
    a channel, it adds one by one, and a hundred thousand terms would cost two digits.
    """
    if x.dtype == np.float32:
        return x.sum(axis=axes, keepdims=keepdims, dtype=np.float64).astype(np.float32)
    if x.dtype == np.float16:
        with np.errstate(over="ignore"):
            return x.sum(axis=axes, keepdims=keepdims, dtype=np.float32).astype(np.float16)
    return x.sum(axis=axes, keepdims=keepdims)


def broadcast_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Repeat ``x`` along axes of size 1 and new leading axes until it has ``shape`` (-1 keeps a size). A copy, not a view.

    A 4-d result lies channels-last; a view with steps of 0 would make NumPy lose that layout in what follows.

    Adjoint: `sum_to`. Raises ValueError for an axis of another size.

    >>> ninx.broadcast_to(ninx.tensor([1, 2, 3]), (2, 3))
    tensor([[1, 2, 3],
            [1, 2, 3]])
    """
    small = x.array.shape
    lead = len(shape) - len(small)
    shape = tuple(small[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(shape))
    try:
        value = filled(shape, x.array)
    except ValueError:
        raise ValueError(f"broadcast_to: shape {tuple(small)} cannot be broadcast to {shape}") from None
    return record(value, (x, lambda g: sum_to(g, small)))


def filled(shape: tuple[int, ...], value: Array) -> Array:
    """A new array of ``shape`` (4-d: channels-last) that holds ``value``, broadcast."""
    out = empty(shape, value.dtype, xp_of(value))
    out[...] = value
    return out


def astype(x: Tensor, dtype: Any) -> Tensor:
    """``x`` with another dtype; the gradient is cast back (there is none through whole numbers).

    >>> ninx.astype(ninx.tensor([1, 0]), ninx.bool_)
    tensor([ True, False])
    """
    old = x.array.dtype
    if old == dtype:
        return x
    value = x.array.astype(dtype)
    return record(value, (x, lambda g: astype(g, old))) if np.issubdtype(dtype, np.floating) else record(value)


def to(x: Tensor, target: Any) -> Tensor:
    """x with another dtype (``ninx.float64``) or on another device ("cpu", "cuda", "cuda:1"); what is so already is not copied.

    Gradients are cast, or moved, back. Raises RuntimeError, with the reason, for a GPU that cannot be used.

    >>> ninx.tensor([1, 2]).to(ninx.float64)
    tensor([1., 2.], dtype=float64)
    """
    if not isinstance(target, str) or not target.startswith(("cpu", "cuda")):
        return astype(x, np.dtype(target))
    here = x.device
    if target == here:
        return x
    return record(on_device(x.array, target), (x, lambda g: to(g, here)))


# -------------------------------------------------------------------- two operands


def add(a: Any, b: Any) -> Tensor:
    """a + b, element by element; the shapes broadcast as NumPy's. Adjoint: g, and g.

    >>> ninx.tensor([[1], [2]]) + ninx.tensor([10, 20])
    tensor([[11, 21],
            [12, 22]])
    """
    a, b = pair("add", a, b)
    return record(
        a.array + b.array,
        (a, unbroadcast(a, lambda g: g)),
        (b, unbroadcast(b, lambda g: g)),
    )


def sub(a: Any, b: Any) -> Tensor:
    """a - b, element by element; the shapes broadcast. Adjoint: g, and -g.

    >>> ninx.tensor([3, 4]) - 1
    tensor([2, 3])
    """
    a, b = pair("sub", a, b)
    return record(
        a.array - b.array,
        (a, unbroadcast(a, lambda g: g)),
        (b, unbroadcast(b, lambda g: -g)),
    )


def mul(a: Any, b: Any) -> Tensor:
    """a * b, element by element; the shapes broadcast. Adjoint: g * b, and g * a.

    >>> ninx.tensor([1, 2]) * ninx.tensor([3, 4])
    tensor([3, 8])
    """
    a, b = pair("mul", a, b)
    return record(
        a.array * b.array,
        (a, unbroadcast(a, lambda g: g * b)),
        (b, unbroadcast(b, lambda g: g * a)),
    )


def div(a: Any, b: Any) -> Tensor:
    """a / b, element by element; the shapes broadcast, whole numbers become float32. Adjoint: g / b, and -g * a / b^2.

    >>> ninx.tensor([1, 2]) / 4
    tensor([0.2500, 0.5000])
    """
    a, b = (x if x.is_floating_point() else astype(x, np.float32) for x in pair("div", a, b))
    return record(
        a.array / b.array,
        (a, unbroadcast(a, lambda g: g / b)),
        (b, unbroadcast(b, lambda g: -g * a / (b * b))),
    )


def pow(a: Any, b: Any) -> Tensor:
    """a ** b, element by element; the shapes broadcast.

    d/da = b * a**(b - 1), which is 0 where b = 0; d/db = a**b * log(a), which is 0 where a = 0 and b >= 0.

    >>> ninx.tensor([1.0, 2.0, 3.0]) ** 2
    tensor([1., 4., 9.])
    """
    if isinstance(b, (int, float)) and b != 0 and isinstance(a, Tensor) and a.is_floating_point():
        return record(a.array**b, (a, lambda g: g * (b * a ** (b - 1))))  # the common case, x**2
    a, b = pair("pow", a, b)
    if not a.is_floating_point():
        return record(a.array**b.array)
    return record(
        a.array**b.array,
        (a, unbroadcast(a, lambda g: g * where(b == 0, 0.0, b * a ** where(b == 0, 1.0, b - 1)))),
        (b, unbroadcast(b, lambda g: g * where((a == 0) & (b >= 0), 0.0, a**b * log(where((a == 0) & (b >= 0), 1.0, a))))),
    )


def maximum(a: Any, b: Any) -> Tensor:
    """The larger of the two, element by element; the shapes broadcast. Equal values share the gradient, half each.

    >>> ninx.maximum(ninx.tensor([1, 5]), 3)
    tensor([3, 5])
    """
    a, b = pair("maximum", a, b)
    return record(
        xp_of(a.array).maximum(a.array, b.array),
        (a, unbroadcast(a, lambda g: g * _share(a > b, a == b))),
        (b, unbroadcast(b, lambda g: g * _share(b > a, a == b))),
    )


def minimum(a: Any, b: Any) -> Tensor:
    """The smaller of the two, element by element; the shapes broadcast. Equal values share the gradient, half each.

    >>> ninx.minimum(ninx.tensor([1, 5]), 3)
    tensor([1, 3])
    """
    a, b = pair("minimum", a, b)
    return record(
        xp_of(a.array).minimum(a.array, b.array),
        (a, unbroadcast(a, lambda g: g * _share(a < b, a == b))),
        (b, unbroadcast(b, lambda g: g * _share(b < a, a == b))),
    )


def _share(wins: Tensor, ties: Tensor) -> Tensor:
    return where(ties, 0.5, where(wins, 1.0, 0.0))


def where(condition: Any, a: Any = None, b: Any = None) -> Tensor:
    """``a`` where the condition holds, else ``b``; all three shapes broadcast. Each gets the gradient of the entries it gave.

    The condition alone is asked where it holds: ``nonzero(as_tuple=True)``. Raises TypeError for one that is not boolean.

    >>> x = ninx.tensor([-1.0, 2.0])
    >>> ninx.where(x > 0, x, 0.0)
    tensor([0., 2.])
    """
    condition = condition if isinstance(condition, Tensor) else Tensor(np.array(condition))  # a copy: the caller may change it
    if a is None and b is None:
        places = condition.array.reshape(condition.array.shape or (1,)).nonzero()
        return tuple(Tensor(i) for i in places)  # type: ignore[return-value]  # who asks with one argument expects it
    if condition.array.dtype != np.bool_:
        raise TypeError(f"where: the condition must be boolean, not {condition.array.dtype}")
    a, b = pair("where", a, b)
    return record(
        xp_of(a.array).where(condition.array, a.array, b.array),
        (a, unbroadcast(a, lambda g: where(condition, g, 0.0))),
        (b, unbroadcast(b, lambda g: where(condition, 0.0, g))),
    )


# -------------------------------------------------------------------- one operand


def neg(x: Tensor) -> Tensor:
    """-x. Adjoint: -g.

    >>> -ninx.tensor([1, -2])
    tensor([-1,  2])
    """
    return record(-x.array, (x, lambda g: -g))


def abs(x: Tensor) -> Tensor:
    """|x|. Adjoint: g * sign(x), which is 0 at 0.

    >>> ninx.abs(ninx.tensor([-1.0, 2.0]))
    tensor([1., 2.])
    """
    return record(xp_of(x.array).abs(x.array), (x, lambda g: g * sign(x)))


def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1; its derivative is 0.

    >>> ninx.sign(ninx.tensor([-3.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """
    return record(xp_of(x.array).sign(x.array))


def exp(x: Tensor) -> Tensor:
    """e ** x, element by element. Adjoint: g * exp(x).

    >>> ninx.exp(ninx.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    x = floating(x)
    return record(xp_of(x.array).exp(x.array), (x, lambda g, y: g * y))


def log(x: Tensor) -> Tensor:
    """The natural logarithm, NaN below 0. Adjoint: g / x.

    >>> ninx.log(ninx.tensor([1.0, 10.0]))
    tensor([0.0000, 2.3026])
    """
    x = floating(x)
    return record(xp_of(x.array).log(x.array), (x, lambda g: g / x))


def sqrt(x: Tensor) -> Tensor:
    """The square root, NaN below 0. Adjoint: g / (2 * sqrt(x)).

    >>> ninx.sqrt(ninx.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    x = floating(x)
    return record(xp_of(x.array).sqrt(x.array), (x, lambda g, y: g / (2 * y)))


def sin(x: Tensor) -> Tensor:
    """The sine of an angle in radians. Adjoint: g * cos(x).

    >>> ninx.sin(ninx.tensor([0.0, np.pi / 2]))
    tensor([0., 1.])
    """
    x = floating(x)
    return record(xp_of(x.array).sin(x.array), (x, lambda g: g * cos(x)))


def cos(x: Tensor) -> Tensor:
    """The cosine of an angle in radians. Adjoint: -g * sin(x).

    >>> ninx.cos(ninx.tensor([0.0, np.pi]))
    tensor([ 1., -1.])
    """
    x = floating(x)
    return record(xp_of(x.array).cos(x.array), (x, lambda g: -g * sin(x)))


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent, between -1 and 1. Adjoint: g * (1 - tanh(x)^2).

    >>> ninx.tanh(ninx.tensor([-1.0, 0.0, 10.0]))
    tensor([-0.7616,  0.0000,  1.0000])
    """
    x = floating(x)
    return record(xp_of(x.array).tanh(x.array), (x, lambda g, y: g * (1 - y * y)))


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), computed so that neither end overflows. Adjoint: g * y * (1 - y).

    >>> ninx.sigmoid(ninx.tensor([-1000.0, 0.0, 2.0]))
    tensor([0.0000, 0.5000, 0.8808])
    """
    x = floating(x)
    xp = xp_of(x.array)
    small = xp.exp(-xp.abs(x.array))  # at most 1
    return record(xp.where(x.array >= 0, 1, small) / (1 + small), (x, lambda g, y: g * y * (1 - y)))


def clip(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """x held between two bounds (numbers or arrays, either may be None); at a bound the derivative is 1, outside 0.

    Raises ValueError without any bound, and for a bound that wants a gradient: that is what `maximum` and `minimum` are for.

    >>> ninx.clip(ninx.tensor([-2.0, 0.5, 2.0]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise ValueError("clip: give min, max or both")
    bounds: list[Array | None] = []
    for bound in (min, max):
        if bound is not None:
            x, bound = pair("clip", x, bound)
            if bound.requires_grad:
                raise ValueError("clip: the bounds take no gradient; use maximum and minimum")
        bounds.append(None if bound is None else bound.array)
    low, high = bounds
    inside = (True if low is None else x.array >= low) & (True if high is None else x.array <= high)
    return record(xp_of(x.array).clip(x.array, low, high), (x, unbroadcast(x, lambda g: where(inside, g, 0.0))))


def floating(x: Any) -> Tensor:
    """``x`` as it is, or as float32 if it holds whole numbers."""
    x = as_tensor(x)
    return x if x.is_floating_point() else astype(x, np.float32)


# -------------------------------------------------------------------- comparisons: no gradient


def eq(a: Any, b: Any) -> Tensor:
    """a == b, element by element, as booleans; the shapes broadcast. No gradient.

    >>> ninx.tensor([1, 2, 3]) == 2
    tensor([False,  True, False])
    """
    a, b = pair("eq", a, b)
    return record(a.array == b.array)


def ne(a: Any, b: Any) -> Tensor:
    """a != b, element by element, as booleans; the shapes broadcast. No gradient.

    >>> ninx.tensor([1, 2, 3]) != 2
    tensor([ True, False,  True])
    """
    a, b = pair("ne", a, b)
    return record(a.array != b.array)


def lt(a: Any, b: Any) -> Tensor:
    """a < b, element by element, as booleans; the shapes broadcast. No gradient.

    >>> ninx.tensor([1, 2, 3]) < 2
    tensor([ True, False, False])
    """
    a, b = pair("lt", a, b)
    return record(a.array < b.array)


def le(a: Any, b: Any) -> Tensor:
    """a <= b, element by element, as booleans; the shapes broadcast. No gradient.

    >>> ninx.tensor([1, 2, 3]) <= 2
    tensor([ True,  True, False])
    """
    a, b = pair("le", a, b)
    return record(a.array <= b.array)


def gt(a: Any, b: Any) -> Tensor:
    """a > b, element by element, as booleans; the shapes broadcast. No gradient.

    >>> ninx.tensor([1, 2, 3]) > 2
    tensor([False, False,  True])
    """
    a, b = pair("gt", a, b)
    return record(a.array > b.array)


def ge(a: Any, b: Any) -> Tensor:
    """a >= b, element by element, as booleans; the shapes broadcast. No gradient.

    >>> ninx.tensor([1, 2, 3]) >= 2
    tensor([False,  True,  True])
    """
    a, b = pair("ge", a, b)
    return record(a.array >= b.array)


def logical_not(x: Tensor) -> Tensor:
    """Where is x false, or 0? The same as ``~x``.

    >>> ~ninx.tensor([True, False])
    tensor([False,  True])
    """
    return record(xp_of(x.array).logical_not(x.array))


def logical_and(a: Any, b: Any) -> Tensor:
    """Where do both hold? The same as ``a & b``.

    >>> x = ninx.tensor([1, 2, 3])
    >>> (x > 1) & (x < 3)
    tensor([False,  True, False])
    """
    a, b = pair("logical_and", a, b)
    return record(xp_of(a.array).logical_and(a.array, b.array))


def logical_or(a: Any, b: Any) -> Tensor:
    """Where does at least one of the two hold? The same as ``a | b``.

    >>> x = ninx.tensor([1, 2, 3])
    >>> (x < 2) | (x > 2)
    tensor([ True, False,  True])
    """
    a, b = pair("logical_or", a, b)
    return record(xp_of(a.array).logical_or(a.array, b.array))


def isnan(x: Tensor) -> Tensor:
    """Which entries are NaN?

    >>> ninx.isnan(ninx.tensor([1.0, float("nan")]))
    tensor([False,  True])
    """
    return record(xp_of(x.array).isnan(x.array))


def isfinite(x: Tensor) -> Tensor:
    """Which entries are neither infinite nor NaN?

    >>> ninx.isfinite(ninx.tensor([1.0, float("inf"), float("nan")]))
    tensor([ True, False, False])
    """
    return record(xp_of(x.array).isfinite(x.array))
