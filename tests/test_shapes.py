"""Shapes against PyTorch: reshape, permute, broadcast, join, pad."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import strategies as some
import tables
import torch
from oracle import Case, agree, library

import ninx
from ninx import ops


def by_place(x: Any, pad: Any, value: float) -> Any:
    return library(x).pad(x, pad, "constant", value)


ONE, INTO = some.plain(some.one()), some.plain(some.into())
CASES = [
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
]

test_value_and_gradients = tables.agree_with_pytorch(CASES)


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


zeros = ninx.zeros
X = zeros(2, 3)
ERRORS: tables.Errors = [
    (lambda: ops.broadcast_to(X, (2, 4)), ValueError, r"broadcast_to: shape \(2, 3\) cannot be broadcast to \(2, 4\)"),
    (lambda: ops.reshape(X, (4, 2)), ValueError, r"reshape: 6 entries of shape \(2, 3\) do not fit shape \(4, 2\)"),
    (lambda: ops.permute(X, (0, 0)), ValueError, r"permute: .*\(0, 0\)"),
    (lambda: ops.permute(X, (2, 3)), IndexError, "permute: dim 2 is out of range"),
    (lambda: ops.transpose(X, 0, 2), IndexError, "transpose: dim 2 is out of range"),
    (lambda: ops.squeeze(X, 2), IndexError, "squeeze: dim 2 is out of range"),
    (lambda: ops.flatten(X, 2), IndexError, "flatten: dim 2 is out of range"),
    (lambda: ops.flatten(X, 1, 0), ValueError, "flatten: start_dim 1 comes after end_dim 0"),
    (lambda: ops.unsqueeze(X, 3), IndexError, "unsqueeze: dim 3 is out of range"),
    (lambda: ops.pad(X, (1, 1), "reflect"), ValueError, "pad: mode must be 'constant', .* got 'reflect'"),
    (lambda: ops.pad(X, (1, 1), 2.0), ValueError, "pad: mode must be 'constant', .* got 2.0"),
    (lambda: ops.pad(X, (1,)), ValueError, "pad: needs at most 2 pairs of sizes"),
    (lambda: ops.pad(X, (-1, 0)), ValueError, r"of at least 0 for shape \(2, 3\), got \(-1, 0\)"),
    (lambda: ops.pad(X, (1,) * 6), ValueError, "at most 2 pairs"),
    (lambda: ops.cat([]), ValueError, "cat: there are no tensors"),
    (lambda: ops.cat([X, X], 2), IndexError, "cat: dim 2 is out of range"),
    (lambda: ops.cat([X, zeros(2, 4)]), ValueError, r"cat: shapes \(2, 3\) and \(2, 4\) differ along more than dim 0"),
    (lambda: ops.cat([X, zeros(3)]), ValueError, r"cat: shapes \(2, 3\) and \(3,\) differ"),
    (lambda: ops.stack([X, zeros(3, 2)]), ValueError, r"stack: the shapes must be equal, got \[\(2, 3\), \(3, 2\)\]"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)
