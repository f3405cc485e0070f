"""`Tensor`: an array, and where its gradient flows to. Its methods stand in methods/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..array import Array, plain_array
from .methods import Operators

if TYPE_CHECKING:
    from .graph import Leaf, Node


class Version:
    """Counts the in-place changes of one piece of memory; a tensor and its views share it."""

    __slots__ = ("count", "tracked")

    def __init__(self) -> None:
        self.count = 0
        self.tracked = 0  # how many of the changes were recorded: these change the history of all that lies there


class Unwritable(Version):
    """Of a copy where a view was asked for: a change of it would be expected to change another tensor, and does not."""

    __slots__ = ()


class Tensor(Operators):
    """An array, and how it was made if its gradient is wanted. `ninx.tensor` makes one.

    >>> ninx.tensor([1.0, 2.0], requires_grad=True) * 2
    tensor([2., 4.], grad_fn=<mul>)
    """

    __slots__ = ("__weakref__", "array", "grad", "is_view", "leaf", "node", "requires_grad", "seen_version", "version")

    def __init__(self, data: Any, requires_grad: bool = False):
        self.array: Array = data if type(data) is np.ndarray else plain_array(data)
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self.node: Node | None = None  # the operation that made it
        self.leaf: Leaf | None = None  # else, once it was used: where the way back ends
        self.version, self.seen_version, self.is_view = Version(), 0, False

    @property
    def data(self) -> Tensor:
        """A tensor on the same memory without history, as in PyTorch; `backward` does not notice what is written into it.

        >>> w = ninx.ones(2, requires_grad=True)
        >>> w.data[:] = 3  # without .data a leaf that requires grad refuses it
        """
        return Tensor(self.array)

    @data.setter
    def data(self, other: Tensor) -> None:
        if not isinstance(other, Tensor):
            raise TypeError(f".data takes a Tensor, not {type(other).__name__}; ninx.from_numpy(array) makes one of an array")
        self.array = other.array
