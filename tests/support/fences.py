"""The blocks of a page of Markdown: what stands between two fences."""

from __future__ import annotations

import re
from typing import NamedTuple


class Block(NamedTuple):
    """What stands between two fences, and in which line it begins."""

    line: int
    language: str
    text: str


def blocks(page: str, language: str | None = None) -> list[Block]:
    """The blocks of a page (its text), of one language or of all."""
    fence = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
    found = [Block(page.count("\n", 0, m.start(2)) + 1, m[1], m[2]) for m in fence.finditer(page)]
    return [block for block in found if language in (None, block.language)]
