"""Which array library holds the numbers, on which device, and how images lie in memory.

Images have PyTorch's shape (N, C, H, W) but lie channels-last: the memory order is N, H, W, C, so that the channels of a
pixel are neighbours and a pixel is a row. `nhwc` shows an image the way it lies; `empty` makes new 4-d arrays that way.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from ninx.kernels import memory
from ninx.kernels.types import Array, xp_of

__all__ = [
    "Array",
    "as_it_lies",
    "as_it_was",
    "device_of",
    "empty",
    "gpu_status",
    "layout_copies",
    "nchw",
    "nhwc",
    "on_device",
    "to_numpy",
    "xp_of",
]

_copies = 0


def device_of(array: Array) -> str:
    """ "cpu", or "cuda:0" for a CuPy array on the first GPU."""
    return "cpu" if xp_of(array) is np else f"cuda:{array.device.id}"


def gpu_status() -> str | None:
    """None if a GPU can be used, else the reason in one sentence."""
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed; ninx[gpu] brings it for CUDA 13, ninx[gpu-cuda12] for CUDA 12"
    import cupy

    try:
        cupy.matmul(cupy.ones((2, 2)), cupy.ones((2, 2))).sum().item()  # the driver may answer where no kernel can run
    except Exception as error:  # any failure here means the same to the caller
        return f"CuPy is installed, but it cannot run a kernel on a GPU ({type(error).__name__}: {error})"
    return None


def on_device(array: Array, device: str) -> Array:
    """``array`` on "cpu", "cuda" or "cuda:1"; the array itself if it is there already."""
    if device == "cpu":
        return to_numpy(array)
    kind, _, number = device.partition(":")
    if kind != "cuda" or not (number.isdigit() or not number):
        raise ValueError(f"device must be 'cpu', 'cuda' or 'cuda:N', got {device!r}")
    if reason := gpu_status():
        raise RuntimeError(f"device {device!r} cannot be used: {reason}")
    import cupy

    with cupy.cuda.Device(int(number or 0)):
        return cupy.asarray(array)


def to_numpy(array: Array) -> Array:
    """``array`` on the host, as a NumPy array."""
    return array if xp_of(array) is np else array.get(order="A")


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


def as_it_lies(a: Array) -> Array:
    """For what treats every entry alike: an image as (N, H, W, C), all else as it is. A view; `as_it_was` turns it back."""
    return a.transpose(0, 2, 3, 1) if a.ndim == 4 else a


def as_it_was(a: Array) -> Array:
    """The inverse of `as_it_lies`."""
    return nchw(a) if a.ndim == 4 else a


def layout_copies() -> int:
    """How often so far an image had to be copied to lie channels-last. A training step should not add to it."""
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
    if a.ndim == 4 and a.transpose(0, 2, 3, 1).flags.c_contiguous:
        return empty(a.shape, a.dtype, xp_of(a))
    return xp_of(a).empty_like(a)
