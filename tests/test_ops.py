"""Every operation of ninx.ops against PyTorch: value and every gradient, in float64 and float32, in every memory layout."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import strategies as some
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracle import LAYOUTS, Case, agree, at_most, close, distinct, few_digits, lay, library, positive, signed

import ninx
import ninx.functional as F
from ninx import ops

E = 20  # examples for each line of the tables


def over(function: Any) -> Any:
    """A reduction of PyTorch in which dim=None means all axes, as it does in ninx."""

    def twin(x: torch.Tensor, dim: Any, keepdim: bool, **options: Any) -> torch.Tensor:
        return function(x, dim=tuple(range(x.ndim)) if dim is None else dim, keepdim=keepdim, **options)

    return twin


def in_place(name: str) -> tuple[Any, Any]:
    """x.add_(y) and the like, on a copy: a leaf that wants a gradient cannot be changed."""

    def ours(x: ninx.Tensor, y: ninx.Tensor) -> ninx.Tensor:
        return getattr(ops, name)(ops.clone(x), y)

    def twin(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return getattr(x.clone(), name)(y)

    return ours, twin


def by_place(x: Any, pad: Any, value: float) -> Any:
    return library(x).pad(x, pad, "constant", value)


ONE, TWO, INTO = some.plain(some.one()), some.plain(some.broadcast()), some.plain(some.into())
BOUNDS = st.sampled_from([(-1.0, 1.0), (None, 2.0), (0.5, None), (3.0, -3.0)])  # where min > max, both give max
VARIANCE = {"least": 1, "smallest": 3, "correction": st.integers(0, 1)}  # of two neighbours the digits would cancel in float32
CHOSEN = {"keepdim": st.booleans()}

CASES = [
    Case("add", ops.add, torch.add, TWO),
    Case("add number", lambda x: 2 + x + 1.5, lambda x: 2 + x + 1.5, ONE),
    Case("sub", ops.sub, torch.sub, TWO),
    Case("sub number", lambda x: 1.5 - (x - 2), lambda x: 1.5 - (x - 2), ONE),
    Case("mul", ops.mul, torch.mul, TWO),
    Case("mul itself", lambda x: x * x, lambda x: x * x, ONE),
    Case("div", ops.div, torch.div, TWO),
    Case("div number", lambda x: 2 / (x / 3), lambda x: 2 / (x / 3), ONE),
    # Real powers are of positive numbers; 100**8, and the gradient's 100 * 8 * log(100) times that, stay within float32.
    Case("pow", ops.pow, torch.pow, TWO, (positive, at_most(8))),
    Case("pow whole", lambda a, b: a**b, lambda a, b: a**b, some.plain(some.one(), b=st.sampled_from([0, 1, 2, 3, -1, -2]))),
    Case("pow of number", lambda x: 2.5**x, lambda x: 2.5**x, ONE, at_most(80)),  # 2.5**97 is beyond float32
    Case("maximum", ops.maximum, torch.maximum, TWO),
    Case("minimum", ops.minimum, torch.minimum, TWO),
    Case("where", *[lambda c, a, b, f=f: f(c > 1, a, b) for f in (ops.where, torch.where)], some.plain(some.broadcast(3))),
    Case("neg", ops.neg, torch.neg, ONE),
    Case("abs", ops.abs, torch.abs, ONE),
    Case("exp", ops.exp, torch.exp, ONE, at_most(80)),  # e^89 is beyond float32
    Case("log", ops.log, torch.log, ONE, positive),
    Case("sqrt", ops.sqrt, torch.sqrt, ONE, positive),
    Case("sin", ops.sin, torch.sin, ONE),
    Case("cos", ops.cos, torch.cos, ONE),
    # Where these two saturate, 1 - y has no digits left in float32: many entries, or small ones.
    Case("tanh", ops.tanh, torch.tanh, some.plain(some.one(3, smallest=3))),
    Case("tanh of few", ops.tanh, torch.tanh, ONE, at_most(2)),
    Case("sigmoid", ops.sigmoid, torch.sigmoid, some.plain(some.one(3, smallest=3))),
    Case("sigmoid of few", ops.sigmoid, torch.sigmoid, ONE, at_most(4)),
    Case("relu", ops.relu, torch.relu, ONE),
    Case("gate", lambda x: ops.gate(x, abs(x.data) > 1), lambda x: x * (abs(x.detach()) > 1), ONE),
    Case("clone", ops.clone, torch.clone, ONE),
    Case("matmul", ops.matmul, torch.matmul, some.products()),
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
    Case("reshape", ops.reshape, torch.reshape, some.reshaped()),
    Case("permute", ops.permute, torch.permute, some.reordered()),
    Case("transpose", lambda x, dim: ops.transpose(x, dim, 0), lambda x, dim: torch.transpose(x, dim, 0), some.along()),
    Case("flatten", lambda x, dim: ops.flatten(x, dim), lambda x, dim: torch.flatten(x, dim), some.along()),
    Case("flatten all", ops.flatten, torch.flatten, ONE),
    Case("squeeze", ops.squeeze, torch.squeeze, some.plain(some.one(side=2))),
    Case("squeeze along", ops.squeeze, torch.squeeze, some.along()),
    Case("unsqueeze", ops.unsqueeze, torch.unsqueeze, some.along()),
    Case("broadcast_to", lambda big, x: ops.broadcast_to(x, big.shape) * 2, lambda big, x: x.expand(big.shape) * 2, INTO),
    Case("sum_to", lambda big, x: ops.sum_to(big, x.shape), lambda big, x: big.sum_to_size(x.shape), INTO),
    Case("cat", lambda *t, dim: ops.cat(t, dim), lambda *t, dim: torch.cat(t, dim), some.joined()),
    Case("concat", lambda *t, dim: ops.concat(t, dim), lambda *t, dim: torch.concat(t, dim), some.joined()),
    Case("stack", lambda *t, dim: ops.stack(t, dim), lambda *t, dim: torch.stack(t, dim), some.stacked()),
    Case("pad", ops.pad, torch.nn.functional.pad, some.padded()),
    Case("pad by place", by_place, by_place, some.padded()),
    Case("clip", lambda x, b: ops.clip(x, *b), lambda x, b: torch.clip(x, *b), some.plain(some.one(), b=BOUNDS)),
    Case("add_", *in_place("add_"), INTO),
    Case("sub_", *in_place("sub_"), INTO),
    Case("mul_", *in_place("mul_"), INTO),
    Case("div_", *in_place("div_"), INTO),
    Case("copy_", *in_place("copy_"), INTO),
    Case("fill_", lambda x: ops.fill_(x * 2, 3.0) * x, lambda x: (x * 2).fill_(3.0) * x, ONE),
    Case("detach", lambda x: x * ops.detach(x), lambda x: x * x.detach(), ONE),
]

# Tested below: they need more than shapes, or have no gradient.
ELSEWHERE = {"astype", "to", "getitem", "scatter", "setitem_"}
EXACT = {
    **{name: (getattr(ops, name), getattr(torch, name)) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    "sign": (lambda a, b: ops.sign(a), lambda a, b: torch.sign(a)),
    "logical_and": (lambda a, b: ops.logical_and(a > 0, b > 0), lambda a, b: (a > 0) & (b > 0)),
    "logical_or": (lambda a, b: ops.logical_or(a > 0, b > 0), lambda a, b: (a > 0) | (b > 0)),
    "logical_not": (lambda a, b: ops.logical_not(a > 0), lambda a, b: ~(a > 0)),
    "isnan": (lambda a, b: ops.isnan(ops.where(b > 0, np.nan, a)), lambda a, b: torch.isnan(torch.where(b > 0, np.nan, a))),
    "isfinite": (
        lambda a, b: ops.isfinite(ops.where(b > 0, -np.inf, a)),
        lambda a, b: torch.isfinite(torch.where(b > 0, -np.inf, a)),
    ),
    "argmax": (lambda a, b: ops.argmax(a, -1, True), lambda a, b: torch.argmax(a, -1, True)),
    "argmin": (lambda a, b: ops.argmin(a, 0), lambda a, b: torch.argmin(a, 0)),
    "any": (lambda a, b: ops.any(a > 1, 0), lambda a, b: torch.any(a > 1, 0)),
    "all": (lambda a, b: ops.all(a > -2, -1, True), lambda a, b: torch.all(a > -2, -1, True)),
}


def test_every_operation_is_tested() -> None:
    whole = ("ninx.ops.creation", "ninx.ops.tensors")  # making tensors, and what is done with one as a whole
    modules = {name: getattr(f, "__module__", "") for name, f in vars(ops).items()}
    public = {name for name, module in modules.items() if module.startswith("ninx.ops.") and module not in whole}
    tested = {case.name.split()[0] for case in CASES} | ELSEWHERE | set(EXACT)
    assert (public | {"clone"}) - {"changed", "sequence"} == tested


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_value_and_gradients(case: Case) -> None:
    @some.examples(E, case.inputs, some.layouts, some.seeds)
    def _(inputs: Any, layouts: Any, seed: int) -> None:
        case.check(inputs, layouts, seed)


@pytest.mark.parametrize("name", EXACT)
def test_operations_without_gradient(name: str) -> None:
    ours, twin = EXACT[name]

    @some.examples(E, some.same(2, least=1), some.layouts, some.seeds)
    def _(shapes: Any, layouts: Any, seed: int) -> None:
        rng = np.random.default_rng(seed)
        for domain in (few_digits, distinct):
            arrays = [domain(rng, s) for s in shapes]
            if name.startswith("arg") and domain is few_digits:
                continue  # which of equals PyTorch names is not promised; see the test of ties below
            views = [lay(a, how)[0] for a, how in zip(arrays, layouts, strict=False)]
            close(name, ours(*map(ninx.from_numpy, views)), twin(*map(torch.tensor, arrays)), np.float64)
            assert not ours(*(ninx.from_numpy(v).requires_grad_() for v in views)).requires_grad


# -------------------------------------------------------------------- ties and corners


@pytest.mark.parametrize("name", ["amax", "amin"])
def test_equal_extremes_share_the_gradient_evenly(name: str) -> None:
    @some.examples(E, some.reduction(), some.seeds)
    def _(inputs: Any, seed: int) -> None:
        ((shape,), options), rng = inputs, np.random.default_rng(seed)
        ours, twin = getattr(ops, name), over(getattr(torch, name))
        agree(lambda x: ours(x, **options), lambda x: twin(x, **options), [few_digits(rng, shape)], rng)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_two_equal_operands_share_the_gradient(name: str) -> None:
    rng = np.random.default_rng(0)
    agree(getattr(ops, name), getattr(torch, name), [few_digits(rng, (5, 7)), few_digits(rng, (5, 7))], rng)


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_first_of_equals_is_named_and_gets_the_gradient(name: str) -> None:
    x = ninx.tensor([[1.0, 2.0, 2.0, 1.0], [3.0, 3.0, 3.0, 3.0]], requires_grad=True)
    values, indices = getattr(ops, name)(x, 1)
    values.sum().backward()
    assert indices.tolist() == ([1, 0] if name == "max" else [0, 0])
    assert getattr(ops, "arg" + name)(x, 1).tolist() == indices.tolist()
    assert x.grad.tolist() == [[0, 1, 0, 0] if name == "max" else [1, 0, 0, 0], [1, 0, 0, 0]]


def test_derivatives_at_the_corners_are_pytorchs() -> None:
    rng, x = np.random.default_rng(0), np.array([0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 3.0])
    for ours, twin in [
        (ops.abs, torch.abs),
        (ops.relu, torch.relu),
        (lambda x: ops.clip(x, -1, 2), lambda x: torch.clip(x, -1, 2)),
        (lambda x: x**2, lambda x: x**2),
        (lambda x: x**1, lambda x: x**1),
        (lambda x: x**0, lambda x: x**0),
        (lambda x: x**3.0, lambda x: x**3.0),
        (ops.sigmoid, torch.sigmoid),
        (ops.tanh, torch.tanh),
    ]:
        agree(ours, twin, [x], rng)
    base, power = np.array([0.0, 0.0, 0.0, 2.0, 3.0, 1.0, 5.0, 4.0]), np.array([0.0, 1.0, 2.0, 0.0, 1.0, 0.0, 2.0, 0.5])
    agree(ops.pow, torch.pow, [base, power], rng)  # 0 ** b: the logarithm of 0 must not reach the gradient


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_closed_gate_lets_nothing_through(dtype: Any) -> None:
    """Not even 0 * inf, which is NaN: relu is as in PyTorch, and what dropout drops is 0."""
    x, g = np.array([-1.0, 0.0, 2.0, -3.0, 1.0], dtype), np.array([np.inf, np.nan, np.inf, -np.inf, np.nan], dtype)
    ours, theirs = ninx.from_numpy(x).requires_grad_(), torch.tensor(x, requires_grad=True)
    ops.relu(ours).backward(ninx.from_numpy(g))
    torch.relu(theirs).backward(torch.tensor(g))
    np.testing.assert_array_equal(ours.grad.data, theirs.grad.numpy())  # NaN equals NaN here

    huge = ninx.full((64,), np.inf, dtype, requires_grad=True)
    y = F.dropout(huge, 0.5)
    y.backward(huge.detach())
    assert set(y.tolist()) == set(huge.grad.tolist()) == {0, np.inf}
    assert y.dtype == huge.grad.dtype == dtype


def test_clip_with_bounds_that_are_arrays() -> None:
    """They broadcast with x, and a float64 bound makes float64 of x, as in PyTorch."""
    rng = np.random.default_rng(0)
    low, high = few_digits(rng, (4, 3)), np.array([2.5, 3.0, 50.0])  # the same numbers in both dtypes

    def clipped(x: Any) -> Any:
        if isinstance(x, ninx.Tensor):
            return ops.clip(x, ninx.from_numpy(low.astype(x.dtype)), ninx.from_numpy(high.astype(x.dtype)))
        return torch.clip(x, torch.tensor(low), torch.tensor(high))

    agree(clipped, clipped, [signed(rng, (4, 3))], rng)
    agree(clipped, clipped, [signed(rng, (3,))], rng)
    x = ninx.tensor([1.0, 2.0, 3.0], requires_grad=True)
    ops.clip(x, ninx.from_numpy(np.full(3, 1.5))).sum().backward()
    assert (x.grad.tolist(), x.grad.dtype) == ([0, 1, 1], np.float32)


def test_sigmoid_and_logsumexp_do_not_overflow() -> None:
    x = np.array([-120.0, -100.0, 0.0, 100.0, 120.0, -5.0, 5.0, 1.0])  # e^120 is beyond float32
    agree(ops.sigmoid, torch.sigmoid, [x], np.random.default_rng(0))
    agree(lambda x: ops.logsumexp(x, 0), lambda x: torch.logsumexp(x, 0), [x], np.random.default_rng(0))
    far = ninx.tensor([-1000.0, 1000.0, 1000.0], dtype=np.float64)  # e^1000 is beyond float64
    assert ops.sigmoid(far).tolist() == [0, 1, 1]
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
        np.testing.assert_allclose(ours.data, theirs.numpy(), rtol=1e-14)  # NaN equals NaN here


@pytest.mark.parametrize("name", ["sum", "add", "mul", "matmul", "cat", "reshape", "exp", "where"])
def test_empty_arrays(name: str) -> None:
    rng, a, b = np.random.default_rng(0), np.zeros((0, 3)), np.zeros((3, 0))
    ours, twin, arrays = {
        "sum": (lambda x: ops.sum(x, 0), lambda x: torch.sum(x, 0), [a]),
        "add": (ops.add, torch.add, [a, a[:, :1]]),
        "mul": (ops.mul, torch.mul, [a, np.ones(3)]),
        "matmul": (ops.matmul, torch.matmul, [b, a]),
        "cat": (lambda *t: ops.cat(t, 1), lambda *t: torch.cat(t, 1), [a, a]),
        "reshape": (lambda x: ops.reshape(x, (0,)), lambda x: torch.reshape(x, (0,)), [a]),
        "exp": (ops.exp, torch.exp, [a]),
        "where": (lambda x, y: ops.where(x > 0, x, y), lambda x, y: torch.where(x > 0, x, y), [a, a]),
    }[name]
    agree(ours, twin, arrays, rng)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "amax", "amin", "any", "all", "squeeze"])
@pytest.mark.parametrize("dim", [(), []], ids=["tuple", "list"])
def test_no_dim_at_all_is_every_dim_or_none_as_in_pytorch(name: str, dim: Any) -> None:
    """The sum over () is that of all entries; any and all reduce nothing then, and squeeze takes nothing away."""
    x = np.array([[1.0, 2.0, 4.0]])
    ours, theirs = getattr(ops, name)(ninx.from_numpy(x), dim), getattr(torch.tensor(x), name)(tuple(dim))
    np.testing.assert_allclose(ours.data, theirs.numpy(), rtol=1e-14, strict=True)
    if name != "squeeze":
        assert getattr(ops, name)(ninx.from_numpy(x), dim, keepdim=True).ndim == 2


def test_logsumexp_over_no_dim_is_that_of_all() -> None:
    x = ninx.tensor([[1.0, 2.0, 4.0]])  # PyTorch fails here without keepdim
    assert ops.logsumexp(x, ()).item() == ops.logsumexp(x).item()


# -------------------------------------------------------------------- dtypes


@pytest.mark.parametrize("old", [np.float32, np.float64])
@pytest.mark.parametrize("new", [np.float32, np.float64])
@pytest.mark.parametrize("cast", [ops.astype, ops.to])
def test_casting(old: Any, new: Any, cast: Any) -> None:
    rng = np.random.default_rng(0)
    array, g = signed(rng, (3, 4)).astype(old), signed(rng, (3, 4)).astype(new)
    x, reference = ninx.from_numpy(array).requires_grad_(), torch.tensor(array, requires_grad=True)
    (y := cast(x, np.dtype(new))).backward(ninx.from_numpy(g))
    (expected := reference.to(torch.tensor(g).dtype)).backward(torch.tensor(g))
    assert (y.dtype, x.grad.dtype) == (new, old)
    np.testing.assert_array_equal(y.detach().numpy(), expected.detach().numpy())  # a cast rounds, and there is one way to round
    np.testing.assert_array_equal(x.grad.numpy(), reference.grad.numpy())


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "matmul", "maximum"])
@pytest.mark.parametrize("other", [np.float32, np.int64, np.int8, np.bool_])
def test_mixed_dtypes_are_promoted_as_in_pytorch(name: str, other: Any) -> None:
    rng = np.random.default_rng(0)
    kind = np.float32 if other != np.float32 else np.float64
    a, b = signed(rng, (4, 4)).astype(kind), rng.integers(1, 3, (4, 4)).astype(other)
    x, reference = ninx.from_numpy(a).requires_grad_(), torch.tensor(a, requires_grad=True)
    if other == np.float32:
        twin = getattr(torch, name)(reference, torch.tensor(b).double())
    else:  # PyTorch's matmul takes no mixture: there the cast is written out
        twin = getattr(torch, name)(reference, torch.tensor(b).float())
    y = getattr(ops, name)(x, ninx.from_numpy(b))
    g = signed(rng, (4, 4)).astype(kind)
    y.backward(ninx.from_numpy(g))
    twin.backward(torch.tensor(g))
    close("value", y, twin, kind)
    close("gradient", x.grad, reference.grad, kind)


def test_numbers_take_the_dtype_of_the_tensor() -> None:
    x = ninx.tensor([1.5], dtype=np.float32)
    assert {(x + 1e-3).dtype, (1 - x).dtype, (x * np.float64(2)).dtype, (x / 3).dtype, (x**2.5).dtype, (2**x).dtype} == {x.dtype}
    whole = ninx.tensor([3])
    assert ((whole + 1).dtype, (whole * 2.5).dtype, (whole / 2).dtype) == (np.int64, np.float32, np.float32)


# -------------------------------------------------------------------- indices

INDICES = {  # legal in PyTorch too
    "number": (1,),
    "from the end": (-1, ..., -2),
    "slice": (slice(1, None), slice(None, -1)),
    "steps": (slice(None, None, 2), slice(1, 4, 3)),
    "new axes": (None, ..., None),
    "nothing": (slice(2, 2),),
    "array": (np.array([2, 0, 2, 2]),),
    "array of another shape": (np.array([[0, -1], [1, 1]]),),
    "arrays": (np.array([0, 2, 0]), np.array([1, 3, 1])),
    "arrays that broadcast": (np.array([[0], [2]]), np.array([1, 3, 3])),
    "arrays apart": (np.array([1, 1]), slice(None), np.array([0, 4])),
    "array later": (slice(None), np.array([3, 0, 3])),
    "slice and array": (slice(0, 2), ..., np.array([4, 4])),
    "mask": (np.arange(60).reshape(3, 4, 5) % 3 == 0,),
    "mask of rows": (np.array([True, False, True]),),
}


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("how", LAYOUTS)
def test_getitem(name: str, how: str) -> None:
    rng, index = np.random.default_rng(0), INDICES[name]
    theirs = tuple(torch.tensor(i) if isinstance(i, np.ndarray) else i for i in index)
    agree(lambda x: ops.getitem(x, index), lambda x: x[theirs], [signed(rng, (3, 4, 5))], rng, [how] * 2)


any_index = hnp.array_shapes(min_dims=1, max_dims=4, max_side=5).flatmap(
    lambda shape: st.tuples(
        st.just(shape),
        st.one_of(
            hnp.basic_indices(shape, allow_newaxis=True),
            hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=4)),
            hnp.arrays(np.bool_, shape),
        ),
    )
)


def test_getitem_and_scatter_at_any_index_of_numpy() -> None:
    """Also steps backwards, which PyTorch has not: NumPy says which entries are meant, PyTorch takes them by number."""

    @some.examples(60, any_index, some.layouts, some.seeds)
    def _(drawn: Any, layouts: Any, seed: int) -> None:
        (shape, index), rng = drawn, np.random.default_rng(seed)
        places = torch.tensor(np.array(np.arange(int(np.prod(shape))).reshape(shape)[index]))
        x = signed(rng, shape)
        agree(lambda x: ops.getitem(x, index), lambda x: x.reshape(-1)[places], [x], rng, layouts)

        def twin(part: torch.Tensor) -> torch.Tensor:
            zeros = torch.zeros(int(np.prod(shape)), dtype=part.dtype)
            return zeros.index_add(0, places.reshape(-1), part.reshape(-1)).reshape(shape)

        agree(lambda part: ops.scatter(part, index, shape), twin, [signed(rng, tuple(places.shape))], rng, layouts)


PLACES = {
    "row": (1,),
    "part": (slice(1, None), 0),
    "columns": (..., np.array([0, 2])),
    "mask": (np.arange(20).reshape(4, 5) % 3 == 0,),
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("broadcast", [False, True])
def test_setitem(name: str, broadcast: bool) -> None:
    rng, index = np.random.default_rng(0), PLACES[name]
    theirs = tuple(torch.tensor(i) if isinstance(i, np.ndarray) else i for i in index)
    value = signed(rng, () if broadcast else np.zeros((4, 5))[index].shape)

    def put(x: Any, v: Any) -> Any:
        y = x * 2
        y[index if isinstance(x, ninx.Tensor) else theirs] = v
        return y * y

    agree(put, put, [signed(rng, (4, 5)), value], rng)


def test_an_index_may_hold_tensors_and_is_copied() -> None:
    x, rows = ninx.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True), np.array([2, 2])
    y = x[ninx.from_numpy(rows)]
    assert y.tolist() == [[5, 6], [5, 6]]
    rows[...] = 0  # the gradient still goes to where the values came from
    y.sum().backward()
    assert x.grad.tolist() == [[0, 0], [0, 0], [2, 2]]


# -------------------------------------------------------------------- errors: the operation, the values, what to change


def zeros(*size: int) -> ninx.Tensor:
    return ninx.zeros(*size)


X = zeros(2, 3)
ERRORS: list[tuple[Any, type[Exception], str]] = [
    (lambda: ops.add(X, zeros(4)), ValueError, r"add: shapes \(2, 3\) and \(4,\) cannot be broadcast"),
    (lambda: ops.gt(X, zeros(2)), ValueError, r"gt: shapes \(2, 3\) and \(2,\) cannot be broadcast"),
    (lambda: ops.where(X, X, X), TypeError, "where: the condition must be boolean, not float32"),
    (lambda: ops.clip(X), ValueError, "clip: give min, max or both"),
    (lambda: ops.broadcast_to(X, (2, 4)), ValueError, r"broadcast_to: shape \(2, 3\) cannot be broadcast to \(2, 4\)"),
    (lambda: ops.matmul(X, X), ValueError, r"matmul: shapes \(2, 3\) and \(2, 3\) do not fit"),
    (lambda: ops.matmul(zeros(3), zeros(4)), ValueError, r"matmul: shapes \(3,\) and \(4,\) do not fit"),
    (lambda: ops.matmul(zeros(4), X), ValueError, r"matmul: shapes \(4,\) and \(2, 3\) do not fit"),
    (lambda: ops.matmul(X, zeros(4)), ValueError, r"matmul: shapes \(2, 3\) and \(4,\) do not fit"),
    (lambda: ops.matmul(zeros(2, 3, 4), zeros(3, 4, 5)), ValueError, r"matmul: shapes \(2, 3, 4\) and \(3, 4, 5\) do not fit"),
    (lambda: ops.matmul(X, ninx.tensor(1.0)), ValueError, "matmul: a number has no matrix product"),
    (lambda: ops.sum(X, 2), IndexError, r"sum: dim 2 is out of range for a tensor of shape \(2, 3\)"),
    (lambda: ops.mean(X, (0, -2)), ValueError, r"mean: a dim is named twice in \(0, -2\)"),
    (lambda: ops.max(X, -3), IndexError, "max: dim -3 is out of range"),
    (lambda: ops.amax(zeros(0, 3), 0), ValueError, r"amax: no entries along dim 0 of a tensor of shape \(0, 3\)"),
    (lambda: ops.reshape(X, (4, 2)), ValueError, r"reshape: 6 entries of shape \(2, 3\) do not fit shape \(4, 2\)"),
    (lambda: ops.permute(X, (0, 0)), ValueError, r"permute: .*\(0, 0\)"),
    (lambda: ops.permute(X, (2, 3)), IndexError, "permute: dim 2 is out of range"),
    (lambda: ops.transpose(X, 0, 2), IndexError, "transpose: dim 2 is out of range"),
    (lambda: ops.squeeze(X, 2), IndexError, "squeeze: dim 2 is out of range"),
    (lambda: ops.flatten(X, 2), IndexError, "flatten: dim 2 is out of range"),
    (lambda: ops.flatten(X, 1, 0), ValueError, "flatten: start_dim 1 comes after end_dim 0"),
    (lambda: ops.unsqueeze(X, 3), IndexError, "unsqueeze: dim 3 is out of range"),
    (lambda: X[2], IndexError, r"getitem: index 2 is out of bounds .*the tensor has shape \(2, 3\)"),
    (lambda: X[0, 0, 0], IndexError, "getitem: too many indices"),
    (lambda: ops.pad(X, (1, 1), "reflect"), ValueError, "pad: mode must be 'constant', .* got 'reflect'"),
    (lambda: ops.pad(X, (1, 1), 2.0), ValueError, "pad: mode must be 'constant', .* got 2.0"),
    (lambda: ops.max(X, (0, 1)), TypeError, r"max: dim must be one whole number, got \(0, 1\); amax"),
    (lambda: ops.min(X, ()), TypeError, r"min: dim must be one whole number, got \(\); amin"),
    (lambda: ops.argmax(X, (0, 1)), TypeError, r"argmax: dim must be one whole number, got \(0, 1\)"),
    (lambda: ops.pad(X, (1,)), ValueError, "pad: needs at most 2 pairs of sizes"),
    (lambda: ops.pad(X, (-1, 0)), ValueError, r"of at least 0 for shape \(2, 3\), got \(-1, 0\)"),
    (lambda: ops.pad(X, (1,) * 6), ValueError, "at most 2 pairs"),
    (lambda: ops.cat([]), ValueError, "cat: there are no tensors"),
    (lambda: ops.cat([X, X], 2), IndexError, "cat: dim 2 is out of range"),
    (lambda: ops.cat([X, zeros(2, 4)]), ValueError, r"cat: shapes \(2, 3\) and \(2, 4\) differ along more than dim 0"),
    (lambda: ops.cat([X, zeros(3)]), ValueError, r"cat: shapes \(2, 3\) and \(3,\) differ"),
    (lambda: ops.stack([X, zeros(3, 2)]), ValueError, r"stack: the shapes must be equal, got \[\(2, 3\), \(3, 2\)\]"),
    (lambda: ops.add_(zeros(3), X), ValueError, r"add_: a result of shape \(2, 3\) does not fit in place into shape \(3,\)"),
    (lambda: ops.setitem_(zeros(2, 3), 0, zeros(2)), ValueError, r"setitem: .* \(2,\) does not fit .* \(3,\)"),
    (lambda: ops.mul_(ninx.ones(2, requires_grad=True), 2), RuntimeError, "mul_: a leaf that requires grad"),
]


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS, ids=[words[:40] for _, _, words in ERRORS])
def test_errors_name_the_operation_and_the_values(call: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        call()
