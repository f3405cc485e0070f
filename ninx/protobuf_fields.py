"""The fields of a file of Protocol Buffers, one after the other, without making anything of them.

Such a file is a message: a row of fields, each a key (its number, and how it is stored) and a content, which may be a message
itself. Whole numbers are written seven bits a byte, the lowest first; the highest bit says that another byte follows. A content
that has a length is given as the place where it lies, and held against what surrounds it, so nobody takes memory for a length
that is a lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from . import limits

Span = tuple[int, int]  # where in the file a content begins and ends


class Fields:
    """The fields of one file; ``most`` of them are read, as each takes time and perhaps no more than two bytes."""

    def __init__(self, file: BinaryIO, most: int = limits.FIELDS):
        self.file, self.count, self.most = file, 0, most

    def __call__(self, span: Span) -> Iterator[tuple[int, int | Span]]:
        """Each field between two places: its number, and its value if that is a whole number, else where its content lies."""
        at, end = span
        while at < end:
            self.count += 1
            if self.count > self.most:
                raise ValueError(f"it has more than {self.most:,} fields")
            key, at = self._whole(at, end)
            number, kind = key >> 3, key & 7
            if kind == 0:
                value, at = self._whole(at, end)
                yield number, value
                continue
            if kind == 2:
                size, at = self._whole(at, end)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
            else:
                raise ValueError(f"the field {number} at byte {at:,} is stored in an unknown way")
            if size > end - at:
                raise ValueError(f"the field {number} at byte {at:,} should have {size:,} bytes, and {end - at:,} are left")
            yield number, (at, at + size)
            at += size

    def _whole(self, at: int, end: int) -> tuple[int, int]:
        """A whole number, and where it ends."""
        self.file.seek(at)
        value = shift = 0
        for byte in self.file.read(min(10, end - at)):
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return value, at
        raise ValueError(f"a number at byte {at:,} has no end")

    def wholes(self, span: Span) -> Iterator[int]:
        """Whole numbers one after the other."""
        at, end = span
        while at < end:
            value, at = self._whole(at, end)
            yield value
