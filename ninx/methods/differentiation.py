"""A tensor's part in differentiation: backward, hooks, copies with and without history."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .base import Base
from .deferred import ops

if TYPE_CHECKING:
    from ..engine import Tensor


class Differentiation(Base):
    """A tensor's part in differentiation: backward, hooks, copies with and without history."""

    __slots__ = ()

    def backward(self, gradient: Any = None, retain_graph: Any = None, create_graph: Any = False) -> None:
        ops.backward(self, gradient, retain_graph, create_graph)

    def requires_grad_(self, requires_grad: Any = True) -> Tensor:
        return ops.requires_grad_(self, requires_grad)

    def detach(self) -> Tensor:
        return ops.detach(self)

    def retain_grad(self) -> None:
        ops.retain_grad(self)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Any:
        return ops.register_hook(self, hook)

    def clone(self) -> Tensor:
        return ops.clone(self)
