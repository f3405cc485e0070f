"""The kernels: the strided tier does what the loops say, in bounded memory; the geometry refuses what does not fit."""

from __future__ import annotations

import inspect
import tracemalloc
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import strategies as some
import torch
from hypothesis import strategies as st
from oracle import LAYOUTS, error, few_digits, geometry_of, lay, signed

import ninx
import ninx.functional as F
from ninx import kernels, optim
from ninx.kernels import cuda, geometry, loops, strided
from ninx.kernels.geometry import Geometry

BUDGETS = st.sampled_from([1, 300, 3000, strided.BUDGET])  # one row at a time, some rows, some images, everything


def same(name: str, expected: np.ndarray, got: np.ndarray) -> None:
    assert got.shape == expected.shape, name
    assert got.dtype == expected.dtype, name
    assert error(got, expected) <= 1e-12, f"{name}: {error(got, expected):.1e}"


def adjoint(name: str, a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> None:
    """<a, b> = <c, d>, up to rounding of their terms."""
    terms = np.abs(a * b).sum() + np.abs(c * d).sum()
    assert abs((a * b).sum() - (c * d).sum()) <= 1e-13 * terms, name


def rows(rng: np.random.Generator, n: int, c: int, h: int, w: int) -> np.ndarray:
    """An image as the kernels see it: (N, H, W, C)."""
    return signed(rng, (n, h, w, c))


# -------------------------------------------------------------------- loops and strided


def of_convolution(inputs: Any) -> Geometry:
    (x, w), options = inputs
    return geometry_of(x, w, **options)


def of_transposed(inputs: Any) -> Geometry:
    """Its output padding makes rows of x that no window reaches: more of them than the output size would tell."""
    (x, w), options = inputs
    sizes = {name: geometry.pair(value, "conv", name) for name, value in options.items() if name != "groups"}
    return geometry.transposed("conv", x, w, groups=options["groups"], **sizes)


CONVOLUTIONS = {
    "convolution": some.convolution(images=(1, 2)).map(of_convolution),
    "transposed": some.transposed_convolution().map(of_transposed),
}


@some.normal_and_slow(50, 500)
@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_convolution(kind: str, count: int) -> None:
    @some.examples(count, CONVOLUTIONS[kind], BUDGETS, some.seeds)
    def _(geo: Geometry, budget: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        x, w = rows(rng, geo.N, geo.C, geo.H, geo.W), rows(rng, geo.O, geo.C // geo.groups, geo.KH, geo.KW)
        b, g = signed(rng, (geo.O,)), rows(rng, geo.N, geo.O, geo.OH, geo.OW)
        y, biased = loops.conv2d(x, w, None, geo), loops.conv2d(x, w, b, geo)
        dx, dw = loops.conv2d_input_grad(g, w, geo), loops.conv2d_weight_grad(x, g, geo)
        adjoint("the trilinear form in x", g, y, dx, x)
        adjoint("the trilinear form in w", g, y, dw, w)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(strided, "BUDGET", budget)
            for method in ("auto", "im2col"):
                same("conv2d", biased, strided.conv2d(x, w, b, geo, method))
                same("conv2d without a bias", y, strided.conv2d(x, w, None, geo, method))
                same("input_grad", dx, strided.conv2d_input_grad(g, w, geo, method))
                same("weight_grad", dw, strided.conv2d_weight_grad(x, g, geo, method))


@some.normal_and_slow(50, 500)
def test_im2col_and_col2im(count: int) -> None:
    @some.examples(count, CONVOLUTIONS["convolution"], BUDGETS, some.seeds)
    def _(geo: Geometry, budget: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        x, cols = rows(rng, geo.N, geo.C, geo.H, geo.W), signed(rng, (geo.N * geo.OH * geo.OW, geo.KH * geo.KW * geo.C))
        expected, back = loops.im2col(x, geo), loops.col2im(cols, geo)
        same("im2col", expected, strided.im2col(x, geo))
        same("col2im", back, strided.col2im(cols, geo))
        adjoint("im2col", expected, cols, x, back)
        parts = geo.parts(8, budget)  # the parts in their order are the whole, and their gradients add up to it
        if parts:
            same("im2col in parts", expected, np.concatenate([strided.im2col(x, geo, part) for part in parts]))
        total, first = np.zeros_like(back), 0
        for part in parts:
            last = first + part.images * part.rows * geo.OW
            total += strided.col2im(cols[first:last], geo, part)
            first = last
        same("col2im in parts", back, total)


@some.normal_and_slow(50, 500)
def test_max_pooling(count: int) -> None:
    @some.examples(count, some.pooling(dilated=True, images=(1, 2)), some.seeds, st.booleans())
    def _(inputs: Any, seed: int, ties: bool) -> None:
        ((x_shape,), options), rng = inputs, np.random.default_rng(seed)
        geo = some.pooling_geometry(x_shape, options)
        n, c, h, w = x_shape
        x = few_digits(rng, (n, h, w, c)) if ties else rows(rng, *x_shape)
        g = rows(rng, geo.N, geo.O, geo.OH, geo.OW)
        (y, arg), (got, got_arg) = loops.max_pool2d(x, geo), strided.max_pool2d(x, geo)
        np.testing.assert_array_equal(got, y)  # a maximum is copied, not computed
        np.testing.assert_array_equal(got_arg, arg)
        assert got_arg.dtype == arg.dtype
        same("max_unpool2d", loops.max_unpool2d(g, arg, geo), strided.max_unpool2d(g, arg, geo))
        same("max_gather2d", loops.max_gather2d(x, arg, geo), strided.max_gather2d(x, arg, geo))
        adjoint("max_unpool2d", loops.max_unpool2d(g, arg, geo), x, g, loops.max_gather2d(x, arg, geo))


@some.normal_and_slow(50, 500)
def test_average_pooling(count: int) -> None:
    @some.examples(count, some.pooling(images=(1, 2)), some.seeds, st.booleans())
    def _(inputs: Any, seed: int, count_pad: bool) -> None:
        ((x_shape,), options), rng = inputs, np.random.default_rng(seed)
        geo = some.pooling_geometry(x_shape, options)
        x, g = rows(rng, *x_shape), rows(rng, geo.N, geo.O, geo.OH, geo.OW)
        divisor = loops.pool_divisor(geo, count_pad)
        np.testing.assert_array_equal(strided.pool_divisor(geo, count_pad), divisor)
        y, dx = loops.avg_pool2d(x, geo, divisor), loops.avg_pool2d_input_grad(g, geo, divisor)
        same("avg_pool2d", y, strided.avg_pool2d(x, geo, divisor))
        same("avg_pool2d_input_grad", dx, strided.avg_pool2d_input_grad(g, geo, divisor))
        adjoint("avg_pool2d", y, g, x, dx)
        same("global_avg_pool2d", loops.global_avg_pool2d(x), strided.global_avg_pool2d(x))


def test_no_images() -> None:
    x, w, g = np.ones((0, 5, 6, 4)), np.ones((3, 2, 3, 4)), np.ones((0, 4, 4, 3))
    geo = geometry.convolution("conv2d", (0, 4, 5, 6), (3, 4, 2, 3))
    pool = geometry.pooling("pool", (0, 4, 5, 6), (2, 2), (2, 2))
    for tier in (loops, strided):
        assert tier.conv2d(x, w, np.ones(3), geo).shape == (0, 4, 4, 3)
        assert tier.conv2d_input_grad(g, w, geo).shape == x.shape
        same("weight_grad", np.zeros_like(w), tier.conv2d_weight_grad(x, g, geo))
        assert tier.im2col(x, geo).shape == (0, 24)
        assert tier.col2im(np.ones((0, 24)), geo).shape == x.shape
        y, arg = tier.max_pool2d(x, pool)
        assert y.shape == arg.shape == (0, 2, 3, 4)
        assert tier.max_unpool2d(y, arg, pool).shape == tier.avg_pool2d_input_grad(y, pool, np.ones((2, 3))).shape == x.shape
        assert tier.max_gather2d(x, arg, pool).shape == tier.avg_pool2d(x, pool, np.ones((2, 3))).shape == y.shape
        assert tier.global_avg_pool2d(x).shape == (0, 1, 1, 4)


@some.normal_and_slow(50, 500)
def test_dropout_keep(count: int) -> None:
    rate = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0, float(np.nextafter(1, 0))]))

    @some.examples(count, some.shape(), rate, st.integers(0, 2**64 - 1), st.integers(1, 2**40))
    def _(shape: Any, p: float, seed: int, call: int) -> None:
        expected = loops.dropout_keep(shape, p, seed, call)
        got = strided.dropout_keep(shape, p, seed, call)
        assert (got.shape, got.dtype) == (shape, np.bool_)
        np.testing.assert_array_equal(got, expected)


def test_the_hash_is_murmurs_and_its_key_takes_all_of_the_seed_and_the_call() -> None:
    # Values of fmix32 in Austin Appleby's MurmurHash3, which is a bijection of 32 bits with 0 in its place.
    assert [loops.mix(h) for h in (0, 1, 2, 0xFFFFFFFF)] == [0, 0x514E28B7, 0x30F4C306, 0x81F16F39]
    keys = {loops.dropout_key(seed, call) for seed in (0, 1, 2**32, 2**63) for call in (1, 2, 3)}
    assert len(keys) == 12


def public(tier: Any) -> set[str]:
    return {n for n, f in vars(tier).items() if callable(f) and f.__module__ == tier.__name__ and n[0] != "_"}


INTERFACE = public(strided)


def test_all_tiers_offer_the_same_functions() -> None:
    """Under the same names and with the same signatures, on the GPU as well."""
    assert public(loops) - INTERFACE == {"check_labels", "dropout_key", "dropout_scale", "mix"}  # which both use
    assert public(loops) >= INTERFACE
    tiers = [loops, strided, cuda]
    if find_spec("numba"):
        from ninx.kernels import cpu, fast

        assert set(fast.__all__) == INTERFACE
        tiers += [cpu, fast]
    for name in INTERFACE:
        signatures = {tier.__name__: str(inspect.signature(getattr(tier, name))) for tier in tiers}
        assert len(set(signatures.values())) == 1, (name, signatures)


def use_every_kernel() -> None:
    """What people call, so that each function of a tier is run."""
    x, w, b = (
        ninx.ones(2, 2, 4, 4, requires_grad=True),
        ninx.ones(3, 2, 2, 2, requires_grad=True),
        ninx.ones(3, requires_grad=True),
    )
    F.relu(F.conv2d(x, w, b, padding=1)).sum().backward()
    F.conv2d(x, w).sum().backward()
    (slope,) = ninx.grad(F.max_pool2d(x, 2).square().sum(), x, create_graph=True)
    slope.square().sum().backward()
    F.dropout(F.global_avg_pool2d(F.avg_pool2d(x, 2))).sum().backward()
    F.batch_norm(F.dropout2d(x), None, None, training=True).sum().backward()
    F.cross_entropy(x.reshape(2, 32), ninx.tensor([0, 1])).backward()
    for optimiser in (optim.SGD([w], lr=0.1), optim.Adam([b])):
        optimiser.step()


@pytest.mark.parametrize("tier", kernels.TIERS)
def test_every_function_of_the_tier_that_was_asked_for_runs(tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And none of another tier, but for what a tier borrows."""
    if tier == "fast":
        pytest.importorskip("numba")
    with ninx.use_kernels(tier):
        module, called = kernels.tier(), set()
        for name in INTERFACE:
            real = getattr(module, name)
            monkeypatch.setattr(module, name, lambda *a, n=name, f=real, **o: called.add(n) or f(*a, **o))
        if tier == "loops":
            for name in INTERFACE - {"pool_divisor"}:
                monkeypatch.setattr(strided, name, lambda *_, n=name, **__: pytest.fail(f"strided.{n} ran"))
        use_every_kernel()
    # What a convolution is made of in the strided tier; elsewhere nothing of ninx needs the two.
    assert INTERFACE - called == ({"col2im"} if tier == "strided" else {"col2im", "im2col"})


@pytest.mark.parametrize("tier", ["loops", "strided"])
def test_the_tier_that_was_asked_for_runs(tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    for name in ("loops", "strided"):
        real = getattr(kernels, name).conv2d
        monkeypatch.setattr(getattr(kernels, name), "conv2d", lambda *a, n=name, f=real: called.append(n) or f(*a))
    with ninx.use_kernels(tier):
        F.conv2d(ninx.ones(1, 1, 2, 2), ninx.ones(1, 1, 1, 1))
        with pytest.raises(ValueError, match="no tier 'stride'; did you mean 'strided'"), ninx.use_kernels("stride"):
            pass
    assert called == [tier]


# -------------------------------------------------------------------- 1x1


@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"stride": (3, 1)}, {"groups": 2}, {"stride": 2, "groups": 2}], ids=str)
@pytest.mark.parametrize("how", LAYOUTS)
def test_gemm_is_im2col_for_1x1(options: dict[str, Any], how: str) -> None:
    rng, results = np.random.default_rng(0), []
    arrays = signed(rng, (3, 4, 7, 6)), signed(rng, (6, 4 // options.get("groups", 1), 1, 1)), signed(rng, (6,))
    for method in ("im2col", "gemm", "auto"):
        leaves = [ninx.from_numpy(lay(a, how)[0]).requires_grad_() for a in arrays]
        with ninx.use_kernels("strided"):  # loops know one method only
            y = F.conv2d(*leaves, method=method, **options)
            y.backward(ninx.from_numpy(np.random.default_rng(1).standard_normal(y.shape)))
        results.append([y.array, *(leaf.grad.array for leaf in leaves)])
    for other in results[1:]:
        for expected, got in zip(results[0], other, strict=True):
            same("gemm", expected, got)


def test_gemm_makes_no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strided, "_windows", lambda *_: pytest.fail("the columns of a 1x1 convolution are its pixels"))
    x, w = ninx.ones(2, 3, 4, 4, requires_grad=True), ninx.ones(5, 3, 1, 1, requires_grad=True)
    with ninx.use_kernels("strided"):
        F.conv2d(x, w).sum().backward()
        assert (w.grad.array == 32).all()
        with pytest.raises(BaseException, match="the columns"):
            F.conv2d(x, w, method="im2col")


@pytest.mark.parametrize("tier", kernels.TIERS)
@pytest.mark.parametrize(("k", "p"), [(3, 0), (1, 1)])
def test_gemm_is_refused_in_every_tier_where_im2col_is_not_the_identity(tier: str, k: int, p: int) -> None:
    words = f"conv2d: method='gemm' needs a 1x1 kernel without padding, got kernel {k}x{k} with padding {p}x{p}"
    with ninx.use_kernels(tier), pytest.raises(ValueError, match=words):
        F.conv2d(ninx.ones(1, 2, 4, 4), ninx.ones(3, 2, k, k), padding=p, method="gemm")


# -------------------------------------------------------------------- memory


def work(geo: Geometry) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The three convolutions of this geometry, and what they are to return, as arrays of zeros."""
    x, w = np.ones((geo.N, geo.H, geo.W, geo.C)), np.ones((geo.O, geo.KH, geo.KW, geo.C // geo.groups))
    g = np.ones((geo.N, geo.OH, geo.OW, geo.O))
    calls = {
        "conv2d": lambda: strided.conv2d(x, w, None, geo),
        "input_grad": lambda: strided.conv2d_input_grad(g, w, geo),
        "weight_grad": lambda: strided.conv2d_weight_grad(x, g, geo),
    }
    return calls, {"conv2d": g, "input_grad": x, "weight_grad": w}


@pytest.mark.parametrize(("images", "side"), [(1, 24), (16, 24), (16, 6)])  # parts of an image, parts of several images
@pytest.mark.parametrize("groups", [1, 2])
def test_the_columns_stay_under_the_budget(images: int, side: int, groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    budget, sizes = 64 * 2**10, []
    monkeypatch.setattr(strided, "BUDGET", budget)
    geo = geometry.convolution("conv2d", (images, 4, side, side), (6, 4 // groups, 3, 3), (1, 1), (1, 1), groups=groups)
    matrix, add_matrix = strided._Product.x, strided._Product.add_x

    def seen(self: Any, x: Any, part: Any) -> Any:
        columns = matrix(self, x, part)
        sizes.append(columns.nbytes)
        return columns

    def seen_back(self: Any, columns: Any, dx: Any, part: Any) -> None:
        sizes.append(columns.nbytes)
        add_matrix(self, columns, dx, part)

    monkeypatch.setattr(strided._Product, "x", seen)
    monkeypatch.setattr(strided._Product, "add_x", seen_back)
    for name, call in work(geo)[0].items():
        sizes.clear()
        call()
        assert len(sizes) > 1, name  # there are several parts
        assert max(sizes) == geo.workspace(8, budget) <= budget, name


@pytest.mark.parametrize("name", ["conv2d", "input_grad", "weight_grad"])
def test_the_memory_of_a_convolution_does_not_grow_with_the_batch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    budget, peaks = 64 * 2**10, []
    monkeypatch.setattr(strided, "BUDGET", budget)
    for images in (2, 32):
        geo = geometry.convolution("conv2d", (images, 4, 24, 24), (4, 4, 3, 3), (1, 1), (1, 1))
        calls, results = work(geo)
        calls[name]()  # caches are filled
        tracemalloc.start()
        calls[name]()
        peaks.append(tracemalloc.get_traced_memory()[1] - results[name].nbytes)
        tracemalloc.stop()
    slack = 16 * 2**10  # Python's own objects
    assert peaks[0] < 2 * budget + slack  # the columns, and the padded rows that they are read from
    assert peaks[1] < peaks[0] + slack


ALL_PIXELS = geometry.convolution("conv2d", (6, 4, 9, 7), (3, 4, 1, 1))
SOME_PIXELS = {
    "stride": geometry.convolution("conv2d", (6, 4, 9, 7), (3, 4, 1, 1), stride=(2, 1)),
    "output padding": geometry.transposed("conv_transpose2d", (6, 3, 9, 7), (3, 4, 1, 1), output_padding=(1, 1), dilation=(2, 2)),
}


@pytest.mark.parametrize("case", SOME_PIXELS)
def test_a_1x1_kernel_that_does_not_see_every_pixel_copies_those_that_it_sees(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then im2col is not the identity. The copy is said to be one, and is bounded like that of a larger kernel."""
    geo, budget = SOME_PIXELS[case], 2000
    x = np.random.default_rng(0).random((geo.N, geo.H, geo.W, geo.C))
    monkeypatch.setattr(strided, "BUDGET", budget)
    product = strided._Product(geo, "auto", 8)
    copies = [product.x(x, part) for part in product.parts]
    assert len(copies) > 1
    assert not np.shares_memory(copies[0], x)
    assert max(copy.nbytes for copy in copies) == geo.workspace(8, budget)
    assert 0 < geo.workspace(8, budget) <= budget
    assert geo.workspace(8, 10**9) == 8 * geo.N * geo.OH * geo.OW * geo.C
    for tier, device in (("strided", "cpu"), ("fast", "cuda")):
        with kernels.use_kernels(tier):
            assert "without a copy" not in kernels.explain(geo, 8, device)
            assert "without a copy" in kernels.explain(ALL_PIXELS, 8, device)
            parts = f"{len(copies)} part(s) of at most" if tier == "strided" else "1 part(s) of at most"
            assert parts in kernels.explain(geo, 8, device)
            assert case in kernels.explain(geo, 8, device)


def test_explain_says_what_a_gpu_does() -> None:
    """cuBLAS, and im2col unless it is the identity and one group has all channels."""
    three = geometry.convolution("conv2d", (64, 96, 32, 32), (96, 96, 3, 3), padding=(1, 1))
    groups = geometry.convolution("conv2d", (6, 4, 9, 7), (2, 2, 1, 1), groups=2)
    with kernels.use_kernels("fast"):
        assert kernels.explain(ALL_PIXELS, 4, "cuda") == (
            "conv2d: one matrix product (378 x 4) @ (4 x 3) by cuBLAS, without a copy, "
            "because im2col is the identity for a 1x1 kernel"
        )
        assert kernels.explain(three, 4, "cuda:0") == (
            "conv2d: im2col by a CUDA kernel and a matrix product by cuBLAS in 2 part(s) of at most 124.9 MiB, "
            "because the kernel is 3x3 with padding 1x1"
        )
        assert kernels.explain(groups, 4, "cuda").endswith("because it has 2 groups, whose channels cuBLAS wants apart")
    with kernels.use_kernels("strided"):
        assert kernels.explain(three, 4, "cuda") == kernels.explain(three, 4)


def test_workspace_and_parts() -> None:
    small = geometry.convolution("conv2d", (5, 2, 6, 6), (3, 2, 3, 3))
    row = 8 * 4 * 18  # bytes of one output row of columns
    assert [len(small.parts(8, budget)) for budget in (1, row, 2 * row, 4 * row, 8 * row, 10**9)] == [20, 20, 10, 5, 3, 1]
    assert [small.workspace(8, budget) // row for budget in (1, row, 2 * row, 4 * row, 8 * row, 10**9)] == [1, 1, 2, 4, 8, 20]
    assert geometry.convolution("conv2d", (5, 2, 6, 6), (3, 2, 1, 1)).workspace(8, 1) == 0
    assert geometry.convolution("conv2d", (0, 2, 6, 6), (3, 2, 3, 3)).parts(8, 1) == []
    assert (small.macs, small.traffic(4)) == (5 * 16 * 3 * 18, 4 * (5 * (72 + 48) + 54))


# -------------------------------------------------------------------- the geometry


@some.normal_and_slow(50, 500)
def test_transposed_is_pytorchs_output_size(count: int) -> None:
    @some.examples(count, some.transposed_convolution())
    def _(inputs: Any) -> None:
        ((x, w), options), geo = inputs, of_transposed(inputs)
        expected = torch.nn.functional.conv_transpose2d(torch.zeros(x), torch.zeros(w), None, **options)
        assert tuple(expected.shape) == (geo.N, geo.C, geo.H, geo.W)


def test_a_refused_call_does_not_spoil_the_next() -> None:
    """True == 1, also as a key of a cache: groups=True must not be remembered as the geometry of groups=1."""
    x, w = ninx.ones(1, 2, 7, 9), ninx.ones(3, 2, 2, 2)  # sizes that no other test has, so that nothing is cached yet
    for _ in range(2):
        for refused in (F.conv2d, lambda x, w, groups: geometry.convolution("op", x.shape, w.shape, groups=groups)):
            with pytest.raises(ValueError, match="groups must be a whole number, got True"):
                refused(x, w, groups=True)
        assert (F.conv2d(x, w, groups=1).array == 8).all()
        assert geometry.convolution("op", x.shape, w.shape, groups=1).groups == 1


X = (2, 3, 5, 5)
ERRORS: list[tuple[Any, str]] = [
    (lambda f: f.conv(X, (4, 2, 3, 3)), r"op: input has 3 channels, but weight \(4, 2, 3, 3\) with groups=1 wants 2 \* 1 = 2"),
    (lambda f: f.conv(X, (4, 3, 3, 3), groups=3), r"op: input has 3 channels, .* groups=3 wants 3 \* 3 = 9"),
    (lambda f: f.conv(X, (4, 1, 3, 3), groups=3), "op: 4 output channels cannot be split into groups=3"),
    (lambda f: f.conv(X, (4, 3, 3, 3), groups=0), "op: groups must be at least 1, got 0"),
    (
        lambda f: f.conv(X, (4, 3, 7, 7)),
        r"op: kernel 7x7 with dilation 1x1 does not fit input 5x5 with padding 0x0: \(5 \+ 2\*0 - 1\*\(7-1\) - 1\)/1 \+ 1 = -1",
    ),
    (lambda f: f.conv(X, (4, 3, 3, 3), dilation=(1, 3)), r"dilation 1x3 .*\(5 \+ 2\*0 - 3\*\(3-1\) - 1\)/1 \+ 1 = -1"),
    (lambda f: f.conv(X, (4, 3, 3, 3), stride=(0, 1)), r"op: stride must be at least 1, got \(0, 1\)"),
    (lambda f: f.conv(X, (4, 3, 3, 3), padding=(-1, 0)), r"op: padding must be at least 0, got \(-1, 0\)"),
    (lambda f: f.conv(X, (4, 3, 3, 3), dilation=(1, 0)), "op: dilation must be at least 1"),
    (lambda f: f.conv(X, (4, 3, 0, 3)), "op: kernel_size must be at least 1"),
    (lambda f: f.conv((3, 3), (4, 3, 3, 3)), r"op: input must have 4 dimensions \(N, C, H, W\), got shape \(3, 3\)"),
    (lambda f: f.conv(X, (4, 3, 3)), r"op: weight must have 4 dimensions .* got shape \(4, 3, 3\)"),
    (lambda f: geometry.pair((1, 2, 3), "op", "stride"), r"op: stride must be one whole number or two, got \(1, 2, 3\)"),
    (lambda f: geometry.pair(0.5, "op", "padding"), "op: padding must be a whole number, got 0.5"),
    (lambda f: geometry.pair(True, "op", "padding"), "got True"),
    (lambda f: f.back(X, (4, 3, 3, 3)), r"op: input has 3 channels, but weight \(4, 3, 3, 3\) wants 4"),
    (lambda f: f.back(X, (3, 2, 2, 2), groups=2), "op: 3 .*channels cannot be split into groups=2"),
    (
        lambda f: f.back(X, (3, 2, 2, 2), stride=(2, 1), output_padding=(2, 0)),
        r"op: output_padding must be smaller than stride or dilation, got \(2, 0\) with stride \(2, 1\)",
    ),
    (lambda f: f.back(X, (3, 2, 2, 2), output_padding=(-1, 0)), "op: output_padding must be"),
    (lambda f: f.back(X, (3, 2, 2, 2), padding=(3, 3)), "op: output would be 0x0 for input 5x5, kernel 2x2"),
    (
        lambda f: f.pool(X, (3, 3), (1, 1), padding=(0, 2)),
        r"op: padding must be at most half of the kernel, got padding \(0, 2\)",
    ),
    (
        lambda f: f.pool(X, (6, 2), (1, 1)),
        r"op: kernel 6x2 .* does not fit input 5x5 .*\(5 \+ .* - 1\*\(6-1\) - 1\)/1 \+ 1 = 0",
    ),
    (lambda f: f.pool(X, (6, 2), (1, 1), ceil_mode=True), "op: kernel 6x2 .* does not fit"),
    (lambda f: f.pool(X, (0, 2), (1, 1)), r"op: kernel_size must be at least 1, got \(0, 2\)"),
    (lambda f: f.pool(X, (2, 2), (1, 0)), r"op: stride must be at least 1, got \(1, 0\)"),
    (lambda f: f.pool((5, 5), (2, 2), (1, 1)), "op: input must have 4 dimensions"),
]


class Named:
    """The three geometries, of an operation called ``op``."""

    @staticmethod
    def conv(*args: Any, **options: Any) -> Geometry:
        return geometry.convolution("op", *args, **options)

    @staticmethod
    def back(*args: Any, **options: Any) -> Geometry:
        return geometry.transposed("op", *args, **options)

    @staticmethod
    def pool(*args: Any, **options: Any) -> Geometry:
        return geometry.pooling("op", *args, **options)


@pytest.mark.parametrize(("call", "words"), ERRORS, ids=[words[:40] for _, words in ERRORS])
def test_what_does_not_fit_is_refused_with_the_formula(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call(Named)
