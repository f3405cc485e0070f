"""What is drawn of a graph, whatever draws it: boxes with lines of text, arrows between them, and frames around repetitions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...looks import printable, shortened
from ..table import size
from .repeats import runs
from .vertices import Edge, Graph, Vertex

WIDTH = 58  # characters of a line, at most
MASKED = "g ← g where y > 0, else 0"  # how the way back through a ReLU begins


class Line(NamedTuple):
    """A line of a box. ``role``: "title", "where", "shape", "back" (a gradient that is asked for), "none" (one that is not),
    "kept", "error"."""

    role: str
    text: str


class Box(NamedTuple):
    """A box. ``beside``: of the operation that alone uses what it holds; ``tip``: what does not fit in, in full."""

    key: int
    kind: str
    lines: tuple[Line, ...]
    tip: str = ""
    beside: int | None = None


class Arrow(NamedTuple):
    """A value goes from one box to another. ``back``: the function by which the gradient comes back; "" where none does."""

    source: int
    target: int
    back: str = ""
    used: bool = False


class Frame(NamedTuple):
    """The boxes of a block that comes several times, and what is written above it."""

    boxes: tuple[int, ...]
    text: str


class Picture(NamedTuple):
    """All of it."""

    title: str
    summary: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    frames: tuple[Frame, ...]


def megabytes(n: int) -> str:
    """A number of bytes as a person reads it.

    >>> ninx.study.graph.boxes.megabytes(512), ninx.study.graph.boxes.megabytes(12_582_912)
    ('512 B', '12.6 MB')
    """
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n >= one:
            return f"{n / one:,.1f} {unit}"
    return f"{n} B"


def merged(names: Sequence[str]) -> str:
    """One name for several that differ in some of their parts.

    >>> ninx.study.graph.boxes.merged(["blocks.0.weight", "blocks.1.weight", "blocks.2.weight"])
    'blocks.{0-2}.weight'
    """
    parts = [name.split(".") for name in names]
    if len({len(p) for p in parts}) > 1:
        return f"{names[0]} ... {names[-1]}"
    return ".".join(_alternatives(list(dict.fromkeys(column))) for column in zip(*parts, strict=True))


def _alternatives(found: list[str]) -> str:
    if len(found) == 1:
        return found[0]
    if all(text.isdigit() for text in found):
        numbers = [int(text) for text in found]
        if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            return f"{{{numbers[0]}-{numbers[-1]}}}"
    return f"{{{','.join(found)}}}"


def picture(graph: Graph, collapse: bool = True) -> Picture:
    """The boxes of a graph; of a block that is repeated only the first is drawn, for all.

    >>> net = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    >>> [box.lines[0].text for box in ninx.study.graph.boxes.picture(net.graph((4,))).boxes][:2]
    ['input', '0.weight']
    """
    return _Drawn(graph, collapse).picture()


class _Drawn:
    """Finds for every vertex the one that is drawn for it, and for every drawn one the box that it is in."""

    def __init__(self, graph: Graph, collapse: bool) -> None:
        self.graph = graph
        self.vertices = graph.vertices
        self.runs = runs(graph, collapse)
        self.alike: dict[int, list[Vertex]] = {}  # of a drawn vertex: itself and all that it stands for
        self.stands: dict[int, int] = {}  # of every vertex: the one that is drawn
        for run in self.runs:
            for same in zip(*run.blocks, strict=True):
                self._join([self.vertices[n] for n in same])
        for v in self.vertices:
            if v.number not in self.stands:
                self._join([v])
        self.users: dict[int, list[int]] = {}  # of a drawn vertex: once for each edge
        for number in self.alike:
            for edge in self.vertices[number].edges:
                self.users.setdefault(self.stands[edge.source], []).append(number)

    def _join(self, same: list[Vertex]) -> None:
        """These are drawn as one, and so are their parameters."""
        self.alike[same[0].number] = same
        self.stands |= {v.number: same[0].number for v in same}
        for edges in zip(*(v.edges for v in same), strict=True):
            sources = [self.vertices[edge.source] for edge in edges]
            if len(same) > 1 and sources[0].kind == "parameter":
                self._join(sources)

    def beside(self, number: int) -> int | None:
        """The operation that alone uses a parameter, or what one such operation makes of it (the transpose of a weight)."""
        v, users = self.vertices[number], self.users.get(number, [])
        if len(users) != 1 or v.kind not in ("parameter", "operation"):
            return None
        if v.kind == "operation" and (v.kept or v.error or not v.edges or not all(map(self.is_own, v.edges))):
            return None
        return self.beside(users[0]) or users[0]

    def is_own(self, edge: Edge) -> bool:
        """Does it lead from a parameter that nobody else uses?"""
        source = self.stands[edge.source]
        return self.vertices[source].kind == "parameter" and len(self.users[source]) == 1

    def picture(self) -> Picture:
        groups: dict[tuple[int, bool], list[int]] = {}
        for number in sorted(self.alike):
            user = self.beside(number)
            groups.setdefault((number, False) if user is None else (user, True), []).append(number)
        box_of = {number: group[0] for group in groups.values() for number in group}
        boxes = [self.box(group, key[0] if key[1] else None) for key, group in groups.items()]
        boxes.sort(key=lambda box: box.key)
        arrows: dict[tuple[int, int, int], Arrow] = {}
        for number in sorted(self.alike):
            for i, edge in enumerate(self.vertices[number].edges):
                source, target = box_of[self.stands[edge.source]], box_of[number]
                if source == target:
                    continue
                together = 0 if self.beside(self.stands[edge.source]) is not None else i + 1  # those of one box are one
                before, name = arrows.get((source, target, together)), edge.vjp.name if edge.vjp else ""
                used = edge.used or (before is not None and before.used)
                if before is not None:
                    name = before.back if name in before.back.split(", ") else f"{before.back}, {name}"
                arrows[source, target, together] = Arrow(source, target, name, used)
        frames = [self.frame(run.blocks, boxes) for run in self.runs if len(run.blocks) > 1]
        return Picture(printable(self.graph.name), printable(self.summary()), tuple(boxes), tuple(arrows.values()), tuple(frames))

    def box(self, numbers: Sequence[int], user: int | None) -> Box:
        """One box for a group of vertices."""
        group = [self.vertices[number] for number in numbers]
        lines = [line for v in group for line in (self.operation(v) if v.edges or v.kind == "error" else self.value(v))]
        return Box(numbers[0], group[0].kind, tuple(lines), self.tip(group), user)

    def summary(self) -> str:
        operations = [v for v in self.vertices if v.kind == "operation"]
        text = f"{len(operations)} operations on a batch of {self.graph.batch}, {megabytes(self.graph.nbytes)} kept for backward"
        return f"{text}. {self.graph.error}" if self.graph.error else text

    def frame(self, blocks: Sequence[Sequence[int]], boxes: Iterable[Box]) -> Frame:
        inside = tuple(box.key for box in boxes if box.key in blocks[0] or box.beside in blocks[0])
        return Frame(inside, f"{len(blocks)} times")

    # ---------------------------------------------------------------- text

    def value(self, v: Vertex) -> list[Line]:
        """Of what no operation made: its names, its shape."""
        same = self.alike[v.number]
        names = [merged([p.names[i] for p in same]) for i in range(len(v.names))] if v.names else [v.name]
        return [*(Line("title", _line(name)) for name in names), Line("shape", f"{size(v.shape)} {v.dtype}")]

    def operation(self, v: Vertex) -> list[Line]:
        """Of an operation: what it does, where, what comes out, how the gradients go back, what is kept."""
        same = self.alike[v.number]
        lines = [Line("title", _line(" + ".join(v.fused) or v.name))]
        where = ", ".join(merged([s.layers[i] for s in same]) for i in range(len(v.layers)))
        if where:
            lines.append(Line("where", _line(f"{where}  {_kernel(v)}".rstrip())))
        if v.kind == "operation":
            lines.append(Line("shape", f"{size(v.shape) if v.shape else 'scalar'} {v.dtype}"))
        lines += [Line("back", MASKED)] if v.masked else []
        lines += [self.back(v, edge) for edge in v.edges if edge.vjp is not None]
        kept = [k.name for k in v.kept]
        if kept:
            nbytes = sum(s.nbytes for s in same)
            much = f"{megabytes(nbytes)}{' in all' * (len(same) > 1)}" if nbytes else "no more"
            lines.append(Line("kept", _line(f"keeps {much}: {', '.join(kept)}")))
        if v.error:
            lines += [Line("error", text) for text in _wrapped(v.error)]
        return lines

    def back(self, v: Vertex, edge: Edge) -> Line:
        """How the gradient of one source is made of g."""
        vjp = edge.vjp
        assert vjp is not None
        source = self.vertices[edge.source]
        name = source.names[0].rpartition(".")[2] if source.names else source.name
        together = self.alike[self.stands[edge.source]]
        if len(self.alike[v.number]) > 1 and len(together) == 1 and source.kind == "operation":
            name = "what comes in"  # another for each of the blocks
        elif "(" in source.settings and source.layers != v.layers:  # made by a layer, not in the forward of what has parts
            name = merged([s.layers[0] for s in together])
        text = f"{name} ← {vjp.text}"
        return Line("back" if edge.used else "none", _line(text if len(text) <= WIDTH else f"{name} ← {vjp.brief}"))

    def tip(self, group: Sequence[Vertex]) -> str:
        """What does not fit into a box."""
        lines = []
        for v in group:
            for same in self.alike[v.number]:
                lines.append(
                    " ".join(filter(None, (", ".join(same.names) or same.name, "x".join(map(str, same.shape)), same.settings)))
                )
            lines += [f"{e.vjp.text} ({e.vjp.place})" for e in v.edges if e.vjp is not None]
            lines += [f"keeps {k.name} {size(k.shape)}: {megabytes(k.nbytes) if k.nbytes else 'there anyway'}" for k in v.kept]
        return "\n".join(map(printable, lines))


def _line(text: str) -> str:
    return shortened(printable(text), WIDTH)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(printable(text), WIDTH)


def _kernel(v: Vertex) -> str:
    """Kernel, stride and padding of an operation that has them."""
    geo = v.geometry
    return "" if geo is None else f"{geo.KH}x{geo.KW} stride {geo.SH} padding {geo.PH}"
