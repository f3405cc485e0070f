"""Between matrix products and compiled micro-kernels: a blocked, packed product in plain Numba, with the loops of BLIS.

C = A @ B reads every number of A and B many times. It is fast if it finds them in a cache each time, so both are cut into blocks
of which each fits into one cache, and copied (packed) into the order in which the innermost loop reads them:

    nc x kc  a block of B     in panels of nr columns      third-level cache
    mc x kc  a block of A     in panels of mr rows         second-level cache
    kc x nr  a panel of B                                  first-level cache
    mr x nr  a micro-tile of C, mr * nr running sums       registers

For a convolution, A is the im2col matrix: a row for each window. It is never made; packing reads the windows in the image. And so
a matrix product is the convolution of a row of pixels with a 1x1 kernel.

Sources: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008; Van Zee and van de Geijn, "BLIS", 2015.
This is no tier: `cpu.conv` has the same parts, and `cpu.jit.emit` says what plain Numba cannot do, namely keep the micro-tile in
registers. The tests hold its micro-kernels to what is computed here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

from .geometry import Geometry
from .types import Array

MR, NR = 6, 16  # the micro-tile: 6 rows of two vectors of 8 float32
MC, KC, NC = 96, 256, 512  # blocks: mc * kc float32 are 96 KiB, kc * nc 512 KiB

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Numba's decorator; "contract": a * b + c may be one instruction."""
    made: Function = numba.njit(function, fastmath={"contract"}, error_model="numpy")
    return made


@compiled
def _micro_kernel(kc: int, a: Array, b: Array, c: Array) -> None:
    """c (mr, nr) = the sum over p < kc of column a[p, :] times row b[p, :]: kc updates of rank 1."""
    c[...] = 0
    mr, nr = c.shape  # not MR and NR: loops of a known length are unrolled, and then no vectors are made of them
    for p in range(kc):
        for i in range(mr):
            for j in range(nr):
                c[i, j] += a[p, i] * b[p, j]


@compiled
def _pack_b(b: Array, packed: Array) -> None:
    """b (kc, up to nc) as panels of nr columns, zeros beyond the last one."""
    for p in range(b.shape[0]):
        for j in range(-(-b.shape[1] // NR) * NR):
            packed[j // NR, p, j % NR] = b[p, j] if j < b.shape[1] else 0


@compiled
def _pack_a(x: Array, first: int, mc: int, p0: int, kc: int, packed: Array, out: Any, taps: Array, window: Any) -> None:
    """Rows ``first`` to ``first + mc`` and columns p0 to p0 + kc of the im2col matrix, as panels of mr rows.

    Row (n, i, j) and column (r, q, c) is x[n, i*SH - PH + r*DH, j*SW - PW + q*DW, c], and 0 outside the image.
    """
    (N, H, W, _), (OH, OW), (SH, SW, PH, PW, DH, DW) = x.shape, out, window
    for row in range(-(-mc // MR) * MR):
        n, i, j = (first + row) // (OH * OW), (first + row) // OW % OH, (first + row) % OW
        for p in range(kc):
            r, q, c = taps[p0 + p, 0], taps[p0 + p, 1], taps[p0 + p, 2]
            h, w = i * SH - PH + r * DH, j * SW - PW + q * DW
            packed[row // MR, p, row % MR] = x[n, h, w, c] if n < N and 0 <= h < H and 0 <= w < W else 0


@compiled
def _multiply(x: Array, b: Array, y: Array, out: Any, taps: Array, window: Any, buffers: Any) -> None:
    """y (M, O) += im2col(x) (M, K) @ b (K, O): the five loops around the micro-kernel. ``taps``: (r, q, c) of every column."""
    M, K, O = y.shape[0], b.shape[0], b.shape[1]  # noqa: E741
    a_block, b_block, tile = buffers
    for jc in range(0, O, NC):
        for pc in range(0, K, KC):
            nc, kc = min(NC, O - jc), min(KC, K - pc)
            _pack_b(b[pc : pc + kc, jc : jc + nc], b_block)
            for ic in range(0, M, MC):
                mc = min(MC, M - ic)
                _pack_a(x, ic, mc, pc, kc, a_block, out, taps, window)
                for jr in range(0, nc, NR):
                    for ir in range(0, mc, MR):
                        _micro_kernel(kc, a_block[ir // MR], b_block[jr // NR], tile)
                        for i in range(min(MR, mc - ir)):
                            for j in range(min(NR, nc - jr)):
                                y[ic + ir + i, jc + jr + j] += tile[i, j]


def _buffers(dtype: Any) -> tuple[Array, Array, Array]:
    """Room for a packed block of A, one of B, and a micro-tile of C."""
    return np.empty((MC // MR, KC, MR), dtype), np.empty((NC // NR, KC, NR), dtype), np.empty((MR, NR), dtype)


def _taps(KH: int, KW: int, C: int) -> Array:
    """(r, q, c) of every column of the im2col matrix."""
    return np.indices((KH, KW, C)).reshape(3, -1).T.copy()


def conv2d(x: Array, w: Array, b: Array | None, geo: Geometry, relu: bool = False) -> Array:
    """See `loops.conv2d`. Raises ValueError for groups, which would be as many products."""
    if geo.groups > 1:
        raise ValueError(f"blocked.conv2d: all channels must be in one group, got {geo.groups}")
    y = np.zeros((geo.N * geo.OH * geo.OW, geo.O), x.dtype)
    window = geo.SH, geo.SW, geo.PH, geo.PW, geo.DH, geo.DW
    _multiply(x, w.reshape(geo.O, geo.columns).T, y, (geo.OH, geo.OW), _taps(geo.KH, geo.KW, geo.C), window, _buffers(x.dtype))
    if b is not None:
        y += b
    return (np.maximum(y, 0) if relu else y).reshape(geo.N, geo.OH, geo.OW, geo.O)


def matmul(a: Array, b: Array) -> Array:
    """a (M, K) @ b (K, O): every row of a is a pixel, and the kernel is 1x1."""
    y = np.zeros((len(a), b.shape[1]), a.dtype)
    _multiply(a.reshape(len(a), 1, 1, -1), b, y, (1, 1), _taps(1, 1, a.shape[1]), (1, 1, 0, 0, 1, 1), _buffers(a.dtype))
    return y
