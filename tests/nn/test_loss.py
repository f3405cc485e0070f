"""Losses against PyTorch: of classes, of probabilities, of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import strategies as some
import tables
import torch
import torch.nn.functional as T
from hypothesis import strategies as st
from oracle import Case, agree, close, signed

import ninx
import ninx.functional as F

pytestmark = pytest.mark.usefixtures("device")

E = 20  # examples

REDUCTION = {"reduction": st.sampled_from(["mean", "sum", "none"])}


CASES = [
    Case("mse_loss", F.mse_loss, T.mse_loss, some.plain(some.same(2), **REDUCTION)),
    Case(
        "smooth_l1_loss",
        F.smooth_l1_loss,
        T.smooth_l1_loss,
        some.plain(some.same(2), **REDUCTION, beta=st.sampled_from([1.0, 9.0])),
    ),
    Case("l1_loss", F.l1_loss, T.l1_loss, some.plain(some.same(2), **REDUCTION)),
]

test_value_and_gradients = tables.agree_with_pytorch(CASES)


@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_losses_of_two_classes(name: str, weighted: bool) -> None:
    """Value and gradients, also of the target; with weights, and for logits with pos_weight."""
    extra = {"pos_weight": st.booleans()} if name.endswith("logits") else {}

    @some.examples(E, st.tuples(st.integers(2, 4), st.integers(2, 5)), st.fixed_dictionaries(REDUCTION | extra), some.seeds)
    def _(size: Any, options: Any, seed: int) -> None:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=size) * 3 if name.endswith("logits") else rng.uniform(0.05, 0.95, size)
        target, weight = rng.uniform(0, 1, size), rng.uniform(0.5, 2, size[1])
        found = []
        for lib, make in ((F, ninx.tensor), (T, torch.tensor)):
            given = [make(x, requires_grad=True), make(target, requires_grad=True)]
            more = {"reduction": options["reduction"]} | ({"weight": make(weight)} if weighted else {})
            more |= {"pos_weight": make(weight * 2)} if options.get("pos_weight") else {}
            y = getattr(lib, name)(*given, **more)
            (y * y).sum().backward()
            found.append([y.detach().numpy(), *(t.grad.numpy() for t in given)])
        for got, expected in zip(*found, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


def test_losses_of_two_classes_at_the_ends() -> None:
    """p of 0 and 1, logits of which e^x is infinite: finite, as PyTorch's."""
    for name, values in (
        ("binary_cross_entropy", [0.0, 1.0, 0.0, 1.0, 1e-30]),
        ("binary_cross_entropy_with_logits", [-1e4, 1e4, 0, 50, -50]),
    ):
        found = []
        for lib, tensor in ((F, ninx.tensor), (T, torch.tensor)):
            x, t = tensor([float(v) for v in values], requires_grad=True), tensor([0.0, 0.0, 1.0, 1.0, 1.0])
            y = getattr(lib, name)(x, t, reduction="none")
            y.backward(tensor([1.0] * 5))
            found.append((y.detach().numpy(), x.grad.numpy()))
        for got, expected in zip(*found, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-20)


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
        np.testing.assert_allclose(got.detach().numpy(), wanted.numpy(), rtol=1e-14)


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


def labels(*classes: int) -> ninx.Tensor:
    return ninx.tensor(list(classes), dtype=np.int64)


zeros = ninx.zeros
X = zeros(2, 3, 5, 5)
LOGITS = zeros(2, 3)
ERRORS: tables.Errors = [
    (lambda: F.cross_entropy(LOGITS, labels(0, 3)), IndexError, "cross_entropy: class 3 is not one of the 3 classes 0 to 2"),
    (lambda: F.cross_entropy(LOGITS, labels(0, -1)), IndexError, "class -1 is not one of"),
    (lambda: F.nll_loss(LOGITS, labels(7, 0)), IndexError, "nll_loss: class 7 is not one of the 3 classes"),
    (lambda: F.cross_entropy(LOGITS, labels(0)), ValueError, r"input \(2, 3\) wants a target of shape \(2,\), got \(1,\)"),
    (lambda: F.cross_entropy(LOGITS, zeros(2)), ValueError, r"the input's shape \(2, 3\), got \(2,\); .* write target.long\(\)"),
    (
        lambda: F.cross_entropy(LOGITS, labels([0, 1, 0], [1, 0, 0])),
        ValueError,
        r"\(2, 3\); write target.argmax\(1\)",
    ),
    (lambda: F.nll_loss(LOGITS, labels([0], [1])), ValueError, r"got \(2, 1\); write target.squeeze\(1\)"),
    (lambda: F.cross_entropy(LOGITS, labels(0, 1) > 0), TypeError, "class numbers must be whole numbers, got bool"),
    (lambda: F.cross_entropy(LOGITS, labels(0, 1), zeros(2)), ValueError, r"weight must have shape \(3,\), got \(2,\)"),
    (lambda: F.cross_entropy(LOGITS, labels(0, 1), label_smoothing=1.5), ValueError, "must be from 0 to 1, got 1.5"),
    (lambda: F.cross_entropy(LOGITS, labels(0, 1), reduction="avg"), ValueError, "must be 'mean', 'sum' or 'none', got 'avg'"),
    (lambda: F.cross_entropy(ninx.tensor(1.0), labels(0)), ValueError, "input must have a class axis"),
    (lambda: F.mse_loss(zeros(3), zeros(1, 3)), ValueError, r"mse_loss: input \(3,\) and target \(1, 3\) must have one shape"),
    (lambda: F.l1_loss(zeros(3), zeros(2)), ValueError, "l1_loss: .* must have one shape"),
    (lambda: F.mse_loss(X, X, reduction="max"), ValueError, "mse_loss: reduction must be 'mean', 'sum' or 'none', got 'max'"),
]

ERRORS += [
    (lambda: F.binary_cross_entropy(zeros(2) - 1, zeros(2)), ValueError, "probabilities are from 0 to 1, got -1.0; of logits"),
    (lambda: F.binary_cross_entropy_with_logits(zeros(2), zeros(3)), ValueError, r"input \(2,\) and target \(3,\) must have one"),
    (lambda: F.smooth_l1_loss(zeros(2), zeros(2), beta=-1.0), ValueError, "smooth_l1_loss: beta must not be negative, got -1.0"),
    (
        lambda: F.mse_loss(zeros(2), zeros(2), True),
        ValueError,
        "mse_loss: size_average=True is of the first PyTorch; write reduction",
    ),
    (
        lambda: F.cross_entropy(zeros(2, 3), zeros(2), reduce=False),
        ValueError,
        "cross_entropy: reduce=False is of the first PyTorch",
    ),
    (
        lambda: F.cross_entropy(zeros(2, 3), [0, 1]),
        TypeError,
        "cross_entropy: target must be a tensor, not a list; write ninx.tensor",
    ),
    (lambda: F.nll_loss(np.zeros((2, 3)), zeros(2)), TypeError, "nll_loss: input must be a tensor, not a ndarray"),
    (lambda: F.mse_loss(zeros(2), 0.5), TypeError, "mse_loss: target must be a tensor, not a float"),
    (lambda: F.cross_entropy(zeros(2, 3), zeros(2), np.ones(3)), TypeError, "cross_entropy: weight must be a tensor"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)
