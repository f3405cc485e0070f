"""Where the boxes of a picture stand. igraph arranges them in layers (Sugiyama's method); sizes and distances are ours.

igraph knows no sizes: it says which box is left of which, and which stand in one column. Here the columns move apart until no
box touches another, and the layers too. What a parameter's box holds for a single operation stands beside that operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from rich.cells import cell_len

from .boxes import Box, Picture

CHARACTER, LINE, PAD = 7.3, 16.0, 9.0  # of a text of 12 pixels in a monospaced face, of which the widest takes 0.602 em
BESIDE, ACROSS, DOWN = 26.0, 30.0, 40.0  # distances: of a parameter, between columns, between layers
LANE = 10.0  # the width of an arrow that passes a layer


class Rect(NamedTuple):
    """A rectangle: its left upper corner, and its size."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: Rect) -> bool:
        """Do the two have any point in common?

        >>> from ninx.study.graph.layout import Rect
        >>> Rect(0, 0, 2, 2).meets(Rect(1, 1, 2, 2)), Rect(0, 0, 2, 2).meets(Rect(3, 0, 2, 2))
        (True, False)
        """
        across = self.x <= other.x + other.width and other.x <= self.x + self.width
        return across and self.y <= other.y + other.height and other.y <= self.y + self.height


class Layout(NamedTuple):
    """Where everything is: the boxes by their keys, the points of each arrow, and how large it is in all."""

    boxes: dict[int, Rect]
    arrows: tuple[tuple[tuple[float, float], ...], ...]
    frames: tuple[Rect, ...]
    width: float
    height: float


def size_of(box: Box) -> tuple[float, float]:
    """Width and height of a box, in pixels.

    >>> from ninx.study.graph.boxes import Box, Line
    >>> ninx.study.graph.layout.size_of(Box(0, "input", (Line("title", "input"),)))
    (54.5, 34.0)
    """
    return max(cell_len(line.text) for line in box.lines) * CHARACTER + 2 * PAD, len(box.lines) * LINE + 2 * PAD


class _Place:
    """A vertex of the layers: a box with what stands beside it, or an arrow that passes by."""

    def __init__(self, layer: int, right: float, left: float, height: float) -> None:
        self.layer, self.right, self.left, self.height = layer, right, left, height
        self.x = 0.0


def layout(p: Picture) -> Layout:
    """Arrange a picture. Raises ImportError without igraph, saying how to get it.

    >>> p = ninx.study.graph.boxes.picture(ninx.study.graph.of(nn.ReLU(), (3,)))
    >>> list(ninx.study.graph.layout.layout(p).boxes)
    [0, 1, 2]
    """
    return _Arranged(p).layout()


