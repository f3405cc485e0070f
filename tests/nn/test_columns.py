"""unfold and fold (im2col and col2im) against PyTorch: values and gradients, each as the other's adjoint, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import strategies as some
import tables
import torch
import torch.nn.functional as T
from oracle import LAYOUTS, Case, agree, signed

import ninx
import ninx.functional as F
from ninx import nn

pytestmark = pytest.mark.usefixtures("device")

CASES = [
    Case("unfold", F.unfold, T.unfold, some.unfolding()),
    Case("fold", F.fold, T.fold, some.folding),
]

test_value_and_gradients = tables.agree_with_pytorch(CASES, 25, slow=200)


@pytest.mark.host_only("the device has one tier")
@pytest.mark.parametrize("tier", ["loops", "strided"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_on_every_tier(case: Case, tier: str) -> None:
    @some.examples(10, case.inputs, some.seeds)
    def _(inputs: Any, seed: int) -> None:
        with ninx.use_kernels(tier):
            case.check(inputs, (), seed)


@pytest.mark.parametrize("how", LAYOUTS)
def test_one_image_without_a_batch(how: str) -> None:
    rng = np.random.default_rng(0)
    x, columns, hows = signed(rng, (3, 6, 7)), signed(rng, (18, 12)), [how] * 2
    agree(lambda x: F.unfold(x, (2, 3), 1, 1, 2), lambda x: T.unfold(x, (2, 3), 1, 1, 2), [x], rng, hows)
    agree(
        lambda c: F.fold(c, (6, 5), (2, 3), 1, 0, (2, 1)),
        lambda c: T.fold(c, (6, 5), (2, 3), 1, 0, (2, 1)),
        [columns[:, :9]],
        rng,
        hows,
    )


def test_no_images_at_all() -> None:
    assert F.unfold(ninx.zeros(0, 3, 4, 4), 3).shape == tuple(T.unfold(torch.zeros(0, 3, 4, 4), 3).shape)
    assert F.fold(ninx.zeros(0, 27, 4), 4, 3).shape == (0, 3, 4, 4)


def test_each_is_the_adjoint_of_the_other() -> None:
    """<fold(c), x> = <c, unfold(x)>, in whole numbers, so to the last bit."""

    @some.examples(20, some.unfolding(), some.seeds)
    def _(inputs: Any, seed: int) -> None:
        ((size,), options), rng = inputs, np.random.default_rng(seed)
        x = ninx.tensor(rng.integers(-9, 10, size).astype(np.float64))
        unfolded = F.unfold(x, **options)
        c = ninx.tensor(rng.integers(-9, 10, unfolded.shape).astype(np.float64))
        assert (F.fold(c, size[2:], **options) * x).sum().item() == (c * unfolded).sum().item()


def test_a_convolution_is_a_product_with_the_columns() -> None:
    @some.examples(20, some.convolution(), some.seeds)
    def _(inputs: Any, seed: int) -> None:
        ((x_shape, w_shape), options), rng = inputs, np.random.default_rng(seed)
        groups = options.pop("groups")
        x, w = ninx.tensor(signed(rng, x_shape)[:, : w_shape[1]]), ninx.tensor(signed(rng, w_shape)[: w_shape[0] // groups])
        y = F.conv2d(x, w, **options)
        product = w.flatten(1) @ F.unfold(x, w.shape[2:], **options)
        np.testing.assert_allclose(product.reshape(y.shape).numpy(), y.numpy(), rtol=1e-12, atol=1e-10)


def test_the_layers() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 6))
    settings = {"kernel_size": (2, 3), "dilation": 2, "padding": (1, 2), "stride": (2, 1)}
    ours, theirs = nn.Unfold(**settings), torch.nn.Unfold(**settings)
    columns = ours(ninx.tensor(x))
    np.testing.assert_array_equal(columns.numpy(), theirs(torch.tensor(x)).numpy())
    back, twin = nn.Fold((7, 6), **settings), torch.nn.Fold((7, 6), **settings)
    np.testing.assert_allclose(back(columns).numpy(), twin(theirs(torch.tensor(x))).numpy(), rtol=1e-15)
    assert (repr(ours), repr(back)) == (repr(theirs), repr(twin))


x, columns = ninx.zeros(1, 3, 5, 5), ninx.zeros(1, 27, 9)
ERRORS = [
    (lambda: F.unfold([1.0], 3), TypeError, "unfold: input must be a tensor, not a list"),
    (lambda: F.unfold(x.int(), 3), TypeError, "unfold: needs floating-point numbers, got int32"),
    (
        lambda: F.unfold(ninx.zeros(5, 5), 3),
        ValueError,
        r"unfold: input must have 4 dimensions \(N, C, H, W\), got shape \(5, 5\)",
    ),
    (lambda: F.unfold(x, 6), ValueError, r"unfold: kernel 6x6 .* does not fit input 5x5 .*\+ 1 = 0"),
    (lambda: F.unfold(x, 3, stride=0), ValueError, r"unfold: stride must be at least 1, got \(0, 0\)"),
    (lambda: F.unfold(x, 3, padding=-1), ValueError, "unfold: padding must be at least 0"),
    (lambda: F.unfold(x, (3, 3, 3)), ValueError, "unfold: kernel_size must be one whole number or two"),
    (lambda: F.fold(1.0, 5, 3), TypeError, "fold: input must be a tensor, not a float"),
    (lambda: F.fold(columns.int(), 5, 3), TypeError, "fold: needs floating-point numbers, got int32"),
    (lambda: F.fold(x, 5, 3), ValueError, r"fold: input must have shape \(N, C\*KH\*KW, L\) or \(C\*KH\*KW, L\), got"),
    (lambda: F.fold(columns, 5, 2), ValueError, r"fold: a column of C\*2\*2 values has a multiple of 4 of them, got input"),
    (lambda: F.fold(columns, 5, 0), ValueError, "fold: a column of"),
    (lambda: F.fold(columns[:, :0], 5, 3), ValueError, "fold: a column of"),
    (
        lambda: F.fold(columns, 6, 3),
        ValueError,
        r"fold: an image of 6x6 has 4x4 = 16 windows of 3x3 with these settings, but input \(1, 27, 9\) has 9 columns",
    ),
    (lambda: F.fold(columns, 5, 3, stride=0), ValueError, r"fold: stride must be at least 1"),
]
test_errors = tables.raise_one_sentence(ERRORS)


@pytest.mark.host_only("it asks PyTorch")
@pytest.mark.parametrize("call", [call for call, kind, _ in ERRORS if kind is ValueError])
def test_pytorch_refuses_it_too(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("F", T), ("ninx", torch), ("x", torch.zeros(1, 3, 5, 5)), ("columns", torch.zeros(1, 27, 9))):
        monkeypatch.setitem(globals(), name, value)
    with pytest.raises((RuntimeError, TypeError, IndexError)):
        call()
