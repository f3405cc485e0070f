"""The compiled kernels compute what the loops say, for any geometry and number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from geometries import convolutions, poolings
from samples import few_digits, normal_and_slow

from ninx import kernels
from ninx.kernels import loops, strided
from ninx.kernels.geometry import Geometry, convolution, pooling

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")

import numba

from ninx.kernels import cpu, fast
from ninx.kernels.cpu import window
from ninx.kernels.cpu.conv import copies, microkernels, panels, plan
from ninx.kernels.cpu.jit import vector

TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}
DTYPES = [np.float32, np.float64]


def same(what: str, got: np.ndarray, expected: np.ndarray, terms: np.ndarray | None = None) -> None:
    """Equal up to rounding. ``expected`` was computed in float64; ``terms`` is the same sum of the terms' magnitudes.

    Rounding is relative to the terms: a sum of mixed signs may vanish.
    """
    assert got.shape == expected.shape, what
    assert got.flags.c_contiguous, what
    if got.size:
        worst = np.abs(got - expected).max() / max(np.abs(expected if terms is None else terms).max(), 1e-30)
        assert worst <= TOLERANCE[got.dtype], f"{what}: {worst:.1e}"


def check_convolution(geo: Geometry, rng: np.random.Generator, dtype: Any) -> None:
    """The three convolutions, the bias, the ReLU and its mask; the inputs stay as they are."""
    x = rng.standard_normal((geo.N, geo.H, geo.W, geo.C)).astype(dtype)
    w = rng.standard_normal((geo.O, geo.KH, geo.KW, geo.C)).astype(dtype)
    b, g = rng.standard_normal(geo.O).astype(dtype), rng.standard_normal((geo.N, geo.OH, geo.OW, geo.O)).astype(dtype)
    before = [a.copy() for a in (x, w, b, g)]
    xd, wd, bd, gd = (a.astype(np.float64) for a in (x, w, b, g))
    xa, wa, ba, ga = (abs(a) for a in (xd, wd, bd, gd))
    assert cpu.why_not(geo) is None
    y, terms = loops.conv2d(xd, wd, bd, geo), strided.conv2d(xa, wa, ba, geo)
    same(f"conv2d {geo}", fast.conv2d(x, w, b, geo), y, terms)
    same(f"conv2d and ReLU {geo}", fast.conv2d(x, w, b, geo, relu=True), np.maximum(y, 0), terms)
    dx, terms = loops.conv2d_input_grad(gd, wd, geo), strided.conv2d_input_grad(ga, wa, geo)
    same(f"input_grad {geo}", fast.conv2d_input_grad(g, w, geo), dx, terms)
    same(f"input_grad and mask {geo}", fast.conv2d_input_grad(g, w, geo, masked_by=x), np.where(x > 0, dx, 0), terms)
    dw, db = fast.conv2d_weight_bias_grad(x, g, geo)
    same(f"weight_grad {geo}", dw, loops.conv2d_weight_grad(xd, gd, geo), strided.conv2d_weight_grad(xa, ga, geo))
    same(f"bias_grad {geo}", db, gd.sum(axis=(0, 1, 2)), ga.sum(axis=(0, 1, 2)))
    np.testing.assert_array_equal(fast.conv2d_weight_grad(x, g, geo), dw)
    for a, old in zip((x, w, b, g), before, strict=True):
        np.testing.assert_array_equal(a, old)


@normal_and_slow(100, 2000)
@pytest.mark.parametrize("dtype", DTYPES)
def test_convolutions(dtype: Any, count: int) -> None:
    for geo, rng in convolutions(count):
        check_convolution(geo, rng, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("threads", [1, 3])
def test_any_number_of_threads(dtype: Any, threads: int) -> None:
    """More than there are processors, and more than there are images."""
    before = kernels.get_num_threads()
    kernels.set_num_threads(threads)
    try:
        for geo, rng in convolutions(20, seed=1):
            check_convolution(geo, rng, dtype)
    finally:
        kernels.set_num_threads(before)


@normal_and_slow(100, 2000)
@pytest.mark.parametrize("dtype", DTYPES)
def test_pooling(dtype: Any, count: int) -> None:
    for geo, rng in poolings(count):
        x = few_digits(rng, (geo.N, geo.H, geo.W, geo.C)).astype(dtype)
        if x.size and rng.integers(0, 2):
            x.flat[rng.integers(0, x.size, 3)] = np.nan, -np.inf, np.inf
        g = rng.standard_normal((geo.N, geo.OH, geo.OW, geo.O)).astype(dtype)
        for mark, drop in ((False, None), (True, None), (True, (0.4, 3, 5))):
            (y, arg), (got, got_arg) = loops.max_pool2d(x, geo, mark, drop), fast.max_pool2d(x, geo, mark, drop)
            np.testing.assert_array_equal(got_arg, arg)
            np.testing.assert_allclose(got, y, rtol=1e-6)
            scaled = loops.max_unpool2d(g.astype(np.float64), arg, geo, 1.5)
            same(f"max_unpool2d {geo}", fast.max_unpool2d(g, arg, geo, 1.5), scaled)
        divisor = loops.pool_divisor(geo, bool(rng.integers(0, 2)))
        x = rng.standard_normal(x.shape).astype(dtype)
        same(f"avg_pool2d {geo}", fast.avg_pool2d(x, geo, divisor), loops.avg_pool2d(x.astype(np.float64), geo, divisor))
        for mask in (None, x):
            expected = loops.avg_pool2d_input_grad(g.astype(np.float64), geo, divisor, mask)
            same(f"avg_pool2d_input_grad {geo}", fast.avg_pool2d_input_grad(g, geo, divisor, mask), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("channels", range(1, 21))
def test_pooling_of_narrow_maps(channels: int, threads: int, dtype: Any) -> None:
    """Bit for bit what NumPy makes, where both add in the same order; fewer channels than a vector holds, and fewer numbers."""
    rng, before = np.random.default_rng(channels), kernels.get_num_threads()
    kernels.set_num_threads(threads)
    try:
        for kernel, stride, padding, ceil_mode in ((2, 2, 0, False), (3, 2, 1, True), (3, 1, 1, False), (1, 2, 0, False)):
            for shape in ((1, channels, 1, 3), (2, channels, 4, 5), (3, channels, 7, 6)):
                if min(shape[2:]) + 2 * padding < kernel:
                    continue
                geo = pooling("pool", shape, (kernel,) * 2, (stride,) * 2, (padding,) * 2, (1, 1), ceil_mode)
                x = rng.standard_normal((geo.N, geo.H, geo.W, geo.C)).astype(dtype)
                g = few_digits(rng, (geo.N, geo.OH, geo.OW, geo.O)).astype(dtype)  # of which every sum is exact
                for mark, drop in ((True, None), (False, (0.4, 3, 5))):
                    made, expected = fast.max_pool2d(x, geo, mark, drop), strided.max_pool2d(x, geo, mark, drop)
                    for a, b in zip(made, expected, strict=True):
                        np.testing.assert_array_equal(a, b)
                    arg = expected[1]
                    np.testing.assert_array_equal(fast.max_unpool2d(g, arg, geo, 2.0), strided.max_unpool2d(g, arg, geo, 2.0))
                divisor = np.full((geo.OH, geo.OW), 4.0)  # times 1/4 is divided by 4
                np.testing.assert_array_equal(fast.avg_pool2d(x, geo, divisor), strided.avg_pool2d(x, geo, divisor))
                for mask in (None, x):
                    ours, theirs = (tier.avg_pool2d_input_grad(g, geo, divisor, mask) for tier in (fast, strided))
                    np.testing.assert_array_equal(ours, theirs)
    finally:
        kernels.set_num_threads(before)


def test_narrow_maps_are_pooled_by_compiled_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """All four; NumPy's way is five times as slow and more."""
    for name in ("max_pool2d", "max_unpool2d", "avg_pool2d", "avg_pool2d_input_grad"):
        monkeypatch.delattr(strided, name)
    geo = pooling("pool", (1, 1, 4, 4), (2, 2), (2, 2))
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    y, arg = fast.max_pool2d(x, geo)
    assert y.ravel().tolist() == [5, 7, 13, 15]
    assert fast.max_unpool2d(y, arg, geo).sum() == 40
    assert fast.avg_pool2d(x, geo, np.full((2, 2), 4.0)).ravel().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert (fast.avg_pool2d_input_grad(np.ones_like(y), geo, np.full((2, 2), 4.0)) == 0.25).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [0, 1, 7, 63, 64, 1000, 4099])
