"""What this processor can do at most, for the benchmarks: multiply-adds in registers, and copying memory."""

from __future__ import annotations

import numpy as np

from ..types import Array
from .conv.microkernels import GemmArgs, gemm2
from .jit.compiled import kernel
from .jit.vector import HOST

DEPTH = 512


@kernel()
def _spin(t: int, a: Array, b: Array, c: Array, offsets: Array, tail: int, count: int, threads: int) -> None:
    for _ in range(count):
        args = GemmArgs(
            taps=1,
            run=DEPTH,
            a_tap=0,
            b_tap=0,
            a=a.ctypes.data,
            a_offsets=offsets.ctypes.data,
            b=b.ctypes.data,
            c=c.ctypes.data + t * 1024 * 16,
            c_offsets=offsets.ctypes.data,
            add=0,
            bias=0,
            relu=0,
            masked_by=0,
            stream=0,
            tail=tail,
        )
        gemm2(a, args)


def spin(count: int, threads: int) -> None:
    """On every thread ``count`` times a micro-tile of `gemm`, from the first-level cache."""
    mr, lanes = HOST.mr(2), HOST.lanes(4)
    a, b = np.ones(mr * DEPTH, np.float32), np.ones(DEPTH * 2 * lanes, np.float32)
    offsets = np.arange(2 * mr, dtype=np.int64) * 2 * lanes * 4
    _spin(a, b, np.zeros((threads + 1) * 1024 * 4, np.float32), offsets, lanes * 4, count, threads)


def flops(count: int, threads: int) -> float:
    """How many floating-point operations `spin` does."""
    return 2.0 * HOST.mr(2) * 2 * HOST.lanes(4) * DEPTH * count * threads


@kernel()
def copy(t: int, a: Array, b: Array, threads: int) -> None:
    """b = a"""
    for i in range(t * a.size // threads, (t + 1) * a.size // threads):
        b[i] = a[i]
