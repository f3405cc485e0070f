"""What kernels pass around: arrays of NumPy or of CuPy, and the library that an array belongs to."""

from __future__ import annotations

import sys
from typing import Any, TypeAlias

import numpy as np

from .geometry import Geometry

Array: TypeAlias = Any  # numpy.ndarray or cupy.ndarray: two classes without a common base


def xp_of(*arrays: Array) -> Any:
    """The module (numpy or cupy) that these arrays belong to. CuPy is never imported here: a CuPy array has done that."""
    cupy = sys.modules.get("cupy")
    if cupy is not None and any(isinstance(a, cupy.ndarray) for a in arrays):
        return cupy
    return np


def argmax_dtype(geo: Geometry) -> type[np.unsignedinteger[Any]]:
    """The smallest type that holds a position in the window: one byte for every window of up to 256 pixels."""
    return np.uint8 if geo.KH * geo.KW <= 256 else np.uint32


Drop: TypeAlias = tuple[float, int, int]  # one call of dropout: (p, seed, number of the call)

# How an argmax of one byte says more than a position (for windows of up to 127 taps):
MARK = 128  # this bit: the maximum is not positive, so the ReLU before it lets no gradient through
NOWHERE = 127  # the maximum was dropped: no gradient at all
