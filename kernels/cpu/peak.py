"""What this processor can do at most, for the benchmarks: multiply-adds in registers, and copying memory."""

from __future__ import annotations

import numpy as np

from ..types import Array
from .conv.microkernels import product2
from .jit.compiled import kernel
from .jit.vector import HOST

DEPTH = 512


@kernel()
def _spin(t: int, a: Array, b: Array, c: Array, offsets: Array, tail: int, count: int, threads: int) -> None:
    here = c.ctypes.data + t * 1024 * 16
    for _ in range(count):
        arguments = (
            1, DEPTH, 0, 0, a.ctypes.data, offsets.ctypes.data, b.ctypes.data, here, offsets.ctypes.data, 0, 0, 0, 0, tail,
        )  # fmt: skip
        product2(a, arguments)


def spin(count: int, threads: int) -> None:
    """On every thread ``count`` times a tile of the micro-kernel `product`, from the first-level cache."""
    rows, lanes = HOST.rows(2), HOST.lanes(4)
    a, b = np.ones(rows * DEPTH, np.float32), np.ones(DEPTH * 2 * lanes, np.float32)
    offsets = np.arange(rows, dtype=np.int64) * 2 * lanes * 4
    _spin(a, b, np.zeros((threads + 1) * 1024 * 4, np.float32), offsets, lanes * 4, count, threads)


def flops(count: int, threads: int) -> float:
    """How many floating-point operations `spin` does."""
    return 2.0 * HOST.rows(2) * 2 * HOST.lanes(4) * DEPTH * count * threads


@kernel()
def copy(t: int, a: Array, b: Array, threads: int) -> None:
    """b = a"""
    for i in range(t * a.size // threads, (t + 1) * a.size // threads):
        b[i] = a[i]
