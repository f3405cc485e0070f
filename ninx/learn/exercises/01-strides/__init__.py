"""Strides: how far one must go in memory for a step along each axis of (N, C, H, W)."""

from __future__ import annotations

from typing import Any

import numpy as np

NAMES = ("strides",)


def cases() -> list[tuple[Any, ...]]:
    """Both layouts, first with sizes that can be told apart."""
    shapes = [(1, 2, 3, 4), (2, 3, 4, 5), (3, 3, 2, 2), (8, 1, 28, 28), (2, 16, 7, 5), (64, 3, 32, 32)]
    return [(shape, last) for shape in shapes for last in (False, True)]


def oracle(shape: tuple[int, ...], channels_last: bool) -> tuple[int, ...]:
    """What NumPy says, in numbers instead of bytes."""
    N, C, H, W = shape
    array = np.empty((N, H, W, C), np.int8).transpose(0, 3, 1, 2) if channels_last else np.empty(shape, np.int8)
    return tuple(int(stride) for stride in array.strides)


def with_itself(shape: tuple[int, ...], channels_last: bool) -> tuple[int, ...]:
    """The axis's own size is multiplied too."""
    return tuple(stride * size for stride, size in zip(oracle(shape, channels_last), shape, strict=True))


def backwards(shape: tuple[int, ...], channels_last: bool) -> tuple[int, ...]:
    """The first axis is the fastest one."""
    N, C, H, W = shape
    return (C * H * W, 1, C, C * H) if channels_last else (1, N, N * C, N * C * H)


def of_axes_last(shape: tuple[int, ...], channels_last: bool) -> tuple[int, ...]:
    """The strides of an array (N, H, W, C), in the order of its axes."""
    _, C, H, W = shape
    return (H * W * C, W * C, C, 1) if channels_last else oracle(shape, False)


MISTAKES = {
    "layout_ignored": lambda shape, channels_last: oracle(shape, False),
    "of_axes_last": of_axes_last,
    "in_bytes": lambda shape, channels_last: tuple(8 * stride for stride in oracle(shape, channels_last)),
    "with_itself": with_itself,
    "backwards": [backwards, lambda shape, channels_last: oracle(shape, channels_last)[::-1]],
    "layouts_exchanged": lambda shape, channels_last: oracle(shape, not channels_last),
}
