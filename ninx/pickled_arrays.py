"""What stands in for NumPy in a pickle: arrays and numbers of the expected types, of NumPy 1 and 2, of every protocol."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from .stored_numbers import booleans

Values = np.ndarray[Any, Any]

WHOLE = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")
MAX_NDIM = 32
NUMBERS = (*WHOLE, "b1", "f2", "f4", "f8")


class PickledArray:
    """Stands in for numpy.ndarray; its state is (version, shape, dtype, column-major?, bytes)."""

    value: Values | None = None

    def set_state(self, state: Any) -> None:
        """Take the content."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise ValueError("the state of an array is not that of a plain array of numbers")
        _, shape, dtype, fortran, content = state
        raw = content.encode("latin-1") if isinstance(content, str) else content  # Python 2 wrote bytes as text
        plain = isinstance(shape, tuple) and len(shape) <= MAX_NDIM and all(type(n) is int and n >= 0 for n in shape)
        if not isinstance(dtype, _PickledType) or not isinstance(raw, bytes) or not plain:
            raise ValueError("the state of an array is not that of a plain array of numbers")
        values = booleans(raw) if dtype.dtype == np.bool_ else np.frombuffer(raw, dtype.dtype)
        self.value = values.reshape(shape, order="F" if fortran else "C")


class _PickledType:
    """Stands in for numpy.dtype. Of its state (version, byte order, ...) the order counts."""

    def __init__(self, codes: Collection[str], code: Any):
        text = code.decode("latin-1") if isinstance(code, bytes) else code
        if not isinstance(text, str):  # not looked into: printing it could take any time
            raise ValueError("an array whose type has no text for a name")
        if text not in codes:
            kind = "numbers" if "f4" in codes else "whole numbers"
            raise ValueError(f"an array of {text[:20]!r}, where bytes ('u1') or other {kind} belong")
        self.dtype = np.dtype(text)

    def set_state(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2:
            raise ValueError("the state of a type that is none of NumPy's")
        order = state[1].decode("latin-1") if isinstance(state[1], bytes) else state[1]
        if not isinstance(order, str) or order not in ("<", ">", "|"):
            raise ValueError("an array of numbers in an unknown order of bytes")
        self.dtype = np.dtype(order + self.dtype.str[1:])


def _of_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> PickledArray:
    """How NumPy 2 writes an array in protocol 5."""
    array = PickledArray()
    array.set_state((1, shape, dtype, isinstance(order, str) and order == "F", content))
    return array


def _encoded(text: Any, encoding: Any) -> bytes:
    """How Python 3 writes bytes for Python 2: as a call of codecs.encode."""
    if not isinstance(text, str) or not isinstance(encoding, str) or encoding != "latin1":
        raise ValueError("a text in an unknown encoding")
    return text.encode("latin-1")


def known_arrays(codes: Collection[str], number: Callable[[Any], Any]) -> dict[str, Any]:
    """What `read_pickle` is to know so that it reads arrays of these types; ``number`` makes what a single number becomes."""

    def scalar(dtype: Any, content: Any) -> Any:
        array = PickledArray()
        array.set_state((1, (), dtype, False, content))
        return number(array.value)

    known: dict[str, Any] = {
        "numpy.ndarray": None,  # an argument of _reconstruct; never called
        "numpy.dtype": lambda code, *_: _PickledType(codes, code),
        "_codecs.encode": _encoded,
    }
    for core in ("numpy.core", "numpy._core"):  # its name in NumPy 2
        known |= {
            f"{core}.multiarray._reconstruct": lambda *_: PickledArray(),
            f"{core}.multiarray.scalar": scalar,
            f"{core}.numeric._frombuffer": _of_buffer,
        }
    return known
