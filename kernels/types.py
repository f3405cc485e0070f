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
