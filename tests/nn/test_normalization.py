"""Batch normalisation and local response normalisation against PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import strategies as some
import tables
import torch
import torch.nn.functional as T
from hypothesis import strategies as st
from oracle import Case, close, error, lay, library, positive, signed

import ninx
import ninx.functional as F

pytestmark = pytest.mark.usefixtures("device")

E = 20  # examples


@st.composite
def features(draw: st.DrawFn, parameters: int) -> Any:
    """x (N, C), (N, C, L) or (N, C, H, W) and vectors of length C. At least 8 values a channel: with 2 of them the normalised
    values are -1 and 1, the gradient is exactly 0, and rounding is all that is left of it."""
    c, rest = draw(st.integers(3, 5)), draw(some.shape(0, 2, 4))
    n = draw(st.integers(max(2, math.ceil(8 / math.prod(rest))), 9))
    return ((n, c, *rest), *[(c,)] * parameters), {"eps": draw(st.sampled_from([1e-5, 1e-2]))}


@st.composite
def neighbours(draw: st.DrawFn) -> Any:
    """x with 3 to 5 axes; windows smaller and larger than the channels, even and odd; alpha large enough to matter."""
    options = {"size": st.integers(1, 7), "alpha": st.sampled_from([1e-4, 0.5, 3.0]), "beta": st.sampled_from([0.75, 0.5, 2.0])}
    options |= {"k": st.sampled_from([1.0, 2.0])}
    return (draw(some.shape(3, 5)),), draw(st.fixed_dictionaries(options))


def training(x: Any, *wb: Any, eps: float) -> Any:
    return library(x).batch_norm(x, None, None, *wb, training=True, eps=eps)


def evaluation(x: Any, *rest: Any, eps: float) -> Any:
    *wb, mean, var = rest
    return library(x).batch_norm(x, mean, var, *wb, training=False, eps=eps)


def no_scale(x: Any, b: Any, eps: float) -> Any:
    return library(x).batch_norm(x, None, None, None, b, training=True, eps=eps)


CASES = [
    Case("local_response_norm", F.local_response_norm, T.local_response_norm, neighbours()),
    Case("batch_norm training", training, training, features(2)),
    Case("batch_norm training without weight and bias", training, training, features(0)),
    Case("batch_norm training without weight", no_scale, no_scale, features(1)),
    Case("batch_norm evaluation", evaluation, evaluation, features(4), (signed, signed, signed, signed, positive), 2),
    Case("batch_norm evaluation without weight and bias", evaluation, evaluation, features(2), (signed, signed, positive), 2),
]

test_value_and_gradients = tables.agree_with_pytorch(CASES)


def test_a_mean_far_from_0_costs_the_gradients_of_an_evaluation_no_digits() -> None:
    """sum(g * x) - mean * sum(g) would: each is 100 times as large as their difference."""
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, 8, 16, 8, 8), np.float32)
    mean, var, w, b = (np.full(16, value, np.float32) for value in (100, 1, 0.7, 0.2))
    ours = [ninx.tensor(a, requires_grad=True) for a in (x + mean[:, None, None], w, b)]
    theirs = [torch.tensor(t.detach().numpy(), dtype=torch.float64, requires_grad=True) for t in ours]
    F.batch_norm(ours[0], ninx.tensor(mean), ninx.tensor(var), *ours[1:]).backward(ninx.tensor(g))
    statistics = torch.tensor(mean).double(), torch.tensor(var).double()
    T.batch_norm(theirs[0], *statistics, *theirs[1:]).backward(torch.tensor(g).double())
    for t, reference in zip(ours, theirs, strict=True):
        assert error(t.grad.numpy(), reference.grad.numpy()) <= 5e-7


def test_running_statistics() -> None:
    @some.examples(
        E, features(2), some.layouts, some.seeds, st.sampled_from([0.1, 0.5, 1.0]), st.sampled_from([np.float32, np.float64])
    )
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


def test_alexnets_normalisation_by_hand() -> None:
    """Five channels around each, alpha divided by five: the middle of seven ones is 1 / (1 + 1/5 * 5)^2."""
    y = F.local_response_norm(ninx.ones(1, 7, 1, 1), 5, alpha=1.0, beta=2.0).numpy()[0, :, 0, 0]
    np.testing.assert_allclose(y, [1 / (1 + n / 5) ** 2 for n in (3, 4, 5, 5, 5, 4, 3)], rtol=1e-6)


zeros = ninx.zeros
X = zeros(2, 3, 5, 5)
ERRORS: tables.Errors = [
    (lambda: F.batch_norm(zeros(3), None, None, training=True), ValueError, r"batch_norm: input must have shape \(N, C, ...\)"),
    (lambda: F.batch_norm(X, zeros(2), zeros(3)), ValueError, r"running_mean must have shape \(3,\) .* got \(2,\)"),
    (lambda: F.batch_norm(X, None, None, zeros(3, 1), training=True), ValueError, r"weight must have shape \(3,\)"),
    (lambda: F.batch_norm(X.to(np.int64), None, None, training=True), TypeError, "batch_norm: needs floating-point .* got int64"),
    (lambda: F.batch_norm(X, None, None), ValueError, "without running_mean and running_var only training=True"),
    (lambda: F.batch_norm(zeros(1, 3), None, None, training=True), ValueError, "more than one value for each channel"),
    (lambda: F.batch_norm(zeros(1, 0), None, None, training=True), ValueError, r"more than one value .* got input \(1, 0\)"),
    (lambda: F.local_response_norm(zeros(2, 6), 5), ValueError, r"local_response_norm: .* 3 dimensions .* got \(2, 6\)"),
    (lambda: F.local_response_norm(X, 0), ValueError, "local_response_norm: size must be at least 1, got 0"),
    (lambda: F.local_response_norm(X.to(np.int64), 2), TypeError, "local_response_norm: needs floating-point numbers, got int64"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)
