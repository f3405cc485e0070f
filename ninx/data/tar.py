"""Some files out of a tar archive, while it is unfolded: what is not wanted is never kept.

An archive is a row of heads of 512 bytes, each followed by its file, filled up to a multiple of 512. Of a head we need the name
(bytes 0 to 100, in the ustar form with a folder before it, 345 to 500), the size (124 to 136, in octal digits), the sum of its
bytes (148 to 156) and the kind (156: 0 is a plain file). The standard library would follow the many other forms of head, some of
which take any amount of memory and time; they are stepped over.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from .. import limits

BLOCK = 512
PIECE = 2**20  # bytes that are read at once


class Stream(Protocol):
    """What gives its bytes in order."""

    def read(self, size: int = -1, /) -> bytes:
        """The next ``size`` bytes, fewer at the end."""
        ...


def members_of(archive: Stream, names: Collection[str], limit: int) -> dict[str, bytes]:
    """The contents of the plain files of these names. The archive is read to its end, so that gzip compares its sum.

    Raises ValueError for what is no tar archive, and for one of more than ``limit`` bytes; EOFError for one that ends too early.
    """
    found: dict[str, bytes] = {}
    left = limit
    for _ in range(limits.ELEMENTS):
        head = archive.read(BLOCK)
        if not head.strip(b"\0"):
            break
        if len(head) < BLOCK:
            raise EOFError("it ends within a head")
        name, size, plain = _head(head)
        filled = -(-size // BLOCK) * BLOCK
        left -= BLOCK + filled
        if left < 0:
            raise ValueError(f"unfolds to more than {limit:,} bytes, which no archive of CIFAR does")
        wanted = plain and name in names
        parts = [_pieces(archive, size, wanted), _pieces(archive, filled - size, False)]
        if wanted:
            found[name] = parts[0]
    while piece := archive.read(PIECE):
        left -= len(piece)
        if left < 0:
            raise ValueError(f"unfolds to more than {limit:,} bytes, which no archive of CIFAR does")
    return found


def _head(head: bytes) -> tuple[str, int, bool]:
    """(name, size, whether it is a plain file)."""
    try:
        total, size = (int(head[a:b].strip(b" \0") or b"0", 8) for a, b in ((148, 156), (124, 136)))
    except ValueError:
        raise ValueError("is no tar archive: the head of a file in it has no size") from None
    if total != sum(head[:148]) + 8 * ord(" ") + sum(head[156:]) or size < 0:
        raise ValueError("is damaged: the head of a file in it has another sum than it says")
    folder = head[345:500] if head[257:262] == b"ustar" and head[263:265] != b" \0" else b""
    parts = [part.split(b"\0")[0].decode("utf-8", "replace") for part in (folder, head[:100])]
    return "/".join(part for part in parts if part), size, head[156:157] in (b"0", b"\0")


def _pieces(archive: Stream, count: int, kept: bool) -> bytes:
    """The next ``count`` bytes, or nothing of them if they are not to be kept."""
    parts = []
    while count:
        piece = archive.read(min(count, PIECE))
        if not piece:
            raise EOFError("it ends within a file")
        count -= len(piece)
        if kept:
            parts.append(piece)
    return b"".join(parts)
