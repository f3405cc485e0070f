"""Comparisons and logic, entry by entry; the results are booleans, and nothing here has a gradient."""

from __future__ import annotations

from typing import Any

from ..array import xp_of
from ..engine import Tensor, record
from .operands import operand, pair


def eq(input: Any, other: Any) -> Tensor:
    """a == b, element by element, as booleans; the shapes broadcast. No gradient.

    >>> ninx.tensor([1, 2, 3]) == 2
    tensor([False,  True, False])
    """
    a, b = pair("eq", input, other)
    return record(a.array == b.array)


def ne(input: Any, other: Any) -> Tensor:
    """a != b, element by element, as booleans; the shapes broadcast. No gradient.

    >>> ninx.tensor([1, 2, 3]) != 2
    tensor([ True, False,  True])
    """
    a, b = pair("ne", input, other)
    return record(a.array != b.array)


def lt(input: Any, other: Any) -> Tensor:
    """a < b, element by element, as booleans; the shapes broadcast. No gradient.

    >>> ninx.tensor([1, 2, 3]) < 2
    tensor([ True, False, False])
    """
    a, b = pair("lt", input, other)
    return record(a.array < b.array)


def le(input: Any, other: Any) -> Tensor:
    """a <= b, element by element, as booleans; the shapes broadcast. No gradient.

    >>> ninx.tensor([1, 2, 3]) <= 2
    tensor([ True,  True, False])
    """
    a, b = pair("le", input, other)
    return record(a.array <= b.array)


def gt(input: Any, other: Any) -> Tensor:
    """a > b, element by element, as booleans; the shapes broadcast. No gradient.

    >>> ninx.tensor([1, 2, 3]) > 2
    tensor([False, False,  True])
    """
    a, b = pair("gt", input, other)
    return record(a.array > b.array)


def ge(input: Any, other: Any) -> Tensor:
    """a >= b, element by element, as booleans; the shapes broadcast. No gradient.

    >>> ninx.tensor([1, 2, 3]) >= 2
    tensor([False,  True,  True])
    """
    a, b = pair("ge", input, other)
    return record(a.array >= b.array)


def logical_not(x: Tensor) -> Tensor:
    """Where is x false, or 0? Of booleans the same as ``~x``.

    >>> ~ninx.tensor([True, False])
    tensor([False,  True])
    """
    x = operand("logical_not", x)
    return record(xp_of(x.array).logical_not(x.array))


def logical_and(input: Any, other: Any) -> Tensor:
    """Where do both hold, or differ from 0? Of booleans the same as ``a & b``.

    >>> x = ninx.tensor([1, 2, 3])
    >>> (x > 1) & (x < 3)
    tensor([False,  True, False])
    """
    a, b = pair("logical_and", input, other)
    return record(xp_of(a.array).logical_and(a.array, b.array))


def logical_or(input: Any, other: Any) -> Tensor:
    """Where does at least one of the two hold, or differ from 0? Of booleans the same as ``a | b``.

    >>> x = ninx.tensor([1, 2, 3])
    >>> (x < 2) | (x > 2)
    tensor([ True, False,  True])
    """
    a, b = pair("logical_or", input, other)
    return record(xp_of(a.array).logical_or(a.array, b.array))


def logical_xor(input: Any, other: Any) -> Tensor:
    """Where does just one of the two hold, or differ from 0? Of booleans the same as ``a ^ b``.

    >>> ninx.logical_xor(ninx.tensor([0, 0, 1]), ninx.tensor([0, 2, 2]))
    tensor([False,  True, False])
    """
    a, b = pair("logical_xor", input, other)
    return record(xp_of(a.array).logical_xor(a.array, b.array))


# -------------------------------------------------------------------- near, and equal as a whole


def isclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Where is |a - b| <= atol + rtol * |b|? Infinities are near their like only, NaN is near nothing (unless ``equal_nan``).

    Raises ValueError for tensors of different dtypes, as PyTorch does.

    >>> ninx.isclose(ninx.tensor([1.0, 1.0]), ninx.tensor([1.000001, 1.1]))
    tensor([ True, False])
    """
    if isinstance(input, Tensor) and isinstance(other, Tensor) and input.dtype != other.dtype:
        raise ValueError(f"isclose: the dtypes must agree, got {input.dtype} and {other.dtype}; cast one with .to()")
    a, b = pair("isclose", input, other)
    return record(xp_of(a.array).isclose(a.array, b.array, rtol, atol, equal_nan))


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Is every entry near its like (see `isclose`)? A bool of Python's.

    >>> ninx.allclose(ninx.tensor([1.0, 2.0]), ninx.tensor([1.0, 2.000001]))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).array.all())


def equal(input: Tensor, other: Tensor) -> bool:
    """Have the two the same shape and the same entries? A bool of Python's. (``==`` compares entry by entry.)

    >>> ninx.equal(ninx.tensor([1, 2]), ninx.tensor([1, 2])), ninx.equal(ninx.tensor([1]), ninx.tensor([1, 1]))
    (True, False)
    """
    a, b = operand("equal", input), operand("equal", other)
    return a.shape == b.shape and bool(eq(a, b).array.all())


greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