class _Arranged:
    def __init__(self, p: Picture) -> None:
        self.p = p
        sizes = {box.key: size_of(box) for box in p.boxes}
        beside = {box.beside: box for box in p.boxes if box.beside is not None}
        card = max((sizes[b.key][0] for b in p.boxes if b.kind == "operation"), default=0.0)
        self.sizes = {b.key: (card, sizes[b.key][1]) if b.kind == "operation" else sizes[b.key] for b in p.boxes}
        layers = self.layers([box for box in p.boxes if box.beside is None])
        self.places: list[_Place] = []
        self.number: dict[int, int] = {}
        for key, layer in layers.items():
            width, height = self.sizes[key]
            more = self.sizes[beside[key].key] if key in beside else (-BESIDE, 0.0)
            self.number[key] = len(self.places)
            self.places.append(_Place(layer, width / 2, width / 2 + BESIDE + more[0], max(height, more[1])))
        self.ways = [self.way(arrow.source, arrow.target, layers) for arrow in p.arrows]

    def layers(self, boxes: Sequence[Box]) -> dict[int, int]:
        """The layer of each box: below all that it comes from; what comes from nothing stands just above its first use."""
        into: dict[int, list[int]] = {box.key: [] for box in boxes}
        out: dict[int, list[int]] = {box.key: [] for box in boxes}
        for arrow in self.p.arrows:
            if arrow.source in into:
                into[arrow.target].append(arrow.source)
                out[arrow.source].append(arrow.target)
        found: dict[int, int] = {}
        for box in boxes:  # which come after those that they come from
            found[box.key] = 1 + max((found[s] for s in into[box.key]), default=0)
        for box in boxes:
            if not into[box.key] and out[box.key]:
                found[box.key] = min(found[t] for t in out[box.key]) - 1
        first = min(found.values(), default=0)
        return {key: layer - first for key, layer in found.items()}

    def way(self, source: int, target: int, layers: dict[int, int]) -> list[int]:
        """The places that an arrow goes through, with one in each layer that it passes. Nothing: it is beside its operation."""
        if source not in layers:
            return []
        passed = range(layers[source] + 1, layers[target])
        way = [self.number[source], *range(len(self.places), len(self.places) + len(passed)), self.number[target]]
        self.places += [_Place(layer, LANE, LANE, 0.0) for layer in passed]
        return way

    def layout(self) -> Layout:
        self.columns()
        tops, bottoms = self.rows()
        boxes = {}
        for key, number in self.number.items():
            place, (width, height) = self.places[number], self.sizes[key]
            middle = tops[place.layer] + place.height / 2
            boxes[key] = Rect(place.x - width / 2, middle - height / 2, width, height)
        for box in self.p.boxes:
            if box.beside is not None:
                (width, height), of = self.sizes[box.key], boxes[box.beside]
                boxes[box.key] = Rect(of.x - BESIDE - width, of.y + of.height / 2 - height / 2, width, height)
        arrows = tuple(self.points(i, boxes, tops, bottoms) for i in range(len(self.ways)))
        frames = tuple(self.frame(frame.boxes, boxes) for frame in self.p.frames)
        return _moved(boxes, arrows, frames)

    def columns(self) -> None:
        """The x of every place: igraph's columns, moved apart."""
        for number, x in enumerate(_sugiyama(self.places, self.ways)):
            self.places[number].x = x
        lines: dict[int, list[_Place]] = {}
        for place in self.places:
            lines.setdefault(place.layer, []).append(place)
        apart: dict[float, list[tuple[float, float]]] = {}
        for line in lines.values():
            line.sort(key=lambda place: place.x)
            for a, b in pairwise(line):
                b.x = max(b.x, a.x + 1e-3)  # two in one spot would not stay apart
                apart.setdefault(b.x, []).append((a.x, a.right + ACROSS + b.left))
        real: dict[float, float] = {}
        last = 0.0
        for x in sorted({place.x for place in self.places}):
            real[x] = last = max([last, *(real[before] + distance for before, distance in apart.get(x, ()))])
        for place in self.places:
            place.x = real[place.x]

    def rows(self) -> tuple[dict[int, float], dict[int, float]]:
        """Where each layer begins and ends."""
        heights: dict[int, float] = {}
        for place in self.places:
            heights[place.layer] = max(heights.get(place.layer, 0.0), place.height)
        tops, bottoms, y = dict[int, float](), dict[int, float](), 0.0
        for layer in sorted(heights):
            tops[layer], bottoms[layer] = y, y + heights[layer]
            y += heights[layer] + DOWN
        return tops, bottoms

    def points(
        self, i: int, boxes: dict[int, Rect], tops: dict[int, float], bottoms: dict[int, float]
    ) -> tuple[tuple[float, float], ...]:
        """Those that an arrow connects; it leaves and passes layers straight down."""
        arrow, way = self.p.arrows[i], self.ways[i]
        a, b = boxes[arrow.source], boxes[arrow.target]
        if not way:
            return (a.x + a.width, a.y + a.height / 2), (b.x, a.y + a.height / 2)
        passed = [self.places[number] for number in way[1:-1]]
        start = a.x + a.width / 2
        found = [(start, a.y + a.height), (start, bottoms[self.places[way[0]].layer])]
        for place in passed:
            found += [(place.x, tops[place.layer]), (place.x, bottoms[place.layer])]
        others = [k for k, w in enumerate(self.ways) if w and self.p.arrows[k].target == arrow.target]
        others.sort(key=lambda k: (self.places[self.ways[k][-2]].x, k))
        end = b.x + b.width / 2 + 28 * (others.index(i) - (len(others) - 1) / 2)
        found += [(end, tops[self.places[way[-1]].layer]), (end, b.y)]
        return tuple(point for i, point in enumerate(found) if i == 0 or point != found[i - 1])

    def frame(self, keys: Iterable[int], boxes: dict[int, Rect]) -> Rect:
        """Around the boxes of a block, and the arrows that lead to them, with room for a line of text above."""
        inside = set(keys)
        around = [boxes[key] for key in inside]
        within = [way for arrow, way in zip(self.p.arrows, self.ways, strict=True) if arrow.target in inside]
        lanes = [self.places[number].x for way in within for number in way[1:-1]]
        left = min([r.x for r in around] + lanes) - 10
        right = max([r.x + r.width for r in around] + lanes) + 10
        top, bottom = min(r.y for r in around) - LINE - 10, max(r.y + r.height for r in around) + 8
        return Rect(left, top, right - left, bottom - top)


def _sugiyama(places: Sequence[_Place], ways: Iterable[Sequence[int]]) -> list[float]:
    """The x of every place, as igraph has them."""
    try:
        import igraph
    except ImportError as error:
        raise ImportError(
            "graph: an SVG is laid out by igraph; pip install 'ninx[graph]' brings it. Mermaid (.mmd) and DOT (.dot) need nothing"
        ) from error
    edges = [pair for way in ways for pair in pairwise(way)]
    found = igraph.Graph(len(places), edges, directed=True).layout_sugiyama(layers=[place.layer for place in places])
    return [round(x, 6) for x, _ in list(found)[: len(places)]]


def _moved(boxes: dict[int, Rect], arrows: Iterable[Sequence[tuple[float, float]]], frames: Sequence[Rect]) -> Layout:
    """The same, beginning at (0, 0)."""
    drawn = [*boxes.values(), *frames]
    points = [point for arrow in arrows for point in arrow]
    left = min([r.x for r in drawn] + [x for x, _ in points], default=0.0)
    top = min((r.y for r in drawn), default=0.0)
    right = max([r.x + r.width for r in drawn] + [x for x, _ in points], default=0.0)
    bottom = max((r.y + r.height for r in drawn), default=0.0)
    return Layout(
        {key: r._replace(x=r.x - left, y=r.y - top) for key, r in boxes.items()},
        tuple(tuple((x - left, y - top) for x, y in arrow) for arrow in arrows),
        tuple(r._replace(x=r.x - left, y=r.y - top) for r in frames),
        right - left,
        bottom - top,
    )
