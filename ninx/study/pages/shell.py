"""What all pages share: one HTML file with its styles, scripts and data in it, which no browser will let reach the network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

_END = re.compile(r"</(script|style)|<!--", re.IGNORECASE)  # what would end a script or a style, or hide its end


def asset(name: str, package: str = __package__) -> str:
    """The text of a style or script that lies beside the code of ``package``.

    >>> "prefers-reduced-motion" in ninx.study.pages.shell.asset("style.css")
    True
    """
    return files(package).joinpath(name).read_text(encoding="utf-8")


def page(
    title: str, body: str, *, lang: str = "en", styles: Sequence[str] = (), scripts: Sequence[str] = (), data: Any = None
) -> str:
    """A whole page as one HTML text: light or dark as the reader's system is, with a button that changes it.

    ``title`` is plain text and ``body`` HTML. ``styles`` are CSS texts, after the common one; ``scripts`` are JavaScript texts,
    which run in order when the body is there. They find ``data``, whatever JSON can say, by ``pageData()``. The page may load
    nothing, and runs no script but these: its Content-Security-Policy says so.

    Raises ValueError for a script or style that would end its own element, and for data with NaN or infinity, which JSON has not.

    >>> html = ninx.study.pages.page("One & two", "<p>Hello.</p>", data={"text": "</script>"})
    >>> "<title>One &amp; two</title>" in html, html.count("</script>")
    (True, 2)
    """
    styles, scripts = [asset("style.css"), *styles], [asset("theme.js"), *scripts]
    for text in (*styles, *scripts):
        if found := _END.search(text):
            raise ValueError(f"page: a script or style holds {found.group()!r}, where the browser would take it to be at its end")
    # "<" as JSON may write it too: nothing in the data can end the element
    held = "" if data is None else json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    held = held.replace("<", "\\u003c")
    parts = [
        "<!doctype html>",
        f'<html lang="{escape(lang)}">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        *(f"<style>\n{text}</style>" for text in styles),
        "</head>",
        f"<body>\n{body}",
        *([f'<script type="application/json" id="page-data">{held}</script>'] if held else []),
        *(f"<script>\n{text}</script>" for text in scripts),
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _policy(scripts: Sequence[str]) -> str:
    """Nothing is loaded; pictures may stand in the page itself; a script runs if it is one of these, told by its hash."""
    known = [base64.b64encode(hashlib.sha256(f"\n{text}".encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in known)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
