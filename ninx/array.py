"""Which array library holds the numbers, on which device, and how images lie in memory.

Images have PyTorch's shape (N, C, H, W) but lie channels-last: the memory order is N, H, W, C, so that the channels of a
pixel are neighbours and a pixel is a row. `nhwc` shows an image the way it lies; `empty` makes new 4-d arrays that way.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ninx.kernels import memory
from ninx.kernels.types import Array, xp_of

from .devices import CPU, device
from .gpu import gpu_status

__all__ = [
    "Array",
    "as_it_lies",
    "as_it_was",
    "cuda_device",
    "device_of",
    "empty",
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

_copies = 0


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


def nhwc(x: Array) -> Array:
    """(N, C, H, W) -> (N, H, W, C), C-contiguous: a view of channels-last memory, otherwise a copy (which is counted)."""
    global _copies
    rows = x.transpose(0, 2, 3, 1)
    if not rows.flags.c_contiguous:
        _copies += 1
        rows = xp_of(x).ascontiguousarray(rows)
    return rows


def nchw(rows: Array) -> Array:
    """(N, H, W, C) -> (N, C, H, W), always a view."""
    return rows.transpose(0, 3, 1, 2)


def lies_channels_last(a: Array) -> bool:
    """Is ``a`` an image (N, C, H, W) whose memory order is N, H, W, C, without gaps?"""
    return a.ndim == 4 and bool(a.transpose(0, 2, 3, 1).flags.c_contiguous)


def as_it_lies(a: Array) -> Array:
    """For what treats every entry alike: an image as (N, H, W, C), all else as it is. A view; `as_it_was` turns it back."""
    return a.transpose(0, 2, 3, 1) if a.ndim == 4 else a


def as_it_was(a: Array) -> Array:
    """The inverse of `as_it_lies`."""
    return nchw(a) if a.ndim == 4 else a


def layout_copies() -> int:
    """How often so far an image had to be copied to lie channels-last. A training step should not add to it.

    >>> before = ninx.layout_copies()
    >>> images = ninx.tensor(np.zeros((1, 3, 4, 4), np.float32))  # lies channels-first, as NumPy made it
    >>> y = F.conv2d(images, ninx.zeros(2, 3, 1, 1))
    >>> ninx.layout_copies() - before
    1
    """
    return _copies


def empty(shape: tuple[int, ...], dtype: Any, xp: Any) -> Array:
    """An array with undefined values; a 4-d one lies channels-last."""
    make = memory.empty if xp is np else xp.empty
    if len(shape) != 4:
        return make(shape, dtype)
    n, c, h, w = shape
    return nchw(make((n, h, w, c), dtype))


def empty_like(a: Array) -> Array:
    """An array with undefined values, shape, dtype and layout as ``a``."""
    if lies_channels_last(a):
        return empty(a.shape, a.dtype, xp_of(a))
    return xp_of(a).empty_like(a)
