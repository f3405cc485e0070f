"""Reductions against PyTorch: sums, moments, extremes and their places."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import strategies as some
import tables
import torch
from hypothesis import strategies as st
from oracle import Case, agree, distinct, error, few_digits

import ninx
import ninx.functional as F
from ninx import ops

E = 20  # examples


def over(function: Any) -> Any:
    """A reduction of PyTorch in which dim=None means all axes, as it does in ninx."""

    def twin(x: torch.Tensor, dim: Any, keepdim: bool, **options: Any) -> torch.Tensor:
        return function(x, dim=tuple(range(x.ndim)) if dim is None else dim, keepdim=keepdim, **options)

    return twin


VARIANCE = {"least": 1, "smallest": 3, "correction": st.integers(0, 1)}  # of two neighbours the digits would cancel in float32


CHOSEN = {"keepdim": st.booleans()}


ONE = some.plain(some.one())
CASES = [
    Case("sum", ops.sum, over(torch.sum), some.reduction()),
    Case("mean", ops.mean, over(torch.mean), some.reduction()),
    Case("var", ops.var, over(torch.var), some.reduction(**VARIANCE)),
    Case("std", ops.std, over(torch.std), some.reduction(**VARIANCE)),
    Case("amax", ops.amax, over(torch.amax), some.reduction(), distinct),
    Case("amin", ops.amin, over(torch.amin), some.reduction(), distinct),
    Case("logsumexp", ops.logsumexp, over(torch.logsumexp), some.reduction()),
    Case("max", ops.max, torch.max, ONE, distinct),
    Case("min", ops.min, torch.min, ONE, distinct),
    Case("max along", ops.max, torch.max, some.along(**CHOSEN), distinct),
    Case("min along", ops.min, torch.min, some.along(**CHOSEN), distinct),
]

test_value_and_gradients = tables.agree_with_pytorch(CASES)


LONG = {  # 100,000 to a million terms each; the last axes in memory are kept, or a few of them, where NumPy adds one by one
    "columns": (0, lambda rng: rng.standard_normal((100_000, 8), np.float32) + 1),
    "channels": ((0, 2, 3), lambda rng: rng.standard_normal((4, 160, 160, 10), np.float32).transpose(0, 3, 1, 2) + 1),
    "all": (None, lambda rng: rng.standard_normal((4, 160, 160, 10), np.float32).transpose(0, 3, 1, 2) + 1),
}
SUMS = {
    "sum": (ops.sum, torch.sum),
    "mean": (ops.mean, torch.mean),
    "var": (ops.var, torch.var),
    "logsumexp": (ops.logsumexp, torch.logsumexp),
    "gradient of what was broadcast": (
        lambda x, dim: _of_broadcast(x, ninx.zeros(_once(x.shape, dim), requires_grad=True)),
        lambda x, dim: _of_broadcast(x, torch.zeros(_once(x.shape, dim), requires_grad=True)),
    ),
}


def _once(shape: Any, dim: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if i in dim else n for i, n in enumerate(shape))


def _of_broadcast(x: Any, b: Any) -> Any:
    (b + x.detach()).backward(x)
    return b.grad


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("case", LONG)
def test_a_long_sum_in_float32_is_as_near_to_the_truth_as_that_of_pytorch(case: str, name: str) -> None:
    dim, draw = LONG[case]
    x = draw(np.random.default_rng(0))
    dims = tuple(range(x.ndim)) if dim is None else dim if isinstance(dim, tuple) else (dim,)
    ours, theirs = SUMS[name]
    truth = theirs(torch.tensor(x, dtype=torch.float64), dims).numpy()
    found, yardstick = ours(ninx.from_numpy(x), dims).array, theirs(torch.from_numpy(x), dims).numpy()
    assert found.dtype == np.float32
    assert error(found, truth) <= max(2 * error(yardstick, truth), np.finfo(np.float32).eps)


EXACT = {
    "argmax": (lambda a, b: ops.argmax(a, -1, True), lambda a, b: torch.argmax(a, -1, True)),
    "argmin": (lambda a, b: ops.argmin(a, 0), lambda a, b: torch.argmin(a, 0)),
    "any": (lambda a, b: ops.any(a > 1, 0), lambda a, b: torch.any(a > 1, 0)),
    "all": (lambda a, b: ops.all(a > -2, -1, True), lambda a, b: torch.all(a > -2, -1, True)),
}

test_reductions_without_gradient = tables.agree_without_gradient(EXACT)


@pytest.mark.parametrize("name", ["amax", "amin"])
def test_equal_extremes_share_the_gradient_evenly(name: str) -> None:
    @some.examples(E, some.reduction(), some.seeds)
    def _(inputs: Any, seed: int) -> None:
        ((shape,), options), rng = inputs, np.random.default_rng(seed)
        ours, twin = getattr(ops, name), over(getattr(torch, name))
        agree(lambda x: ours(x, **options), lambda x: twin(x, **options), [few_digits(rng, shape)], rng)


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_first_of_equals_is_named_and_gets_the_gradient(name: str) -> None:
    x = ninx.tensor([[1.0, 2.0, 2.0, 1.0], [3.0, 3.0, 3.0, 3.0]], requires_grad=True)
    values, indices = getattr(ops, name)(x, 1)
    values.sum().backward()
    assert indices.tolist() == ([1, 0] if name == "max" else [0, 0])
    assert getattr(ops, "arg" + name)(x, 1).tolist() == indices.tolist()
    assert x.grad.tolist() == [[0, 1, 0, 0] if name == "max" else [1, 0, 0, 0], [1, 0, 0, 0]]


def test_logsumexp_does_not_overflow() -> None:
    x = np.array([-120.0, -100.0, 0.0, 100.0, 120.0, -5.0, 5.0, 1.0])  # e^120 is beyond float32
    agree(lambda x: ops.logsumexp(x, 0), lambda x: torch.logsumexp(x, 0), [x], np.random.default_rng(0))
    far = ninx.tensor([-1000.0, 1000.0, 1000.0], dtype=np.float64)  # e^1000 is beyond float64
    assert ops.logsumexp(far).item() == 1000 + np.log(2)
    low = np.array([[-np.inf, 1.0], [-np.inf, -np.inf]])
    assert ops.logsumexp(ninx.from_numpy(low), 1).tolist() == [1.0, -np.inf]


INF = np.inf


SILENT = {  # what has no value, in NumPy a warning
    "mean of nothing": ("mean", (), {}, np.zeros((0, 3))),
    "mean along nothing": ("mean", (0,), {}, np.zeros((0, 3))),
    "var of nothing": ("var", (0,), {}, np.zeros((0, 3))),
    "var of one": ("var", (0,), {}, np.ones((1, 3))),
    "var of as many as the correction": ("var", (0,), {"correction": 2}, np.array([[1.0, 2.0], [1.0, 4.0]])),
    "std of nothing": ("std", (0,), {}, np.zeros((0, 3))),
    "std of one": ("std", (0,), {}, np.ones((1, 3))),
    "std of equals": ("std", (1,), {}, np.array([[2.0, 2.0, 2.0], [1.0, 2.0, 4.0]])),
    "logsumexp of nothing": ("logsumexp", (0,), {}, np.zeros((0, 3))),
    "logsumexp of infinities": ("logsumexp", (1,), {}, np.array([[-INF, -INF], [-INF, 1.0], [INF, 1.0], [np.nan, 1.0]])),
    "softmax of infinities": ("softmax", (1,), {}, np.array([[-INF, -INF], [-INF, 1.0], [INF, 1.0], [np.nan, 1.0]])),
    "log_softmax of infinities": ("log_softmax", (1,), {}, np.array([[-INF, -INF], [-INF, 1.0], [INF, 1.0], [np.nan, 1.0]])),
}


@pytest.mark.parametrize("case", SILENT)
def test_nan_and_infinity_come_without_a_warning_as_in_pytorch(case: str) -> None:
    name, dims, options, array = SILENT[case]
    x, reference = ninx.from_numpy(array).requires_grad_(), torch.tensor(array, requires_grad=True)
    y = getattr(F if "softmax" in name else ops, name)(x, *dims, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's word on too few degrees of freedom
        expected = getattr(reference, name)(*dims, **options)
    g = np.arange(1.0, 1 + y.numel()).reshape(y.shape)
    y.backward(ninx.from_numpy(g))
    expected.backward(torch.tensor(g))
    for ours, theirs in ((y, expected.detach()), (x.grad, reference.grad)):
        np.testing.assert_allclose(ours.array, theirs.numpy(), rtol=1e-14)  # NaN equals NaN here


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "amax", "amin", "any", "all", "squeeze"])
@pytest.mark.parametrize("dim", [(), []], ids=["tuple", "list"])
def test_no_dim_at_all_is_every_dim_or_none_as_in_pytorch(name: str, dim: Any) -> None:
    """The sum over () is that of all entries; any and all reduce nothing then, and squeeze takes nothing away."""
    x = np.array([[1.0, 2.0, 4.0]])
    ours, theirs = getattr(ops, name)(ninx.from_numpy(x), dim), getattr(torch.tensor(x), name)(tuple(dim))
    np.testing.assert_allclose(ours.array, theirs.numpy(), rtol=1e-14, strict=True)
    if name != "squeeze":
        assert getattr(ops, name)(ninx.from_numpy(x), dim, keepdim=True).ndim == 2


def test_logsumexp_over_no_dim_is_that_of_all() -> None:
    x = ninx.tensor([[1.0, 2.0, 4.0]])  # PyTorch fails here without keepdim
    assert ops.logsumexp(x, ()).item() == ops.logsumexp(x).item()


zeros = ninx.zeros
X = zeros(2, 3)
ERRORS: tables.Errors = [
    (lambda: ops.sum(X, 2), IndexError, r"sum: dim 2 is out of range for a tensor of shape \(2, 3\)"),
    (lambda: ops.mean(X, (0, -2)), ValueError, r"mean: a dim is named twice in \(0, -2\)"),
    (lambda: ops.max(X, -3), IndexError, "max: dim -3 is out of range"),
    (lambda: ops.amax(zeros(0, 3), 0), ValueError, r"amax: no entries along dim 0 of a tensor of shape \(0, 3\)"),
    (lambda: ops.max(X, (0, 1)), TypeError, r"max: dim must be one whole number, got \(0, 1\); amax"),
    (lambda: ops.min(X, ()), TypeError, r"min: dim must be one whole number, got \(\); amin"),
    (lambda: ops.argmax(X, (0, 1)), TypeError, r"argmax: dim must be one whole number, got \(0, 1\)"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)
