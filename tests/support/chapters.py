"""The chapters of the book as steps that run: a block of code, and what it prints.

A ```text block right after a ```python or ```sh block is what that block prints, to the letter. A line "% slow" before a block
leaves it to the slow tests; what stands below must then do without it.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from fences import Block, blocks
from rooms import ROOT

BOOK = ROOT / "docs" / "book"
CHAPTERS = sorted(path.stem for path in BOOK.glob("[0-9]*.md"))


class Step(NamedTuple):
    """A block that is run, what it prints (None: anything), and whether only the slow tests run it."""

    block: Block
    prints: str | None
    slow: bool


def text_of(chapter: str) -> str:
    """The Markdown of a chapter."""
    return (BOOK / f"{chapter}.md").read_text(encoding="utf-8")


def steps(page: str) -> list[Step]:
    """What there is to run, in the order of the page."""
    lines, found = page.split("\n"), blocks(page)
    after = {block.line: block for block in found if block.language == "text"}
    made = []
    for block in found:
        if block.language in ("python", "sh"):
            end = block.line + block.text.count("\n")  # the line of the closing fence
            while end < len(lines) and not lines[end].strip():
                end += 1
            answer = after.get(end + 2)
            marked = lines[max(0, block.line - 4) : block.line - 2]
            made.append(Step(block, answer.text if answer else None, "% slow" in marked))
    return made


def stray(page: str) -> list[int]:
    """The lines of ```text blocks that nothing prints."""
    printed = [step.prints for step in steps(page) if step.prints is not None]
    return [b.line for b in blocks(page, "text") if b.text not in printed]


def run(page: str, name: str, folder: Path, slow: bool) -> list[str]:
    """Run a page's steps in ``folder``, where the process must be already; what went otherwise than it says."""
    names: dict[str, Any] = {"__name__": "__main__"}
    faults = []
    for step in steps(page):
        if (step.slow and not slow) or (step.block.language == "sh" and step.prints is None):
            continue
        said = command(step.block.text, folder) if step.block.language == "sh" else code(step.block, name, names)
        if step.prints is not None and said != step.prints:
            faults.append(f"{name}, line {step.block.line}: it prints\n{said}and the page says\n{step.prints}")
    return faults


def code(block: Block, name: str, names: dict[str, Any]) -> str:
    """What a block of Python prints; a traceback tells the line of the page."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile("\n" * (block.line - 1) + block.text, name, "exec"), names)
    return out.getvalue()


def command(text: str, folder: Path) -> str:
    """What a block of commands prints in a window of 80 columns."""
    environment = os.environ | {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb", "NINX_DATA": str(folder / "data")}
    said = ""
    for line in text.strip().split("\n"):
        words = line.split()
        assert words[0] == "ninx", f"a chapter runs commands of ninx, not {line!r}"
        start = [sys.executable, "-c", "from ninx.cli import main; main()", *words[1:]]
        said += subprocess.run(start, cwd=folder, capture_output=True, text=True, env=environment, check=True).stdout
    return re.sub(r"[ \t]+$", "", said, flags=re.MULTILINE)