def test_entry_by_entry(dtype: Any, size: int) -> None:
    rng = np.random.default_rng(size)
    x, y = rng.standard_normal((2, size)).astype(dtype)
    if size > 3:
        x[:3] = np.nan, np.inf, -0.0
    for tier in (strided, fast):
        np.testing.assert_array_equal(tier.relu(x), loops.relu(x))
        np.testing.assert_array_equal(tier.relu_mask(x, y), loops.relu_mask(x, y))
        np.testing.assert_allclose(tier.dropout(y, 0.3, 7, 2), loops.dropout(y, 0.3, 7, 2), rtol=1e-6)


@pytest.mark.parametrize("tier", [loops, strided, fast], ids=["loops", "strided", "fast"])
def test_dropout_keeps_what_lies_on_the_threshold(tier: Any) -> None:
    """Entry i stays if hash(i) >= p * 2**32; for entry 5 the two are made equal."""
    x, hashed = np.ones(65, np.float32), loops.mix(5 * 0x9E3779B1 + loops.dropout_key(7, 2))
    assert tier.dropout(x, hashed / 2**32, 7, 2)[5] > 0
    assert tier.dropout(x, (hashed + 1) / 2**32, 7, 2)[5] == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tier", [strided, fast], ids=["strided", "fast"])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(2, 1), (57, 5), (64, 32)])
