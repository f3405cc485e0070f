"""Pooling against PyTorch: value and every gradient, ties, NaN and the padding."""

from __future__ import annotations

import itertools
from typing import Any

import devices
import numpy as np
import pytest
import strategies as some
import tables
import torch
import torch.nn.functional as T
from hypothesis import strategies as st
from oracle import LAYOUTS, Case, agree, distinct, error, few_digits, library, signed

import ninx
import ninx.functional as F

pytestmark = pytest.mark.usefixtures("device")

E = 20  # examples


def averages(inputs: Any) -> st.SearchStrategy[Any]:
    """The options of avg_pool2d that do not bear on its geometry."""
    more = st.fixed_dictionaries({"count_include_pad": st.booleans(), "divisor_override": st.sampled_from([None, None, 3, -1])})
    return more.map(lambda options: (inputs[0], inputs[1] | options))


def places(x: Any, **options: Any) -> Any:
    return library(x).max_pool2d(x, return_indices=True, **options)


WINDOWS = [
    MAX := Case("max_pool2d", places, places, some.max_pooling, distinct),
    Case("avg_pool2d", F.avg_pool2d, T.avg_pool2d, some.pooling().flatmap(averages)),
]


@st.composite
def resized(draw: st.DrawFn) -> Any:
    """An image and a size for it: smaller, equal or larger, for one axis or both."""
    size, few = st.integers(1, 7), st.integers(1, 3)
    pair = st.tuples(st.one_of(st.none(), size), st.one_of(st.none(), size))
    return ((draw(few), draw(few), draw(size), draw(size)),), {"output_size": draw(st.one_of(size, pair))}


CASES = [
    Case("adaptive_max_pool2d", F.adaptive_max_pool2d, T.adaptive_max_pool2d, resized(), distinct),
    Case("adaptive_avg_pool2d", F.adaptive_avg_pool2d, T.adaptive_avg_pool2d, resized()),
    Case("global_avg_pool2d", F.global_avg_pool2d, lambda x: x.mean((2, 3), keepdim=True), some.plain(some.one(4, 4))),
]

test_value_and_gradients = tables.agree_with_pytorch(WINDOWS, 25, slow=200)
test_value_and_gradients_of_the_adaptive_ones = tables.agree_with_pytorch(CASES)


@pytest.mark.parametrize("how", LAYOUTS)
def test_one_image_without_a_batch(how: str) -> None:
    rng = np.random.default_rng(0)
    x, hows = signed(rng, (3, 6, 7)), [how] * 2
    agree(lambda x: F.max_pool2d(x, 2, return_indices=True), lambda x: T.max_pool2d(x, 2, return_indices=True), [x], rng, hows)
    agree(lambda x: F.avg_pool2d(x, 3, 2, 1), lambda x: T.avg_pool2d(x, 3, 2, 1), [x], rng, hows)
    agree(lambda x: F.adaptive_avg_pool2d(x, (4, 3)), lambda x: T.adaptive_avg_pool2d(x, (4, 3)), [x], rng, hows)


@pytest.mark.host_only("the CUDA kernel adds one by one, bit for bit as the definition")
def test_the_average_of_a_large_map_is_as_near_to_the_truth_as_that_of_pytorch() -> None:
    x = np.random.default_rng(0).standard_normal((1, 224, 224, 10), np.float32).transpose(0, 3, 1, 2) + 1
    truth = x.mean((2, 3), keepdims=True, dtype=np.float64)
    yardstick = error(T.adaptive_avg_pool2d(torch.from_numpy(x), 1).numpy(), truth)
    assert error(F.global_avg_pool2d(ninx.tensor(x)).numpy(), truth) <= 2 * yardstick


@pytest.mark.parametrize("case", WINDOWS, ids=lambda c: c.name)
def test_no_images_at_all(case: Case) -> None:
    @some.examples(5, case.inputs, some.seeds)
    def _(inputs: Any, seed: int) -> None:
        (x, *rest), options = inputs
        case.check((((0, *x[1:]), *rest), options), (), seed)


