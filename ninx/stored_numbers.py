"""Numbers as files store them: bytes in either order, and two types that NumPy cannot take as they lie."""

from __future__ import annotations

from typing import Any

import numpy as np

BFLOAT16 = "bfloat16"  # beside NumPy's own codes, which have none for it


def width(code: str) -> int:
    """How many bytes a number takes."""
    return 2 if code == BFLOAT16 else np.dtype(code).itemsize


def numbers(content: Any, code: str, order: str = "<") -> np.ndarray[Any, Any]:
    """The numbers in ``content``, a writable array in this machine's byte order. ``code``: NumPy's, such as "f4", or BFLOAT16.

    A bytearray is not copied where its bytes are the numbers: then the array lies on it. A bfloat16 is the upper half of a
    float32, so as a float32 it keeps its exact value.

    >>> from ninx.stored_numbers import BFLOAT16, numbers
    >>> numbers(bytes([0x00, 0x01]), "i2", ">"), numbers(bytes([0x80, 0x3F]), BFLOAT16)
    (array([1], dtype=int16), array([1.], dtype=float32))
    """
    if code == BFLOAT16:
        upper = np.frombuffer(content, f"{order}u2").astype(np.uint32)
        return (upper << 16).view(np.float32)
    if code == "?":
        return booleans(content)
    return np.frombuffer(content, order + code).astype(code, copy=not isinstance(content, bytearray))


def booleans(content: Any) -> np.ndarray[Any, Any]:
    """A byte each. To NumPy a byte that is neither 0 nor 1 is no boolean; here it counts as true."""
    return np.not_equal(np.frombuffer(content, np.uint8), 0)
