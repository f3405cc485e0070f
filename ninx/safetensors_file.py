"""Safetensors files, read so that every size is held against the file's before memory is taken.

The file: 8 bytes with the length of the header, the header, the values. The header is JSON: of each tensor its type, its shape,
and where among the values it begins and ends; and under ``__metadata__`` texts by name. We read them ourselves, because the
library reads any header of up to 100 MB, which takes a gigabyte, and copies the values twice.
"""

from __future__ import annotations

import json
import math
from typing import Any, BinaryIO, NamedTuple

from . import limits
from .files import read_part
from .pickled_arrays import Values
from .stored_numbers import BFLOAT16, numbers, width

TYPES = {
    "F64": "f8",
    "F32": "f4",
    "F16": "f2",
    "BF16": BFLOAT16,
    "I64": "i8",
    "I32": "i4",
    "I16": "i2",
    "I8": "i1",
    "U64": "u8",
    "U32": "u4",
    "U16": "u2",
    "U8": "u1",
    "BOOL": "?",
}
MAX_NDIM = 64  # NumPy's


class _Part(NamedTuple):
    """A tensor in the file: its name, NumPy's code of its type, its shape, and where it begins and ends among the values."""

    name: str
    code: str
    shape: tuple[int, ...]
    begin: int
    end: int


class SafetensorsFile:
    """An open file whose header has been read and checked: ``metadata``, and `arrays`, which reads the values.

    Raises ValueError, which says only what is wrong, for anything else.
    """

    def __init__(self, file: BinaryIO):
        size, length = file.seek(0, 2), int.from_bytes(read_part(file, 0, 8), "little")
        if length > size - 8:
            raise ValueError(f"its header should have {length:,} bytes, and the file has {size:,}")
        if length > limits.HEADER:
            raise ValueError(f"its header has {length:,} bytes, and {limits.HEADER:,} are the limit")
        try:
            header = json.loads(read_part(file, 8, length).decode())
        except (ValueError, RecursionError):
            raise ValueError("its header is no JSON") from None
        if not isinstance(header, dict):
            raise ValueError("its header is no table")
        metadata = header.pop("__metadata__", None) or {}
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise ValueError("its metadata are no texts")
        self.metadata: dict[str, str] = metadata
        self._file, self._values = file, 8 + length
        self._parts = [_part(name, told) for name, told in header.items()]
        at = 0
        for part in sorted(self._parts, key=lambda part: (part.begin, part.end)):
            if part.begin != at:
                raise ValueError(f"the values of {part.name[:100]!r} do not begin where those before it end")
            at = part.end
        if at != size - self._values:
            raise ValueError(f"its tensors have {at:,} bytes, but {size - self._values:,} are there")

    def arrays(self) -> dict[str, Values]:
        """The tensors by their names, in the order of these, in arrays of their own; bfloat16 becomes float32."""
        return {part.name: self._array(part) for part in sorted(self._parts)}

    def _array(self, part: _Part) -> Values:
        return numbers(read_part(self._file, self._values + part.begin, part.end - part.begin), part.code).reshape(part.shape)


def _part(name: str, told: Any) -> _Part:
    if not isinstance(told, dict) or not {"dtype", "shape", "data_offsets"} <= told.keys():
        raise ValueError(f"the tensor {name[:100]!r} is not described")
    kind, shape, place = told["dtype"], told["shape"], told["data_offsets"]
    if not isinstance(kind, str) or not _whole(shape) or not _whole(place) or len(place) != 2 or place[0] > place[1]:
        raise ValueError(f"the tensor {name[:100]!r} is not described")
    if kind not in TYPES:
        raise ValueError(f"{name[:100]} is of the type {kind[:20]}, which ninx does not have")
    if len(shape) > MAX_NDIM:
        raise ValueError(f"{name[:100]} has {len(shape)} dimensions, and {MAX_NDIM} are the limit")
    if math.prod(n or 1 for n in shape) >= 2**60 or math.prod(shape) * width(TYPES[kind]) != place[1] - place[0]:
        raise ValueError(f"{name[:100]} of the shape {'x'.join(map(str, shape))} does not fill its {place[1] - place[0]:,} bytes")
    return _Part(name, TYPES[kind], tuple(shape), place[0], place[1])


def _whole(found: Any) -> bool:
    return isinstance(found, list) and all(type(n) is int and 0 <= n < 2**60 for n in found)
