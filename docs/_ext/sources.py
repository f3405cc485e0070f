"""Links into the source: the roles {src} and {test}, [source] beside each name of the reference, and the pages they lead to.

    {src}`kernels/strided.py im2col`            a file, a blank, and the name of a function or class in it
    {test}`tests/kernels/test_kernels.py test_im2col_and_col2im`

Each file that something links to becomes a page of the site, so the site needs no server and no repository beside it.
"""

from __future__ import annotations

import inspect
import posixpath
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import places
from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import ReferenceRole

logger = logging.getLogger(__name__)


def files_of(env: BuildEnvironment) -> dict[str, set[str]]:
    """The files that each document links to."""
    if not hasattr(env, "linked_sources"):
        env.linked_sources = {}  # type: ignore[attr-defined]
    return env.linked_sources  # type: ignore[attr-defined,no-any-return]


def link(env: BuildEnvironment, docname: str, target: str) -> str:
    """The address of a place in the source, as seen from a document. Raises LookupError where there is no such place."""
    line, (path, _) = places.line(target), places.split(target)
    files_of(env).setdefault(docname, set()).add(path)
    return f"{'../' * docname.count('/')}source/{path}.html" + (f"#L-{line}" if line > 1 else "")


class SourceRole(ReferenceRole):
    """Code that links to where it is defined; a target that is not there is a warning."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """A literal inside a link."""
        shown = nodes.literal(self.rawtext, self.title if self.has_explicit_title else self.target, classes=["source"])
        try:
            uri = link(self.env, self.env.docname, self.target)
        except LookupError as error:
            logger.warning("%s: %s", self.rawtext, error, location=self.get_location(), type="source")
            return [shown], []
        return [nodes.reference(self.rawtext, "", shown, refuri=uri, internal=True)], []


def place_of(module: str, fullname: str) -> str | None:
    """ "kernels/strided.py im2col" for an object of the reference; None for what is not written in Python."""
    thing: Any = sys.modules.get(module)
    for part in fullname.split("."):
        thing = inspect.getattr_static(thing, part, None) if inspect.isclass(thing) else getattr(thing, part, None)
    if isinstance(thing, property):
        thing = thing.fget
    thing = inspect.unwrap(getattr(thing, "__func__", thing)) if thing is not None else None
    owner, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not owner or not name or not owner.startswith("ninx"):
        return None
    file = getattr(sys.modules.get(owner), "__file__", None)
    if file is None or places.ROOT not in Path(file).resolve().parents:
        return None
    return f"{Path(file).resolve().relative_to(places.ROOT).as_posix()} {name}"


def add_links(app: Sphinx, doctree: nodes.document) -> None:
    """[source] beside the names of the reference; and links of the pages to files outside docs/ lead to their pages."""
    docname = app.env.docname
    for signature in list(doctree.findall(addnodes.desc_signature)):
        place = place_of(signature.get("module") or "", signature.get("fullname") or "")
        if place is None:
            continue
        try:
            uri = link(app.env, docname, place)
        except LookupError:  # a name that a class makes by itself
            continue
        inner = nodes.inline("", "[source]", classes=["viewcode-link"])
        signature += nodes.reference("", "", inner, refuri=uri, internal=False)
    for download in list(doctree.findall(addnodes.download_reference)):
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(docname), download["reftarget"]))
        if path.endswith(".py") and not path.startswith("docs/"):
            uri = link(app.env, docname, path)
            download.replace_self(nodes.reference("", "", *download.children, refuri=uri, internal=True))
    for folder in list(doctree.findall(addnodes.pending_xref)):  # of the repository: only a name on the site
        if folder["reftype"] == "myst" and (places.ROOT / "docs" / posixpath.dirname(docname) / folder["reftarget"]).is_dir():
            folder.replace_self(folder.children)


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A page for each file that is linked to, with a mark on every line."""
    formatter = HtmlFormatter(linenos="inline", lineanchors="L", wrapcode=True)
    for path in sorted(set().union(*files_of(app.env).values())):
        code = (places.ROOT / path).read_text(encoding="utf-8")
        body = highlight(code, get_lexer_for_filename(path), formatter).replace('<a id="L-', '<span id="L-')
        body = body.replace("<pre>", '<pre tabindex="0">', 1).replace('"></a>', '"></span>')
        yield f"source/{path}", {"title": path, "body": f"<h1><code>{path}</code></h1>{body}", "toc": ""}, "page.html"


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget what a document linked to, before it is read again."""
    files_of(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: Any, other: BuildEnvironment) -> None:
    """What another process read."""
    files_of(env).update({name: files for name, files in files_of(other).items() if name in docnames})


def setup(app: Sphinx) -> dict[str, Any]:
    """Told by Sphinx."""
    app.add_role("src", SourceRole())
    app.add_role("test", SourceRole())
    app.connect("doctree-read", add_links)
    app.connect("html-collect-pages", pages)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
