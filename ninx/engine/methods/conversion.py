"""From a tensor to other things: numbers, arrays, other dtypes and devices."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import numpy as np

from ...array import Array, device_of, item, to_numpy
from .base import Base
from .deferred import ops

if TYPE_CHECKING:
    from ..tensor import Tensor


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

    def __dlpack__(self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None) -> Any:
        return ops.dlpack_capsule(self, stream, max_version, dl_device, copy)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return ops.cuda_array_interface(self)

    def __reduce__(self) -> Any:
        return ops.rebuild, ops.picklable(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return ops.deepcopy(self, memo)

    def to(self, *targets: Any, **options: Any) -> Tensor:
        return ops.to(self, *targets, **options)

    def cpu(self) -> Tensor:
        """The tensor on the host; itself if it is there already. Gradients flow back to where it came from.

        >>> ninx.ones(2).cpu().device
        device(type='cpu')
        """
        return ops.to(self, "cpu")

    def cuda(self, device: Any = None, non_blocking: Any = False) -> Tensor:
        """The tensor on the first GPU, or on the one that is named; gradients flow back to where it came from.

        Raises RuntimeError, with the reason, where no GPU can be used.

        >>> x = ninx.ones(2) if ninx.gpu_status() else ninx.ones(2).cuda()  # gpu_status() is None where a GPU can be used
        >>> x.sum().item()
        2.0
        """
        return ops.to(self, device="cuda" if device is None else device)

    def type(self, dtype: Any = None) -> Any:
        """PyTorch's name for what the entries are and where they lie; with ``dtype`` the tensor with that dtype.

        >>> x = ninx.tensor([1, 2])
        >>> x.type(), x.type(ninx.float32)
        ('ninx.LongTensor', tensor([1., 2.]))
        """
        return ops.type_name(self) if dtype is None else ops.to(self, dtype=ops.type_named(dtype))

    def type_as(self, other: Tensor) -> Tensor:
        """With the dtype of another tensor, and on its device.

        >>> ninx.tensor([1, 2]).type_as(ninx.ones(1))
        tensor([1., 2.])
        """
        return ops.to(self, other)

    def contiguous(self, memory_format: Any = "contiguous_format") -> Tensor:
        return ops.contiguous(self, memory_format)

    def is_contiguous(self, memory_format: Any = "contiguous_format") -> builtins.bool:
        return ops.is_contiguous(self, memory_format)

    def float(self, memory_format: Any = None) -> Tensor:
        """With float32 entries; the same as ``x.to(ninx.float32)``.

        >>> ninx.tensor([1, 2]).float()
        tensor([1., 2.])
        """
        return ops.to(self, np.float32)

    def double(self, memory_format: Any = None) -> Tensor:
        """With float64 entries; the same as ``x.to(ninx.float64)``.

        >>> ninx.tensor([1, 2]).double()
        tensor([1., 2.], dtype=float64)
        """
        return ops.to(self, np.float64)

    def long(self, memory_format: Any = None) -> Tensor:
        """With int64 entries, cut off towards 0; the same as ``x.to(ninx.int64)``. No gradient flows through.

        >>> ninx.tensor([1.7, -1.7]).long()
        tensor([ 1, -1])
        """
        return ops.to(self, np.int64)

    def bool(self, memory_format: Any = None) -> Tensor:
        """Which entries are not 0? The same as ``x.to(ninx.bool_)``.

        >>> ninx.tensor([0.0, 0.5]).bool()
        tensor([False,  True])
        """
        return ops.to(self, np.bool_)

    def half(self, memory_format: Any = None) -> Tensor:
        """With float16 entries; the same as ``x.to(ninx.float16)``.

        >>> ninx.tensor([1, 2]).half()
        tensor([1., 2.], dtype=float16)
        """
        return ops.to(self, np.float16)

    def int(self, memory_format: Any = None) -> Tensor:
        """With int32 entries, cut off towards 0; the same as ``x.to(ninx.int32)``. No gradient flows through.

        >>> ninx.tensor([1.7, -1.7]).int()
        tensor([ 1, -1], dtype=int32)
        """
        return ops.to(self, np.int32)

    def short(self, memory_format: Any = None) -> Tensor:
        """With int16 entries; the same as ``x.to(ninx.int16)``.

        >>> ninx.tensor([1, 2]).short()
        tensor([1, 2], dtype=int16)
        """
        return ops.to(self, np.int16)

    def char(self, memory_format: Any = None) -> Tensor:
        """With int8 entries; the same as ``x.to(ninx.int8)``.

        >>> ninx.tensor([1, 2]).char()
        tensor([1, 2], dtype=int8)
        """
        return ops.to(self, np.int8)

    def byte(self, memory_format: Any = None) -> Tensor:
        """With uint8 entries; the same as ``x.to(ninx.uint8)``.

        >>> ninx.tensor([1, 2]).byte()
        tensor([1, 2], dtype=uint8)
        """
        return ops.to(self, np.uint8)

    def new_tensor(self, data: Any, **options: Any) -> Tensor:
        """`tensor` of the data, with the dtype and device of this tensor unless told otherwise.

        >>> ninx.ones(1).new_tensor([1, 2])
        tensor([1., 2.])
        """
        return ops.tensor(data, **self._like(options))

    def new_zeros(self, *shape: Any, **options: Any) -> Tensor:
        """`zeros` with the dtype and device of this tensor unless told otherwise.

        >>> ninx.tensor([1]).new_zeros(2)
        tensor([0, 0])
        """
        return ops.zeros(*shape, **self._like(options))

    def new_ones(self, *shape: Any, **options: Any) -> Tensor:
        """`ones` with the dtype and device of this tensor unless told otherwise.

        >>> ninx.tensor([1]).new_ones(2)
        tensor([1, 1])
        """
        return ops.ones(*shape, **self._like(options))

    def new_empty(self, *shape: Any, **options: Any) -> Tensor:
        """`empty` with the dtype and device of this tensor unless told otherwise.

        >>> ninx.tensor([1]).new_empty(2).shape
        (2,)
        """
        return ops.empty(*shape, **self._like(options))

    def new_full(self, size: Any, fill_value: Any, **options: Any) -> Tensor:
        """`full` with the dtype and device of this tensor unless told otherwise.

        >>> ninx.tensor([1]).new_full((2,), 7)
        tensor([7, 7])
        """
        return ops.full(size, fill_value, **self._like(options))

    def _like(self, options: dict[str, Any]) -> dict[str, Any]:
        given = {name: value for name, value in options.items() if value is not None}
        return {"dtype": self.array.dtype, "device": device_of(self.array), **given}
