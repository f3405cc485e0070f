"""Winograd's convolution: exact in fractions, near PyTorch in float32, and taken where it pays."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import strategies as some
import torch
from geometries import squares
from test_fast import same

from ninx import kernels
from ninx.kernels.geometry import Geometry, convolution

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")

from ninx.kernels import fast
from ninx.kernels.cpu.conv import direct, transforms, winograd, winograd_weights
from ninx.kernels.cpu.conv.tiling import pieces_of, tiles_of
from ninx.kernels.cpu.window import forward_window


def check_winograd(geo: Geometry, rng: np.random.Generator) -> None:
    """As `check_convolution`, against PyTorch in float64, for more channels than the loops can do."""
    x, g = (rng.standard_normal(s).astype(np.float32) for s in ((geo.N, geo.H, geo.W, geo.C), (geo.N, geo.OH, geo.OW, geo.O)))
    w, b = rng.standard_normal((geo.O, geo.KH, geo.KW, geo.C)).astype(np.float32), rng.standard_normal(geo.O).astype(np.float32)
    before = [a.copy() for a in (x, w, b, g)]

    def exactly(*arrays: np.ndarray) -> list[np.ndarray]:
        """y, dx, dw and db."""
        x, w, b, g = (torch.from_numpy(a.astype(np.float64)) for a in arrays)
        x, w, g = (a.permute(0, 3, 1, 2).requires_grad_() for a in (x, w, g))
        y = torch.nn.functional.conv2d(x, w, b.requires_grad_(), padding=(geo.PH, geo.PW))
        made = y, *torch.autograd.grad(y, (x, w, b), g)
        return [(a.permute(0, 2, 3, 1) if a.ndim == 4 else a).detach().numpy() for a in made]

    y, dx, dw, db = exactly(x, w, b, g)
    y_terms, dx_terms, dw_terms, db_terms = exactly(abs(x), abs(w), abs(b), abs(g))
    same(f"conv2d {geo}", winograd.conv2d(x, w, b, geo, False), y, y_terms)
    same(f"conv2d and ReLU {geo}", winograd.conv2d(x, w, b, geo, True), np.maximum(y, 0), y_terms)
    same(f"conv2d without a bias {geo}", winograd.conv2d(x, w, None, geo, False), y - b.astype(np.float64), y_terms)
    same(f"input_grad {geo}", winograd.conv2d_input_grad(g, w, geo, None), dx, dx_terms)
    same(f"input_grad and mask {geo}", winograd.conv2d_input_grad(g, w, geo, x), np.where(x > 0, dx, 0), dx_terms)
    made, sums = winograd.conv2d_weight_grad(x, g, geo, True)
    same(f"weight_grad {geo}", made, dw, dw_terms)
    same(f"bias_grad {geo}", sums, db, db_terms)
    for a, old in zip((x, w, b, g), before, strict=True):
        np.testing.assert_array_equal(a, old)


@some.normal_and_slow(50, 1000)
def test_winograd(count: int) -> None:
    for geo, rng in squares(count):
        check_winograd(geo, rng)


def test_winograd_in_several_blocks_and_steps() -> None:
    """More tiles than a block or a step holds, and no multiple of them."""
    for k, size in ((3, 30), (5, 19), (7, 21), (9, 30), (11, 21)):
        geo = convolution("conv2d", (5, 17, size, size + 3), (23, 17, k, k), padding=(k // 2, k // 2))
        assert geo.N * math.prod(tiles_of(forward_window(geo))) > max(2 * winograd.MC, winograd_weights.KC)
        check_winograd(geo, np.random.default_rng(k))


@pytest.mark.parametrize("k", [5, 7, 9])
def test_winograd_does_not_depend_on_the_number_of_threads(k: int) -> None:
    geo = convolution("conv2d", (3, 20, 21, 20), (24, 20, k, k), padding=(k // 2, k // 2))
    rng, before, found = np.random.default_rng(0), kernels.get_num_threads(), []
    x, w = rng.standard_normal((3, 21, 20, 20)).astype(np.float32), rng.standard_normal((24, k, k, 20)).astype(np.float32)
    g = rng.standard_normal((3, 21, 20, 24)).astype(np.float32)
    try:
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            found.append((winograd.conv2d(x, w, None, geo, False), *winograd.conv2d_weight_grad(x, g, geo, True)))
    finally:
        kernels.set_num_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_matrices_of_winograd_make_a_sliding_window() -> None:
    """Exactly, in fractions: y[i] = sum over k of w[k] x[i + k]."""
    rng = np.random.default_rng(0)
    for r in transforms.TAPS:
        outputs, taps, inputs = transforms.matrices(r)
        x, w = ([Fraction(int(v)) for v in rng.integers(-99, 99, n)] for n in (transforms.SIDE, r))
        u, v = ([sum(a * b for a, b in zip(row, values, strict=True)) for row in m] for m, values in ((inputs, x), (taps, w)))
        y = [sum(a * p * q for a, p, q in zip(row, u, v, strict=True)) for row in outputs]
        assert y == [sum(w[k] * x[i + k] for k in range(r)) for i in range(transforms.SIDE + 1 - r)]


def test_the_matrices_round_off_little() -> None:
    """What images and sums are multiplied by has no rounding error; and a row of B' is as large as its row of G, up to 2."""
    for r in transforms.TAPS:
        outputs, taps, inputs = transforms.matrices(r)
        assert all(Fraction(float(np.float32(float(v)))) == v for row in (*outputs, *inputs) for v in row)
        for row, (first, *_) in zip(inputs[:-1], taps[:-1], strict=True):  # at the node p, the first one times p, p^2 ...
            assert Fraction(1, 2) <= max(map(abs, row)) / abs(first) <= 2


