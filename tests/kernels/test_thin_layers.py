"""Weight gradients of layers with few channels, whose windows are packed as whole kernel rows: exact, whatever the borders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from samples import few_digits

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")

from ninx import kernels
from ninx.kernels.cpu.conv import direct, weight_plan
from ninx.kernels.cpu.window import forward_window
from ninx.kernels.geometry import convolution

# x (N, C, H, W), output channels, kernel, stride, padding; whether its windows are unrolled (with vectors of 32 bytes), and the
# rows of its tallest block on one thread.
LAYERS = {
    "wide windows, few outputs": ((3, 16, 28, 28), 32, (5, 5), (1, 1), (2, 2), True, 14),
    "narrow windows, many outputs": ((2, 3, 28, 28), 96, (5, 5), (1, 1), (2, 2), True, 7),
    "one channel": ((3, 1, 29, 31), 10, (3, 3), (1, 1), (1, 1), True, 8),
    "a stride, no padding": ((2, 3, 43, 39), 24, (11, 11), (4, 4), (0, 0), True, 9),
    "a stride, more channels": ((2, 32, 17, 15), 20, (3, 3), (2, 2), (1, 1), True, 9),
    "the same without stride": ((2, 32, 17, 15), 20, (3, 3), (1, 1), (1, 1), False, 17),
    "windows wider than the image": ((2, 4, 6, 2), 7, (3, 5), (1, 1), (1, 2), True, 6),
    "windows in the padding alone": ((2, 10, 4, 5), 9, (3, 3), (1, 1), (8, 7), True, 18),
    "a stride larger than the kernel": ((2, 7, 20, 23), 11, (2, 3), (5, 7), (1, 2), True, 5),
    "pixels, the last panel narrower": ((2, 41, 7, 6), 18, (3, 3), (1, 1), (1, 1), False, 7),
    "pixels narrower than a panel": ((3, 1, 9, 40), 18, (1, 1), (1, 1), (0, 0), False, 1),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", LAYERS)
def test_weight_gradients_of_thin_layers(name: str, threads: int, dtype: Any) -> None:
    """Small whole numbers, so that every sum is exact; and a NaN in the corners, which only those taps see that meet them."""
    import torch  # here, because some run these tests without it; it says what is right

    shape, o, kernel, stride, padding, _, _ = LAYERS[name]
    geo, rng = convolution("conv2d", shape, (o, shape[1], *kernel), stride, padding), np.random.default_rng(0)
    x = few_digits(rng, (geo.N, geo.H, geo.W, geo.C)).astype(dtype)
    g = few_digits(rng, (geo.N, geo.OH, geo.OW, geo.O)).astype(dtype)
    for corner in (None, (0, 0, 0, 0), (-1, -1, -1, -1)):
        if corner is not None:
            x[corner] = np.nan
        tx, tg = (torch.from_numpy(a.astype(np.float64)).permute(0, 3, 1, 2).contiguous() for a in (x, g))
        expected = torch.nn.grad.conv2d_weight(tx, (o, shape[1], *kernel), tg, stride, padding)
        before = kernels.get_num_threads()
        kernels.set_num_threads(threads)
        try:
            dw, db = direct.conv2d_weight_grad(x, g, geo, True)
        finally:
            kernels.set_num_threads(before)
        np.testing.assert_array_equal(dw, expected.permute(0, 2, 3, 1).numpy())
        np.testing.assert_array_equal(db, g.sum(axis=(0, 1, 2)))


@pytest.mark.skipif(weight_plan.HOST.mr(2) != 6 or weight_plan.HOST.bytes != 32, reason="for vectors of 32 bytes, 16 of them")
@pytest.mark.parametrize("name", LAYERS)
def test_how_thin_layers_are_cut(name: str) -> None:
    shape, o, kernel, stride, padding, unrolled, rows = LAYERS[name]
    geo = convolution("conv2d", shape, (o, shape[1], *kernel), stride, padding)
    made = weight_plan.weight_plan.__wrapped__(forward_window(geo), 4, 1)
    assert made.blocking.unrolled == unrolled
    assert max(made.tasks[:, weight_plan.WEIGHT_TASK.bottom] - made.tasks[:, weight_plan.WEIGHT_TASK.top]) == rows
