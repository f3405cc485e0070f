"""Our docstrings as reStructuredText: plain sentences, `names` in single backticks, ``values`` in double ones, examples.

They are written to be read in a terminal, so a star is a product and `x_` no link. Here all such signs are escaped, a name in
single backticks becomes a link into the reference where it is found there, and indented lines stay as they are.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

MARKED = re.compile(r"(``.+?``|`[^`]+`)")
BULLET = re.compile(r"^(\s*)([*-]|\d+\.) ")


class NameRole(SphinxRole):
    """A name of ninx: a link where the reference has it, else only code."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """A reference that Sphinx's Python domain resolves: first in the module at hand, then anywhere."""
        target = self.text.removesuffix("()")
        at_hand = {key: self.env.ref_context.get(key) for key in ("py:module", "py:class")}
        code = nodes.literal(self.rawtext, self.text)
        options = {"refdomain": "py", "reftype": "obj", "reftarget": target, "refspecific": True, "refdoc": self.env.docname}
        return [addnodes.pending_xref("", code, refexplicit=False, **options, **at_hand)], []


def escaped(text: str) -> str:
    """A line of a sentence: what reStructuredText would take for marks is escaped, names and values are marked."""
    parts = MARKED.split(text)
    return "".join(_marked(part) if MARKED.fullmatch(part) else re.sub(r"([\\*_|`])", r"\\\1", part) for part in parts)


def _marked(part: str) -> str:
    if part.startswith("``"):
        return part
    inside = part[1:-1]
    return f":name:`{inside}`" if re.fullmatch(r"[A-Za-z_][\w.]*(\(\))?", inside) else f"``{inside}``"


def converted(lines: list[str]) -> list[str]:
    """The lines of a docstring, block by block (blocks have blank lines between them)."""
    found: list[str] = []
    blocks = re.split(r"\n(?:[ \t]*\n)+", "\n".join(lines).strip("\n"))
    for block in blocks:
        rows = block.split("\n")
        if rows[0].lstrip().startswith(">>>"):
            indent = len(rows[0]) - len(rows[0].lstrip())
            found += [row[indent:] for row in rows]
        elif (rows[0].startswith("  ") and not BULLET.match(rows[0])) or rows[0].lstrip().startswith("| "):
            found += ["::", "", *("    " + row for row in rows)]
        else:
            found += _sentences(rows)
        found.append("")
    return found


def _sentences(rows: list[str]) -> list[str]:
    """A paragraph, or items; lines that are further in than the first belong to what stands before them."""
    found: list[str] = []
    listing = False
    for row in rows:
        if item := BULLET.match(row):
            found += [""] if found and not listing else []
            found.append(item[1] + item[2] + " " + escaped(row[item.end() :]))
            listing = True
        else:
            found.append(escaped(row if listing else row.strip()))
    return found


def convert(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Told by autodoc for each docstring, whose lines are replaced."""
    lines[:] = converted(lines)


def setup(app: Sphinx) -> dict[str, Any]:
    """Told by Sphinx."""
    app.add_role("name", NameRole())
    app.connect("autodoc-process-docstring", convert)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
