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
from oracle import Case, agree, at_most, distinct, error, few_digits, positive

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


def lengths(p: Any) -> tuple[Any, Any]:
    return (lambda x, **o: ops.norm(x, p, **o)), over(lambda x, **o: torch.norm(x, p, **o))


def first_of(function: Any) -> Any:
    """The function with all axes for no dim, and of its two results the sum: both have gradients."""

    def joined(x: Any, dim: Any, keepdim: bool) -> Any:
        a, b = function(x, dim=tuple(range(x.ndim)) if dim is None else dim, keepdim=keepdim)
        return a + 2 * b

    return joined


INF = np.inf
ONE = some.plain(some.one())
TOP = some.along(largest=st.booleans())
CASES = [
    Case("sum", ops.sum, over(torch.sum), some.reduction()),
    Case("mean", ops.mean, over(torch.mean), some.reduction()),
    Case("var", ops.var, over(torch.var), some.reduction(**VARIANCE)),
    Case("std", ops.std, over(torch.std), some.reduction(**VARIANCE)),
    Case("amax", ops.amax, over(torch.amax), some.reduction(), distinct),
    Case("amin", ops.amin, over(torch.amin), some.reduction(), distinct),
    Case("logsumexp", ops.logsumexp, over(torch.logsumexp), some.reduction()),
    *[Case(f"norm {p}", *lengths(p), some.reduction(least=1), at_most(4)) for p in (2, 1, 3, 0.5, -1, INF, -INF)],
    Case("var_mean", first_of(ops.var_mean), first_of(torch.var_mean), some.reduction(least=1, smallest=3)),
    Case("std_mean", first_of(ops.std_mean), first_of(torch.std_mean), some.reduction(least=1, smallest=3)),
    Case("prod", ops.prod, torch.prod, ONE, at_most(4)),
    Case("prod along", ops.prod, torch.prod, some.along(**CHOSEN), at_most(4)),
    Case("prod with zeros", ops.prod, torch.prod, some.along(**CHOSEN), few_digits),
    Case("cumsum", ops.cumsum, torch.cumsum, some.along(), positive),
    Case("sort", ops.sort, torch.sort, some.along(descending=st.booleans()), distinct),
    Case("topk", lambda x, dim, **o: ops.topk(x, 1, dim, **o), lambda x, dim, **o: torch.topk(x, 1, dim, **o), TOP, distinct),
    Case("median", ops.median, torch.median, ONE, distinct),
    Case("median along", ops.median, torch.median, some.along(**CHOSEN), distinct),
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
    "argsort": (lambda a, b: ops.argsort(a, 0, True), lambda a, b: torch.argsort(a, 0, True)),
    "count_nonzero": (lambda a, b: ops.count_nonzero(a, 0), lambda a, b: torch.count_nonzero(a, 0)),
    "unique": (lambda a, b: ops.unique(a), lambda a, b: torch.unique(a)),
    "bincount": (lambda a, b: ops.bincount((a > 0).long().ravel()), lambda a, b: torch.bincount((a > 0).long().ravel())),
    "nonzero": (lambda a, b: ops.nonzero(a > 0), lambda a, b: torch.nonzero(a > 0)),
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
    (lambda: ops.max(zeros(0, 3), 0), IndexError, r"max: no entries along dim 0 of a tensor of shape \(0, 3\)"),
    (lambda: ops.argmin(zeros(0, 3)), IndexError, r"argmin: no entries along dim None of a tensor of shape \(0, 3\)"),
    (lambda: ops.median(zeros(0)), IndexError, r"median: no entries along dim None of a tensor of shape \(0,\)"),
    (lambda: X.long().mean(), TypeError, r"mean: entries of int64 have no mean of that dtype; write x.float\(\).mean"),
    (lambda: X.bool().std(0), TypeError, "std: entries of bool have no std of that dtype"),
    (lambda: X.long().norm(), TypeError, "norm: entries of int64 have no norm"),
    (lambda: X.norm("nuc"), ValueError, "norm: p is a number, inf, -inf or 'fro', .* got 'nuc'"),
    (lambda: X.sum(0, 1), TypeError, r"sum: keepdim is True or False, got 1; several axes are a tuple, dim=\(0, 1\)"),
    (lambda: X.sum(True), TypeError, "sum: dim is a whole number or several in a tuple, got True"),
    (lambda: X.sum(0.5), TypeError, "sum: dim is a whole number or several in a tuple, got 0.5"),
    (lambda: X.sum("rows"), TypeError, "sum: dim is a whole number or several in a tuple, got 'rows'"),
    (lambda: X.sum(0, axis=1), TypeError, "sum: dim and axis are two names of one argument"),
    (lambda: X.sum(0, True, keepdims=True), TypeError, "sum: keepdim and keepdims are two names"),
    (lambda: X.sum(out=X), TypeError, r"sum: there is no out; write y\[...\] = ninx.sum"),
    (lambda: X.max(ddof=1), TypeError, "max: there is no argument ddof"),
    (lambda: np.std(X), TypeError, "std: there is no argument ddof, dtype"),
    (lambda: X.var(0, 1), TypeError, "var: unbiased is True or False .* got unbiased=1"),
    (lambda: X.var(0, False, correction=2), TypeError, "var: unbiased is True or False .* unbiased=False, correction=2"),
    (lambda: X.cumsum(), TypeError, "cumsum: say along which dim"),
    (lambda: X.prod((0, 1)), TypeError, r"prod: dim must be one whole number, got \(0, 1\)"),
    (lambda: X.topk(4), ValueError, "topk: k must be from 0 to the 3 entries along dim -1, got 4"),
    (lambda: X.topk(-1), ValueError, "topk: k must be from 0 to the 3 entries along dim -1, got -1"),
    (lambda: X.topk(3, 0), ValueError, "topk: k must be from 0 to the 2 entries along dim 0, got 3"),
    (lambda: ops.topk(zeros(()), 2), ValueError, "topk: k must be from 0 to the 1 entries along dim -1, got 2"),
    (lambda: ops.bincount(X), TypeError, "bincount: takes a vector of whole numbers"),
    (lambda: ops.bincount([1, -1]), ValueError, "bincount: counts numbers from 0 on, got -1"),
    (lambda: ops.amax(zeros(0, 3), 0), ValueError, r"amax: no entries along dim 0 of a tensor of shape \(0, 3\)"),
    (lambda: ops.max(X, (0, 1)), TypeError, r"max: dim must be one whole number, got \(0, 1\); amax"),
    (lambda: ops.min(X, ()), TypeError, r"min: dim must be one whole number, got \(\); amin"),
    (lambda: ops.argmax(X, (0, 1)), TypeError, r"argmax: dim must be one whole number, got \(0, 1\)"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)


# -------------------------------------------------------------------- PyTorch's habits

NUMBERS = {
    "float32": np.arange(12, dtype=np.float32).reshape(3, 4) - 5,
    "int64": np.arange(12).reshape(3, 4) - 5,
    "int32": np.arange(12, dtype=np.int32).reshape(3, 4) * 2**28,
    "uint8": np.arange(200, 212, dtype=np.uint8).reshape(3, 4) % 209,
    "bool": np.arange(12).reshape(3, 4) % 3 > 0,
}
CALLS: list[Any] = [
    lambda x: x.sum(axis=0),
    lambda x: x.sum(1, keepdims=True),
    lambda x: x.sum(dim=[0, 1]),
    lambda x: x.sum(np.int64(-1)),
    lambda x: x.sum(dtype=x.float().dtype),
    lambda x: x.prod(0),
    lambda x: x.prod(axis=1),
    lambda x: x.cumsum(0),
    lambda x: x.cumsum(axis=-1),
    lambda x: x.any(axis=1),
    lambda x: x.all(dim=(0, 1), keepdim=True),
    lambda x: x.all(),
    lambda x: x.amax(axis=(0, 1)),
    lambda x: x.argmax(axis=1),
    lambda x: x.argmin(1, True),
    lambda x: x.argmax(),
    lambda x: x.max(axis=0)[0],
    lambda x: x.min(1, keepdim=True).indices,
    lambda x: x.max(x.flip(0)),
    lambda x: x.count_nonzero(1),
    lambda x: x.logsumexp(0),
    lambda x: x.sort(axis=0, descending=True).values,
    lambda x: x.unique(),
    lambda x: x.unique(dim=0),
    lambda x: x.unique(return_inverse=True, return_counts=True)[1],
    lambda x: x.unique(True, False, True)[1],
    lambda x: x.median(),
    lambda x: x.median(1).values,
    lambda x: x.topk(2).values,
    lambda x: x.topk(k=3, dim=0, largest=False)[0],
    lambda x: x.float().mean(dtype=x.double().dtype),
    lambda x: x.double().var(0, False),
    lambda x: x.double().var(False),
    lambda x: x.double().var(0, True, True),
    lambda x: x.double().std(dim=1, unbiased=False, keepdim=True),
    lambda x: x.double().std(axis=1, correction=2),
    lambda x: x.double().norm(2, 1),
    lambda x: x.double().norm(p=1, dim=0, keepdim=True),
    lambda x: x.double().norm(dim=1),
    lambda x: x.double().norm(0, 1),
    lambda x: x.reshape(-1)[:0].sum(),
    lambda x: x.reshape(-1)[:0].prod(),
    lambda x: x.double().reshape(-1)[:0].norm(),
    lambda x: x.reshape(-1)[:0].any(),
]


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("call", CALLS)
def test_arguments_and_dtypes_are_those_of_pytorch(call: Any, dtype: str) -> None:
    array = NUMBERS[dtype]
    try:
        theirs = call(torch.tensor(array)).numpy()
    except (RuntimeError, NotImplementedError) as error:
        if dtype == "bool" and "bool" in str(error).lower():
            pytest.skip("PyTorch has none for booleans")
        raise
    ours = call(ninx.from_numpy(array)).array
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, strict=True)


