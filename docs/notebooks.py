"""Chapters of the book as Jupyter notebooks: `python docs/notebooks.py`, which wants `pip install "ninx[notebook]"`.

A chapter is its own source: jupytext takes its blocks of Python for cells and what stands between them for text. What only the
site understands is written plainly, and what a block prints is left to its cell.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CHAPTERS = (
    "02-the-engine",
    "03-convolution",
    "04-one-by-one",
    "06-global-average-pooling",
    "09-network-in-network",
)


def plain(page: str, figures: str = "../../book") -> str:
    """A chapter without the words of the site; ``figures`` is where the folder of its pictures lies, seen from the notebook."""
    page = re.sub(r"^```text\n.*?^```\n", "", page, flags=re.DOTALL | re.MULTILINE)
    page = re.sub(r"^% slow\n", "", page, flags=re.MULTILINE)
    page = re.sub(r"\{(?:src|test)\}`(?:[^`<]*<)?([^`>]+)>?`", r"`\1`", page)
    return re.sub(r"^:::\{figure\} (\S+)\n:alt: ([^\n]*)\n(.*?)^:::$", _picture(figures), page, flags=re.DOTALL | re.MULTILINE)


def _picture(figures: str) -> Any:
    return lambda found: f"![{found[2]}]({figures}/{found[1]})\n\n{found[3].strip()}"


def notebook(chapter: str) -> Any:
    """The notebook of a chapter, not run yet."""
    import jupytext

    page = (HERE / "book" / f"{chapter}.md").read_text(encoding="utf-8")
    made = jupytext.reads(plain(page), fmt={"extension": ".md", "format_name": "markdown"})
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return made


def main() -> int:
    """Write all of them."""
    try:
        import jupytext
    except ImportError:
        print('Notebooks are made by jupytext: pip install "ninx[notebook]"')
        return 2
    folder = HERE / "_build" / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in CHAPTERS:
        jupytext.write(notebook(chapter), folder / f"{chapter}.ipynb")
        print(f"Wrote docs/_build/notebooks/{chapter}.ipynb")
    return 0


if __name__ == "__main__":
    sys.exit(main())