def test_batch_norm(dtype: Any, tier: Any, affine: bool, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, *shape)).astype(dtype)
    x = x * 3 + dtype(2)
    weight, bias = rng.standard_normal((2, shape[1])).astype(dtype) if affine else (None, None)
    wd, bd = (None if a is None else a.astype(np.float64) for a in (weight, bias))
    for relu in (False, True):
        y, mean, var = loops.batch_norm(x.astype(np.float64), wd, bd, 1e-5, relu)
        made = tier.batch_norm(x, weight, bias, 1e-5, relu)
        for name, got, expected in zip(("y", "mean", "var"), made, (y, mean, var), strict=True):
            same(name, got, expected)
    expected = loops.batch_norm_grad(g.astype(np.float64), x.astype(np.float64), mean, var, wd, 1e-5)
    ours = tier.batch_norm_grad(g, x, mean.astype(dtype), var.astype(dtype), weight, 1e-5)
    scale = 1 / np.sqrt(var + 1e-5) * (1 if wd is None else abs(wd))
    same("dx", ours[0], expected[0], scale * abs(g).max())
    same("dweight", ours[1], expected[1], abs(g * (x - mean)).sum(axis=0) / np.sqrt(var))
    same("dbias", ours[2], expected[2], abs(g).sum(axis=0))


@pytest.mark.parametrize("tier", [strided, fast], ids=["strided", "fast"])
def test_batch_norm_of_many_rows(tier: Any) -> None:
    """One float32 sum of 200,000 values would lose three digits. Expected: PyTorch in float64."""
    import torch  # here, because other processes import this file and fork

    x, g = (np.random.default_rng(0).standard_normal((2, 200_000, 3)) + 0.5).astype(np.float32)
    exact = torch.from_numpy(x.astype(np.float64)).requires_grad_()
    y = torch.nn.functional.batch_norm(exact, None, None, training=True)
    y.backward(torch.from_numpy(g.astype(np.float64)))
    got, mean, var = tier.batch_norm(x, None, None, 1e-5)
    same("y", got, y.detach().numpy())
    np.testing.assert_allclose(mean, x.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(var, x.var(axis=0, dtype=np.float64), rtol=1e-6)
    dx, _, dbias = tier.batch_norm_grad(g, x, mean, var, None, 1e-5)
    same("dx", dx, exact.grad.numpy())
    np.testing.assert_allclose(dbias, g.astype(np.float64).sum(axis=0), rtol=1e-6)


def test_batch_norm_of_values_far_from_zero() -> None:
    """The variance of 10,000 +- 1 in one pass; and of equal values, which is 0 and never below."""
    x = (np.random.default_rng(0).standard_normal((500, 8)) + 1e4).astype(np.float32)
    exact = x.astype(np.float64).var(axis=0)
    np.testing.assert_allclose(fast.batch_norm(x, None, None, 0.0)[2], exact, rtol=1e-6)
    y, _, var = fast.batch_norm(np.full((64, 8), 1.1, np.float32), None, None, 1e-5)
    assert (var == 0).all()
    assert abs(y).max() < 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (7, 10), (40, 1000)])
