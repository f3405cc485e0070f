"""Arguments as the compiled kernels want them: an array as one row of numbers to write to, a named tuple as a plain one."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ..types import Array

# A NamedTuple of numbers or arrays on its way into a kernel, which gives the names back: ``win = Window(*window)``. Numba
# recognises a plain tuple at once; for a named one each call would take 5 us longer. Inside a kernel names cost nothing.
Plain: TypeAlias = tuple[Any, ...]


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
