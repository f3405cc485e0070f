"""A graph in a file: the ending of its name says as what."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from .boxes import Picture, picture
from .svg import svg
from .texts import dot, mermaid
from .vertices import Graph

DRAWN: dict[str, Callable[[Picture], str]] = {".svg": svg, ".mmd": mermaid, ".dot": dot}


def check_ending(file: str) -> str:
    """The ending of a file's name. ValueError for one that says of no picture.

    >>> ninx.study.graph.check_ending("net.svg")
    '.svg'
    """
    ending = Path(file).suffix.lower()
    if ending not in (*DRAWN, ".json"):
        raise ValueError(f"graph: the file's name ends in {', '.join(DRAWN)} or .json, not {file!r}")
    return ending


def written(graph: Graph, file: str, collapse: bool = True) -> str:
    """What is written into a file of this name. In JSON nothing is collapsed.

    Raises ValueError for another ending, and ImportError for an SVG without igraph.

    >>> graph = ninx.study.graph.of(nn.Linear(3, 2), (3,))
    >>> ninx.study.graph.written(graph, "net.dot").splitlines()[0]
    'digraph "Linear" {'
    """
    ending = check_ending(file)
    if ending == ".json":
        return json.dumps(graph.as_json(), indent=1) + "\n"
    return DRAWN[ending](picture(graph, collapse))
