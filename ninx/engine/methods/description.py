"""What a tensor is: its shape, dtype and device, and how it stands in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...array import device_of
from ...notebook import tensor_html
from .conversion import Conversion
from .deferred import ops

if TYPE_CHECKING:
    from ...devices import device as Device
    from ..graph import Node


class Description(Conversion):
    """What a tensor is: its shape, dtype and device, and how it stands in Python."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes, a tuple.

        >>> ninx.zeros(2, 3).shape
        (2, 3)
        """
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the entries: ``ninx.float32``, ``float64``, ``int64``, ``bool_`` or another of NumPy's.

        >>> ninx.tensor([1, 2]).dtype, ninx.tensor([1.0, 2.0]).dtype
        (dtype('int64'), dtype('float32'))
        """
        return self.array.dtype  # type: ignore[no-any-return]  # an array of either library: Any

    @property
    def ndim(self) -> int:
        """The number of axes.

        >>> ninx.zeros(2, 3).ndim, ninx.tensor(1.0).ndim
        (2, 0)
        """
        return len(self.array.shape)

    @property
    def device(self) -> Device:
        """Where the array lies, a `ninx.device`: the text "cpu", or "cuda:0" for the first GPU.

        >>> ninx.zeros(2).device, str(ninx.zeros(2).device), ninx.zeros(2).device == "cpu"
        (device(type='cpu'), 'cpu', True)
        """
        return device_of(self.array)

    @property
    def is_leaf(self) -> bool:
        """Was it made by the user, and not by a recorded operation? `backward` fills ``.grad`` of leaves that require grad.

        >>> w = ninx.tensor(2.0, requires_grad=True)
        >>> w.is_leaf, (w * 3).is_leaf
        (True, False)
        """
        return self.node is None

    @property
    def grad_fn(self) -> Node | None:
        """The recorded operation that made the tensor; None for a leaf.

        >>> y = ninx.tensor(2.0, requires_grad=True).exp()
        >>> y.grad_fn.name
        'exp'
        """
        return self.node

    def size(self, dim: int | None = None) -> tuple[int, ...] | int:
        """The shape, or the size of one axis.

        >>> x = ninx.zeros(2, 3)
        >>> x.size(), x.size(-1)
        ((2, 3), 3)
        """
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """The number of axes, as `ndim`.

        >>> ninx.zeros(2, 3).dim()
        2
        """
        return self.ndim

    def numel(self) -> int:
        """The number of entries.

        >>> ninx.zeros(2, 3).numel()
        6
        """
        return int(self.array.size)

    def nelement(self) -> int:
        """The number of entries, as `numel`.

        >>> ninx.zeros(2, 3).nelement()
        6
        """
        return self.numel()

    def element_size(self) -> int:
        """The bytes of one entry.

        >>> ninx.zeros(2).element_size()
        4
        """
        return int(self.array.dtype.itemsize)

    @property
    def is_cuda(self) -> bool:
        """Does it lie on a GPU?

        >>> ninx.zeros(2).is_cuda
        False
        """
        return bool(self.device != "cpu")

    def is_floating_point(self) -> bool:
        """Does it hold floats? Only such a tensor can require grad.

        >>> ninx.tensor([1.0]).is_floating_point(), ninx.tensor([1]).is_floating_point()
        (True, False)
        """
        return bool(self.array.dtype.kind == "f")

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __repr__(self) -> str:
        return ops.to_string(self)

    def _repr_html_(self) -> str:
        facts = ["x".join(map(str, self.shape)) or "0-d", str(self.dtype), str(self.device)]
        return tensor_html(repr(self), facts + ["requires grad"] * self.requires_grad)

    def __format__(self, spec: str) -> str:
        return format(self.item() if spec and self.ndim == 0 else str(self), spec)

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ValueError(f"the truth value of a tensor of shape {self.shape} is ambiguous; use .any() or .all()")
        return bool(self.array.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.array.dtype.kind not in "iu":
            raise TypeError(f"only a whole-number tensor can be an index, not {self.array.dtype}")
        return int(self.item())

    def __hash__(self) -> int:  # ``==`` compares values, but a tensor is a key by identity
        return id(self)
