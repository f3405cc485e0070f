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
from ninx.kernels.cpu.prepared import Call

from ..array import Array
from .layers import Layer
from .steps import Room, Shape, Step, lying, step_of

AT_ONCE = 24 * 2**20  # bytes of values: with 16 images of nin-cifar10 the kernels are as fast as with 64


def steps_of(layers: Sequence[Layer], n: int, shape: Shape, dtype: np.dtype[Any], room: Room) -> list[Step]:
    """The layers as steps, for n values of ``shape``."""
    steps = []
    for layer in layers:
        steps.append(step_of(layer, n, shape, dtype, room))
        shape = steps[-1].shape
    return steps


def images_at_once(layers: Sequence[Layer], shape: Shape, dtype: np.dtype[Any], room: Room) -> int:
    """How many images should go through together, a power of two: with more, memory grows, with fewer the kernels slow down."""
    one = _size(_sizes(steps_of(layers, 1, shape, dtype, room), 1, shape, dtype))
    return 1 << max(0, (AT_ONCE // one).bit_length() - 1)


def _sizes(steps: Sequence[Step], n: int, shape: Shape, dtype: np.dtype[Any]) -> list[int]:
    """The bytes of the values that have a place of their own: the input, and what is not written where its input lies."""
    shapes = [shape] + [step.shape for step in steps if not step.in_place]
    return [-(-n * math.prod(s) * dtype.itemsize // memory.LINE) * memory.LINE for s in shapes]


def _size(sizes: Sequence[int]) -> int:
    """Bytes for each of these and the next one."""
    return max(a + b for a, b in zip(sizes, [*sizes[1:], 0], strict=True))


class Program:
    """The steps for n values of ``shape`` at once. ``room`` holds the weights, which programs for other n share."""

    def __init__(self, layers: Sequence[Layer], n: int, shape: Shape, dtype: np.dtype[Any], room: Room):
        self.steps = steps_of(layers, n, shape, dtype, room)
        room.reserve([step.geo for step in self.steps if step.geo is not None], dtype)
        sizes = _sizes(self.steps, n, shape, dtype)
        total = _size(sizes)
        piece = memory.empty((total,), np.uint8)
        places = iter([0 if i % 2 == 0 else total - size for i, size in enumerate(sizes)])
        place = next(places)
        self.input: Array = np.ndarray(lying(n, shape), dtype, piece, place)
        self.output = self.input
        self.calls: list[Call] = []
        for step in self.steps:
            place = place if step.in_place else next(places)
            x, self.output = self.output, np.ndarray(lying(n, step.shape), dtype, piece, place)
            self.calls += step.calls(x, self.output, room)

    def run(self, x: Array) -> Array:
        """The answers to x, both lying as `lying` says. They lie in memory of the program's, until it is run again."""
        np.copyto(self.input, x)
        for function, arguments in self.calls:
            function(*arguments)
        return self.output
