"""The matrix product and the linear layer against PyTorch."""

from __future__ import annotations

from functools import partial
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


SIZES = st.tuples(*[st.integers(1, 4)] * 4)
PRODUCTS = {
    "mm": some.plain(SIZES.map(lambda s: (s[:2], s[1:3]))),
    "bmm": some.plain(SIZES.map(lambda s: (s[:3], (s[0], *s[2:])))),
    "mv": some.plain(SIZES.map(lambda s: (s[:2], s[1:2]))),
    "dot": some.plain(SIZES.map(lambda s: (s[:1], s[:1]))),
    "outer": some.plain(SIZES.map(lambda s: (s[:1], s[1:2]))),
}
SUMS = SIZES.map(lambda s: ((s[2],), s[:2], s[1:3]))
EQUATIONS: dict[str, Any] = {
    "ij,jk->ik": ((2, 3), (3, 4)),
    "ij,jk": ((2, 3), (3, 4)),
    "ba": ((2, 3),),  # the result in alphabetical order: a transpose
    "bij,bjk->bik": ((2, 3, 4), (2, 4, 2)),
    "...ij,...jk->...ik": ((2, 1, 3, 4), (5, 4, 2)),
    "i...,i...->...": ((3, 2, 4), (3, 2, 1)),
    "ii": ((3, 3),),
    "ii->i": ((3, 3),),
    "iij->j": ((3, 3, 2),),
    "ij->": ((2, 3),),
    "i,j->ij": ((2,), (3,)),
    "i,i": ((4,), (4,)),
    "nchw,oc->nohw": ((2, 3, 2, 2), (4, 3)),
    "ij,jk,kl->il": ((2, 3), (3, 4), (4, 2)),
    "ij,ij,j->i": ((2, 3), (2, 3), (3,)),
    "ij,kj->ki": ((1, 3), (2, 1)),
    "bi,ij,bj->b": ((2, 3), (3, 4), (2, 4)),
    " ij , jk -> k i ": ((2, 3), (3, 4)),
    "ij,kl->": ((2, 3), (2, 2)),
}
CASES = [
    Case("matmul", ops.matmul, torch.matmul, some.products()),
    *[Case(name, getattr(ops, name), getattr(torch, name), PRODUCTS[name]) for name in PRODUCTS],
    Case("addmm", partial(ops.addmm, beta=0.5, alpha=-2), partial(torch.addmm, beta=0.5, alpha=-2), some.plain(SUMS)),
    *[
        Case(f"einsum {equation}", partial(ops.einsum, equation), partial(torch.einsum, equation), some.plain(st.just(shapes)))
        for equation, shapes in EQUATIONS.items()
    ],
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
    (lambda: ops.mm(X, zeros(3)), ValueError, r"mm: takes two matrices, got shapes \(2, 3\), \(3,\); see matmul"),
    (lambda: ops.mv(X, X), ValueError, r"mv: takes a matrix and a vector, got shapes \(2, 3\), \(2, 3\); see matmul"),
    (lambda: ops.dot(X, X), ValueError, "dot: takes two vectors, got shapes"),
    (lambda: ops.outer(zeros(3), X), ValueError, r"outer: takes two vectors, got shapes \(3,\), \(2, 3\)"),
    (lambda: ops.bmm(X, zeros(2, 3, 2)), ValueError, r"bmm: takes two batches of matrices, got shapes \(2, 3\), \(2, 3, 2\)"),
    (lambda: ops.bmm(zeros(2, 3, 2), X), ValueError, r"bmm: takes two batches of matrices, got shapes \(2, 3, 2\), \(2, 3\)"),
    (lambda: ops.bmm(zeros(2, 2, 3), zeros(1, 3, 2)), ValueError, "bmm: the batches have 2 and 1 matrices"),
    (lambda: ops.einsum("ij,jk", X), ValueError, "einsum: 'ij,jk' names 2 operands, got 1"),
    (lambda: ops.einsum("ijk", X), ValueError, "einsum: 'ijk' in 'ijk' does not name the 2 axes"),
    (lambda: ops.einsum("i1", X), ValueError, "einsum: 'i1' in 'i1' is not made of letters"),
    (lambda: ops.einsum("ij->ik", X), ValueError, "einsum: every letter of the result stands there once, and in an operand too"),
    (lambda: ops.einsum("ij,jk", X, X), ValueError, "einsum: 'j' in 'ij,jk' has sizes 3 and 2; shapes"),
    (lambda: ops.einsum("ii", X), ValueError, "einsum: 'i' in 'ii' has sizes 2 and 3"),
    (lambda: ops.einsum(X, [0, 1], [1]), TypeError, "einsum: begins with the equation"),
    (lambda: F.linear(zeros(2, 3), zeros(2)), ValueError, r"linear: input \(2, 3\) must end with in_features of weight \(2,\)"),
    (lambda: F.linear(zeros(2, 3), zeros(2, 4, 3)), ValueError, r"linear: weight must have shape .* got \(2, 4, 3\)"),
    (lambda: F.linear(zeros(2, 3), ninx.tensor(1.0)), ValueError, r"linear: weight must have shape .* got \(\)"),
    (lambda: F.linear(zeros(2, 3), zeros(4, 2)), ValueError, r"linear: input \(2, 3\) must end with in_features of .* \(4, 2\)"),
    (
        lambda: F.linear(zeros(2, 3), zeros(4, 2)),
        ValueError,
        r"has 3 features, and the layer wants 2; write nn.Linear\(3, ",
    ),
    (
        lambda: F.linear(zeros(2, 3).double(), zeros(4, 3)),
        TypeError,
        r"input is float64, weight float32; write x.to\(",
    ),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)
