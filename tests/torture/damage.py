"""Damaged files: bytes changed, lost, doubled and mixed; also inside what a format packs or sums, which then fits again."""

from __future__ import annotations

import gzip
import io
import math
import random
import re
import struct
import zipfile
import zlib
from typing import Any

NUMBERS = [0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1, 10**9, 65, 1000]
TEXTS = [b"1000000000", b"-1", b"[" * 300, b'{"a":' * 300, b"nan", b"1e999", b"\xff\xfe", b"null", b"9" * 400, b"\0", b"(" * 400]


def damaged(rng: random.Random, content: bytes, others: list[bytes], name: str) -> tuple[bytes, bool]:
    """(a damaged file, whether its sums were made to fit the damage)."""
    if rng.random() < 0.5 and (again := _inside(rng, content, name)) is not None:
        return again, True
    return _changed(rng, content, others), False


def _changed(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """One to three things done to the bytes, at the beginning as often as anywhere."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(found) + 1)
        if rng.random() < 0.5:
            at = min(at, rng.randrange(300))
        span = rng.choice((1, 2, 4, 8, rng.randrange(1, 60)))
        what = rng.randrange(9)
        if what == 0:
            del found[at:]
        elif what == 1:
            del found[at : at + span]
        elif what == 2:
            found[at:at] = found[at : at + span] * rng.choice((1, 1, 2, 50))
        elif what == 3:
            found[at : at + span] = rng.randbytes(span)
        elif what == 4 and at < len(found):
            found[at] ^= 1 << rng.randrange(8)
        elif what == 5:
            width, order = rng.choice((1, 2, 4, 8)), rng.choice(("little", "big"))
            found[at : at + width] = (rng.choice(NUMBERS) % 256**width).to_bytes(width, order)
        elif what == 6:
            found[at : at + rng.choice((0, span))] = rng.choice(TEXTS)
        elif what == 7:
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1)
            found[at : at + span] = other[start : start + span]
        elif at < len(found):
            found[at] = rng.randrange(256)
    return bytes(found)


def _inside(rng: random.Random, content: bytes, name: str) -> bytes | None:
    """The file with its packed or summed contents damaged and packed or summed again; None where nothing is packed."""
    if content[:2] == b"\x1f\x8b":
        unpacked = gzip.decompress(content)
        return gzip.compress(
            _tar_sums(_changed(rng, unpacked, [unpacked])) if "tar" in name else _changed(rng, unpacked, [unpacked]), 1
        )
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return _png_sums(_changed(rng, content, [content]))
    if content[:2] == b"PK":
        return _zip_again(rng, content)
    if content[:6] == b"MATLAB":
        return _mat_again(rng, content)
    if name.endswith(".onnx"):
        return _onnx_again(rng, content)
    if name.endswith(".safetensors"):
        length = int.from_bytes(content[:8], "little")
        header = _changed(rng, content[8 : 8 + length], [content[8 : 8 + length]])
        return len(header).to_bytes(8, "little") + header + content[8 + length :]
    return None


def _png_sums(content: bytes) -> bytes:
    """The chunks of a PNG, as far as they can be followed, each with the sum of its bytes."""
    found, at = content[:8], 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        chunk = content[at + 4 : at + 8 + length]
        if len(chunk) < 4 + length:
            break
        found += content[at : at + 4] + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        at += 12 + length
    return found + content[at:]


def _tar_sums(content: bytes) -> bytes:
    """A tar archive whose first head says the sum of its bytes."""
    head = content[:148] + b" " * 8 + content[156:512]
    return head[:148] + b"%06o\0 " % sum(head) + head[156:] + content[512:]


def _zip_again(rng: random.Random, content: bytes) -> bytes:
    """One part of an archive damaged."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice([*parts, *[name for name in parts if name.endswith("data.pkl")] * 8])
    parts[name] = _changed(rng, parts[name], list(parts.values()))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for part, stored in parts.items():
            archive.writestr(part, stored)
    return out.getvalue()


def _mat_again(rng: random.Random, content: bytes) -> bytes:
    """One variable damaged, packed or not as it was."""
    found, at = content[:128], 128
    chosen = rng.randrange(2)
    for number in range(2):
        kind, length = struct.unpack("<II", content[at : at + 8])
        body = content[at + 8 : at + 8 + length]
        if number == chosen:
            inner = zlib.decompress(body) if kind == 15 else body
            inner = _changed(rng, inner, [inner])
            body = zlib.compress(inner) if kind == 15 else inner
        found, at = found + struct.pack("<II", kind, len(body)) + body, at + 8 + length
    return found


def _onnx_again(rng: random.Random, content: bytes) -> bytes:
    """A model with one to three fields of its messages changed, lost or doubled."""
    import onnx

    model = onnx.ModelProto.FromString(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        message = model
        while True:
            field, value = rng.choice(message.ListFields() or [(None, None)])
            parts = list(value) if field is not None and field.message_type and field.is_repeated else [value]
            if field is None or not field.message_type or rng.random() < 0.1:
                break
            message = rng.choice(parts)
        if field is not None:
            _field_changed(rng, message, field, value)
    return model.SerializeToString()


def _field_changed(rng: random.Random, message: object, field: Any, value: Any) -> None:
    """One field of a message."""
    if rng.random() < 0.15:
        message.ClearField(field.name)  # type: ignore[attr-defined]  # a message
    elif field.enum_type:
        setattr(message, field.name, rng.choice(field.enum_type.values).number)
    elif field.is_repeated:
        at = rng.randrange(len(value))
        if field.message_type:
            value.append(value[at]) if rng.random() < 0.5 else value.pop(at)
        elif rng.random() < 0.3:
            value.extend(list(value) * rng.choice((1, 1, 40)))
        else:
            value[at] = _other(rng, value[at], list(value))
    elif not field.message_type:
        setattr(message, field.name, _other(rng, value, [value]))


def _other(rng: random.Random, value: Any, others: list[Any]) -> Any:
    """Another value of the same kind, which a field can hold."""
    if isinstance(value, float):
        return rng.choice((0.0, -1.0, 1e38, math.nan, math.inf, value * 2))
    if isinstance(value, int):
        return rng.choice((-1, -(2**31), value + 1, value - 1, *(n for n in NUMBERS if n < 2**31)))
    if isinstance(value, bytes):
        return rng.choice((value[:-1], value + value, b"", bytes(reversed(value)), b"SAME_LOWER"))
    return rng.choice((value[:-1], value + "x", "", "x", "a", "Relu", "." * 300, "a.b.c", "../x", *others))


def words(text: str) -> str:
    """A sentence without what differs from file to file, to count those of a kind."""
    return re.sub(r"\d[\d,.]*", "N", re.sub(r"/\S+/", "", text))[:150]
