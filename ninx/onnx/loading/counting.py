"""What a protobuf file would take in memory, counted before the library unfolds it.

Two bytes of a file can be an empty message, and of each the library makes an object of hundreds: 10 MB become gigabytes. So
the fields are counted first, without making anything of them. What the fields are, the library's own description says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import Any

from ... import limits
from ...protobuf_fields import Fields

FIELD = 400  # bytes that a field takes at most, as a message without content or an entry of a list
NUMBER = 16  # bytes that a whole number takes, of which a file may need but one

Kinds = dict[int, tuple[Any, bool]]


def check_size(content: bytes, message: Any) -> None:
    """ValueError if the fields of a ``message`` (a class of the library) would take more than `limits.UNFOLDED` bytes.

    Strings, floats and raw bytes take what they take in the file, and are not counted.
    """
    total = 0
    try:
        for size in _sizes(content, message):
            total += size
            if total > limits.UNFOLDED:
                break
    except ValueError:
        raise ValueError("it is cut off or damaged, or no ONNX file") from None
    if total > limits.UNFOLDED:
        raise ValueError(f"it has so many parts that they would take more than {limits.UNFOLDED:,} bytes")


def _sizes(content: bytes, message: Any) -> Iterator[int]:
    """The bytes that each field would take."""
    fields, waiting = Fields(BytesIO(content), sys.maxsize), [((0, len(content)), message.DESCRIPTOR)]
    while waiting:
        span, descriptor = waiting.pop()
        kinds = _kinds(descriptor)
        for number, value in fields(span):
            kind, whole = kinds.get(number, (None, False))
            if isinstance(value, int):
                yield FIELD
                continue
            yield FIELD + (NUMBER * (value[1] - value[0]) if whole else 0)
            if kind is not None:
                waiting.append((value, kind))


@cache
def _kinds(descriptor: Any) -> Kinds:
    """Of each field by its number: the message that it holds or None, and whether it holds whole numbers."""
    wholes = {f"TYPE_{name}" for name in ("INT32", "INT64", "UINT32", "UINT64", "SINT32", "SINT64", "BOOL", "ENUM")}
    numbers = {getattr(descriptor.fields[0], name) for name in wholes} if descriptor.fields else set()
    return {field.number: (field.message_type, field.type in numbers) for field in descriptor.fields}
