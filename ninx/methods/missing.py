"""What a tensor answers that is asked for a method of PyTorch's which it has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..hints import missing
from .base import Base


class Missing(Base):
    """The error for a name that no other part of a tensor knows."""

    __slots__ = ()

    if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there

        def __getattr__(self, name):
            raise missing("Tensor", name, self)
