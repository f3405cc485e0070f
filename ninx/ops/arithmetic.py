"""Arithmetic of two operands and more, with broadcasting. Each derivative stands on one line under its formula."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import Array
from ..engine import Tensor, record
from .choosing import where
from .elementary import log, trunc
from .operands import floating, pair, unbroadcast


def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """a + alpha * b, element by element; the shapes broadcast as NumPy's. Adjoint: g, and alpha * g.

    >>> ninx.tensor([[1], [2]]) + ninx.tensor([10, 20])
    tensor([[11, 21],
            [12, 22]])
    """
    a, b = pair("add", input, other if alpha == 1 else _times("add", input, other, alpha))
    return record(
        a.array + b.array,
        (a, unbroadcast(a, lambda g: g)),
        (b, unbroadcast(b, lambda g: g)),
    )


def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """a - alpha * b, element by element; the shapes broadcast. Adjoint: g, and -alpha * g. Raises TypeError for two booleans.

    >>> ninx.tensor([3, 4]) - 1
    tensor([2, 3])
    """
    a, b = pair("sub", input, other if alpha == 1 else _times("sub", input, other, alpha))
    if a.array.dtype.kind == "b":
        raise TypeError("sub: booleans cannot be subtracted; use a ^ b for where they differ, ~a for the opposite")
    return record(
        a.array - b.array,
        (a, unbroadcast(a, lambda g: g)),
        (b, unbroadcast(b, lambda g: -g)),
    )


def _times(operation: str, a: Any, b: Any, alpha: float) -> Tensor:
    """alpha * b, where that may go into ``a``: a factor with digits behind the point is not for whole numbers."""
    a, b = pair(operation, a, b)
    if isinstance(alpha, (float, np.floating)) and a.array.dtype.kind != "f":
        raise TypeError(f"{operation}: alpha={alpha} is for floats, not for {a.dtype}; cast the tensor first, with .float()")
    return mul(b, bool(alpha) if b.array.dtype.kind == "b" else alpha)


def mul(input: Any, other: Any) -> Tensor:
    """a * b, element by element; the shapes broadcast. Adjoint: g * b, and g * a.

    >>> ninx.tensor([1, 2]) * ninx.tensor([3, 4])
    tensor([3, 8])
    """
    a, b = pair("mul", input, other)
    return record(
        a.array * b.array,
        (a, unbroadcast(a, lambda g: g * b)),
        (b, unbroadcast(b, lambda g: g * a)),
    )


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """a / b, element by element; the shapes broadcast, whole numbers become float32. Adjoint: g / b, and -g * a / b^2.

    ``rounding_mode`` "floor" is `floor_divide`, "trunc" cuts off towards 0; both keep whole numbers, and have no derivative.

    >>> ninx.tensor([1, 2]) / 4
    tensor([0.2500, 0.5000])
    >>> ninx.div(ninx.tensor([-7, 7]), 2, rounding_mode="trunc")
    tensor([-3,  3])
    """
    if rounding_mode is not None:
        return _rounded(input, other, rounding_mode)
    if not (_is_float(input) or _is_float(other)):
        # Before they meet: bytes / 1000 must not cut the number down to a byte.
        input, other = (floating(t) if isinstance(t, Tensor) else t for t in (input, other))
    a, b = pair("div", input, other)
    if a.array.dtype.kind != "f":
        a, b = floating(a), floating(b)
    return record(
        a.array / b.array,
        (a, unbroadcast(a, lambda g: g / b)),
        (b, unbroadcast(b, lambda g: -g * a / (b * b))),
    )


def _is_float(x: Any) -> bool:
    """Is it a tensor of floats, or an array of them that would make the result one of its own dtype?"""
    array = x.array if isinstance(x, Tensor) else x if getattr(x, "ndim", 0) else None
    return array is not None and bool(array.dtype.kind == "f")


def _rounded(a: Any, b: Any, rounding_mode: str) -> Tensor:
    if rounding_mode == "floor":
        return floor_divide(a, b)
    if rounding_mode != "trunc":
        raise ValueError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")
    a, b = _divisible("div", a, b)
    if a.array.dtype.kind == "f":
        return trunc(Tensor(a.array / b.array))
    down = a.array // b.array
    return record(down + ((down < 0) & (down * b.array != a.array)).astype(down.dtype))


def floor_divide(input: Any, other: Any) -> Tensor:
    """``a // b``: the quotient rounded down, as in Python; the shapes broadcast. Its derivative is 0.

    Raises ZeroDivisionError where a whole number is divided by 0, TypeError for two booleans; as `remainder` does.

    >>> ninx.tensor([7, -7]) // 2, ninx.tensor([7.5]) // 2
    (tensor([ 3, -4]), tensor([3.]))
    """
    a, b = _divisible("floor_divide", input, other)
    return record(a.array // b.array)


def remainder(input: Any, other: Any) -> Tensor:
    """``a % b``: a - b * floor(a / b), which has the sign of b, as in Python; the shapes broadcast. Adjoint: g, -g * (a // b).

    >>> ninx.tensor([7, -7]) % 3, ninx.tensor([5.5]) % -2
    (tensor([1, 2]), tensor([-0.5000]))
    """
    a, b = _divisible("remainder", input, other)
    return record(
        a.array % b.array,
        (a, unbroadcast(a, lambda g: g)),
        (b, unbroadcast(b, lambda g: -g * floor_divide(a, b))),
    )


def _divisible(operation: str, a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """`pair`, and a check that no whole number is divided by 0: only floats have a value for that."""
    a, b = pair(operation, a, b)
    if a.array.dtype.kind == "b":
        raise TypeError(f"{operation}: booleans cannot be divided; cast with .int() first")
    if a.array.dtype.kind != "f" and not b.array.all():
        raise ZeroDivisionError(f"{operation}: a whole number divided by 0; floats would give inf or nan: use .float()")
    return a, b


def pow(input: Any, exponent: Any) -> Tensor:
    """a ** b, element by element; the shapes broadcast.

    d/da = b * a**(b - 1), which is 0 where b = 0; d/db = a**b * log(a), which is 0 where a = 0 and b >= 0.
    Raises ValueError for a negative power of whole numbers.

    >>> ninx.tensor([1.0, 2.0, 3.0]) ** 2
    tensor([1., 4., 9.])
    """
    if type(exponent) in (int, float) and exponent != 0 and isinstance(input, Tensor) and input.array.dtype.kind == "f":
        x, n = input, exponent if -(2**31) < exponent < 2**31 else float(exponent)
        return record(x.array**n, (x, lambda g: g * (n * x ** (n - 1))))  # the common case, x**2
    a, b = pair("pow", input, exponent)
    if a.array.dtype.kind != "f":
        return record(_whole_power(a.array, b.array), name="pow")
    return record(
        a.array**b.array,
        (a, unbroadcast(a, lambda g: g * where(b == 0, 0.0, b * a ** where(b == 0, 1.0, b - 1)))),
        (b, unbroadcast(b, lambda g: g * where((a == 0) & (b >= 0), 0.0, a**b * log(where((a == 0) & (b >= 0), 1.0, a))))),
    )


def _whole_power(a: Array, b: Array) -> Array:
    if a.dtype.kind == "b":
        raise TypeError("pow: booleans have no powers; cast with .int() first")
    if a.dtype.kind == "i" and (b < 0).any():
        raise ValueError("pow: a negative power of whole numbers is no whole number; use .float() first")
    return a**b


# -------------------------------------------------------------------- three operands


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """x + value * a * b; the shapes broadcast.

    >>> ninx.addcmul(ninx.tensor([1.0, 2.0]), ninx.tensor([3.0, 4.0]), ninx.tensor([5.0, 6.0]), value=0.5)
    tensor([ 8.5000, 14.0000])
    """
    return add(input, mul(tensor1, tensor2), alpha=value)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """x + value * a / b; the shapes broadcast.

    >>> ninx.addcdiv(ninx.tensor([1.0, 2.0]), ninx.tensor([3.0, 4.0]), ninx.tensor([2.0, 2.0]), value=0.5)
    tensor([1.7500, 3.0000])
    """
    return add(input, div(tensor1, tensor2), alpha=value)


def lerp(input: Any, end: Any, weight: Any) -> Tensor:
    """start + weight * (end - start): from one tensor towards the other; the shapes broadcast.

    >>> ninx.lerp(ninx.tensor([0.0, 10.0]), ninx.tensor([10.0, 20.0]), 0.25)
    tensor([ 2.5000, 12.5000])
    """
    return add(input, mul(weight, sub(end, input)))


divide, multiply, subtract, true_divide = div, mul, sub, div
