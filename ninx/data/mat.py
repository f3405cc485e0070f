"""MATLAB's files of version 5, as far as arrays of numbers go: the two that SVHN has.

A reader of our own, because SciPy's believes what it reads: one byte for the type of an element, changed, ended the process in a
signal, and a short file could ask for any number of bytes. Here every size is held against what is there before memory is taken,
and there is one library less to install.

The file: 128 bytes of text, then elements. An element is a tag (a type and a number of bytes, 32 bits each) and its bytes; one of
at most 4 bytes lies in its own tag, with 16 bits for each of the two. A variable is an element of type 14, or the same packed by
zlib, of type 15; in it lie its flags (the low byte is its class), its sizes, its name and its values. Those may be stored in a
smaller type than their class: a double that is a whole number in a byte.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from .. import limits
from ..files import open_regular
from .dataset import Image

HEAD = b"MATLAB 5.0"  # version 7.3 is another format
MATRIX, PACKED = 14, 15
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
OTHERS = {1: "a cell array", 2: "a structure", 3: "an object", 4: "a text", 5: "a sparse array"}
COMPLEX = 0x0800
MAX_NDIM = 32
PIECE = 2**20  # bytes that are unpacked at once


class _Bytes(Protocol):
    def read(self, count: int, /) -> bytes: ...


def read_mat(path: str | Path, names: Collection[str]) -> dict[str, Image]:
    """The variables of these names that are in the file, as arrays of numbers in MATLAB's column order; other kinds are refused.

    Raises ValueError, naming the file, if it is no MATLAB file of version 5, is damaged, or asks for too much.
    """
    path = Path(path)
    found: dict[str, Image] = {}
    with open_regular(path) as (file, size):
        try:
            if not (head := file.read(128)).startswith(HEAD) or len(head) < 128 or head[126:] not in (b"IM", b"MI"):
                raise ValueError(f"it does not begin with {HEAD.decode()!r} as version 5 does")
            order, limit = "<" if head[126:] == b"IM" else ">", limits.unfolded(size)
            for _ in range(limits.ELEMENTS):
                if not (tag := file.read(8)):
                    return found
                kind, count = struct.unpack(order + "II", tag)
                end = file.tell() + count
                if kind not in (MATRIX, PACKED) or end > size:
                    raise ValueError(f"an element of type {kind} and {count:,} bytes, {size:,} in all")
                packed = _Unpacked(file, count) if kind == PACKED else None
                variable = _variable(packed or file, order, names, limit, packed is not None)
                if packed is None and file.tell() > end:
                    raise ValueError("a variable that is longer than its element")
                if variable is not None:
                    if variable[0] in found:
                        raise ValueError(f"it has two variables {variable[0]}")
                    if packed is not None:
                        packed.finish()
                    found[variable[0]] = variable[1]
                file.seek(end)
            raise ValueError(f"it has more than {limits.ELEMENTS:,} elements")
        except (ValueError, struct.error, zlib.error) as error:
            reason = "it ends too early" if isinstance(error, struct.error) else str(error)
            raise ValueError(f"{path}: is damaged, cut off or no MATLAB file ({reason})") from None


def _variable(source: _Bytes, order: str, names: Collection[str], limit: int, tagged: bool) -> tuple[str, Image] | None:
    """The name and the values of a variable, or None if its name is none of ``names``; ``tagged``: it begins with its own tag."""
    if tagged and struct.unpack(order + "II", source.read(8))[0] != MATRIX:
        raise ValueError("a packed element that is no variable")
    kind, flags = _short(source, order, 8)
    if kind != 6 or len(flags) != 8:
        raise ValueError("a variable without its flags")
    (flag,) = struct.unpack(order + "I", flags[:4])
    kind, sizes = _short(source, order, 4 * MAX_NDIM)
    if kind != 5 or len(sizes) < 8:
        raise ValueError("a variable without its sizes")
    shape = struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    kind, text = _short(source, order, 64)
    name = text.decode("latin-1")
    if name not in names:
        return None
    if (code := flag & 0xFF) not in CLASSES or flag & COMPLEX:
        raise ValueError(f"its {name} should be an array of numbers, but is {OTHERS.get(code, 'of another kind')}")
    kind, count, small = _tag(source, order)
    if kind not in STORED or min(shape) < 0 or math.prod(shape) * np.dtype(STORED[kind]).itemsize != count:
        raise ValueError(f"its {name} of {'x'.join(map(str, shape))} numbers has {count:,} bytes of type {kind}")
    if count * np.dtype(CLASSES[code]).itemsize > limit * np.dtype(STORED[kind]).itemsize:
        raise ValueError(f"its {name} has {count:,} bytes, and {limit:,} are the limit for a file of this size")
    stored = _values(source, count, small).view(order + STORED[kind])
    return name, stored.astype(CLASSES[code], copy=False).reshape(shape, order="F")


def _values(source: _Bytes, count: int, small: bytes) -> Image:
    """So many bytes, in pieces, into one array."""
    if small:
        return np.frombuffer(bytearray(small), np.uint8)
    values, at = np.empty(count, np.uint8), 0
    while at < count:
        piece = source.read(min(PIECE, count - at))
        if not piece:
            raise ValueError("it ends too early")
        values[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
        at += len(piece)
    return values


def _tag(source: _Bytes, order: str) -> tuple[int, int, bytes]:
    """(type, number of bytes, those bytes if they lie in the tag)."""
    tag = source.read(8)
    kind, count = struct.unpack(order + "II", tag)
    if kind < 2**16:
        return kind, count, b""
    kind, count = kind & 0xFFFF, kind >> 16
    if count > 4:
        raise ValueError(f"{count} bytes in the tag of an element, which has room for 4")
    return kind, count, tag[4 : 4 + count]


def _short(source: _Bytes, order: str, most: int) -> tuple[int, bytes]:
    """(type, bytes) of an element that says something of a variable, and has few bytes; they are filled up to a multiple of 8."""
    kind, count, small = _tag(source, order)
    if small or not count:
        return kind, small
    if count > most:
        raise ValueError(f"an element of {count:,} bytes, where at most {most} belong")
    content = source.read(-(-count // 8) * 8)
    if len(content) < count:
        raise ValueError("it ends too early")
    return kind, content[:count]


class _Unpacked:
    """What zlib packed into the next ``count`` bytes of a file; never more of it in memory than is asked for."""

    def __init__(self, file: BinaryIO, count: int):
        self.file, self.left, self.zlib = file, count, zlib.decompressobj()

    def read(self, count: int, /) -> bytes:
        """``count`` bytes, fewer at the end."""
        parts = []
        while count and not self.zlib.eof:
            packed = self.zlib.unconsumed_tail or self._more()
            part = self.zlib.decompress(packed, count)
            if not part and not packed:
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _more(self) -> bytes:
        packed = self.file.read(min(self.left, PIECE))
        self.left -= len(packed)
        return packed

    def finish(self) -> None:
        """ValueError unless only the filling is left, and what was read has the sum that zlib stored with it."""
        if len(self.read(16)) >= 8 or not self.zlib.eof:
            raise ValueError("a packed variable that does not end with its values")
