"""All calls of a network for one number of images, and the memory that they go over.

A value is needed until the next one is there. So one piece of memory is enough, as large as the largest value and the one after
it together: values lie by turns at its beginning and at its end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ninx.kernels import memory
from ninx.kernels.cpu import prepared

from ..array import Array
from .layers import Layer
from .steps import Room, Shape, Step, lying, step_of

LINE = memory.LINE
AT_ONCE = 24 * 2**20  # bytes of values: with 16 images of nin-cifar10 the kernels run as fast as with 64


def images_at_once(layers: Sequence[Layer], shape: Shape, dtype: np.dtype[Any]) -> int:
    """How many images should go through together, a power of two: with more, memory grows, with fewer the kernels slow down."""
    one = Program(layers, 1, shape, dtype, Room())
    return 1 << max(0, (AT_ONCE // one.bytes).bit_length() - 1)


class Program:
    """The steps for n values of ``shape`` at once. ``room`` holds the weights, which programs for other n share."""

    def __init__(self, layers: Sequence[Layer], n: int, shape: Shape, dtype: np.dtype[Any], room: Room):
        self.steps: list[Step] = []
        given = shape
        for layer in layers:
            self.steps.append(step_of(layer, n, shape, dtype))
            shape = self.steps[-1].shape
        room.reserve([step.geo for step in self.steps if step.geo is not None], dtype)
        self.bytes, self.input, self.output, self.calls = self._laid_out(n, given, dtype, room)

    def _laid_out(self, n: int, given: Shape, dtype: np.dtype[Any], room: Room) -> Any:
        """(bytes, the array of the input, that of the output, the calls)"""

        def size(shape: Shape) -> int:
            return -(-n * math.prod(shape) * dtype.itemsize // LINE) * LINE

        written = [size(given)] + [size(step.shape) for step in self.steps if not step.in_place]
        total = max(a + b for a, b in zip(written, [*written[1:], 0], strict=True))
        piece = memory.empty((total,), np.uint8)

        def array(start: int, shape: Shape) -> Array:
            return np.ndarray(lying(n, shape), dtype, piece, start)

        start, calls = 0, []
        first = x = array(0, given)
        for step in self.steps:
            if not step.in_place:
                start = total - size(step.shape) if start == 0 else 0
            y = array(start, step.shape)
            calls += step.calls(x, y, room)
            x = y
        return total, first, x, calls

    def run(self, x: Array) -> Array:
        """The values of x, which lie as `lying` says; they lie in the program's own memory."""
        np.copyto(self.input, x)
        for function, arguments in self.calls:
            function(*arguments)
        return self.output
