"""How images lie in memory: PyTorch's shape (N, C, H, W), in the memory order N, H, W, C.

So the channels of a pixel are neighbours and a pixel is a row. `nhwc` shows an image the way it lies, `nchw` turns it back,
and `empty` makes new 4-d arrays that way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import memory
from .types import Array, xp_of

_copies = 0


def nhwc(x: Array) -> Array:
    """(N, C, H, W) -> (N, H, W, C), C-contiguous: a view of channels-last memory, otherwise a copy (which is counted)."""
    global _copies
    rows = x.transpose(0, 2, 3, 1)
    if not rows.flags.c_contiguous:
        _copies += 1
        rows = xp_of(x).ascontiguousarray(rows)
    return rows


def nchw(rows: Array) -> Array:
    """(N, H, W, C) -> (N, C, H, W), always a view."""
    return rows.transpose(0, 3, 1, 2)


def channels_last(x: Array) -> Array:
    """(N, C, ...) -> (N, ..., C): an image by `nhwc`, of other dimensions a view."""
    return nhwc(x) if x.ndim == 4 else xp_of(x).moveaxis(x, 1, -1)


def channels_second(rows: Array) -> Array:
    """(N, ..., C) -> (N, C, ...), a view: the inverse of `channels_last`."""
    return xp_of(rows).moveaxis(rows, -1, 1)


def as_it_lies(a: Array) -> Array:
    """For what treats every entry alike: an image as (N, H, W, C), all else as it is. A view; `as_it_was` turns it back."""
    return a.transpose(0, 2, 3, 1) if a.ndim == 4 else a


def as_it_was(a: Array) -> Array:
    """The inverse of `as_it_lies`."""
    return nchw(a) if a.ndim == 4 else a


def lies_channels_last(a: Array) -> bool:
    """Is ``a`` an image (N, C, H, W) whose memory order is N, H, W, C, without gaps?"""
    return a.ndim == 4 and bool(a.transpose(0, 2, 3, 1).flags.c_contiguous)


def layout_copies() -> int:
    """How often so far an image had to be copied to lie channels-last. A training step should not add to it.

    >>> before = ninx.layout_copies()
    >>> images = ninx.tensor(np.zeros((1, 3, 4, 4), np.float32))  # lies channels-first, as NumPy made it
    >>> y = F.conv2d(images, ninx.zeros(2, 3, 1, 1))
    >>> ninx.layout_copies() - before
    1
    """
    return _copies


def empty(shape: tuple[int, ...], dtype: Any, xp: Any) -> Array:
    """An array with undefined values; a 4-d one lies channels-last."""
    make = memory.empty if xp is np else xp.empty
    if len(shape) != 4:
        return make(shape, dtype)
    n, c, h, w = shape
    return nchw(make((n, h, w, c), dtype))


def empty_like(a: Array) -> Array:
    """An array with undefined values, shape, dtype and layout as ``a``."""
    if lies_channels_last(a):
        return empty(a.shape, a.dtype, xp_of(a))
    return xp_of(a).empty_like(a)
