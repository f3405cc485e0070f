"""Sums, means, extremes, orders: many entries become one, or stand in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Base, Dims
from .deferred import ops

if TYPE_CHECKING:
    from ..tensor import Tensor


class Reductions(Base):
    """Sums, means, extremes, orders: many entries become one, or stand in a row."""

    __slots__ = ()

    def sum(self, dim: Dims = None, keepdim: Any = False, **options: Any) -> Tensor:
        return ops.sum(self, dim, keepdim, **options)

    def mean(self, dim: Dims = None, keepdim: Any = False, **options: Any) -> Tensor:
        return ops.mean(self, dim, keepdim, **options)

    def prod(self, dim: int | None = None, keepdim: Any = False, **options: Any) -> Tensor:
        return ops.prod(self, dim, keepdim, **options)

    def cumsum(self, dim: int | None = None, **options: Any) -> Tensor:
        return ops.cumsum(self, dim, **options)

    def var(self, dim: Dims = None, unbiased: Any = None, keepdim: Any = False, **options: Any) -> Tensor:
        return ops.var(self, dim, unbiased, keepdim, **options)

    def std(self, dim: Dims = None, unbiased: Any = None, keepdim: Any = False, **options: Any) -> Tensor:
        return ops.std(self, dim, unbiased, keepdim, **options)

    def norm(self, p: Any = "fro", dim: Dims = None, keepdim: Any = False, dtype: Any = None, **options: Any) -> Tensor:
        return ops.norm(self, p, dim, keepdim, dtype, **options)

    def amax(self, dim: Dims = None, keepdim: Any = False, **options: Any) -> Tensor:
        return ops.amax(self, dim, keepdim, **options)

    def amin(self, dim: Dims = None, keepdim: Any = False, **options: Any) -> Tensor:
        return ops.amin(self, dim, keepdim, **options)

    def max(self, dim: Any = None, keepdim: Any = False, **options: Any) -> Any:
        return ops.max(self, dim, keepdim, **options)

    def min(self, dim: Any = None, keepdim: Any = False, **options: Any) -> Any:
        return ops.min(self, dim, keepdim, **options)

    def argmax(self, dim: int | None = None, keepdim: Any = False, **options: Any) -> Tensor:
        return ops.argmax(self, dim, keepdim, **options)

    def argmin(self, dim: int | None = None, keepdim: Any = False, **options: Any) -> Tensor:
        return ops.argmin(self, dim, keepdim, **options)

    def median(self, dim: int | None = None, keepdim: Any = False, **options: Any) -> Any:
        return ops.median(self, dim, keepdim, **options)

    def sort(self, dim: int = -1, descending: bool = False, stable: bool = True, **options: Any) -> Any:
        return ops.sort(self, dim, descending, stable, **options)

    def argsort(self, dim: int = -1, descending: bool = False, stable: bool = True, **options: Any) -> Tensor:
        return ops.argsort(self, dim, descending, stable, **options)

    def topk(self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, **options: Any) -> Any:
        return ops.topk(self, k, dim, largest, sorted, **options)

    def unique(self, *args: Any, **options: Any) -> Any:
        return ops.unique(self, *args, **options)

    def bincount(self, weights: Any = None, minlength: int = 0) -> Tensor:
        return ops.bincount(self, weights, minlength)

    def any(self, dim: Dims = None, keepdim: Any = False, **options: Any) -> Tensor:
        return ops.any(self, dim, keepdim, **options)

    def all(self, dim: Dims = None, keepdim: Any = False, **options: Any) -> Tensor:
        return ops.all(self, dim, keepdim, **options)

    def count_nonzero(self, dim: Dims = None) -> Tensor:
        return ops.count_nonzero(self, dim)

    def logsumexp(self, dim: Dims, keepdim: Any = False, **options: Any) -> Tensor:
        return ops.logsumexp(self, dim, keepdim, **options)

    def mm(self, mat2: Any) -> Tensor:
        return ops.mm(self, mat2)

    def bmm(self, mat2: Any) -> Tensor:
        return ops.bmm(self, mat2)

    def mv(self, vec: Any) -> Tensor:
        return ops.mv(self, vec)

    def dot(self, tensor: Any) -> Tensor:
        return ops.dot(self, tensor)

    def outer(self, vec2: Any) -> Tensor:
        return ops.outer(self, vec2)

    def addmm(self, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return ops.addmm(self, mat1, mat2, beta=beta, alpha=alpha)
