"""Sums, means, extremes: many entries become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Base, Dims
from .deferred import ops

if TYPE_CHECKING:
    from ..engine import Tensor


class Reductions(Base):
    """Sums, means, extremes: many entries become one."""

    __slots__ = ()

    def sum(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        return ops.sum(self, dim, keepdim)

    def mean(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        return ops.mean(self, dim, keepdim)

    def var(self, dim: Dims = None, *, correction: int = 1, keepdim: Any = False) -> Tensor:
        return ops.var(self, dim, correction=correction, keepdim=keepdim)

    def std(self, dim: Dims = None, *, correction: int = 1, keepdim: Any = False) -> Tensor:
        return ops.std(self, dim, correction=correction, keepdim=keepdim)

    def amax(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        return ops.amax(self, dim, keepdim)

    def amin(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        return ops.amin(self, dim, keepdim)

    def max(self, dim: int | None = None, keepdim: Any = False) -> Any:
        return ops.max(self, dim, keepdim)

    def min(self, dim: int | None = None, keepdim: Any = False) -> Any:
        return ops.min(self, dim, keepdim)

    def argmax(self, dim: int | None = None, keepdim: Any = False) -> Tensor:
        return ops.argmax(self, dim, keepdim)

    def argmin(self, dim: int | None = None, keepdim: Any = False) -> Tensor:
        return ops.argmin(self, dim, keepdim)

    def any(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        return ops.any(self, dim, keepdim)

    def all(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        return ops.all(self, dim, keepdim)

    def logsumexp(self, dim: Dims, keepdim: Any = False) -> Tensor:
        return ops.logsumexp(self, dim, keepdim)
