"""The matrix product and the linear layer against PyTorch."""

from __future__ import annotations

from typing import Any

import strategies as some
import tables
import torch
import torch.nn.functional as T
from hypothesis import strategies as st
from oracle import Case

import ninx
import ninx.functional as F
from ninx import ops


@st.composite
def rows_and_weight(draw: st.DrawFn) -> Any:
    """x (..., I), w (O, I) and perhaps b (O); or w (I), which is one output without an axis of its own."""
    i, o = draw(st.integers(1, 6)), draw(st.integers(0, 6))
    if not o:
        return ((*draw(some.shape(0, 3)), i), (i,)), {}
    return ((*draw(some.shape(0, 3)), i), (o, i), *([(o,)] if draw(st.booleans()) else [])), {}


CASES = [
    Case("matmul", ops.matmul, torch.matmul, some.products()),
    Case("linear", F.linear, T.linear, rows_and_weight()),
]

test_value_and_gradients = tables.agree_with_pytorch(CASES)


zeros = ninx.zeros
X = zeros(2, 3)
ERRORS: tables.Errors = [
    (lambda: ops.matmul(X, X), ValueError, r"matmul: shapes \(2, 3\) and \(2, 3\) do not fit"),
    (lambda: ops.matmul(zeros(3), zeros(4)), ValueError, r"matmul: shapes \(3,\) and \(4,\) do not fit"),
    (lambda: ops.matmul(zeros(4), X), ValueError, r"matmul: shapes \(4,\) and \(2, 3\) do not fit"),
    (lambda: ops.matmul(X, zeros(4)), ValueError, r"matmul: shapes \(2, 3\) and \(4,\) do not fit"),
    (lambda: ops.matmul(zeros(2, 3, 4), zeros(3, 4, 5)), ValueError, r"matmul: shapes \(2, 3, 4\) and \(3, 4, 5\) do not fit"),
    (lambda: ops.matmul(X, ninx.tensor(1.0)), ValueError, "matmul: a number has no matrix product"),
    (lambda: F.linear(zeros(2, 3), zeros(2)), ValueError, r"linear: input \(2, 3\) must end with in_features of weight \(2,\)"),
    (lambda: F.linear(zeros(2, 3), zeros(2, 4, 3)), ValueError, r"linear: weight must have shape .* got \(2, 4, 3\)"),
    (lambda: F.linear(zeros(2, 3), ninx.tensor(1.0)), ValueError, r"linear: weight must have shape .* got \(\)"),
    (lambda: F.linear(zeros(2, 3), zeros(4, 2)), ValueError, r"linear: input \(2, 3\) must end with in_features of .* \(4, 2\)"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)
