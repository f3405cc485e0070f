"""Formulas, typeset by KaTeX while the site is built: the pages need no script for them, and a wrong one is a warning."""

from __future__ import annotations

import functools
import html
import json
import subprocess
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.locale import init
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)
HERE = Path(__file__).parent
KATEX = HERE.parent / "_build" / "node" / "node_modules" / "katex"  # build.py installs it


@functools.cache
def _node() -> subprocess.Popen[str]:
    """The program that typesets; it ends with ours, when its input does."""
    command = ["node", str(HERE / "formulas.js"), str(KATEX)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")


@functools.cache
def typeset(tex: str, display: bool) -> str:
    """The HTML of a formula. Raises ValueError with KaTeX's words where it is none."""
    node = _node()
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write(json.dumps({"tex": tex, "display": display}) + "\n")
    node.stdin.flush()
    answer = json.loads(node.stdout.readline())
    if "error" in answer:
        raise ValueError(answer["error"])
    return str(answer["html"])


def _shown(node: nodes.Element, display: bool) -> str:
    try:
        return typeset(node.astext(), display)
    except ValueError as error:
        logger.warning("%s", error, location=node, type="formula")
        return f"<code>{html.escape(node.astext())}</code>"


def inline(writer: Any, node: nodes.Element) -> None:
    """A formula in a sentence."""
    writer.body.append(f'<span class="math">{_shown(node, display=False)}</span>')
    raise nodes.SkipNode


def block(writer: Any, node: nodes.Element) -> None:
    """A formula on a line of its own."""
    writer.body.append(f'<div class="math" tabindex="0">{_shown(node, display=True)}</div>')
    raise nodes.SkipNode


class Translated(SphinxTransform):
    """Formulas on a line of their own in the language of the site, before Sphinx would take them for literal blocks."""

    default_priority = 19  # Sphinx translates at 20

    def apply(self, **kwargs: Any) -> None:
        """From the page's catalogue."""
        folders = [self.app.srcdir / folder for folder in self.config.locale_dirs]
        catalogue, there = init(folders, self.config.language, self.env.docname)
        for node in self.document.findall(nodes.math_block):
            text = node.astext()
            if there and (translated := catalogue.gettext(text.strip())) != text.strip():
                node.children = []
                node += nodes.Text(translated)
            node.source = None  # done


def setup(app: Sphinx) -> dict[str, Any]:
    """Told by Sphinx."""
    app.add_html_math_renderer("katex", (inline, None), (block, None))
    app.add_transform(Translated)
    app.add_css_file("katex/katex.min.css")
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": False}
