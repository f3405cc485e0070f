"""Bits: of whole numbers each bit, of booleans the truth value. Floats have none that mean anything, and are refused."""

from __future__ import annotations

from typing import Any

from ..engine import Tensor, record
from .operands import operand, pair


def _bits(operation: str, *operands: Any) -> Any:
    """The operands as tensors of one dtype, which has bits."""
    found = pair(operation, *operands) if len(operands) == 2 else (operand(operation, *operands),)
    kind = found[0].array.dtype.kind
    if kind == "f" or (kind == "b" and "shift" in operation):
        what, hint = ("floats", "cast with .long() first") if kind == "f" else ("two booleans", "cast with .int() first")
        raise TypeError(f"{operation}: is for whole numbers{'' if 'shift' in operation else ' and booleans'}, not {what}; {hint}")
    return found if len(found) == 2 else found[0]


def bitwise_not(x: Tensor) -> Tensor:
    """``~x``: every bit turned over; of booleans, not. Raises TypeError for floats, as all of these do.

    >>> ~ninx.tensor([0, 5]), ~ninx.tensor([True, False])
    (tensor([-1, -6]), tensor([False,  True]))
    """
    return record(~_bits("bitwise_not", x).array)


def bitwise_and(input: Any, other: Any) -> Tensor:
    """``a & b``: the bits that both have; of booleans, where both hold.

    >>> ninx.tensor([1, 2, 3]) & 1
    tensor([1, 0, 1])
    """
    a, b = _bits("bitwise_and", input, other)
    return record(a.array & b.array)


def bitwise_or(input: Any, other: Any) -> Tensor:
    """``a | b``: the bits that at least one has; of booleans, where at least one holds.

    >>> ninx.tensor([1, 2, 3]) | 4
    tensor([5, 6, 7])
    """
    a, b = _bits("bitwise_or", input, other)
    return record(a.array | b.array)


def bitwise_xor(input: Any, other: Any) -> Tensor:
    """``a ^ b``: the bits that just one has; of booleans, where just one holds.

    >>> ninx.tensor([1, 2, 3]) ^ 1
    tensor([0, 3, 2])
    """
    a, b = _bits("bitwise_xor", input, other)
    return record(a.array ^ b.array)


def bitwise_left_shift(input: Any, other: Any) -> Tensor:
    """``a << b``: the bits b places higher, a * 2^b as far as there are bits.

    >>> ninx.tensor([1, 2, 3]) << 2
    tensor([ 4,  8, 12])
    """
    a, b = _bits("bitwise_left_shift", input, other)
    return record(a.array << b.array)


def bitwise_right_shift(input: Any, other: Any) -> Tensor:
    """``a >> b``: the bits b places lower, a / 2^b rounded down.

    >>> ninx.tensor([4, 7, -7]) >> 1
    tensor([ 2,  3, -4])
    """
    a, b = _bits("bitwise_right_shift", input, other)
    return record(a.array >> b.array)
