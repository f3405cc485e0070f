"""What the methods of a tensor may expect of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...array import Array
    from ..graph import Node
    from ..tensor import Tensor

Dims = int | Sequence[int] | None


class Base:
    """The engine's Tensor has these; the classes with its methods are parts of it and of nothing else."""

    __slots__ = ()

    if TYPE_CHECKING:
        array: Array
        grad: Tensor | None
        node: Node | None
        requires_grad: bool
