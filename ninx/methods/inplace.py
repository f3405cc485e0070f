"""Changes in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Base
from .deferred import ops

if TYPE_CHECKING:
    from ..engine import Tensor


class InPlace(Base):
    """Changes in place."""

    __slots__ = ()

    def __setitem__(self, index: Any, value: Any) -> None:
        ops.setitem_(self, index, value)

    def __iadd__(self, other: Any) -> Tensor:
        return ops.add_(self, other)

    def __isub__(self, other: Any) -> Tensor:
        return ops.sub_(self, other)

    def __imul__(self, other: Any) -> Tensor:
        return ops.mul_(self, other)

    def __itruediv__(self, other: Any) -> Tensor:
        return ops.div_(self, other)

    def add_(self, other: Any) -> Tensor:
        return ops.add_(self, other)

    def sub_(self, other: Any) -> Tensor:
        return ops.sub_(self, other)

    def mul_(self, other: Any) -> Tensor:
        return ops.mul_(self, other)

    def div_(self, other: Any) -> Tensor:
        return ops.div_(self, other)

    def copy_(self, other: Any) -> Tensor:
        return ops.copy_(self, other)

    def fill_(self, value: Any) -> Tensor:
        return ops.fill_(self, value)

    def zero_(self) -> Tensor:
        """Every entry becomes 0, in place; returns the tensor.

        >>> ninx.ones(2).zero_()
        tensor([0., 0.])
        """
        return ops.fill_(self, 0)
