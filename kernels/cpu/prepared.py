"""Kernels as calls with all their arguments, for a network that goes over the same memory again and again (frozen inference).

What a kernel looks up with each call, and the packing of weights, is done once here. `convolved_by` and `pools` say what these
kernels take; all else goes through the functions of `cpu`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import memory
from ..geometry import Geometry
from ..threads import get_num_threads
from ..types import NOWHERE, Array
from . import FLOATS, pool, why_not
from .arguments import Call, Packed
from .conv import direct, winograd

__all__ = [
    "Call",
    "Packed",
    "avg_pool2d",
    "conv2d",
    "convolved_by",
    "global_avg_pool2d",
    "max_pool2d",
    "pack",
    "pools",
    "workspace",
]


def convolved_by(geo: Geometry, dtype: np.dtype[np.generic]) -> str | None:
    """Which compiled kernel a convolution takes: "direct" or "Winograd"; None if it takes none."""
    if why_not(geo) is not None or dtype not in FLOATS:
        return None
    return "Winograd" if winograd.fits(geo, dtype, packed=True) else "direct"


def _module(geo: Geometry, dtype: np.dtype[np.generic]) -> Any:
    return {"direct": direct, "Winograd": winograd}[str(convolved_by(geo, dtype))]


def pack(w: Array, b: Array | None, geo: Geometry) -> Packed:
    """Weights (O, KH, KW, C) as their kernel reads them, and the bias."""
    packed: Packed = _module(geo, w.dtype).pack(w, b, geo)
    return packed


def workspace(geos: list[Geometry], dtype: np.dtype[np.generic]) -> Array:
    """Memory in which any of these convolutions can work, one at a time."""
    sizes = (winograd.workspace_size(geo, dtype.itemsize) for geo in geos if _module(geo, dtype) is winograd)
    return memory.empty((get_num_threads(), max(sizes, default=0)), dtype)


def conv2d(x: Array, packed: Packed, y: Array, geo: Geometry, relu: bool, workspace: Array) -> Call:
    """y = conv(x, w) + b, and 0 where that is negative with ``relu``."""
    call: Call = _module(geo, x.dtype).prepared(x, packed, y, geo, relu, workspace)
    return call


def pools(geo: Geometry, dtype: np.dtype[np.generic]) -> bool:
    """Is there a kernel for this pooling?"""
    return geo.KH * geo.KW <= NOWHERE and dtype in FLOATS and pool.fits(geo)


def max_pool2d(x: Array, y: Array, geo: Geometry) -> Call:
    """y = the maxima of the windows of x."""
    return pool.prepared_max(x, y, memory.empty(y.shape, np.uint8), geo)


def avg_pool2d(x: Array, y: Array, geo: Geometry, divisor: Array) -> Call:
    """y = (sum of the window) / divisor."""
    return pool.prepared_average(x, y, geo, divisor)


def global_avg_pool2d(x: Array, y: Array) -> Call:
    """y = the mean of every map of x, summed in float64."""
    return pool.prepared_global_average(x, y)
