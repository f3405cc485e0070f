"""Arguments as the compiled kernels want them: an array as one row of numbers to write to, a named tuple as a plain one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..types import Array

# A NamedTuple of numbers or arrays on its way into a kernel, which gives the names back: ``win = Window(*window)``. Numba
# recognises a plain tuple at once; for a named one each call would take 5 us longer. Inside a kernel names cost nothing.
Plain: TypeAlias = tuple[Any, ...]


class Call(NamedTuple):
    """A function and all its arguments: ``function(*arguments)`` does the work, again and again, on the same memory."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    def run(self) -> None:
        """Do it once."""
        self.function(*self.arguments)


class Packed(NamedTuple):
    """The weights of a convolution in the order in which its kernel reads them, and its bias (without entries: none)."""

    weights: Array
    bias: Array


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
