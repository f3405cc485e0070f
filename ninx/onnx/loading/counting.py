"""What a protobuf file would take in memory, counted before the library unfolds it.

Two bytes of a file can be an empty message, and of each the library makes an object of hundreds: 10 MB become gigabytes. So
the fields are counted first, without making anything of them. What the fields are, the library's own description says.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ... import limits

FIELD = 400  # bytes that a field takes at most, as a message without content or an entry of a list
NUMBER = 16  # bytes that a whole number takes, of which a file may need but one

Kinds = dict[int, tuple[Any, bool]]


def check_size(content: bytes, message: Any) -> None:
    """ValueError if the fields of a ``message`` (a class of the library) would take more than `limits.UNFOLDED` bytes.

    Strings, floats and raw bytes take what they take in the file, and are not counted.
    """
    left, waiting = limits.UNFOLDED, [(0, len(content), message.DESCRIPTOR)]
    while waiting:
        at, end, descriptor = waiting.pop()
        kinds = _kinds(descriptor)
        while at < end:
            tag, at = _varint(content, at, end)
            kind, whole = kinds.get(tag >> 3, (None, False))
            left -= FIELD
            match tag & 7:
                case 0:
                    _, at = _varint(content, at, end)
                case 1:
                    at += 8
                case 2:
                    length, at = _varint(content, at, end)
                    if kind is not None:
                        waiting.append((at, at + length, kind))
                    left -= NUMBER * length if whole else 0
                    at += length
                case 5:
                    at += 4
                case _:
                    raise ValueError("it is damaged, or no ONNX file")
            if left < 0:
                raise ValueError(f"it has so many parts that they would take more than {limits.UNFOLDED:,} bytes")
        if at != end:
            raise ValueError("it is cut off or damaged, or no ONNX file")


@cache
def _kinds(descriptor: Any) -> Kinds:
    """Of each field by its number: the message that it holds or None, and whether it holds whole numbers."""
    wholes = {f"TYPE_{name}" for name in ("INT32", "INT64", "UINT32", "UINT64", "SINT32", "SINT64", "BOOL", "ENUM")}
    numbers = {getattr(descriptor.fields[0], name) for name in wholes} if descriptor.fields else set()
    return {field.number: (field.message_type, field.type in numbers) for field in descriptor.fields}


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    """(the number at a place, seven bits in each byte, and the place after it)."""
    number = shift = 0
    while at < end and shift < 70:
        byte = content[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
    raise ValueError("it is cut off or damaged, or no ONNX file")
