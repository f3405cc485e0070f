"""Tensors in an ONNX file: what they are, checked before memory is taken, and their values, read when they are asked for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...array import Array
from ...files import open_regular
from ...stored_numbers import BFLOAT16, numbers, width

# The numbers of ONNX's types (TensorProto.DataType), and NumPy's codes.
TYPES = {
    1: "f4", 2: "u1", 3: "i1", 4: "u2", 5: "i2", 6: "i4", 7: "i8", 9: "?", 10: "f2", 11: "f8", 12: "u4", 13: "u8", 16: BFLOAT16,
}  # fmt: skip
# Where values are that are no raw bytes, and what these fields hold: several small types share one of wider numbers.
FIELDS = {"f4": "float_data", "f8": "double_data", "i8": "int64_data", "u8": "uint64_data", "u4": "uint64_data"}
MAX_NDIM = 32


class Stored(NamedTuple):
    """A tensor of the file: its name, NumPy's code of its type, its shape. ``learnt``: may it be a parameter?"""

    name: str
    code: str
    shape: tuple[int, ...]
    tensor: Any
    folder: Path
    learnt: bool

    @property
    def nbytes(self) -> int:
        """How many bytes its values have."""
        return math.prod(self.shape) * width(self.code)

    def array(self) -> Array:
        """Its values. ValueError if they do not fit its shape, or cannot be read."""
        array = self._values()
        if array.size != math.prod(self.shape):
            raise ValueError(f"{said(self.name)} of shape {self.shape} should not have {array.size:,} values")
        return array.reshape(self.shape)

    def _values(self) -> Array:
        if self.tensor.data_location == 1:  # EXTERNAL
            return numbers(self._outside(), self.code)
        if self.tensor.HasField("raw_data"):
            content = self.tensor.raw_data
            if len(content) % width(self.code):
                raise ValueError(f"{said(self.name)} has {len(content):,} bytes, which are no {self.code}")
            return numbers(content, self.code)
        kept = getattr(self.tensor, FIELDS.get(self.code, "int32_data"))
        if len(kept) != math.prod(self.shape):  # before a list is made of them
            raise ValueError(f"{said(self.name)} of shape {self.shape} should not have {len(kept):,} values")
        if self.code in ("f2", BFLOAT16):  # their bits, as whole numbers
            return numbers(np.array(kept, np.int32).astype(np.uint16).tobytes(), self.code)
        wide = {"float_data": np.float32, "double_data": np.float64, "int64_data": np.int64, "uint64_data": np.uint64}
        return np.array(kept, wide.get(FIELDS.get(self.code, ""), np.int32)).astype(self.code)

    def _outside(self) -> bytearray:
        """The bytes in a file of their own, which lies in the folder of the ONNX file or below it."""
        told = {text(entry.key): text(entry.value) for entry in self.tensor.external_data}
        location, wanted = told.get("location", ""), self.nbytes
        path = _inside(self.folder, location, self.name)
        with open_regular(path, "its values in ") as (file, size):
            offset, length = _count(told.get("offset", "0")), _count(told.get("length", str(wanted)))
            if length != wanted or offset + length > size:
                raise ValueError(
                    f"{said(self.name)} of shape {self.shape} should have {wanted:,} bytes from {offset:,} on in "
                    f"{said(location)}, which has {size:,}"
                )
            file.seek(offset)
            content = bytearray(length)
            if file.readinto(content) != length:  # type: ignore[attr-defined]  # every file has it
                raise ValueError(f"{said(location)} is cut off")
        return content


def _inside(folder: Path, location: str, name: str) -> Path:
    """The path of external values; ValueError if it leads out of the folder, by its name or by a link."""
    home = folder.resolve()
    try:
        path = (home / location).resolve()
    except (OSError, ValueError, RuntimeError):
        path = home
    if not location or "\0" in location or path == home or not path.is_relative_to(home):
        raise ValueError(f"the values of {said(name)} should be in {said(location)}, which is no file in its folder")
    return path


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError(f"{said(text)} is no number of bytes")
    return int(text)


def stored(tensor: Any, folder: Path, learnt: bool) -> Stored:
    """A TensorProto, with what it says of itself checked. ValueError for a type that ninx does not have."""
    shape, name = tuple(tensor.dims), text(tensor.name)
    if tensor.data_type not in TYPES:
        raise ValueError(f"{said(name)} is of {type_name(tensor.data_type)}, which ninx does not have")
    if len(shape) > MAX_NDIM or min(shape, default=0) < 0 or math.prod(n or 1 for n in shape) >= 2**60:
        raise ValueError(f"{said(name)} has an impossible shape {str(shape)[:100]}")
    if tensor.HasField("segment"):
        raise ValueError(f"{said(name)} is stored in segments, which are not read")
    return Stored(name, TYPES[tensor.data_type], shape, tensor, folder, learnt)


def type_name(number: int) -> str:
    """ONNX's name of one of its types."""
    import onnx

    names = {value: key for key, value in onnx.TensorProto.DataType.items()}
    return f"the type {names.get(number, number)}"


def text(name: Any) -> str:
    """A name of the file; ValueError for bytes that are no text, which the library gives as they are."""
    if not isinstance(name, str):
        raise ValueError("it is damaged, a name in it is no text")
    return name


def said(name: str) -> str:
    """A name of the file as a sentence can show it: in one line, and not for ever.

    >>> from ninx.onnx.loading.stored import said
    >>> said("a" * 200) == "'" + "a" * 60 + "...'"
    True
    """
    return repr(name if len(name) <= 60 else name[:60] + "...")
