"""Which array library holds the numbers, and on which device. How images lie in memory is a matter of the kernels' `layout`."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ninx.kernels.layout import as_it_lies, as_it_was, empty, empty_like, layout_copies, lies_channels_last, nchw, nhwc
from ninx.kernels.types import Array, xp_of

from .devices import CPU, device
from .gpu import gpu_status

__all__ = [
    "Array",
    "as_it_lies",
    "as_it_was",
    "count_not_finite",
    "cuda_device",
    "device_of",
    "empty",
    "empty_like",
    "item",
    "layout_copies",
    "lies_channels_last",
    "nchw",
    "nhwc",
    "on_device",
    "plain_array",
    "sound",
    "synchronize",
    "to_numpy",
    "use_device",
    "xp_of",
]


def plain_array(data: Any) -> Array:
    """What a tensor holds, of ``data`` that is no NumPy array: CuPy's arrays as they are, numbers and lists as float32.

    Raises TypeError for what a reader of PyTorch may mean otherwise: a Tensor, and a whole number (there: so many entries).
    """
    if isinstance(data, np.generic):
        return np.asarray(data)
    if isinstance(data, (float, list, tuple, range)):
        return np.asarray(data, np.float32)
    if hasattr(data, "requires_grad"):
        raise TypeError("an array belongs here, not a Tensor: write x.array (ninx.record), or ninx.tensor(x) for a copy")
    if isinstance(data, int):
        raise TypeError(f"Tensor({data}): write ninx.tensor({data}) for the number, ninx.empty({data}) for so many entries")
    if isinstance(data, (str, bytes, dict, set)):
        raise TypeError(f"Tensor(...) takes an array or a list of numbers, not {data!r}")
    return sound("Tensor", data) if isinstance(data, np.ndarray) else data  # the engine's None stands for a value not kept


_KINDS = {"O": "objects", "U": "text", "S": "bytes", "c": "complex numbers", "M": "dates", "m": "time spans", "V": "records"}


def sound(operation: str, array: Any) -> Array:
    """``array`` as a tensor can hold it: a plain array in this machine's byte order (else a copy that is).

    Raises TypeError for what is no floats (of 16, 32 or 64 bits), whole numbers or booleans, and for masked arrays.
    """
    kind = array.dtype.kind
    if kind not in "fiub" or array.dtype.itemsize > 8:
        what = _KINDS.get(kind, str(array.dtype))
        raise TypeError(f"{operation}: a tensor holds floats, whole numbers or booleans, not {what}; cast with .astype() first")
    if (type(array) is np.ndarray and array.dtype.isnative) or xp_of(array) is not np:
        return array
    if hasattr(array, "filled"):
        raise TypeError(f"{operation}: a masked array has no value where it is masked; say one with array.filled(value)")
    array = np.asarray(array)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def count_not_finite(array: Array) -> int:
    """How many values are NaN or infinite; of whole numbers and booleans none is."""
    return array.size - int(xp_of(array).isfinite(array).sum()) if array.dtype.kind == "f" else 0


def device_of(thing: Any) -> device:
    """ "cpu", or "cuda:0" for what lies on the first GPU. ``thing.device`` of NumPy is "cpu", of CuPy an object with a number."""
    return CPU if thing.device == "cpu" else _gpu(thing.device.id)


@cache
def _gpu(number: int) -> device:
    return device("cuda", number)


def on_device(array: Array, place: str) -> Array:
    """``array`` on "cpu", "cuda" or "cuda:1", lying as it lay; the array itself if it is there already.

    CuPy copies to and from the host in C order, so what is copied is the view whose order is that of the memory.

    Raises RuntimeError, with the reason, if there is no such GPU to use, or if it is not this thread's current one: what is
    computed from the array would land on the other.
    """
    if place == "cpu":
        return to_numpy(array)
    gpu = current_gpu(place)
    if xp_of(array) is not np and array.device == gpu:
        return array
    import cupy

    axes = _memory_order(array)
    rows = array.transpose(axes)
    if xp_of(array) is not np:  # it comes from another GPU, which must be done with it
        with array.device:
            rows = cupy.ascontiguousarray(rows)
        array.device.synchronize()
    return cupy.asarray(rows).transpose(np.argsort(axes).tolist())


def current_gpu(place: str) -> Any:
    """`cuda_device`, if it is the current one of this thread. Raises RuntimeError, with what to write, if another is."""
    gpu = cuda_device(place)
    import cupy

    if (here := cupy.cuda.Device().id) != gpu.id:
        raise RuntimeError(
            f"device '{place}' cannot be used: the current GPU of this thread is cuda:{here}; "
            f"write cupy.cuda.Device({gpu.id}).use() first"
        )
    return gpu


def cuda_device(place: str) -> Any:
    """CuPy's object for "cuda", the current GPU, or "cuda:1". Raises RuntimeError, with the reason, if there is none to use."""
    named = device(place)
    if named.type != "cuda":
        raise ValueError("cuda_device: the CPU is no GPU")
    if reason := gpu_status():
        raise RuntimeError(f"device '{place}' cannot be used: {reason}")
    import cupy

    if named.index is None:
        return cupy.cuda.Device()
    if named.index >= (count := cupy.cuda.runtime.getDeviceCount()):
        raise RuntimeError(f"device '{place}' cannot be used: the last of {count} GPU(s) is cuda:{count - 1}")
    return cupy.cuda.Device(named.index)


def use_device(place: str) -> None:
    """Make a GPU, if it is one, the current one of this thread: kernels run there, and their arrays must lie there."""
    if place != "cpu":
        cuda_device(place).use()


def synchronize(place: str) -> None:
    """Wait until the device has done all that it was told. (The CPU is never behind.)"""
    if place != "cpu":
        cuda_device(place).synchronize()


def to_numpy(array: Array) -> Array:
    """``array`` on the host, as a NumPy array that lies as it lay."""
    if xp_of(array) is np:
        return array
    axes = _memory_order(array)
    return array.transpose(axes).get().transpose(np.argsort(axes))


def item(array: Array) -> Any:
    """The one entry as a number of Python's. A GPU is waited for.

    A NaN from there may be the loss of labels that are no classes: then IndexError, which the GPU itself cannot raise.
    """
    value = array.item()
    if value != value and xp_of(array) is not np:
        from ninx.kernels import cuda

        cuda.check_labels()
    return value


def _memory_order(array: Array) -> list[int]:
    """The axes from the longest step in memory to the shortest."""
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
