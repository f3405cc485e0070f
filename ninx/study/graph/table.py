"""A graph as a table for a terminal: a row is an operation, or a block of them that comes several times."""

from __future__ import annotations

import textwrap

from ...tables import Column, Sheet
from ..table import size
from .boxes import megabytes, merged
from .repeats import runs
from .vertices import Graph

NOTE = (
    "kept: what an operation keeps for its way back, beside what is there anyway. way back: what makes of the gradient of its "
    "value that of each source; in brackets what nobody asks for"
)


def sheet(graph: Graph, collapse: bool = True) -> Sheet:
    """A row for each operation.

    >>> ninx.study.graph.table.sheet(nn.ReLU().graph((3, 4, 4))).rows[0].cells[:4]
    ('relu', 'the network', '64x3x4x4', '')
    """
    heads = [Column("operation", text=True), Column("layer", text=True, spare=1), Column("output"), Column("kept")]
    table = Sheet([*heads, Column("way back", text=True, spare=2)])
    for run in runs(graph, collapse):
        for numbers in zip(*run.blocks, strict=True):
            same = [graph.vertices[n] for n in numbers]
            v, nbytes = same[0], sum(s.nbytes for s in same)
            layer = ", ".join(merged([s.layers[i] for s in same]) for i in range(len(v.layers)))
            name = " + ".join(v.fused) or v.name
            name = f"{len(same)} x {name}" if len(same) > 1 else name
            ways = [e.vjp.name if e.used else f"({e.vjp.name})" for e in v.edges if e.vjp is not None]
            shape = "" if v.kind == "error" else size(v.shape) if v.shape else "1"
            cells = name, layer, shape, megabytes(nbytes) if nbytes else "", ", ".join(dict.fromkeys(ways))
            table.add(*cells, style="red" if v.error else "")
    table.total("together", "", "", megabytes(graph.nbytes), "")
    return table


def as_text(graph: Graph, width: int = 80) -> str:
    """The table, and what stands below it.

    >>> print(ninx.study.graph.table.as_text(nn.ReLU().graph((3, 4, 4))).splitlines()[0])
    ReLU: a step on a batch of 64
    """
    lines = [f"{graph.name}: a step on a batch of {graph.batch}", *sheet(graph).text(width).splitlines(), ""]
    lines += textwrap.wrap(f"{NOTE}.", width)
    return "\n".join([*lines, *(textwrap.wrap(f"Error: {graph.error}", width) if graph.error else [])])
