"""The matrix product, and its cases with names of their own."""

from __future__ import annotations

from typing import Any

from ..array import xp_of
from ..engine import Tensor, record
from .arithmetic import add, mul
from .operands import operand, promote, sum_to
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


def _with_axes(operation: str, expected: str, *operands: tuple[Any, int]) -> list[Tensor]:
    """The operands as tensors, each with so many axes."""
    tensors = [operand(operation, t) for t, _ in operands]
    if any(t.ndim != n for t, (_, n) in zip(tensors, operands, strict=True)):
        raise ValueError(f"{operation}: takes {expected}, got shapes {', '.join(str(t.shape) for t in tensors)}; see matmul")
    return tensors


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices, (n, k) @ (k, m) -> (n, m); `matmul` takes other shapes too.

    >>> ninx.mm(ninx.tensor([[1, 2], [3, 4]]), ninx.tensor([[1], [1]]))
    tensor([[3],
            [7]])
    """
    return matmul(*_with_axes("mm", "two matrices", (input, 2), (mat2, 2)))


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of matrices in two batches, (b, n, k) @ (b, k, m) -> (b, n, m).

    >>> ninx.bmm(ninx.ones(2, 1, 3), ninx.ones(2, 3, 1)).flatten()
    tensor([3., 3.])
    """
    a, b = _with_axes("bmm", "two batches of matrices", (input, 3), (mat2, 3))
    if a.shape[0] != b.shape[0]:
        raise ValueError(f"bmm: the batches have {a.shape[0]} and {b.shape[0]} matrices")
    return matmul(a, b)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix times a vector, (n, k) @ (k) -> (n).

    >>> ninx.mv(ninx.tensor([[1, 2], [3, 4]]), ninx.tensor([1, 1]))
    tensor([3, 7])
    """
    return matmul(*_with_axes("mv", "a matrix and a vector", (input, 2), (vec, 1)))


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of the products of two vectors, (k) @ (k) -> ().

    >>> ninx.dot(ninx.tensor([1, 2]), ninx.tensor([3, 4]))
    tensor(11)
    """
    return matmul(*_with_axes("dot", "two vectors", (input, 1), (tensor, 1)))


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Every entry of a vector times every entry of another, (n), (m) -> (n, m).

    >>> ninx.outer(ninx.tensor([1, 2]), ninx.tensor([3, 4]))
    tensor([[3, 4],
            [6, 8]])
    """
    a, b = _with_axes("outer", "two vectors", (input, 1), (vec2, 1))
    return mul(reshape(a, (-1, 1)), b)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2); the input is broadcast.

    >>> ninx.addmm(ninx.tensor([10, 20]), ninx.tensor([[1, 2], [3, 4]]), ninx.tensor([[1, 0], [0, 1]]))
    tensor([[11, 22],
            [13, 24]])
    """
    product = mm(mat1, mat2)
    product = product if alpha == 1 else mul(product, alpha)
    return product if beta == 0 else add(input if beta == 1 else mul(input, beta), product)
