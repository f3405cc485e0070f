"""Every function of ninx.functional against PyTorch: value and every gradient, in float64 and float32, in every memory layout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import strategies as some
import torch
import torch.nn.functional as T
from hypothesis import strategies as st
from oracle import (
    LAYOUTS,
    Case,
    agree,
    close,
    distinct,
    few_digits,
    input_grad,
    lay,
    library,
    positive,
    signed,
    weight_grad,
)

import ninx
import ninx.functional as F

E = 20  # examples for each line of the second table
dtypes = st.sampled_from([np.float32, np.float64])


def averages(inputs: Any) -> st.SearchStrategy[Any]:
    """The options of avg_pool2d that do not bear on its geometry."""
    more = st.fixed_dictionaries({"count_include_pad": st.booleans(), "divisor_override": st.sampled_from([None, None, 3, -1])})
    return more.map(lambda options: (inputs[0], inputs[1] | options))


def places(x: Any, **options: Any) -> Any:
    return library(x).max_pool2d(x, return_indices=True, **options)


WINDOWS = [
    Case("conv2d", F.conv2d, T.conv2d, some.convolution(bias=True)),
    Case("conv2d_input_grad", input_grad, input_grad, some.convolution_input_grad),
    Case("conv2d_weight_grad", weight_grad, weight_grad, some.convolution_weight_grad),
    MAX := Case("max_pool2d", places, places, some.max_pooling, distinct),
    Case("avg_pool2d", F.avg_pool2d, T.avg_pool2d, some.pooling().flatmap(averages)),
]


@st.composite
def features(draw: st.DrawFn, parameters: int) -> Any:
    """x (N, C), (N, C, L) or (N, C, H, W) and vectors of length C. At least 8 values a channel: with 2 of them the normalised
    values are -1 and 1, the gradient is exactly 0, and rounding is all that is left of it."""
    c, rest = draw(st.integers(3, 5)), draw(some.shape(0, 2, 4))
    n = draw(st.integers(max(2, math.ceil(8 / math.prod(rest))), 9))
    return ((n, c, *rest), *[(c,)] * parameters), {"eps": draw(st.sampled_from([1e-5, 1e-2]))}


@st.composite
def resized(draw: st.DrawFn) -> Any:
    """An image and a size for it: smaller, equal or larger, for one axis or both."""
    size, few = st.integers(1, 7), st.integers(1, 3)
    pair = st.tuples(st.one_of(st.none(), size), st.one_of(st.none(), size))
    return ((draw(few), draw(few), draw(size), draw(size)),), {"output_size": draw(st.one_of(size, pair))}


@st.composite
def rows_and_weight(draw: st.DrawFn) -> Any:
    """x (..., I), w (O, I) and perhaps b (O); or w (I), which is one output without an axis of its own."""
    i, o = draw(st.integers(1, 6)), draw(st.integers(0, 6))
    if not o:
        return ((*draw(some.shape(0, 3)), i), (i,)), {}
    return ((*draw(some.shape(0, 3)), i), (o, i), *([(o,)] if draw(st.booleans()) else [])), {}


@st.composite
def neighbours(draw: st.DrawFn) -> Any:
    """x with 3 to 5 axes; windows smaller and larger than the channels, even and odd; alpha large enough to matter."""
    options = {"size": st.integers(1, 7), "alpha": st.sampled_from([1e-4, 0.5, 3.0]), "beta": st.sampled_from([0.75, 0.5, 2.0])}
    options |= {"k": st.sampled_from([1.0, 2.0])}
    return (draw(some.shape(3, 5)),), draw(st.fixed_dictionaries(options))


@st.composite
def channel_groups(draw: st.DrawFn) -> Any:
    """x (N, C, ...) and a divisor of C."""
    size, groups = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return ((draw(st.integers(1, 4)), size * groups, *draw(some.shape(0, 3))),), {"pool_size": size}


def torch_maxout(x: torch.Tensor, pool_size: int) -> torch.Tensor:
    return x.unflatten(1, (-1, pool_size)).max(2).values


def training(x: Any, *wb: Any, eps: float) -> Any:
    return library(x).batch_norm(x, None, None, *wb, training=True, eps=eps)


def evaluation(x: Any, *rest: Any, eps: float) -> Any:
    *wb, mean, var = rest
    return library(x).batch_norm(x, mean, var, *wb, training=False, eps=eps)


def no_scale(x: Any, b: Any, eps: float) -> Any:
    return library(x).batch_norm(x, None, None, None, b, training=True, eps=eps)


REDUCTION = {"reduction": st.sampled_from(["mean", "sum", "none"])}
CASES = [
    Case("conv_transpose2d", F.conv_transpose2d, T.conv_transpose2d, some.transposed_convolution(bias=True)),
    Case("linear", F.linear, T.linear, rows_and_weight()),
    Case("leaky_relu", F.leaky_relu, T.leaky_relu, some.plain(some.one(), negative_slope=st.sampled_from([0.01, 0.5, -1.0]))),
    # Where one entry of every row is far above the others, 1 - y has no digits left in float32: many rows.
    Case("softmax", F.softmax, T.softmax, some.along(least=4, smallest=3)),
    Case("log_softmax", F.log_softmax, T.log_softmax, some.along(least=3, smallest=3)),
    Case("adaptive_avg_pool2d", F.adaptive_avg_pool2d, T.adaptive_avg_pool2d, resized()),
    Case("global_avg_pool2d", F.global_avg_pool2d, lambda x: x.mean((2, 3), keepdim=True), some.plain(some.one(4, 4))),
    Case("local_response_norm", F.local_response_norm, T.local_response_norm, neighbours()),
    Case("maxout", F.maxout, torch_maxout, channel_groups(), distinct),
    Case("batch_norm training", training, training, features(2)),
    Case("batch_norm training without weight and bias", training, training, features(0)),
    Case("batch_norm training without weight", no_scale, no_scale, features(1)),
    Case("batch_norm evaluation", evaluation, evaluation, features(4), (signed, signed, signed, signed, positive), 2),
    Case("batch_norm evaluation without weight and bias", evaluation, evaluation, features(2), (signed, signed, positive), 2),
    Case("mse_loss", F.mse_loss, T.mse_loss, some.plain(some.same(2), **REDUCTION)),
    Case("l1_loss", F.l1_loss, T.l1_loss, some.plain(some.same(2), **REDUCTION)),
]

ELSEWHERE = {"dropout", "dropout2d", "cross_entropy", "nll_loss"}  # tested below: they need masks or class numbers
OPERATIONS = {"pad", "relu", "sigmoid", "tanh"}  # those of ninx.ops, tested there


def test_every_function_is_tested() -> None:
    assert set(F.__all__) == {case.name.split()[0] for case in WINDOWS + CASES} | ELSEWHERE | OPERATIONS
    assert all(getattr(F, name) is getattr(ninx.ops, name) for name in OPERATIONS)


@some.normal_and_slow(25, 200)
@pytest.mark.parametrize("case", WINDOWS, ids=lambda c: c.name)
def test_windows(case: Case, count: int) -> None:
    @some.examples(count, case.inputs, some.layouts, some.seeds)
    def _(inputs: Any, layouts: Any, seed: int) -> None:
        case.check(inputs, layouts, seed)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_value_and_gradients(case: Case) -> None:
    @some.examples(E, case.inputs, some.layouts, some.seeds)
    def _(inputs: Any, layouts: Any, seed: int) -> None:
        case.check(inputs, layouts, seed)


# -------------------------------------------------------------------- convolution


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (1, 1), (4, 3)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_padding_by_name(padding: str, kernel: tuple[int, int], dilation: int) -> None:
    WINDOWS[0].check((((2, 3, 8, 9), (4, 3, *kernel)), {"padding": padding, "dilation": dilation}), (), 0)


@pytest.mark.parametrize(("stride", "dilation", "output_padding"), [(1, 2, 1), (2, 3, 2), ((1, 2), (2, 1), (1, 1))])
@pytest.mark.parametrize("kernel", [(2, 3), (1, 1)])
def test_an_output_padding_of_a_stride_or_more(stride: Any, dilation: Any, output_padding: Any, kernel: Any) -> None:
    """The dilation may allow it; a convolution of the output with this kernel would then have more pixels than x has."""
    options = {"stride": stride, "dilation": dilation, "output_padding": output_padding}
    CASES[0].check((((2, 3, 4, 5), (3, 4, *kernel)), options), (), 0)


@pytest.mark.parametrize("how", LAYOUTS)
def test_one_image_without_a_batch(how: str) -> None:
    rng = np.random.default_rng(0)
    x, w, v = signed(rng, (3, 6, 7)), signed(rng, (4, 3, 2, 3)), signed(rng, (3, 4, 2, 3))
    hows = [how] * 4
    agree(lambda x, w: F.conv2d(x, w, None, 2, 1), lambda x, w: T.conv2d(x, w, None, 2, 1), [x, w], rng, hows)
    agree(lambda x, v: F.conv_transpose2d(x, v, None, 2, 1), lambda x, v: T.conv_transpose2d(x, v, None, 2, 1), [x, v], rng, hows)
    agree(lambda x: F.max_pool2d(x, 2, return_indices=True), lambda x: T.max_pool2d(x, 2, return_indices=True), [x], rng, hows)
    agree(lambda x: F.avg_pool2d(x, 3, 2, 1), lambda x: T.avg_pool2d(x, 3, 2, 1), [x], rng, hows)
    agree(lambda x: F.adaptive_avg_pool2d(x, (4, 3)), lambda x: T.adaptive_avg_pool2d(x, (4, 3)), [x], rng, hows)


@pytest.mark.parametrize("case", [WINDOWS[0], *WINDOWS[3:], CASES[0]], ids=lambda c: c.name)
def test_no_images_at_all(case: Case) -> None:
    @some.examples(5, case.inputs, some.seeds)
    def _(inputs: Any, seed: int) -> None:
        (x, *rest), options = inputs
        case.check((((0, *x[1:]), *rest), options), (), seed)


# -------------------------------------------------------------------- pooling


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

    @some.examples(60, some.max_pooling, some.seeds, dtypes)
    def _(inputs: Any, seed: int, dtype: Any) -> None:
        ((size,), options), rng = inputs, np.random.default_rng(seed)
        array = rng.choice([np.nan, np.inf, -np.inf, -np.inf, -np.inf, 1.0, -2.0], size).astype(dtype)
        x, reference = ninx.from_numpy(array).requires_grad_(), torch.tensor(array, requires_grad=True)
        y, places = F.max_pool2d(x, return_indices=True, **options)
        expected, expected_places = T.max_pool2d(reference, return_indices=True, **options)
        np.testing.assert_array_equal(y.data, expected.detach().numpy())  # NaN equals NaN here
        np.testing.assert_array_equal(places.data, expected_places.numpy())
        g = rng.integers(1, 9, y.shape).astype(dtype)  # whole numbers: sums of them are exact
        y.backward(ninx.from_numpy(g))
        expected.backward(torch.tensor(g))
        np.testing.assert_array_equal(x.grad.data, reference.grad.numpy())


def test_the_padding_of_max_pool2d_never_wins() -> None:
    assert (F.max_pool2d(-ninx.ones(1, 2, 4, 4), 3, 2, 1).data == -1).all()


@pytest.mark.parametrize("side", [16, 17])
def test_windows_of_256_pixels_and_more(side: int) -> None:
    """The place in the window is kept in one byte, as long as it fits."""
    MAX.check((((2, 2, side + 3, side + 2),), {"kernel_size": side, "stride": 2, "padding": 1}), (), side)


@pytest.mark.parametrize("tier", ["loops", "strided"])
def test_a_window_beside_a_small_image(tier: str) -> None:
    """Taps at -1 and 1 of an image of one pixel: the maximum of nothing, which sends no gradient anywhere.

    Its place lies outside the image, where PyTorch says too, and is not negative.
    """
    for size, options in [((1, 1), (2, 1, 1, 2)), ((1, 3), ((2, 3), 1, 1, (2, 1))), ((3, 1), ((3, 2), 1, (0, 1), (1, 2)))]:
        with ninx.use_kernels(tier):
            x = ninx.ones(1, 1, *size, requires_grad=True)
            y, places = F.max_pool2d(x, *options, return_indices=True)
            y.sum().backward()
        expected, expected_places = T.max_pool2d(torch.ones(1, 1, *size), *options, return_indices=True)
        assert (y.tolist(), places.tolist()) == (expected.tolist(), expected_places.tolist())
        assert (y.data == -np.inf).all()
        assert not x.grad.data.any()


@some.normal_and_slow(25, 200)
def test_ceil_mode_gives_pytorchs_sizes(count: int) -> None:
    @some.examples(count, some.pooling())
    def _(inputs: Any) -> None:
        ((size,), options) = inputs
        geo = some.pooling_geometry(size, options)
        expected = T.avg_pool2d(torch.zeros(size), **options)
        assert tuple(expected.shape[2:]) == (geo.OH, geo.OW)


# -------------------------------------------------------------------- batch norm, dropout


def test_running_statistics() -> None:
    @some.examples(E, features(2), some.layouts, some.seeds, st.sampled_from([0.1, 0.5, 1.0]), dtypes)
    def _(inputs: Any, layouts: Any, seed: int, momentum: float, dtype: Any) -> None:
        (size, *channels), rng = inputs[0], np.random.default_rng(seed)
        mean, var = (draw(rng, c).astype(dtype) for draw, c in zip((signed, positive), channels, strict=True))
        running = [ninx.from_numpy(mean.copy()), ninx.from_numpy(var.copy())]
        reference = [torch.tensor(mean).double(), torch.tensor(var).double()]
        for train in (True, True, False):  # twice, and a call that must leave them as they are
            array = signed(rng, size).astype(dtype)
            F.batch_norm(ninx.from_numpy(lay(array, layouts[0])[0]), *running, training=train, momentum=momentum)
            T.batch_norm(torch.tensor(array).double(), *reference, training=train, momentum=momentum)
        for ours, theirs in zip(running, reference, strict=True):
            close("running statistics", ours, theirs, dtype)
            assert not ours.requires_grad


EMPTY = [(4, 0), (4, 0, 2, 2), (0, 3), (0, 3, 2, 2), (2, 3, 0, 2)]


@pytest.mark.parametrize(("size", "affine"), [(s, a) for s in EMPTY for a in (True, False) if s[1] or not a])
def test_batch_norm_of_nothing(size: tuple[int, ...], affine: bool) -> None:
    """The running statistics stay, and weight and bias get gradients of 0. (PyTorch takes no weight of no channels.)"""
    results = []
    for f, make in ((F, ninx.from_numpy), (T, torch.from_numpy)):
        x, mean, var, *wb = (make(np.full(s, 2.0)) for s in (size, *[size[1:2]] * 4))
        wb = [t.requires_grad_() for t in wb] if affine else []
        y = f.batch_norm(x.requires_grad_(), mean, var, *wb, training=True)
        y.sum().backward()
        results.append([y.detach(), mean, var, x.grad, *(t.grad for t in wb)])
    for ours, theirs in zip(*results, strict=True):
        close("batch_norm", ours, theirs, np.float64)


@pytest.mark.parametrize("name", ["dropout", "dropout2d"])
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_dropout(name: str, p: float) -> None:
    """PyTorch draws other masks: ours is read off the output for ones, and the rest is multiplication."""
    function = getattr(F, name)

    def seeded(x: ninx.Tensor, seed: int) -> ninx.Tensor:
        ninx.manual_seed(seed)
        return function(x, p) * 1  # with p = 0 it is the input itself, which wants no gradient of its own here

    @some.examples(E, some.shape(4, 4) if name == "dropout2d" else some.shape(), some.layouts, some.seeds)
    def _(size: Any, layouts: Any, seed: int) -> None:
        ones = seeded(ninx.ones(size, dtype=np.float64), seed).data
        assert np.isin(ones, [0, 1 / (1 - p) if p < 1 else 0]).all()
        if name == "dropout2d":
            assert (ones == ones[:, :, :1, :1]).all()  # a map is kept or dropped as a whole
        mask, rng = torch.tensor(ones), np.random.default_rng(seed)
        agree(lambda x: seeded(x, seed), lambda x: x * mask, [signed(rng, size)], rng, layouts)
        assert function(x := ninx.ones(size), p, training=False) is x


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_how_much_dropout_keeps(p: float) -> None:
    ninx.manual_seed(7)
    first, second = (F.dropout(ninx.ones(64, 16, 16, 16), p).data != 0 for _ in range(2))
    maps = F.dropout2d(ninx.ones(256, 256, 1, 1), p).data != 0
    both = (1 - p) ** 2  # of two calls, and of two neighbours along each axis: the decisions are independent
    neighbours = [first[1:] & first[:-1], first[:, 1:] & first[:, :-1], first[:, :, 1:] & first[:, :, :-1]]
    for kept, rate in [(first, 1 - p), (second, 1 - p), (maps, 1 - p), (first & second, both), *((n, both) for n in neighbours)]:
        assert abs(kept.mean() - rate) < 5 * math.sqrt(rate * (1 - rate) / kept.size)


@pytest.mark.parametrize("name", ["dropout", "dropout2d"])
def test_dropout_is_the_same_in_both_tiers_and_every_layout(name: str) -> None:
    array, outputs = signed(np.random.default_rng(0), (3, 4, 5, 6)), []
    for tier in ("loops", "strided"):
        for how in LAYOUTS:
            ninx.manual_seed(2**63 + 5)
            with ninx.use_kernels(tier):
                outputs.append([getattr(F, name)(ninx.from_numpy(lay(array, how)[0]), 0.4).data for _ in range(2)])
    for first, second in outputs:
        np.testing.assert_array_equal(first, outputs[0][0])
        np.testing.assert_array_equal(second, outputs[0][1])
    assert (outputs[0][0] != outputs[0][1]).any()  # the next call has another mask


# -------------------------------------------------------------------- softmax


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax])
def test_whole_numbers_are_softened_as_float32(function: Any) -> None:
    """As for every other function of floats; PyTorch refuses them here."""
    y = function(ninx.tensor([[1, 2], [3, 3]]), 1)
    assert y.dtype == np.float32
    assert y.tolist() == function(ninx.tensor([[1.0, 2.0], [3.0, 3.0]]), 1).tolist()


# -------------------------------------------------------------------- losses


@st.composite
def classification(draw: st.DrawFn) -> Any:
    """Logits (C), (N, C), (N, C, d1) or (N, C, d1, d2)."""
    c, rest = draw(st.integers(3, 5)), draw(some.shape(0, 2, 3))
    return (c,) if draw(st.integers(0, 4)) == 0 else (draw(st.integers(2, 6)), c, *rest)


def labels_for(logits: np.ndarray, rng: np.random.Generator, ignored: int) -> np.ndarray:
    """Class numbers at random, some ignored. The first is the most unlikely class that counts: where every prediction is right,
    the loss is nearly 0, and neither it nor its gradient p - 1 has digits left in float32."""
    order = np.moveaxis(logits, 0 if logits.ndim == 1 else 1, -1).argsort(axis=-1)
    labels = rng.integers(0, order.shape[-1], order.shape[:-1])
    labels = np.where(rng.random(labels.shape) < 0.4, ignored, labels)
    first = order.reshape(-1, order.shape[-1])[0]
    labels.reshape(-1)[:1] = first[first != ignored][0]
    return labels


def alike(rng: np.random.Generator, size: Any) -> np.ndarray:
    """Class weights of one order of magnitude, so that the first target counts."""
    return rng.uniform(0.5, 2, size)


LOSS = {"reduction": st.sampled_from(["mean", "sum", "none"]), "ignore_index": st.sampled_from([-100, 0, 1])}


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_classification_losses(name: str, weighted: bool) -> None:
    smoothing = {"label_smoothing": st.sampled_from([0.0, 0.1, 1.0])} if name == "cross_entropy" else {}

    @some.examples(E, classification(), st.fixed_dictionaries(LOSS | smoothing), some.layouts, some.seeds)
    def _(size: Any, options: Any, layouts: Any, seed: int) -> None:
        rng = np.random.default_rng(seed)
        x, classes = signed(rng, size), size[min(1, len(size) - 1)]
        x = -np.abs(x) if name == "nll_loss" else x
        target = labels_for(x, rng, options["ignore_index"])
        arrays = [x, *([alike(rng, classes)] if weighted else [])]
        agree(
            lambda x, w=None: getattr(F, name)(x, ninx.from_numpy(target), w, **options),
            lambda x, w=None: getattr(T, name)(x, torch.tensor(target), w, **options),
            *(arrays, rng, layouts, len(arrays) - 1),
            keep_signs=True,
        )


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_cross_entropy_of_probabilities(weighted: bool) -> None:
    """The target may be a prediction too: it has a gradient."""
    options = {"reduction": LOSS["reduction"], "label_smoothing": st.sampled_from([0.0, 0.1, 1.0])}

    @some.examples(E, classification(), st.fixed_dictionaries(options), some.layouts, some.seeds)
    def _(size: Any, options: Any, layouts: Any, seed: int) -> None:
        rng, axis = np.random.default_rng(seed), min(1, len(size) - 1)
        target = np.moveaxis(rng.dirichlet(np.ones(size[axis]), size[:axis] + size[axis + 1 :]), -1, axis)
        arrays = [signed(rng, size), target, *([alike(rng, size[axis])] if weighted else [])]
        agree(
            lambda x, t, w=None: F.cross_entropy(x, t, w, **options),
            lambda x, t, w=None: T.cross_entropy(x, t, w, **options),
            *(arrays, rng, layouts, len(arrays) - 2),
            keep_signs=True,
        )


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("value", [-np.inf, np.nan])
def test_an_ignored_target_may_stand_at_anything(name: str, value: float) -> None:
    """What does not count must not reach the loss, not even as 0 * inf."""
    array, target = np.array([[value, 0.5, 2.0], [-1.0, -2.0, -0.5]]), np.array([-100, 1])
    expected = getattr(T, name)(torch.tensor(array), torch.tensor(target))
    close("the loss", getattr(F, name)(ninx.from_numpy(array), ninx.from_numpy(target)), expected, np.float64)


def silent(function: Any, x: np.ndarray, *rest: np.ndarray) -> None:
    """The value and the gradient are PyTorch's, NaN for NaN, and no warning of NumPy's says so."""
    ours, theirs = ninx.from_numpy(x).requires_grad_(), torch.tensor(x, requires_grad=True)
    y, expected = function(F, ours, *map(ninx.from_numpy, rest)), function(T, theirs, *map(torch.tensor, rest))
    y.sum().backward()
    expected.sum().backward()
    for got, wanted in ((y, expected.detach()), (ours.grad, theirs.grad)):
        np.testing.assert_allclose(got.data, wanted.numpy(), rtol=1e-14)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_loss_where_no_target_counts(smoothing: float, reduction: str) -> None:
    options = {"reduction": reduction, "label_smoothing": smoothing}
    ignored = np.array([-100, -100])
    silent(lambda f, x, t: f.cross_entropy(x, t, **options), np.array([[1.0, 2.0, 0.5], [0.0, 1.0, 3.0]]), ignored)
    silent(lambda f, x, t: f.nll_loss(x, t, reduction=reduction), np.array([[-1.0, -2.0], [-1.0, -3.0]]), ignored)
    weightless = np.array([0.0, 1.0])
    silent(lambda f, x, t, w: f.nll_loss(x, t, w, reduction=reduction), -np.ones((2, 2)), np.array([0, 0]), weightless)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "cross_entropy", "nll_loss"])
def test_the_loss_of_no_examples(name: str, reduction: str) -> None:
    target = np.zeros(0, np.int64) if name in ("cross_entropy", "nll_loss") else np.zeros((0, 3))
    silent(lambda f, x, t: getattr(f, name)(x, t, reduction=reduction), np.zeros((0, 3)), target)


# -------------------------------------------------------------------- errors: the operation, the values, what to change


def zeros(*size: int, dtype: Any = np.float32) -> ninx.Tensor:
    return ninx.zeros(*size, dtype=dtype)


def labels(*classes: int) -> ninx.Tensor:
    return ninx.tensor(list(classes), dtype=np.int64)


X, W = zeros(2, 3, 5, 5), zeros(4, 3, 3, 3)
DOUBLE, WHOLE = zeros(4, 3, 3, 3, dtype=np.float64), zeros(2, 3, 5, 5, dtype=np.int64)
LOGITS = zeros(2, 3)
ERRORS: list[tuple[Any, type[Exception], str]] = [  # those of the geometry stand in test_kernels.py
    (lambda: F.conv2d(X, W, groups=1.5), ValueError, "groups must be a whole number, got 1.5"),
    (lambda: F.conv2d(X, DOUBLE), TypeError, "one dtype, got input float32, weight float64"),
    (lambda: F.conv2d(X, W, zeros(4, dtype=np.float64)), TypeError, "one dtype, .* bias float64"),
    (lambda: F.conv2d(WHOLE, zeros(4, 3, 3, 3, dtype=np.int64)), TypeError, "needs floating-point numbers, got int64"),
    (lambda: F.conv2d(X, W, zeros(3)), ValueError, r"bias must have shape \(4,\), got \(3,\)"),
    (lambda: F.conv2d(X, W, zeros(4, 1)), ValueError, r"bias must have shape \(4,\), got \(4, 1\)"),
    (lambda: F.conv2d(X, W, padding="full"), ValueError, "'valid', or 'same' with stride 1; got 'full'"),
    (lambda: F.conv2d(X, W, stride=2, padding="same"), ValueError, r"got 'same' with stride \(2, 2\)"),
    (lambda: F.conv2d(X, W, method="fft"), ValueError, "method must be 'auto', 'gemm' or 'im2col', got 'fft'"),
    (lambda: F.conv2d(X, W, method="gemm"), ValueError, "method='gemm' needs a 1x1 kernel without padding, got kernel 3x3"),
    (lambda: F.conv2d(X, zeros(4, 3, 1, 1), padding=1, method="gemm"), ValueError, "got kernel 1x1 with padding 1x1"),
    (lambda: F.conv2d(X, zeros(3, 3, 3), padding="same"), ValueError, r"weight must have 4 dim.* got shape \(3, 3, 3\)"),
    (lambda: F.conv2d(zeros(5, 5), zeros(4, 3, 2, 2), padding="same"), ValueError, r"input must have 4 dim.* got shape \(5, 5\)"),
    (lambda: F.conv2d(X, zeros(0, 3, 1, 1)), ValueError, r"conv2d: weight \(0, 3, 1, 1\) has no output channels"),
    (lambda: F.conv2d(zeros(2, 0, 5, 5), zeros(4, 0, 1, 1)), ValueError, r"conv2d: weight \(4, 0, 1, 1\) has no input channels"),
    (lambda: F.conv_transpose2d(X, zeros(3, 0, 2, 2)), ValueError, r"conv_transpose2d: weight \(3, 0, 2, 2\) has no output"),
    (lambda: F.conv_transpose2d(zeros(2, 0, 5, 5), zeros(0, 3, 2, 2)), ValueError, r"\(0, 3, 2, 2\) has no input channels"),
    (lambda: F.conv_transpose2d(X, zeros(3, 2, 2, 2), stride=1.5), ValueError, "conv_transpose2d: stride must be a whole number"),
    (lambda: F.conv_transpose2d(X, zeros(3, 2, 2, 2), groups=1.5), ValueError, "conv_transpose2d: groups must be a whole"),
    (lambda: F.conv_transpose2d(X, zeros(3, 2, 2, 2), zeros(3)), ValueError, r"conv_transpose2d: the bias .* \(2,\)"),
    (lambda: F.conv_transpose2d(X, zeros(3, 2, 2, 2, dtype=np.float64)), TypeError, "conv_transpose2d: all must have one dtype"),
    (lambda: F.max_pool2d(WHOLE, 2), TypeError, "max_pool2d: needs floating-point numbers, got int64"),
    (lambda: F.avg_pool2d(X, 2, divisor_override=0), ValueError, "divisor_override must not be 0"),
    (lambda: F.adaptive_avg_pool2d(X, (2, 2, 2)), ValueError, r"adaptive_avg_pool2d: output_size must be .* got \(2, 2, 2\)"),
    (lambda: F.adaptive_avg_pool2d(X, (2,)), ValueError, r"adaptive_avg_pool2d: output_size must be .* got \(2,\)"),
    (lambda: F.adaptive_avg_pool2d(X, 1.5), ValueError, "adaptive_avg_pool2d: output_size must be a whole number, got 1.5"),
    (lambda: F.adaptive_avg_pool2d(X, (0, 2)), ValueError, "the output size must be at least 1x1, got 0x2"),
    (lambda: F.adaptive_avg_pool2d(zeros(5, 5), 2), ValueError, r"adaptive_avg_pool2d: input must have shape \(N, C, H, W\)"),
    (lambda: F.global_avg_pool2d(zeros(3, 5, 5)), ValueError, r"global_avg_pool2d: input must have shape .*got \(3, 5, 5\)"),
    (lambda: F.batch_norm(zeros(3), None, None, training=True), ValueError, r"batch_norm: input must have shape \(N, C, ...\)"),
    (lambda: F.batch_norm(X, zeros(2), zeros(3)), ValueError, r"running_mean must have shape \(3,\) .* got \(2,\)"),
    (lambda: F.batch_norm(X, None, None, zeros(3, 1), training=True), ValueError, r"weight must have shape \(3,\)"),
    (lambda: F.batch_norm(X, None, None), ValueError, "without running_mean and running_var only training=True"),
    (lambda: F.batch_norm(zeros(1, 3), None, None, training=True), ValueError, "more than one value for each channel"),
    (lambda: F.batch_norm(zeros(1, 0), None, None, training=True), ValueError, r"more than one value .* got input \(1, 0\)"),
    (lambda: F.linear(zeros(2, 3), zeros(2)), ValueError, r"linear: input \(2, 3\) must end with in_features of weight \(2,\)"),
    (lambda: F.linear(zeros(2, 3), zeros(2, 4, 3)), ValueError, r"linear: weight must have shape .* got \(2, 4, 3\)"),
    (lambda: F.linear(zeros(2, 3), ninx.tensor(1.0)), ValueError, r"linear: weight must have shape .* got \(\)"),
    (lambda: F.local_response_norm(zeros(2, 6), 5), ValueError, r"local_response_norm: .* 3 dimensions .* got \(2, 6\)"),
    (lambda: F.local_response_norm(X, 0), ValueError, "local_response_norm: size must be at least 1, got 0"),
    (lambda: F.local_response_norm(X.to(np.int64), 2), TypeError, "local_response_norm: needs floating-point numbers, got int64"),
    (lambda: F.maxout(X, 2), ValueError, "maxout: pool_size=2 must divide the channels, axis 1"),
    (lambda: F.maxout(zeros(6), 2), ValueError, r"maxout: pool_size=2 .* got \(6,\)"),
    (lambda: F.maxout(X, 0), ValueError, "maxout: pool_size=0"),
    (lambda: F.maxout(X, 1.5), ValueError, "maxout: pool_size must be a whole number, got 1.5"),
    (lambda: F.linear(zeros(2, 3), zeros(4, 2)), ValueError, r"linear: input \(2, 3\) must end with in_features of .* \(4, 2\)"),
    (lambda: F.softmax(X, 4), IndexError, r"softmax: dim 4 is out of range for a tensor of shape \(2, 3, 5, 5\)"),
    (lambda: F.log_softmax(X, -5), IndexError, "log_softmax: dim -5 is out of range"),
    (lambda: F.dropout(X, 1.5), ValueError, "dropout: p must be from 0 to 1, got 1.5"),
    (lambda: F.dropout(X, -0.1), ValueError, "p must be from 0 to 1, got -0.1"),
    (lambda: F.dropout2d(zeros(2, 3)), ValueError, r"dropout2d: input must have shape \(N, C, H, W\), got \(2, 3\)"),
    (lambda: F.cross_entropy(LOGITS, labels(0, 3)), IndexError, "cross_entropy: class 3 is not one of the 3 classes 0 to 2"),
    (lambda: F.cross_entropy(LOGITS, labels(0, -1)), IndexError, "class -1 is not one of"),
    (lambda: F.nll_loss(LOGITS, labels(7, 0)), IndexError, "nll_loss: class 7 is not one of the 3 classes"),
    (lambda: F.cross_entropy(LOGITS, labels(0)), ValueError, r"input \(2, 3\) wants a target of shape \(2,\), got \(1,\)"),
    (lambda: F.cross_entropy(LOGITS, zeros(2)), ValueError, r"probabilities must have the input's shape \(2, 3\), got \(2,\)"),
    (lambda: F.cross_entropy(LOGITS, labels(0, 1) > 0), TypeError, "class numbers must be whole numbers, got bool"),
    (lambda: F.cross_entropy(LOGITS, labels(0, 1), zeros(2)), ValueError, r"weight must have shape \(3,\), got \(2,\)"),
    (lambda: F.cross_entropy(LOGITS, labels(0, 1), label_smoothing=1.5), ValueError, "must be from 0 to 1, got 1.5"),
    (lambda: F.cross_entropy(LOGITS, labels(0, 1), reduction="avg"), ValueError, "must be 'mean', 'sum' or 'none', got 'avg'"),
    (lambda: F.cross_entropy(ninx.tensor(1.0), labels(0)), ValueError, "input must have a class axis"),
    (lambda: F.mse_loss(zeros(3), zeros(1, 3)), ValueError, r"mse_loss: input \(3,\) and target \(1, 3\) must have one shape"),
    (lambda: F.l1_loss(zeros(3), zeros(2)), ValueError, "l1_loss: .* must have one shape"),
    (lambda: F.mse_loss(X, X, reduction="max"), ValueError, "reduction must be 'mean', 'sum' or 'none', got 'max'"),
]


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS, ids=[words[:40] for _, _, words in ERRORS])
def test_errors_name_the_operation_and_the_values(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()


# -------------------------------------------------------------------- maxout and local response normalisation


def test_maxout_gives_the_first_of_equal_values_the_gradient_and_hands_nan_on() -> None:
    x = ninx.tensor([[1.0, 1.0, 0.0, 2.0, 3.0, 3.0]], requires_grad=True)
    F.maxout(x, 3).backward(ninx.tensor([[5.0, 7.0]]))
    assert x.grad.numpy().tolist() == [[5.0, 0.0, 0.0, 0.0, 7.0, 0.0]]
    assert np.isnan(F.maxout(ninx.tensor([[1.0, math.nan, 2.0]]), 3).numpy()).all()


def test_alexnets_normalisation_by_hand() -> None:
    """Five channels around each, alpha divided by five: the middle of seven ones is 1 / (1 + 1/5 * 5)^2."""
    y = F.local_response_norm(ninx.ones(1, 7, 1, 1), 5, alpha=1.0, beta=2.0).numpy()[0, :, 0, 0]
    np.testing.assert_allclose(y, [1 / (1 + n / 5) ** 2 for n in (3, 4, 5, 5, 5, 4, 3)], rtol=1e-6)