def test_equal_maxima_go_to_the_first() -> None:
    @some.examples(E, some.max_pooling, some.layouts, some.seeds)
    def _(inputs: Any, layouts: Any, seed: int) -> None:
        MAX._replace(domains=few_digits).check(inputs, layouts, seed)

    x = ninx.ones(1, 1, 4, 4, requires_grad=True)
    y, places = F.max_pool2d(x, 2, return_indices=True)
    y.sum().backward()
    assert places.tolist() == [[[[0, 2], [8, 10]]]]
    assert x.grad.tolist() == [[[[1, 0, 1, 0], [0, 0, 0, 0]] * 2]]


def test_nan_and_infinities_in_max_pool2d() -> None:
    """NaN wins, the last of several; -inf is a value like any other, and the padding is never chosen."""

    @some.examples(60, some.max_pooling, some.seeds, st.sampled_from([np.float32, np.float64]))
    def _(inputs: Any, seed: int, dtype: Any) -> None:
        ((size,), options), rng = inputs, np.random.default_rng(seed)
        array = rng.choice([np.nan, np.inf, -np.inf, -np.inf, -np.inf, 1.0, -2.0], size).astype(dtype)
        x, reference = ninx.from_numpy(array).requires_grad_(), torch.tensor(array, requires_grad=True)
        y, places = F.max_pool2d(x, return_indices=True, **options)
        expected, expected_places = T.max_pool2d(reference, return_indices=True, **options)
        np.testing.assert_array_equal(y.detach().numpy(), expected.detach().numpy())  # NaN equals NaN here
        np.testing.assert_array_equal(places.numpy(), expected_places.numpy())
        g = rng.integers(1, 9, y.shape).astype(dtype)  # whole numbers: sums of them are exact
        y.backward(ninx.from_numpy(g))
        expected.backward(torch.tensor(g))
        np.testing.assert_array_equal(x.grad.numpy(), reference.grad.numpy())


@pytest.mark.parametrize("side", [16, 17])
def test_windows_of_256_pixels_and_more(side: int) -> None:
    """The place in the window is kept in one byte, as long as it fits."""
    MAX.check((((2, 2, side + 3, side + 2),), {"kernel_size": side, "stride": 2, "padding": 1}), (), side)


@pytest.mark.parametrize("tier", [devices.definition, lambda: "strided"], ids=["definition", "strided"])
def test_a_window_beside_a_small_image(tier: Any) -> None:
    """Taps at -1 and 1 of an image of one pixel: the maximum of nothing, which sends no gradient anywhere.

    Its place lies outside the image, where PyTorch says too, and is not negative.
    """
    for size, options in [((1, 1), (2, 1, 1, 2)), ((1, 3), ((2, 3), 1, 1, (2, 1))), ((3, 1), ((3, 2), 1, (0, 1), (1, 2)))]:
        with ninx.use_kernels(tier()):
            x = ninx.ones(1, 1, *size, requires_grad=True)
            y, places = F.max_pool2d(x, *options, return_indices=True)
            y.sum().backward()
        expected, expected_places = T.max_pool2d(torch.ones(1, 1, *size), *options, return_indices=True)
        assert (y.tolist(), places.tolist()) == (expected.tolist(), expected_places.tolist())
        assert (y.array == -np.inf).all()
        assert not x.grad.array.any()


@some.normal_and_slow(25, 200)
def test_ceil_mode_gives_pytorchs_sizes(count: int) -> None:
    @some.examples(count, some.pooling())
    def _(inputs: Any) -> None:
        ((size,), options) = inputs
        geo = some.pooling_geometry(size, options)
        expected = T.avg_pool2d(torch.zeros(size), **options)
        assert tuple(expected.shape[2:]) == (geo.OH, geo.OW)


GRID = list(itertools.product(range(1, 7), range(1, 5), range(1, 5), range(3), (False, True)))
POOLS: list[tuple[str, dict[str, Any]]] = [
    *(("max_pool2d", {"dilation": d}) for d in (1, 2)),
    *(("avg_pool2d", {"count_include_pad": counted}) for counted in (True, False)),
]


