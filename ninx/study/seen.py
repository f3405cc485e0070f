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
from .layer import Window, window_of

FLAT = ("flatten", "reshape")  # the values stand elsewhere, but each still looks at one place


class Seen(NamedTuple):
    """The patch of the image, in pixels, the step from that of one value to that of its neighbour, and where the first begins.

    ``start`` is below 0 where the patch reaches into the padding.
    """

    field: Pair
    step: Pair
    start: Pair = (0, 0)

    def patch(self, i: int, j: int) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) of what the value in row i, column j depends on; bottom and right are the first outside.

        >>> ninx.study.seen.Seen((5, 5), (2, 2), (-2, -2)).patch(1, 0)
        (0, -2, 5, 3)
        """
        top, left = self.start[0] + i * self.step[0], self.start[1] + j * self.step[1]
        return top, left, top + self.field[0], left + self.field[1]


WHOLE = Seen((1, 1), (1, 1))  # what a pixel sees: itself


def beyond(seen: Seen | None, window: Window | None) -> Seen | None:
    """After such a window: the field grows by (extent - 1) steps, the step by the stride, the start moves back by the padding.

    >>> from ninx.study.layer import Window
    >>> from ninx.study.seen import WHOLE, beyond
    >>> beyond(beyond(WHOLE, Window((3, 3), (2, 2), (1, 1))), Window((3, 3), (1, 1)))
    Seen(field=(7, 7), step=(2, 2), start=(-1, -1))
    """
    if seen is None or window is None:
        return None
    (field, step, start), (extent, stride, padding) = seen, window
    grown = field[0] + (extent[0] - 1) * step[0], field[1] + (extent[1] - 1) * step[1]
    begun = start[0] - padding[0] * step[0], start[1] - padding[1] * step[1]
    return Seen(grown, (step[0] * stride[0], step[1] * stride[1]), begun)


def together(parts: list[Seen | None]) -> Seen | None:
    """Of a sum or a concatenation: the smallest patch around those of all parts, if all move by the same step.

    >>> from ninx.study.seen import Seen, WHOLE, together
    >>> together([WHOLE, Seen((5, 3), (1, 1), (-2, -1))])
    Seen(field=(5, 3), step=(1, 1), start=(-2, -1))
    """
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts) or len({part.step for part in known}) > 1:
        return None
    top, left = (min(part.start[a] for part in known) for a in (0, 1))
    bottom, right = (max(part.start[a] + part.field[a] for part in known) for a in (0, 1))
    return Seen((bottom - top, right - left), known[0].step, (top, left))


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
    """A node that knows its inputs and what its value sees, and tells how many multiply-adds its operation did."""

    __slots__ = ("geometry", "inputs", "seen")

    def __init__(
        self, multiplied: Callable[[int], None], seen: Callable[[Tensor], Seen | None], name: str, out: Tensor, inputs: Any,
        entries: Any, epilogue: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, out, inputs, entries, epilogue)
        self.seen: Seen | None = None
        self.inputs: tuple[Tensor | None, ...] = tuple(inputs)
        given = [t for t in inputs if t is not None and t.requires_grad and (t.node is not None or seen(t) is not None)]
        self.geometry = geo = next(_kept(entries, Geometry), None)
        if geo is not None:
            multiplied(geo.macs * ("conv" in geo.operation))
            if given and name in ("conv2d", "max_pool2d", "avg_pool2d"):
                self.seen = beyond(seen(given[0]), window_of(geo))
        elif name == "matmul":
            multiplied(math.prod(out.shape) * inputs[0].shape[-1])
        elif given and name == "mean" and given[0].ndim == 4 and out.numel() * math.prod(given[0].shape[2:]) == given[0].numel():
            self.seen = beyond(seen(given[0]), Window(*((given[0].shape[2:],) * 2)))
        elif given and name == "pad" and out.ndim == 4:
            at = next(_kept(entries, tuple), (slice(0),) * 4)
            self.seen = beyond(seen(given[0]), Window((1, 1), (1, 1), (at[2].start or 0, at[3].start or 0)))
        elif given and (name in FLAT or all(t.shape[2:] == out.shape[2:] for t in given if t.ndim == 4)):
            self.seen = together([seen(t) for t in given])


def _kept(entries: Any, kind: type) -> Iterator[Any]:
    """What the vjps of an operation have kept of some kind: of one with a window the geometry."""
    for _, vjp, _ in entries:
        for cell in getattr(vjp, "__closure__", None) or ():
            if isinstance(cell.cell_contents, kind):
                yield cell.cell_contents
