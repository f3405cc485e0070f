"""What stands in for NumPy in a pickle of arrays: whole numbers of every size, of NumPy 1 and 2, of every protocol."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dataset import Image


class PickledArray:
    """Stands in for numpy.ndarray; its state is (version, shape, dtype, column-major?, bytes)."""

    value: Image | None = None

    def set_state(self, state: Any) -> None:
        """Take the content."""
        _, shape, dtype, fortran, content = state
        raw = content.encode("latin-1") if isinstance(content, str) else content  # Python 2 wrote bytes as text
        if not isinstance(dtype, _PickledType) or not isinstance(raw, bytes) or not isinstance(shape, tuple):
            raise ValueError("the state of an array is not that of a plain array of whole numbers")
        self.value = np.frombuffer(raw, dtype.dtype).reshape(shape, order="F" if fortran else "C")


class _PickledType:
    """Stands in for numpy.dtype; only whole numbers will do. Of its state (version, byte order, ...) the order counts."""

    def __init__(self, code: Any, *_: Any):
        text = code.decode("latin-1") if isinstance(code, bytes) else code
        if text not in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"):
            raise ValueError(f"an array of {str(code)[:20]!r}, where bytes ('u1') or other whole numbers belong")
        self.dtype = np.dtype(text)

    def set_state(self, state: Any) -> None:
        order = state[1].decode("latin-1") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "|"):
            raise ValueError("an array of numbers in an unknown order of bytes")
        self.dtype = np.dtype(order + self.dtype.str[1:])


def _of_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> PickledArray:
    """How NumPy 2 writes an array in protocol 5."""
    array = PickledArray()
    array.set_state((1, shape, dtype, order == "F", content))
    return array


def _scalar(dtype: Any, content: Any) -> int:
    """A number of NumPy's, such as an item of an array of labels."""
    array = PickledArray()
    array.set_state((1, (), dtype, False, content))
    return int(array.value)  # type: ignore[arg-type]


def _encoded(text: Any, encoding: Any) -> bytes:
    """How Python 3 writes bytes for Python 2: as a call of codecs.encode."""
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("a text in an unknown encoding")
    return text.encode("latin-1")


KNOWN: dict[str, Any] = {
    "numpy.ndarray": None,  # an argument of _reconstruct; never called
    "numpy.dtype": _PickledType,
    "_codecs.encode": _encoded,
}
for _core in ("numpy.core", "numpy._core"):  # its name in NumPy 2
    KNOWN |= {
        f"{_core}.multiarray._reconstruct": lambda *_: PickledArray(),
        f"{_core}.multiarray.scalar": _scalar,
        f"{_core}.numeric._frombuffer": _of_buffer,
    }
