"""Arithmetic, comparisons and changes in place against PyTorch, entry by entry."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import strategies as some
import tables
import torch
from hypothesis import strategies as st
from oracle import Case, agree, at_most, few_digits, positive, signed

import ninx
from ninx import ops

E = 20  # examples


def in_place(name: str) -> tuple[Any, Any]:
    """x.add_(y) and the like, on a copy: a leaf that wants a gradient cannot be changed."""

    def ours(x: ninx.Tensor, y: ninx.Tensor) -> ninx.Tensor:
        return getattr(ops, name)(ops.clone(x), y)

    def twin(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return getattr(x.clone(), name)(y)

    return ours, twin


ONE, TWO, INTO = some.plain(some.one()), some.plain(some.broadcast()), some.plain(some.into())


TWO_AND_WEIGHT = some.plain(some.broadcast(3))


def whole(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Divisors: no remainder of float32 is near one of float64 where the quotient has many digits, so these are few and large."""
    return rng.integers(1, 5, shape) * rng.choice([-32.0, 32.0], shape)


BOUNDS = st.sampled_from([(-1.0, 1.0), (None, 2.0), (0.5, None), (3.0, -3.0)])  # where min > max, both give max


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
    *[Case(n, getattr(ops, n), getattr(torch, n), ONE) for n in ("square", "reciprocal", "atan")],
    *[Case(n, getattr(ops, n), getattr(torch, n), ONE, positive) for n in ("rsqrt", "log2", "log10", "log1p")],
    *[
        Case(n, getattr(ops, n), getattr(torch, n), ONE, at_most(limit))
        for n, limit in (("exp2", 80), ("expm1", 80), ("tan", 1.5))
    ],
    Case("remainder", ops.remainder, torch.remainder, TWO, (signed, whole)),
    Case("remainder number", lambda x: x % 2.5, lambda x: x % 2.5, ONE, whole),
    Case("add alpha", lambda a, b: ops.add(a, b, alpha=2.5), lambda a, b: torch.add(a, b, alpha=2.5), TWO),
    Case("sub alpha", lambda a, b: ops.sub(a, b, alpha=-2), lambda a, b: torch.sub(a, b, alpha=-2), TWO),
    Case("addcmul", partial(ops.addcmul, value=0.5), partial(torch.addcmul, value=0.5), some.plain(some.broadcast(3))),
    Case("addcdiv", partial(ops.addcdiv, value=0.5), partial(torch.addcdiv, value=0.5), some.plain(some.broadcast(3))),
    Case("lerp", ops.lerp, torch.lerp, TWO_AND_WEIGHT, (signed, signed, at_most(1))),
    Case("lerp number", lambda a, b: ops.lerp(a, b, 0.25), lambda a, b: torch.lerp(a, b, 0.25), TWO),
    Case("masked_fill", lambda x, m: ops.masked_fill(x, m > 1, 2.5), lambda x, m: torch.masked_fill(x, m > 1, 2.5), TWO, (), 1),
    Case("clamp_min", lambda x: ops.clamp_min(x, -1), lambda x: torch.clamp_min(x, -1), ONE),
    Case("clamp_max", lambda x: ops.clamp_max(x, 1), lambda x: torch.clamp_max(x, 1), ONE),
    Case("clone", ops.clone, torch.clone, ONE),
    Case("clip", lambda x, b: ops.clip(x, *b), lambda x, b: torch.clip(x, *b), some.plain(some.one(), b=BOUNDS)),
    Case("add_", *in_place("add_"), INTO),
    Case("sub_", *in_place("sub_"), INTO),
    Case("mul_", *in_place("mul_"), INTO),
    Case("div_", *in_place("div_"), INTO),
    Case("copy_", *in_place("copy_"), INTO),
    Case("fill_", lambda x: ops.fill_(x * 2, 3.0) * x, lambda x: (x * 2).fill_(3.0) * x, ONE),
    Case("detach", lambda x: x * ops.detach(x), lambda x: x * x.detach(), ONE),
]

test_value_and_gradients = tables.agree_with_pytorch(CASES)


def of(name: str, made: Any) -> tuple[Any, Any]:
    """The function ``name`` of both libraries on what ``made`` makes of the two arrays."""
    return lambda a, b: getattr(ops, name)(*made(a, b)), lambda a, b: getattr(torch, name)(*made(a, b))


EXACT = {
    **{name: (getattr(ops, name), getattr(torch, name)) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    "isclose": (ops.isclose, torch.isclose),
    "floor_divide": (lambda a, b: ops.floor_divide(a, b + 200), lambda a, b: torch.floor_divide(a, b + 200)),  # b is over -100
    **{name: of(name, lambda a, b: (a,)) for name in ("round", "floor", "ceil", "trunc", "isinf")},
    **{name: of(name, lambda a, b: (a > 0, b > 0)) for name in ("logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor")},
    **{name: of(name, lambda a, b: (a.long(), b.long())) for name in ("bitwise_left_shift", "bitwise_right_shift")},
    "bitwise_not": of("bitwise_not", lambda a, b: (a > 0,)),
    "equal": (lambda a, b: ninx.tensor([ops.equal(a, b)]), lambda a, b: torch.tensor([torch.equal(a, b)])),
    "allclose": (lambda a, b: ninx.tensor([ops.allclose(a, b)]), lambda a, b: torch.tensor([torch.allclose(a, b)])),
    "sign": (lambda a, b: ops.sign(a), lambda a, b: torch.sign(a)),
    "logical_and": (lambda a, b: ops.logical_and(a > 0, b > 0), lambda a, b: (a > 0) & (b > 0)),
    "logical_or": (lambda a, b: ops.logical_or(a > 0, b > 0), lambda a, b: (a > 0) | (b > 0)),
    "logical_not": (lambda a, b: ops.logical_not(a > 0), lambda a, b: ~(a > 0)),
    "isnan": (lambda a, b: ops.isnan(ops.where(b > 0, np.nan, a)), lambda a, b: torch.isnan(torch.where(b > 0, np.nan, a))),
    "isfinite": (
        lambda a, b: ops.isfinite(ops.where(b > 0, -np.inf, a)),
        lambda a, b: torch.isfinite(torch.where(b > 0, -np.inf, a)),
    ),
}

test_operations_without_gradient = tables.agree_without_gradient(EXACT)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_two_equal_operands_share_the_gradient(name: str) -> None:
    rng = np.random.default_rng(0)
    agree(getattr(ops, name), getattr(torch, name), [few_digits(rng, (5, 7)), few_digits(rng, (5, 7))], rng)


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


zeros = ninx.zeros
X = zeros(2, 3)
ERRORS: tables.Errors = [
    (lambda: ops.add(X, zeros(4)), ValueError, r"add: shapes \(2, 3\) and \(4,\) cannot be broadcast"),
    (lambda: ops.gt(X, zeros(2)), ValueError, r"gt: shapes \(2, 3\) and \(2,\) cannot be broadcast"),
    (lambda: ops.where(X, X, X), TypeError, "where: the condition must be boolean, not float32"),
    (lambda: ops.clip(X), ValueError, "clip: give min, max or both"),
    (lambda: ops.add_(zeros(3), X), ValueError, r"add_: a result of shape \(2, 3\) does not fit in place into shape \(3,\)"),
    (lambda: ops.mul_(ninx.ones(2, requires_grad=True), 2), RuntimeError, "mul_: a leaf that requires grad"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)