def test_softmax_cross_entropy(dtype: Any, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x, labels = (rng.standard_normal(shape) * 30).astype(dtype), rng.integers(0, shape[1], shape[0])
    labels[::5] = -100
    x[:1] += 1e4  # no exponential overflows
    expected = loops.softmax_cross_entropy(x.astype(np.float64), labels)
    for tier in (strided, fast):
        for name, got, exact in zip(("loss", "slope"), tier.softmax_cross_entropy(x, labels), expected, strict=True):
            same(name, got, exact)
    for wrong in (shape[1], -1):
        for tier in (loops, strided, fast):
            with pytest.raises(IndexError, match=f"class {wrong} is not one of the {shape[1]} classes"):
                tier.softmax_cross_entropy(np.zeros((1, shape[1]), dtype), np.array([wrong]))


SGD = [
    {"momentum": 0.0, "keep": 1.0, "decay": 0.0, "nesterov": False},
    {"momentum": 0.0, "keep": 1.0, "decay": 0.1, "nesterov": False},
    {"momentum": 0.9, "keep": 0.8, "decay": 0.1, "nesterov": False},
    {"momentum": 0.9, "keep": 1.0, "decay": 0.1, "nesterov": True},
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tier", [strided, fast], ids=["strided", "fast"])
@pytest.mark.parametrize("settings", SGD, ids=str)
def test_sgd(dtype: Any, tier: Any, settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    p, g, v = rng.standard_normal((3, 257)).astype(dtype)
    momentum = settings["momentum"] > 0
    (p2, v2), (p3, v3) = ((p.astype(np.float64), v.astype(np.float64)), (p.copy(), v.copy()))
    loops.sgd(p2, g.astype(np.float64), v2 if momentum else None, lr=0.1, **settings)
    tier.sgd(p3, g, v3 if momentum else None, lr=0.1, **settings)
    same("p", p3, p2)
    same("v", v3, v2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tier", [strided, fast], ids=["strided", "fast"])
@pytest.mark.parametrize(("decay", "shrink"), [(0.0, 1.0), (0.1, 1.0), (0.0, 0.99)])
def test_adam(dtype: Any, tier: Any, decay: float, shrink: float) -> None:
    rng = np.random.default_rng(0)
    p, g, m, v = rng.standard_normal((4, 257)).astype(dtype)
    exact, ours = [a.astype(np.float64) for a in (p, m, abs(v))], [p, m, abs(v)]
    settings = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "scale": 3.0, "eps": 1e-3, "decay": decay, "shrink": shrink}
    loops.adam(exact[0], g.astype(np.float64), *exact[1:], **settings)
    tier.adam(ours[0], g, *ours[1:], **settings)
    for name, a, b in zip("pmv", ours, exact, strict=True):
        same(name, a, b)


def test_read_only_arrays_are_read() -> None:
    geo = convolution("conv2d", (1, 3, 5, 5), (4, 3, 3, 3))
    x, w = np.ones((1, 5, 5, 3), np.float32), np.ones((4, 3, 3, 3), np.float32)
    x.flags.writeable = w.flags.writeable = False
    assert (fast.conv2d(x, w, None, geo) == 27).all()


def test_what_is_unusual_takes_the_strided_tier_and_explain_says_so() -> None:
    groups, dilated = (
        convolution("conv2d", (1, 4, 9, 9), (4, c, 3, 3), dilation=d, groups=4 // c) for c, d in ((2, (1, 1)), (4, (2, 2)))
    )
    with kernels.use_kernels("fast"):
        assert "not compiled, because it has 2 groups" in kernels.explain(groups)
        assert "not compiled, because it is dilated" in kernels.explain(dilated)
        sparse = convolution("conv2d", (1, 4, 9, 9), (4, 4, 3, 3), stride=(2, 2), padding=(1, 1))
        assert "its input gradient is im2col and a matrix product" in kernels.explain(sparse)
        pointwise = convolution("conv2d", (1, 4, 9, 9), (4, 4, 1, 1))
        assert "every pixel is a row of one matrix" in kernels.explain(pointwise)
        assert f"vectors of {vector.HOST.bytes} bytes" in kernels.explain(pointwise)
        assert "9 class(es) of pixels" in kernels.explain(convolution("conv2d", (1, 4, 9, 9), (4, 4, 3, 3), padding=(1, 1)))
    rng = np.random.default_rng(0)
    for geo in (groups, dilated):
        x, w = rng.standard_normal((1, 9, 9, 4)), rng.standard_normal((4, 3, 3, 4 // geo.groups))
        same("conv2d", fast.conv2d(x, w, None, geo), loops.conv2d(x, w, None, geo))


# -------------------------------------------------------------------- plans


# What leaves the arrays by one number: of the table, the entry that is nearest to the edge, its column, and the step over it.
LEAVING = {
    "read before x": ("read", np.argmin, None, -4),
    "read behind x": ("read", np.argmax, None, 4),
    "written before y": ("write", np.argmin, None, -4),
    "written behind y": ("write", np.argmax, None, 4),
    "fewer than no kernel rows": ("tiles", np.argmin, 0, -3),
    "fewer than no numbers in a run": ("tiles", np.argmin, 1, -7),
    "before the packed weights": ("tiles", np.argmin, 2, -1),
    "behind the packed weights": ("tiles", np.argmin, 2, 1),  # the whole kernel, which starts with the weights and ends with them
    "not the tile's own pixels": ("tiles", np.argmax, 3, -1),
}


@pytest.mark.parametrize("name", LEAVING)
def test_a_plan_that_left_its_arrays_would_be_refused(name: str) -> None:
    """Each bound from its outside; on the bound itself all is well."""
    win = window.forward_window(convolution("conv2d", (2, 3, 5, 5), (4, 3, 3, 3), padding=(1, 1)))
    tables = dict(zip(("tiles", "read", "write"), plan._tiles(win, 2, 6, 4), strict=True))
    plan._check(win, 2, *tables.values(), 6, 4)
    table, nearest, column, step = LEAVING[name]
    values = tables[table] if column is None else tables[table][:, column]
    values[nearest(values)] += step
    with pytest.raises(RuntimeError, match="would leave its arrays"):
        plan._check(win, 2, *tables.values(), 6, 4)


def test_a_plan_with_too_few_places_to_write_to_would_be_refused() -> None:
    win = window.forward_window(convolution("conv2d", (2, 3, 5, 5), (4, 3, 3, 3), padding=(1, 1)))
    tiles, read, write = plan._tiles(win, 2, 6, 4)
    with pytest.raises(RuntimeError, match="would leave its arrays"):
        plan._check(win, 2, tiles, read, write[:-1], 6, 4)


def test_every_pixel_is_written_by_one_thread() -> None:
    """Each output pixel lies in exactly one micro-tile, but for the last pixel of a class, which a micro-tile may repeat."""
    for threads in (1, 2, 3):
        for geo, _ in convolutions(40, seed=2):
            if not geo.N:
                continue
            win = window.forward_window(geo)
            made = plan.plan(win, 4, threads)
            mr = vector.HOST.mr(panels.widths(win.O, 4)[0])
            written: list[int] = []
            for row in made.tasks.tolist():
                task = plan.Task(*row)
                for z in range(task.first, task.end):
                    first = made.tiles[z, plan.TILE.pixels]
                    written += sorted(set((task.y + made.write[first : first + mr]).tolist()))
            assert sorted(written) == [4 * win.O * i for i in range(win.N * win.OH * win.OW)]
            # Behind the last micro-tile of any height the kernels read the places of one more.
            assert len(made.write) == len(made.read) + max(vector.HOST.mr(width) for width in panels.widths(win.O, 4))


def test_a_micro_kernel_refuses_the_arguments_of_another() -> None:
    """Both are numbers by the dozen, so the wrong ones would be taken for addresses."""
    other = copies.PrefetchArgs(address=0, lines=0)

    @numba.njit
    def call(x: np.ndarray) -> None:
        microkernels.gemm2(x, other)

    with pytest.raises(numba.core.errors.TypingError, match="gemm2 takes GemmArgs, got PrefetchArgs"):
        call(np.ones(1, np.float32))
