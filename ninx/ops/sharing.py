"""Memory shared with other libraries: DLPack, which NumPy, CuPy, PyTorch, JAX and others know, and CUDA's array interface.

Nothing is copied where a layout allows it; then what one library writes the other reads. The versions by which `backward` notices
a change in place count the changes of this engine alone: while a value is needed for a gradient, nobody else must write to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import Array, on_device, sound, to_numpy, xp_of
from ..devices import device as device_named
from ..engine import Tensor
from ..gpu import gpu_status

# Kinds of devices in DLPack: memory of the host (plain, or page-locked for a GPU), and of a GPU (its own, or "managed").
_HOST, _GPU = (1, 3), (2, 13)


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor on the memory of an array of another library that knows DLPack, such as NumPy, CuPy, PyTorch or JAX.

    Shape, dtype and strides are those of the array, so an image that lies channels-last is used as it lies. With ``copy=True``
    the tensor gets memory of its own. ``device`` moves it, which takes a copy. What is read-only there, as all arrays of JAX
    are, cannot be changed in place here. The tensor keeps the memory alive, has no history and wants no gradient.

    Raises TypeError for what knows no DLPack and for a dtype that a tensor cannot hold, ValueError if ``copy=False`` and
    another device contradict each other, BufferError for an array on another kind of device.

    >>> array = np.zeros(2, np.float32)
    >>> x = ninx.from_dlpack(array)
    >>> array[0] = 1
    >>> x
    tensor([1., 0.])
    """
    if not hasattr(ext_tensor, "__dlpack__") or not hasattr(ext_tensor, "__dlpack_device__"):
        raise TypeError(
            f"from_dlpack: takes an array of a library that knows DLPack, not a {type(ext_tensor).__name__}; "
            "ninx.tensor makes a copy of a list or a number"
        )
    array = _shared(ext_tensor)
    placed = array if device is None else on_device(array, device_named(device))
    if placed is not array and copy is False:
        raise ValueError(f"from_dlpack: no array gets to {device} without a copy, so copy=False cannot be; leave it out")
    return Tensor(array.copy(order="K") if copy and placed is array else placed)


def _shared(ext_tensor: Any) -> Array:
    """An array of NumPy or CuPy on the same memory."""
    kind = int(ext_tensor.__dlpack_device__()[0])
    xp: Any = np
    if kind in _GPU:
        if reason := gpu_status():
            raise RuntimeError(f"from_dlpack: the array lies on a GPU, and none can be used: {reason}")
        import cupy

        xp = cupy
    elif kind not in _HOST:
        raise BufferError(
            f"from_dlpack: the array lies on a device of kind {kind} in DLPack's count, which is neither the CPU nor an NVIDIA "
            "GPU; move it to the CPU in its own library first"
        )
    try:
        return sound("from_dlpack", xp.from_dlpack(ext_tensor))
    except RuntimeError as error:  # NumPy's, for what it has no dtype for: it does not say which
        dtype = getattr(ext_tensor, "dtype", "its dtype")
        raise TypeError(
            f"from_dlpack: an array of {dtype} cannot be a tensor ({error}); cast it in its own library first, to float32 say"
        ) from None


def dlpack_capsule(x: Tensor, stream: Any, max_version: Any, dl_device: Any, copy: bool | None) -> Any:
    """What another library's ``from_dlpack(x)`` gets: a capsule that describes x's memory and keeps it alive.

    Raises BufferError while a gradient is wanted, and where ``copy=False`` cannot be.
    """
    if x.requires_grad:
        raise BufferError("__dlpack__: this tensor requires grad, of which no other library knows; call detach() first")
    array = x.array
    if dl_device is not None and tuple(dl_device) != array.__dlpack_device__():
        if copy is False or dl_device[0] not in _HOST:
            raise BufferError(f"__dlpack__: this tensor lies on {x.device}; move it first, with x.to(device)")
        array = to_numpy(array)
    if any(step < 0 for step in array.strides):  # which DLPack allows, and at which PyTorch ends the whole process
        if copy is False:
            raise BufferError("__dlpack__: this tensor has negative strides, which must be copied; copy=False cannot be")
        array = array.copy(order="K")
    if copy and array is x.array:
        array = array.copy(order="K")
    options = {} if stream is None else {"stream": stream}
    if max_version is not None:
        try:
            return array.__dlpack__(**options, max_version=max_version)
        except TypeError:  # NumPy 2.0, and CuPy before 14, know DLPack 0 alone, which everybody must take
            pass
    return array.__dlpack__(**options)


def cuda_array_interface(x: Tensor) -> dict[str, Any]:
    """CuPy's description of memory on a GPU, which Numba and other libraries read.

    Raises AttributeError for a tensor on the CPU, so that ``hasattr`` says False, RuntimeError while a gradient is wanted.
    """
    if xp_of(x.array) is np:
        raise AttributeError("__cuda_array_interface__: this tensor lies on the CPU; x.to('cuda') copies it to a GPU")
    if x.requires_grad:
        raise RuntimeError("__cuda_array_interface__: this tensor requires grad; call detach() first")
    found: dict[str, Any] = x.array.__cuda_array_interface__
    return found
