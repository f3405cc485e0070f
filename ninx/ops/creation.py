"""New tensors from data: numbers, lists, arrays. Floats are float32 unless told otherwise.

`filled` makes tensors of a shape, `sampling` draws random ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import Array, on_device, sound, to_numpy, xp_of
from ..engine import Tensor
from .operands import dtype_of, to


def tensor(data: Any, requires_grad: bool = False, dtype: Any = None, device: Any = None) -> Tensor:
    """A new tensor that holds a copy of ``data``: a number, nested lists, an array or a tensor.

    Python floats become float32, Python whole numbers int64; an array keeps its dtype, and so do NumPy's numbers in a list. Only
    floats can require grad.

    Raises ValueError for rows of different lengths, TypeError for what is no number.

    >>> ninx.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    tensor([[1., 2.],
            [3., 4.]], requires_grad=True)
    """
    wanted = None if dtype is None else dtype_of("tensor", dtype)
    if isinstance(data, Tensor):
        device, data = data.device if device is None else device, to_numpy(data.array)
    elif xp_of(data) is not np:
        device, data = Tensor(data).device if device is None else device, to_numpy(data)
    return leaf(copied("tensor", data, wanted), requires_grad, device)


def copied(operation: str, data: Any, dtype: np.dtype[Any] | None) -> Array:
    """A fresh array of the host with the values of ``data``."""
    if data is None or isinstance(data, (str, bytes, dict, set)):
        raise TypeError(f"{operation}: a tensor holds floats, whole numbers or booleans, not {data!r}")
    if hasattr(data, "dtype") and hasattr(data, "shape"):
        data = np.asanyarray(data) if not isinstance(data, (np.ndarray, np.generic)) else data
        array = sound(operation, data if dtype is None or data.dtype.kind != "O" else np.asarray(data, dtype))
        return np.array(array, dtype, order="K")
    try:
        array = np.array(data)
    except RuntimeError:  # there are tensors in it that require grad; here their values are asked for
        array = np.array(_values(data))
    except ValueError:
        raise ValueError(f"{operation}: the rows of the data have different lengths") from None
    if array.dtype.kind == "O":
        odd = next(v for v in array.ravel().tolist() if not isinstance(v, (bool, int, float)) or abs(v) >= 2**63)
        if isinstance(odd, int):
            raise ValueError(f"{operation}: the number {odd} does not fit into 64 bits")
        raise TypeError(f"{operation}: a tensor holds floats, whole numbers or booleans, not {odd!r}")
    if array.dtype == np.uint64:
        raise ValueError(f"{operation}: the number {array.max()} does not fit into int64")
    array = sound(operation, array)
    if dtype is None:
        return array.astype(np.float32) if array.dtype == np.float64 and not _has_numpys(data) else array
    cast = array.astype(dtype)
    if dtype.kind in "iu" and array.dtype.kind in "iu" and not np.array_equal(cast, array):
        raise ValueError(
            f"{operation}: a number in the data does not fit into {dtype}; make it int64 first, then .to({dtype}) cuts it"
        )
    return cast


def _has_numpys(data: Any) -> bool:
    """Does the first number of nested lists come from NumPy? Then its float64 is meant, as in PyTorch."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (np.generic, np.ndarray))


def _values(data: Any) -> Any:
    if isinstance(data, (list, tuple)):
        return [_values(d) for d in data]
    return to_numpy(data.array) if isinstance(data, Tensor) else data


def leaf(array: Any, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor of ``array``, which is not copied (unless it is of another byte order); checks that only floats require grad.

    >>> ninx.ops.creation.leaf(np.ones(2, np.float32), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    """
    plain = xp_of(array) is not np or isinstance(array, (np.ndarray, np.generic))
    array = sound("tensor", array) if plain else copied("tensor", array, None)
    if requires_grad:
        if requires_grad is not True:
            raise TypeError(f"requires_grad: say True or False, not {requires_grad!r}")
        if array.dtype.kind != "f":
            raise RuntimeError(f"only floating-point tensors can require grad, not {array.dtype}")
    return Tensor(array if device is None else on_device(array, device), bool(requires_grad))


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` as a tensor: a tensor as it is, an array without a copy (where dtype and device allow), all else by `tensor`.

    >>> array = np.zeros(2, np.float32)
    >>> x = ninx.as_tensor(array)
    >>> array[0] = 1
    >>> x
    tensor([1., 0.])
    """
    if not isinstance(data, Tensor):
        if not (hasattr(data, "dtype") and hasattr(data, "shape")) or isinstance(data, np.generic):
            return tensor(data, dtype=dtype, device=device)
        data = leaf(data if xp_of(data) is not np else sound("as_tensor", np.asanyarray(data)))
    return to(data, dtype=dtype, device=device)


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """A tensor that shares memory with ``array``.

    Raises TypeError for what is no array, and where memory cannot be shared, as with another byte order.

    >>> array = np.zeros(2, np.float32)
    >>> x = ninx.from_numpy(array)
    >>> array[0] = 1
    >>> x
    tensor([1., 0.])
    """
    if not (hasattr(array, "dtype") and hasattr(array, "strides")):
        raise TypeError(
            f"from_numpy: takes an array, not a {type(array).__name__}; ninx.tensor makes a copy of a list or a number"
        )
    if not array.dtype.isnative and array.dtype.kind in "fiu":
        raise TypeError(
            "from_numpy: an array of the other byte order (big-endian) cannot share its memory with a tensor; "
            "ninx.tensor(array) makes a copy"
        )
    return leaf(array)


# -------------------------------------------------------------------- what kind of thing is it?


def is_tensor(obj: Any) -> bool:
    """Is it a Tensor?

    >>> ninx.is_tensor(ninx.ones(1)), ninx.is_tensor(np.ones(1))
    (True, False)
    """
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Does the tensor hold floats?

    >>> ninx.is_floating_point(ninx.ones(1))
    True
    """
    return input.is_floating_point()


def get_default_dtype() -> np.dtype[Any]:
    """The dtype of new floats: float32.

    >>> ninx.get_default_dtype()
    dtype('float32')
    """
    return np.dtype(np.float32)


def set_default_dtype(d: Any) -> None:
    """Accepts float32, which is the default of this engine for good; raises ValueError for any other.

    >>> ninx.set_default_dtype(ninx.float32)
    """
    if dtype_of("set_default_dtype", d) != np.float32:
        raise ValueError(f"set_default_dtype: new tensors are float32; say dtype=... where one is made, or net.double(), not {d}")