@pytest.mark.parametrize("dim", [0, -1])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "sum",
        "mean",
        "prod",
        "amax",
        "max",
        "min",
        "median",
        "argmax",
        "any",
        "all",
        "logsumexp",
        "norm",
        "cumsum",
        "sort",
        "topk",
    ],
)
def test_a_tensor_without_dimensions_has_the_dims_0_and_minus_1(name: str, dim: int, keepdim: bool) -> None:
    results = []
    for library in (torch, ninx):
        x = library.tensor(np.array(2.5) if library is ninx else 2.5, dtype=library.float64, requires_grad=True)
        options = {} if name in ("cumsum", "sort", "topk") else {"keepdim": keepdim}
        y = getattr(x * 1, name)(*([1] if name == "topk" else []), dim=dim, **options)
        y, places = y if isinstance(y, tuple) else (y, None)
        if y.requires_grad:
            y.backward()
        results.append(
            [
                y.tolist(),
                tuple(y.shape),
                str(y.dtype).split(".")[-1],
                places and (tuple(places.shape), places.item()),
                x.grad and x.grad.item(),
            ]
        )
    assert results[0] == results[1]
    with pytest.raises(IndexError, match=f"{name}: dim 1 is out of range"):
        getattr(ninx.tensor(2.5), name)(*([1] if name == "topk" else []), dim=1)


