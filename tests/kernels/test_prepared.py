"""Calls with all their arguments do what the functions do, again and again, with weights that were packed once."""

from __future__ import annotations

import numpy as np
import pytest

from ninx import kernels
from ninx.kernels import geometry, memory, strided
from ninx.kernels.geometry import Geometry
from ninx.kernels.threads import get_num_threads

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")

from ninx.kernels.cpu import prepared
from ninx.kernels.cpu.conv import direct, winograd


def arrays(geo: Geometry, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal((geo.N, geo.H, geo.W, geo.C)), rng.standard_normal((geo.O, geo.KH, geo.KW, geo.C))
    return x.astype(np.float32), w.astype(np.float32), rng.standard_normal(geo.O).astype(np.float32)


@pytest.fixture(params=[1, 2, 3, 50])
def threads(request: pytest.FixtureRequest) -> int:
    before = kernels.get_num_threads()
    kernels.set_num_threads(request.param)
    yield request.param
    kernels.set_num_threads(before)


def workspace(geo: Geometry) -> np.ndarray:
    """For Winograd's way, whether it pays or not."""
    return memory.empty((get_num_threads(), winograd.workspace_size(geo, 4)), np.float32)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(
    "shape",
    [(1, 40, 7, 36, 3), (2, 33, 8, 47, 3), (1, 64, 10, 40, 5), (1, 33, 12, 40, 7), (2, 32, 12, 35, 9), (3, 35, 12, 41, 3)],
)
def test_few_tiles_are_done_by_all_threads(
    shape: tuple[int, ...], relu: bool, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit what threads do with tiles of their own; with and without a bias."""
    n, c, h, o, k = shape
    geo = geometry.convolution("conv2d", (n, c, h, h), (o, c, k, k), padding=(k // 2, k // 2))
    x, w, b = arrays(geo)
    monkeypatch.setattr(winograd, "SHARED", 0)
    for bias in (b, None):
        packed, y = winograd.pack(w, bias, geo), np.full((n, geo.OH, geo.OW, o), np.nan, np.float32)
        call = winograd.prepared(x, packed, y, geo, relu, workspace(geo))
        assert call.function is winograd._convolve_few
        call.run()
        assert np.array_equal(y, winograd.conv2d(x, w, bias, geo, relu))


def test_which_kernel_is_taken() -> None:
    """Winograd on smaller maps, since its weights are packed once; shared among the threads where these are large."""

    def of(n: int, c: int, h: int, k: int = 3, **settings: int) -> Geometry:
        return geometry.convolution("conv2d", (n, c, h, h), (c, c, k, k), padding=(k // 2, k // 2), **settings)

    float32, float64 = np.dtype(np.float32), np.dtype(np.float64)
    assert prepared.convolved_by(of(1, 64, 8), float32) == "Winograd"
    assert prepared.convolved_by(of(1, 64, 4), float32) == "direct"
    assert prepared.convolved_by(of(1, 64, 8), float64) == "direct"
    assert prepared.convolved_by(of(1, 64, 8), np.dtype(np.float16)) is None
    assert prepared.convolved_by(geometry.convolution("conv2d", (1, 64, 8, 8), (64, 32, 3, 3), groups=2), float32) is None
    assert not winograd.fits(of(1, 64, 8), float32)
    for geo, function in ((of(1, 64, 8), winograd._convolve), (of(1, 192, 8), winograd._convolve_few)):
        x, w, b = arrays(geo)
        call = prepared.conv2d(x, prepared.pack(w, b, geo), x.copy(), geo, False, prepared.workspace([geo], x.dtype))
        assert call.function is function


def test_packed_weights_serve_any_number_of_images() -> None:
    for module, c in ((direct, 5), (winograd, 40)):
        geos = [geometry.convolution("conv2d", (n, c, 13, 13), (37, c, 3, 3), padding=(1, 1)) for n in (5, 1, 2)]
        _, w, b = arrays(geos[0])
        packed = module.pack(w, b, geos[0])
        w[...], expected = 0, w.copy()  # they are copied
        for geo in geos:
            x, y = arrays(geo, geo.N)[0], np.empty((geo.N, 13, 13, 37), np.float32)
            module.prepared(x, packed, y, geo, True, workspace(geo)).run()
            assert np.array_equal(y, module.conv2d(x, expected, b, geo, True))


def test_a_call_can_be_run_again_on_other_values(threads: int) -> None:
    x = np.empty((2, 9, 8, 16), np.float32)
    geo = geometry.pooling("pool", (2, 16, 9, 8), (3, 3), (2, 2), (1, 1), ceil_mode=True)
    ys = [memory.empty((2, geo.OH, geo.OW, 16), np.float32) for _ in range(2)] + [np.empty((2, 1, 1, 16), np.float32)]
    divisor = strided.pool_divisor(geo, True)
    calls = prepared.max_pool2d(x, ys[0], geo), prepared.avg_pool2d(x, ys[1], geo, divisor), prepared.global_avg_pool2d(x, ys[2])
    for seed in range(3):
        x[...] = np.random.default_rng(seed).standard_normal(x.shape)
        for call in calls:
            call.run()
        assert np.array_equal(ys[0], strided.max_pool2d(x, geo)[0])
        np.testing.assert_allclose(ys[1], strided.avg_pool2d(x, geo, divisor), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(ys[2], strided.global_avg_pool2d(x), rtol=1e-6, atol=1e-7)


def test_a_mean_is_summed_in_float64() -> None:
    x, y = np.full((1, 64, 64, 9), 0.1, np.float32), np.empty((1, 1, 1, 9), np.float32)
    x[0, 0, 0] = 3e6
    prepared.global_avg_pool2d(x, y).run()
    assert np.array_equal(y, strided.global_avg_pool2d(x))


def test_which_poolings_are_taken() -> None:
    geo = geometry.pooling("pool", (1, 16, 9, 9), (3, 3), (2, 2))
    wide = geometry.pooling("pool", (1, 16, 20, 20), (12, 12), (2, 2))
    assert prepared.pools(geo, np.dtype(np.float32))
    assert not prepared.pools(geo, np.dtype(np.float16))
    assert not prepared.pools(wide, np.dtype(np.float32))
    assert not prepared.pools(geometry.pooling("pool", (1, 16, 9, 9), (3, 3), (2, 2), dilation=(2, 2)), np.dtype(np.float32))
