"""What a tensor answers that is asked for a method of PyTorch's which it has not."""

from __future__ import annotations

from ...hints import leave_out, without_absent
from .base import Base


@leave_out("Tensor")
class Missing(Base):
    """The errors for names of PyTorch's that no other part of a tensor knows; it comes last among them."""

    __slots__ = ()

    def __dir__(self) -> list[str]:
        """Without the names that only raise."""
        return without_absent(self, super().__dir__())