def test_numpy_asks_tensors_and_gets_tensors() -> None:
    """np.sum(x) calls x.sum(axis=None, dtype=None, out=None); np.max knows no places beside its values."""
    array = np.arange(6.0).reshape(2, 3)
    x = ninx.from_numpy(array)
    for name in ("sum", "mean", "prod", "max", "min", "any", "all", "argmax", "argmin", "amax"):
        for options in ({}, {"axis": 0}, {"axis": -1, "keepdims": True}):
            ours, wanted = getattr(np, name)(x, **options), getattr(np, name)(array, **options)
            assert isinstance(ours, ninx.Tensor)
            np.testing.assert_array_equal(ours.array, wanted)
    np.testing.assert_array_equal(np.cumsum(x, axis=1).array, np.cumsum(array, axis=1))
    assert isinstance(np.sort(x), np.ndarray)


def test_arrays_and_lists_are_taken_for_tensors() -> None:
    array = np.array([[1.0, 3.0], [2.0, 0.0]], np.float32)
    assert ninx.max(array, 1).indices.tolist() == [1, 0]
    assert ninx.max(ninx.from_numpy(array), np.full((2, 2), 1, np.float32)).tolist() == [[1, 3], [2, 1]]
    assert ninx.sum([1.0, 2.5]).item() == 3.5
    assert ninx.argmax(array, 1).tolist() == [1, 0]
    assert ninx.mean(array).dtype == np.float32
    assert ninx.reshape(array, (4,)).tolist() == ninx.reshape(array, -1).tolist() == [1, 3, 2, 0]
    assert ninx.stack([array, array]).shape == (2, 2, 2)