@pytest.mark.host_only("the sizes do not depend on the device")
@pytest.mark.parametrize("tier", ["strided", "fast", "loops"])
@pytest.mark.parametrize(("name", "options"), POOLS, ids=lambda v: str(v))
def test_every_small_size_kernel_stride_and_padding(name: str, options: dict[str, Any], tier: str) -> None:
    """Also where ceil_mode has a window that is larger than the map; what PyTorch refuses is refused."""
    rng, refused = np.random.default_rng(0), 0
    for size, kernel, stride, padding, ceil_mode in GRID:
        array = rng.permutation(size * size).reshape(1, 1, size, size) - 9.0
        given = (kernel, stride, padding)
        x, t = ninx.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
        with ninx.use_kernels(tier):
            try:
                expected = getattr(T, name)(t, *given, ceil_mode=ceil_mode, **options)
            except RuntimeError:
                refused += 1
                with pytest.raises(ValueError, match=f"^{name}: "):
                    getattr(F, name)(x, *given, ceil_mode=ceil_mode, **options)
                continue
            y = getattr(F, name)(x, *given, ceil_mode=ceil_mode, **options)
            case = f"{size} {given} {ceil_mode}"
            np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), rtol=1e-12, err_msg=case)
            if options.get("dilation") == 2:  # there PyTorch writes beside the gradient of a map that is smaller than the window
                continue
            y.sum().backward()
            expected.sum().backward()
            np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-12, err_msg=case)
    assert 50 < refused < 320


@pytest.mark.parametrize("stride", [None, (), []])
def test_no_stride_is_the_window(stride: Any) -> None:
    array = np.random.default_rng(0).standard_normal((1, 2, 6, 7))
    for name in ("max_pool2d", "avg_pool2d"):
        y = getattr(F, name)(ninx.tensor(array), (2, 3), stride)
        expected = getattr(T, name)(torch.tensor(array), (2, 3), () if stride is None else stride)
        np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=1e-12)


zeros = ninx.zeros
X = zeros(2, 3, 5, 5)
W = zeros(4, 3, 3, 3)
WHOLE = zeros(2, 3, 5, 5, dtype=np.int64)
ERRORS: tables.Errors = [
    (lambda: F.max_pool2d(WHOLE, 2), TypeError, "max_pool2d: needs floating-point numbers, got int64"),
    (lambda: F.avg_pool2d(X, 2, divisor_override=0), ValueError, "divisor_override must not be 0"),
    (lambda: F.adaptive_max_pool2d(X, 2, True), ValueError, "adaptive_max_pool2d: return_indices=True is not supported"),
    (lambda: F.adaptive_max_pool2d(zeros(1, 2, 0, 3), 1), ValueError, "adaptive_max_pool2d: an image of 0x3 has no pixels"),
    (lambda: F.max_pool2d(zeros(1, 3, 4, 4, dtype=np.uint8), 2), TypeError, r"got uint8; write x.float\(\) / 255"),
    (lambda: F.adaptive_avg_pool2d(X, (2, 2, 2)), ValueError, r"adaptive_avg_pool2d: output_size must be .* got \(2, 2, 2\)"),
    (lambda: F.adaptive_avg_pool2d(X, (2,)), ValueError, r"adaptive_avg_pool2d: output_size must be .* got \(2,\)"),
    (lambda: F.adaptive_avg_pool2d(X, 1.5), ValueError, "adaptive_avg_pool2d: output_size must be a whole number, got 1.5"),
    (lambda: F.adaptive_avg_pool2d(X, (0, 2)), ValueError, "the output size must be at least 1x1, got 0x2"),
    (lambda: F.adaptive_avg_pool2d(zeros(5, 5), 2), ValueError, r"adaptive_avg_pool2d: input must have shape \(N, C, H, W\)"),
    (lambda: F.global_avg_pool2d(zeros(3, 5, 5)), ValueError, r"global_avg_pool2d: input must have shape .*got \(3, 5, 5\)"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)


def test_adaptive_pooling_of_an_image_without_a_batch() -> None:
    x = np.random.default_rng(0).standard_normal((3, 7, 6), np.float32)
    for name in ("adaptive_max_pool2d", "adaptive_avg_pool2d"):
        ours, theirs = (getattr(lib, name)(t, (3, 2)) for lib, t in ((F, ninx.tensor(x)), (torch.nn.functional, torch.tensor(x))))
        error_of = np.abs(ours.numpy() - theirs.numpy()).max() / np.abs(theirs.numpy()).max()
        assert error_of < 1e-6  # of the largest: a mean of mixed signs may nearly vanish
