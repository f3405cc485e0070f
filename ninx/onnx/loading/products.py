"""Matrix products: as fully connected layers where the matrix is in the file."""

from __future__ import annotations

from ... import nn
from ...engine import Tensor
from ...ops import matmul, transpose
from .given import Given
from .operation import Operation


def make_gemm(given: Given) -> nn.Module:
    """alpha * A' B' + beta * C; nn.Linear where that is x @ W.T + b."""
    given.check_inputs(2, 3)
    alpha, beta = given.real("alpha", 1.0), given.real("beta", 1.0)
    turned = given.flag("transA"), given.flag("transB")
    matrix, bias = given.matrix(1, axes=2), given.stored(2)
    if matrix is not None and given.known(2) and alpha == beta == 1 and not turned[0]:
        outputs = matrix.shape[0 if turned[1] else 1]
        if bias is None or bias.shape == (outputs,):
            return _linear(given, turned=not turned[1])
    return Operation(given, gemm, alpha=alpha, beta=beta, turned=turned)


def make_matmul(given: Given) -> nn.Module:
    """nn.Linear where a matrix of the file is on the right that is no constant."""
    given.check_inputs(2)
    matrix = given.matrix(1, axes=2)
    if matrix is not None and matrix.learnt and given.rank not in (0, 1):
        return _linear(given, turned=True)
    return Operation(given, product)


def _linear(given: Given, turned: bool) -> nn.Module:
    """A layer whose weight (out, in) is the matrix of the file, or its transpose."""
    weight = given.parameter(1, turned)
    with nn.shapes_only():
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=not given.is_absent(2))
    layer.weight = weight
    if not given.is_absent(2):
        layer.bias = given.parameter(2)
    return layer


def gemm(a: Tensor, b: Tensor, c: Tensor | None = None, *, alpha: float, beta: float, turned: tuple[bool, bool]) -> Tensor:
    """alpha * A' B' + beta * C, with either matrix transposed if that is wanted."""
    if a.ndim != 2 or b.ndim != 2:
        raise ValueError(f"Gemm: takes two matrices, not shapes {a.shape} and {b.shape}")
    y = matmul(transpose(a, 0, 1) if turned[0] else a, transpose(b, 0, 1) if turned[1] else b)
    y = y if alpha == 1 else y * alpha
    return y if c is None else y + (c if beta == 1 else c * beta)


def product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b."""
    return matmul(a, b)
