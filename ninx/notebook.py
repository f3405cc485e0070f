"""What a Jupyter notebook shows: small HTML of tensors and networks, and a progress bar that needs no extension.

Colours and fonts are the notebook's own, so that all of it can be read on light and on dark. Everything that comes from outside
is escaped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

CODE = "margin: 0; font-family: monospace; line-height: 1.3"  # an exported notebook gives <pre> the font of the text
QUIET = "opacity: 0.75"  # text that says less, in whatever colour the notebook has
LINES = 24  # of a tensor's text; the rest is left out
PAUSE = 0.2  # seconds between two looks of a bar


def escape(text: str) -> str:
    """Text as HTML shows it."""
    import html  # here, because its list of all entities is long, and `import ninx` is to be quick

    return html.escape(text)


def in_notebook() -> bool:
    """Is this a cell of a notebook, which can show HTML? Not an IPython in a terminal.

    >>> from ninx.notebook import in_notebook
    >>> in_notebook()
    False
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def code_html(text: str) -> str:
    """Text whose columns stand below each other: code, or a table of numbers.

    >>> from ninx.notebook import code_html
    >>> code_html("a < b")
    '<pre style="margin: 0; font-family: monospace; line-height: 1.3">a &lt; b</pre>'
    """
    return f'<pre style="{CODE}">{escape(text)}</pre>'


def tensor_html(text: str, facts: list[str]) -> str:
    """A tensor: its facts (shape, dtype, ...) in a line, and its text below.

    >>> from ninx.notebook import tensor_html
    >>> tensor_html("tensor(<3)", ["0-d", "int64"])
    '<div><span style="opacity: 0.75">0-d, int64</span><pre style="...">tensor(&lt;3)</pre></div>'
    """
    lines = text.splitlines()
    shown = "\n".join(lines[:LINES]) + ("\n..." if len(lines) > LINES else "")
    return f'<div><span style="{QUIET}">{escape(", ".join(facts))}</span>{code_html(shown)}</div>'


def tree_html(name: str, module: Any, opened: bool = True) -> str:
    """A network as a tree that opens and closes: kind, settings and parameters of each of its parts.

    >>> from ninx.notebook import tree_html
    >>> tree_html("", nn.Linear(3, 2)).count("8 parameters")
    1
    """
    count = sum(p.numel() for p in module.parameters())
    kind = f"<b>{escape(type(module).__name__)}</b>"
    said = " ".join(filter(None, [escape(f"({name})") if name else "", kind, escape(" ".join(module.extra_repr().split()))]))
    counted = f' <span style="{QUIET}">{count:,} parameter{"s" * (count != 1)}</span>' if count else ""
    parts = list(module._modules.items())
    if not parts:
        return f'<div style="margin-left: 1.2em">{said}{counted}</div>'
    inside = "".join(tree_html(key, part, opened=False) for key, part in parts)
    settings = f'style="margin-left: {"1.2em" if name else "0"}"' + ' open=""' * opened
    return f"<details {settings}><summary>{said}{counted}</summary>{inside}</details>"


def bar_html(done: int, total: int, text: str) -> str:
    """A bar of HTML's own, and a text beside it.

    >>> from ninx.notebook import bar_html
    >>> bar_html(1, 2, "epoch 1")
    '<div><progress value="1" max="2" style="width: 20em" aria-label="progress"></progress> <code>epoch 1</code></div>'
    """
    bar = f'<progress value="{done}" max="{total}" style="width: 20em" aria-label="progress"></progress>'
    return f"<div>{bar} <code>{escape(text)}</code></div>"


class Live:
    """One output of a cell that is written anew. Made only `in_notebook`.

    IPython's own updatable output: it needs neither ipywidgets nor an extension of the notebook, and is kept in the file.
    """

    def __init__(self) -> None:
        from IPython import display

        show: Any = display.display  # it has no types
        self.handle = show({"text/plain": ""}, raw=True, display_id=True)
        self.last = 0.0

    def show(self, html: Callable[[], str], text: str, now: bool = False) -> None:
        """Show this instead, unless something was shown a moment ago and it need not be ``now``."""
        if now or time.monotonic() - self.last >= PAUSE:
            self.last = time.monotonic()
            self.handle.update({"text/html": html(), "text/plain": text}, raw=True)
