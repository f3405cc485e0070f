"""Arrays as the compiled kernels want them: one row of numbers, which they may write."""

from __future__ import annotations

import numpy as np

from ..types import Array


def flat(a: Array) -> Array:
    """A C-contiguous array as one row, without a copy.

    A read-only one comes as writable, because Numba would compile everything a second time for it. No kernel writes what it
    is given to read.
    """
    row = a.reshape(-1)
    if not row.flags.writeable:
        kind = np.ctypeslib.as_ctypes_type(row.dtype) * row.size
        row = np.ctypeslib.as_array(kind.from_address(row.ctypes.data))
    return row
