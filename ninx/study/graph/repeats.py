"""Blocks that come several times in a row: found in the graph itself, so a loop in a forward has them too.

A block is a run of operations with one way in and one way out. It is repeated where the next operations do the same with
weights of the same shapes, and take what it gives. What shares a weight with others is no repetition: it must be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .vertices import Graph, Vertex

LONGEST = 64  # operations in a block
ALONE = 3  # so often must a single operation come


class Run(NamedTuple):
    """Operations, by their numbers, in blocks that are alike; one block where nothing is repeated."""

    blocks: tuple[tuple[int, ...], ...]


def runs(graph: Graph, collapse: bool = True) -> list[Run]:
    """All operations of a graph, in order.

    >>> net = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(5)])
    >>> [len(run.blocks) for run in ninx.study.graph.repeats.runs(net.graph((4,)))][:2]
    [5, 1]
    """
    found, blocks, i = [], _Blocks(graph), 0
    while i < len(blocks.order):
        size, times = blocks.longest(i) if collapse else (1, 1)
        numbers = [v.number for v in blocks.order[i : i + size * times]]
        found.append(Run(tuple(tuple(numbers[k : k + size]) for k in range(0, len(numbers), size))))
        i += size * times
    return found


class _Blocks:
    """What blocks are compared by."""

    def __init__(self, graph: Graph) -> None:
        self.vertices = graph.vertices
        self.order = [v for v in graph.vertices if v.kind in ("operation", "error")]
        self.users: dict[int, list[int]] = {}
        for v in self.order:
            for edge in v.edges:
                self.users.setdefault(edge.source, []).append(v.number)

    def longest(self, i: int) -> tuple[int, int]:
        """(operations in a block, how often it comes) from the i-th operation on: whatever leaves the least to draw."""
        best = (1, 1)
        for size in range(1, min(LONGEST, (len(self.order) - i) // 2) + 1):
            first = self.form(i, size)
            times = 1
            while first is not None and self.again(i + size * times, size, first[0]):
                times += 1
            if size * (times - 1) > best[0] * (best[1] - 1) and (size > 1 or times >= ALONE):
                best = size, times
        return best

    def again(self, i: int, size: int, form: Sequence[object]) -> bool:
        """Is there a block of this form at i, which goes on from the one before it?"""
        found = self.form(i, size) if i + size <= len(self.order) else None
        return found is not None and found[0] == form and found[1] == self.order[i - 1].number

    def form(self, i: int, size: int) -> tuple[list[object], int | None] | None:
        """(what a block does, with no names in it; the number of what comes in). None: it has several ways in or out."""
        block = self.order[i : i + size]
        inside = {v.number: k for k, v in enumerate(block)}
        entry: int | None = None
        form: list[object] = []
        for v in block:
            sources: list[object] = []
            for edge in v.edges:
                source = self.vertices[edge.source]
                if source.kind == "parameter":
                    if len(self.users[edge.source]) > 1:
                        return None
                    sources.append((source.shape, edge.vjp))
                elif edge.source in inside:
                    sources.append((inside[edge.source], edge.vjp))
                elif source.kind == "constant":
                    sources.append((edge.source, edge.vjp))
                elif entry in (None, edge.source):
                    entry = edge.source
                    sources.append(("entry", edge.vjp))
                else:
                    return None
            if v is not block[-1] and not inside.keys() >= set(self.users.get(v.number, ())):
                return None
            form.append((_itself(v), sources))
        return form, entry


def _itself(v: Vertex) -> object:
    """What an operation does, without the names of its layers."""
    return v.kind, v.name, v.shape, v.dtype, v.settings, v.fused, v.geometry, v.error, len(v.layers)
