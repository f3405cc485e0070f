"""The two kinds of tensors that belong to a module: what it learns, and what it only keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from ..array import Array
from ..engine import Leaf, Tensor
from ..ops.creation import leaf


def _array_of(kind: str, data: Any) -> Array:
    """The array that ``data``, a tensor or an array, holds; it is not copied."""
    if isinstance(data, Tensor):
        return data.array
    if data is None:
        return np.zeros(0, np.float32)
    if not hasattr(data, "dtype"):
        raise TypeError(f"{kind}: takes a tensor or an array, not {type(data).__name__}; write nn.{kind}(ninx.tensor(...))")
    return data


class Parameter(Tensor):
    """A tensor that a module learns: it requires grad, and `Module.parameters` finds it. It shares the memory of ``data``.

    Raises TypeError for what is neither tensor nor array, RuntimeError for whole numbers that are to have a gradient.

    >>> nn.Parameter(np.ones(2, np.float32))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any = None, requires_grad: bool = True):
        super().__init__(leaf(_array_of("Parameter", data), requires_grad).array, requires_grad)

    def __repr__(self) -> str:
        """As PyTorch prints it."""
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that belongs to a module's state but is not learnt, such as batch norm's running mean.

    One that is not ``persistent`` moves with its module, and is not in the `state_dict`.

    >>> norm = nn.BatchNorm1d(2)
    >>> isinstance(norm.running_mean, nn.Buffer), norm.running_mean.requires_grad
    (True, False)
    """

    __slots__ = ("persistent",)

    def __init__(self, data: Any = None, requires_grad: bool = False, *, persistent: bool = True):
        super().__init__(leaf(_array_of("Buffer", data), requires_grad).array, requires_grad)
        self.persistent = persistent

    def __reduce__(self) -> Any:
        """For pickle: a tensor's, and whether it is persistent."""
        return _rebuilt, (*super().__reduce__(), self.persistent)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """For copy.deepcopy: a tensor's, and whether it is persistent."""
        twin: Any = super().__deepcopy__(memo)
        twin.persistent = self.persistent
        return twin  # type: ignore[no-any-return]  # a deep copy is of the same class


def _rebuilt(make: Callable[..., Buffer], parts: tuple[Any, ...], persistent: bool) -> Buffer:
    """The inverse of `Buffer.__reduce__`."""
    buffer = make(*parts)
    buffer.persistent = persistent
    return buffer


def as_buffer(t: Tensor, persistent: bool = True) -> Buffer:
    """The tensor as a buffer: the same memory, and the same history if it has one. A buffer is left as it is."""
    if isinstance(t, Buffer):
        return t
    buffer = Buffer(t, persistent=persistent)
    buffer.requires_grad, buffer.node, buffer.grad = t.requires_grad, t.node, t.grad
    if t.leaf is not None:  # where the gradient arrives, it must find the buffer
        buffer.leaf = Leaf(buffer)
        buffer.leaf.hooks = t.leaf.hooks
    buffer.version, buffer.seen_version, buffer.is_view = t.version, t.seen_version, t.is_view
    return buffer
