"""What a keyboard and a screen reader need and the theme leaves out."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

MENDED = {
    "furo_navigation_tree": ('role="heading"', 'role="heading" aria-level="2"'),  # the captions of the list of pages
    "body": ("<pre>", '<pre tabindex="0">'),  # code that is wider than the page is scrolled with the keys
}


def mend(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Told by Sphinx for each page, after the theme."""
    for part, (old, new) in MENDED.items():
        if isinstance(context.get(part), str):
            context[part] = context[part].replace(old, new)


def setup(app: Sphinx) -> dict[str, Any]:
    """Told by Sphinx."""
    app.connect("html-page-context", mend, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
