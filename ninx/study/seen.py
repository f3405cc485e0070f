"""What one value of a result depends on in the image: a patch, and by how much it moves from one value to the next.

Through layers in a row it is worked out from their windows. In a module with a forward of its own every operation is recorded,
and its node works out the patch from those of its inputs: a sum or a concatenation sees what the larger of its parts sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from ninx.kernels.geometry import Geometry, Pair

from ..engine import Tensor, graph
from .layer import window_of

SHIFTED = ("flatten", "reshape", "pad")  # the values are others, but each still looks at one place


class Seen(NamedTuple):
    """The patch of the image, in pixels, and the step from that of one value to that of its neighbour."""

    field: Pair
    step: Pair


WHOLE = Seen((1, 1), (1, 1))  # what a pixel sees: itself


def beyond(seen: Seen | None, window: tuple[Pair, Pair] | None) -> Seen | None:
    """After a window of such an extent and stride: the field grows by (extent - 1) steps, and the steps by the stride.

    >>> from ninx.study.seen import WHOLE, beyond
    >>> beyond(beyond(WHOLE, ((3, 3), (2, 2))), ((3, 3), (1, 1)))
    Seen(field=(7, 7), step=(2, 2))
    """
    if seen is None or window is None:
        return None
    (field, step), (extent, stride) = seen, window
    grown = field[0] + (extent[0] - 1) * step[0], field[1] + (extent[1] - 1) * step[1]
    return Seen(grown, (step[0] * stride[0], step[1] * stride[1]))


def together(parts: list[Seen | None]) -> Seen | None:
    """Of a sum or a concatenation: the largest of the patches, if all move by the same step.

    >>> from ninx.study.seen import Seen, WHOLE, together
    >>> together([WHOLE, Seen((5, 3), (1, 1))])
    Seen(field=(5, 3), step=(1, 1))
    """
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts) or len({part.step for part in known}) > 1:
        return None
    fields = [part.field for part in known]
    return Seen((max(h for h, _ in fields), max(w for _, w in fields)), known[0].step)


@contextmanager
def recording(multiplied: Callable[[int], None], seen: Callable[[Tensor], Seen | None]) -> Iterator[None]:
    """Meanwhile every node that is recorded has an attribute ``seen``, and tells ``multiplied`` of its multiply-adds.

    ``seen`` says what a tensor sees: of the image itself, which has no node, and of the others by their nodes.

    >>> from ninx.study.seen import recording
    >>> with recording(print, lambda t: None):
    ...     y = ninx.ones(2, 3, requires_grad=True) @ ninx.ones(3, 4)
    24
    """
    before = graph.Node
    graph.Node = partial(_SeenNode, multiplied, seen)  # type: ignore[misc,assignment]
    try:
        yield
    finally:
        graph.Node = before  # type: ignore[misc]


class _SeenNode(graph.Node):
    """A node that knows what its value sees, and tells how many multiply-adds its operation did."""

    __slots__ = ("seen",)

    def __init__(
        self, multiplied: Callable[[int], None], seen: Callable[[Tensor], Seen | None], name: str, out: Tensor, inputs: Any,
        entries: Any, epilogue: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, out, inputs, entries, epilogue)
        self.seen: Seen | None = None
        given = [t for t in inputs if t is not None and t.requires_grad and (t.node is not None or seen(t) is not None)]
        geo = next(geometries(entries), None)
        if geo is not None:
            multiplied(geo.macs * ("conv" in geo.operation))
            if given and name in ("conv2d", "max_pool2d", "avg_pool2d"):
                self.seen = beyond(seen(given[0]), window_of(geo))
        elif name == "matmul":
            multiplied(math.prod(out.shape) * inputs[0].shape[-1])
        elif given and name == "mean" and given[0].ndim == 4 and out.numel() * math.prod(given[0].shape[2:]) == given[0].numel():
            self.seen = beyond(seen(given[0]), ((given[0].shape[2:],) * 2))
        elif given and (name in SHIFTED or all(t.shape[2:] == out.shape[2:] for t in given if t.ndim == 4)):
            self.seen = together([seen(t) for t in given])


def geometries(entries: Any) -> Iterator[Geometry]:
    """Of an operation with a window: its vjps know the geometry. ``entries``: of a node.

    >>> y = F.max_pool2d(ninx.ones(1, 1, 4, 4, requires_grad=True), 2)
    >>> [geo.KH for geo in ninx.study.seen.geometries(y.node.entries)]
    [2]
    """
    for _, vjp, _ in entries:
        for cell in getattr(vjp, "__closure__", None) or ():
            if isinstance(cell.cell_contents, Geometry):
                yield cell.cell_contents
