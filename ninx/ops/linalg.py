"""The matrix product."""

from __future__ import annotations

from typing import Any

from ..array import xp_of
from ..engine import Tensor, record
from .operands import promote, sum_to
from .shapes import reshape, transpose


def matmul(a: Any, b: Any) -> Tensor:
    """a @ b: (..., n, k) @ (..., k, m) -> (..., n, m), the leading axes broadcast; a vector (k) counts as one row or one column.

    d/da = g @ b.T, d/db = a.T @ g. Raises ValueError for shapes that do not fit.

    >>> ninx.tensor([[1, 2], [3, 4]]) @ ninx.tensor([1, 1])
    tensor([3, 7])
    """
    a, b = promote("matmul", a, b)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(f"matmul: a number has no matrix product; shapes {a.shape} and {b.shape}")
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise _misfit(a, b)
    if a.ndim == 1 or b.ndim == 1:  # a vector is a matrix of one row (left) or one column (right)
        rows = reshape(a, (1, *a.shape)) if a.ndim == 1 else a
        cols = reshape(b, (*b.shape, 1)) if b.ndim == 1 else b
        y = matmul(rows, cols)
        shape = list(y.shape)
        if b.ndim == 1:
            del shape[-1]
        if a.ndim == 1:
            del shape[-1 if b.ndim == 1 else -2]
        return reshape(y, shape)
    try:
        value = xp_of(a.array).matmul(a.array, b.array)
    except ValueError:
        raise _misfit(a, b) from None
    shape_a, shape_b = a.shape, b.shape
    return record(
        value,
        (a, lambda g: sum_to(matmul(g, transpose(b, -2, -1)), shape_a)),
        (b, lambda g: sum_to(matmul(transpose(a, -2, -1), g), shape_b)),
    )


def _misfit(a: Tensor, b: Tensor) -> ValueError:
    return ValueError(f"matmul: shapes {a.shape} and {b.shape} do not fit: (..., n, k) @ (..., k, m)")