def test_sums_and_means_of_float16_are_taken_in_float32() -> None:
    ones = np.ones(70_000, np.float16)
    for array in (ones, ones * 1000, np.array([300.0, 400.0], np.float16)):
        for name in ("mean", "sum", "norm", "var"):
            with np.errstate(over="raise"):
                ours = getattr(ninx.from_numpy(array), name)()
            theirs = getattr(torch.tensor(array), name)().numpy()
            assert ours.dtype == np.float16
            np.testing.assert_allclose(ours.array, theirs, rtol=2e-3, err_msg=name)


@pytest.mark.parametrize("p", [2, 1, 3, 0.5, INF, -INF, "fro"])
def test_the_derivative_of_a_length_at_0_is_that_of_pytorch(p: Any) -> None:
    for array in (np.zeros(3), np.array([0.0, 2.0, -1.0]), np.array([0.0, 0.0, 3.0])):
        x, t = ninx.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
        x.norm(p).backward()
        t.norm(p).backward()
        np.testing.assert_allclose(x.grad.array, t.grad.numpy(), rtol=1e-12, err_msg=str(array))


def test_orders_keep_equals_in_order_and_put_nan_last() -> None:
    array = np.array([2.0, np.nan, 1.0, 2.0, 1.0, np.inf])
    for descending in (False, True):
        ours = ninx.from_numpy(array).sort(descending=descending)
        theirs = torch.tensor(array).sort(descending=descending, stable=True)
        np.testing.assert_array_equal(ours.indices.array, theirs.indices.numpy())
        np.testing.assert_array_equal(ours.values.array, theirs.values.numpy())
    assert np.isnan(ninx.from_numpy(array).median().item())
    assert ninx.from_numpy(array).median(0).indices.item() == torch.tensor(array).median(0).indices.item() == 1
    rows = np.array([[5.0, 1.0, np.nan, np.nan], [np.nan, 3.0, 2.0, 9.0], [4.0, 3.0, 2.0, 1.0]])
    assert ninx.from_numpy(rows).median(1).indices.tolist() == torch.tensor(rows).median(1).indices.tolist() == [2, 0, 2]
    assert ninx.from_numpy(array).max(0).indices.item() == torch.tensor(array).max(0).indices.item() == 1


def test_a_middle_that_stands_there_twice_shares_the_gradient() -> None:
    array = np.array([3.0, 1.0, 3.0, 7.0, 3.0])
    x, t = ninx.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    x.median().backward()
    t.median().backward()
    np.testing.assert_allclose(x.grad.array, t.grad.numpy())
