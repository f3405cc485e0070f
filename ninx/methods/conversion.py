"""From a tensor to other things: numbers, arrays, other dtypes and devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..array import Array, item, to_numpy
from .base import Base
from .deferred import ops

if TYPE_CHECKING:
    from ..engine import Tensor


class Conversion(Base):
    """From a tensor to other things: numbers, arrays, other dtypes and devices."""

    __slots__ = ()

    def item(self) -> Any:
        """The one entry as a number of Python's. A GPU is waited for. Raises ValueError if there are more entries, or none.

        >>> ninx.tensor([1.5, 2.5]).sum().item()
        4.0
        """
        if self.array.size != 1:
            raise ValueError(f"item: only a tensor of one entry is a number, not one of shape {tuple(self.array.shape)}")
        return item(self.array)

    def tolist(self) -> Any:
        """The entries as nested lists of Python's numbers.

        >>> ninx.tensor([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
        """
        return self.array.tolist()

    def numpy(self) -> Array:
        """The array itself, on the host. It shares memory, and a change made through it is not seen by the engine.

        Raises RuntimeError if the tensor requires grad, as the array knows nothing of gradients: ``x.detach().numpy()`` says so.

        >>> x = ninx.tensor([1.0, 2.0])
        >>> x.numpy()[0] = 5
        >>> x
        tensor([5., 2.])
        """
        if self.requires_grad:
            raise RuntimeError("numpy: this tensor requires grad; call detach().numpy()")
        return to_numpy(self.array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.numpy()
        return np.array(array, dtype=dtype, copy=copy, order="K")

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self.requires_grad:
            raise RuntimeError("__dlpack__: this tensor requires grad; call detach() first")
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()

    def __reduce__(self) -> Any:
        return ops.rebuild, ops.picklable(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return ops.deepcopy(self, memo)

    def to(self, target: Any) -> Tensor:
        return ops.to(self, target)

    def cpu(self) -> Tensor:
        """The tensor on the host; itself if it is there already. Gradients flow back to where it came from.

        >>> ninx.ones(2).cpu().device
        'cpu'
        """
        return ops.to(self, "cpu")

    def cuda(self) -> Tensor:
        """The tensor on the first GPU; gradients flow back to where it came from.

        Raises RuntimeError, with the reason, where no GPU can be used.

        >>> x = ninx.ones(2) if ninx.gpu_status() else ninx.ones(2).cuda()  # gpu_status() is None where a GPU can be used
        >>> x.sum().item()
        2.0
        """
        return ops.to(self, "cuda")

    def float(self) -> Tensor:
        """With float32 entries; the same as ``x.to(ninx.float32)``.

        >>> ninx.tensor([1, 2]).float()
        tensor([1., 2.])
        """
        return ops.to(self, np.float32)

    def double(self) -> Tensor:
        """With float64 entries; the same as ``x.to(ninx.float64)``.

        >>> ninx.tensor([1, 2]).double()
        tensor([1., 2.], dtype=float64)
        """
        return ops.to(self, np.float64)

    def long(self) -> Tensor:
        """With int64 entries, cut off towards 0; the same as ``x.to(ninx.int64)``. No gradient flows through.

        >>> ninx.tensor([1.7, -1.7]).long()
        tensor([ 1, -1])
        """
        return ops.to(self, np.int64)

    def bool(self) -> Tensor:
        """Which entries are not 0? The same as ``x.to(ninx.bool_)``.

        >>> ninx.tensor([0.0, 0.5]).bool()
        tensor([False,  True])
        """
        return ops.to(self, np.bool_)