@pytest.mark.parametrize("k", [3, 7, 9, 11])
def test_the_pieces_of_a_kernel_take_each_tap_once(k: int) -> None:
    """A kernel that is 1 at one tap moves the image, by whole numbers that float32 holds exactly."""
    rng, size, c, w = np.random.default_rng(k), 13, 16, np.zeros((16, k, k, 16), np.float32)
    x = rng.integers(-8, 9, (1, size, size, c)).astype(np.float32)
    geo = convolution("conv2d", (1, c, size, size), (c, c, k, k), padding=(k // 2, k // 2))
    around = np.pad(x, ((0, 0), (k // 2, k // 2), (k // 2, k // 2), (0, 0)))
    for i in range(k):
        for j in range(k):
            w[...] = 0
            w[:, i, j] = np.eye(c)
            y = winograd.conv2d(x, w, None, geo, False)
            np.testing.assert_allclose(y, around[:, i : i + size, j : j + size], atol=1e-4, err_msg=f"tap {i}, {j}")


@pytest.mark.parametrize("k", [3, 5, 7, 9, 11])
def test_a_nan_reaches_its_windows_and_no_further_than_their_tiles(k: int) -> None:
    c, size, pad = 16, 20, k // 2
    geo = convolution("conv2d", (2, c, size, size), (c, c, k, k), padding=(pad, pad))
    rng, m = np.random.default_rng(0), transforms.SIDE + 1 - pieces_of(k)[0]
    x, w = rng.standard_normal((2, size, size, c)).astype(np.float32), rng.standard_normal((c, k, k, c)).astype(np.float32)
    for row, column in ((0, 0), (7, 12), (size - 1, 3)):
        x[1, row, column, 5], kept = np.nan, x[1, row, column, 5]
        found = np.isnan(winograd.conv2d(x, w, None, geo, False))
        x[1, row, column, 5] = kept
        rows, columns = (np.arange(max(0, at - pad), min(size, at + pad + 1)) for at in (row, column))
        assert found[1, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        found[1, rows[0] // m * m : rows[-1] // m * m + m, columns[0] // m * m : columns[-1] // m * m + m] = False
        assert not found.any()


def test_winograd_is_taken_where_it_pays_and_direct_asks_for_the_plain_sum() -> None:
    geo = convolution("conv2d", (4, 32, 16, 16), (32, 32, 5, 5), padding=(2, 2))
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((4, 16, 16, 32)).astype(np.float32), rng.standard_normal((32, 5, 5, 32)).astype(np.float32)
    np.testing.assert_array_equal(fast.conv2d(x, w, None, geo), winograd.conv2d(x, w, None, geo, False))
    np.testing.assert_array_equal(fast.conv2d(x, w, None, geo, "direct"), direct.conv2d(x, w, None, geo, False))
    assert (fast.conv2d(x, w, None, geo) != direct.conv2d(x, w, None, geo, False)).any()
    with kernels.use_kernels("fast"):
        assert "36% of the multiplications" in kernels.explain(geo)
        assert "class(es) of pixels" in kernels.explain(geo, itemsize=8)
        large = convolution("conv2d", (4, 64, 18, 18), (64, 64, 7, 7), padding=(3, 3))
        assert "the kernel in 4 pieces of 4x4, with 33% of the multiplications" in kernels.explain(large)
    assert not winograd.fits(geo, np.dtype(np.float64))
    thin = convolution("conv2d", (16, 16, 28, 28), (32, 16, 3, 3), padding=(1, 1))
    assert winograd.fits(thin, np.dtype(np.float32))
    assert not winograd.fits(thin._replace(N=1), np.dtype(np.float32))  # too little work
    assert winograd.fits(thin._replace(N=1), np.dtype(np.float32), packed=True)
    for shape, weight, settings in (
        ((16, 6, 28, 28), (64, 6, 3, 3), {}),  # few channels, either in or out
        ((16, 64, 28, 28), (6, 64, 3, 3), {}),
        ((1, 32, 10, 10), (32, 32, 5, 5), {}),  # few tiles
        ((64, 32, 7, 7), (32, 32, 5, 5), {}),  # many outputs of the tiles lie outside
        ((64, 64, 10, 10), (64, 64, 7, 7), {}),  # many taps of the large kernel lie outside the image
        ((4, 64, 24, 24), (64, 64, 12, 12), {}),  # larger than was measured
        ((4, 64, 16, 16), (320, 64, 5, 5), {}),  # errors that add up over many channels
        ((4, 320, 16, 16), (64, 320, 5, 5), {}),
        ((4, 32, 32, 32), (32, 32, 5, 5), {"stride": (2, 2)}),
        ((4, 32, 32, 32), (32, 32, 3, 5), {}),
    ):
        other = convolution("conv2d", shape, weight, padding=(weight[2] // 2, weight[3] // 2), **settings)
        assert not winograd.fits(other, np.dtype(np.float32)), other
