"""The blocked product: what the loops say, and what the compiled micro-kernels are held to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from geometries import convolutions
from test_fast import same

from ninx.kernels import loops
from ninx.kernels.geometry import convolution

pytest.importorskip("numba", reason="without Numba there is no blocked product")

from ninx.kernels import blocked, fast
from ninx.kernels.cpu.jit.vector import HOST

DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
def test_convolutions_are_those_of_the_loops(dtype: Any) -> None:
    for geo, rng in convolutions(30, seed=3):
        x, w = (rng.standard_normal(s).astype(dtype) for s in ((geo.N, geo.H, geo.W, geo.C), (geo.O, geo.KH, geo.KW, geo.C)))
        b = rng.standard_normal(geo.O).astype(dtype)
        xd, wd, bd = (a.astype(np.float64) for a in (x, w, b))
        y, terms = loops.conv2d(xd, wd, bd, geo), loops.conv2d(abs(xd), abs(wd), abs(bd), geo)
        same(f"conv2d {geo}", blocked.conv2d(x, w, b, geo), y, terms)
        same(f"conv2d and ReLU {geo}", blocked.conv2d(x, w, b, geo, relu=True), np.maximum(y, 0), terms)


def test_a_dilated_convolution_is_that_of_the_loops() -> None:
    geo = convolution("conv2d", (2, 3, 9, 8), (5, 3, 2, 3), (2, 1), (1, 2), (3, 2))
    x, w = (np.random.default_rng(0).standard_normal(shape) for shape in ((2, 9, 8, 3), (5, 2, 3, 3)))
    same("conv2d", blocked.conv2d(x, w, None, geo), loops.conv2d(x, w, None, geo))
    with pytest.raises(ValueError, match="all channels must be in one group, got 3"):
        blocked.conv2d(x, w, None, geo._replace(groups=3))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (97, 257, 17), (200, 300, 530)])
def test_the_product_of_several_blocks(dtype: Any, shape: tuple[int, int, int]) -> None:
    """No multiple of a micro-tile or a block, in any of the three directions."""
    assert max(shape[0] - 2 * blocked.MC, shape[1] - blocked.KC, shape[2] - blocked.NC) != 0
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(shape[:2]).astype(dtype), rng.standard_normal(shape[1:]).astype(dtype)
    ad, bd = a.astype(np.float64), b.astype(np.float64)
    same("a @ b", blocked.matmul(a, b), ad @ bd, abs(ad) @ abs(bd))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", [1, 3])
def test_the_micro_kernels_compute_the_blocked_product(dtype: Any, kernel: int) -> None:
    """All three widths of a panel: less than a vector, one, and two; and more pixels than a micro-tile has."""
    rng, lanes = np.random.default_rng(kernel), HOST.lanes(np.dtype(dtype).itemsize)
    for channels in (lanes - 1, lanes, 2 * lanes, 3 * lanes + 1):
        geo = convolution("conv2d", (2, 5, 6, 7), (channels, 5, kernel, kernel), padding=(kernel // 2,) * 2)
        x, w = rng.standard_normal((2, 6, 7, 5)).astype(dtype), rng.standard_normal((channels, kernel, kernel, 5)).astype(dtype)
        b = rng.standard_normal(channels).astype(dtype)
        exact = blocked.conv2d(*(a.astype(np.float64) for a in (x, w, b)), geo)
        same(f"conv2d {geo}", fast.conv2d(x, w, b, geo, "direct"), exact, blocked.conv2d(abs(x), abs(w), abs(b), geo))
