"""New tensors: from data, from a number, in a row. Floats are float32 unless told otherwise; `sampling` draws random ones.

Sizes are given as ``zeros(2, 3)``, ``zeros((2, 3))`` or ``zeros(size=(2, 3))``; all take ``dtype``, ``device`` and
``requires_grad``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..array import Array, on_device, sound, to_numpy, xp_of
from ..array import empty as empty_array
from ..engine import Tensor
from .axes import sequence
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
    return leaf(_copied("tensor", data, wanted), requires_grad, device)


def _copied(operation: str, data: Any, dtype: np.dtype[Any] | None) -> Array:
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
    array = sound("tensor", array) if plain else _copied("tensor", array, None)
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


# -------------------------------------------------------------------- of one value


def sizes(operation: str, shape: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """The shape that was given as several numbers, as one sequence, or as ``size=``.

    >>> ninx.ops.creation.sizes("zeros", (), size=[2, 3])
    (2, 3)
    """
    if size is not None and shape:
        raise TypeError(f"{operation}: give the sizes once, not both {shape} and size={size}")
    try:
        found = sequence(shape if size is None else (size,))
    except TypeError:
        raise TypeError(f"{operation}: sizes are whole numbers, got {shape if size is None else size}") from None
    if any(n < 0 for n in found):
        raise ValueError(f"{operation}: sizes are at least 0, got {found}")
    return found


def full(size: Any, fill_value: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor of ``size`` (one number or several) in which every entry is ``fill_value``, of its dtype: int64 for 7.

    >>> ninx.full((2, 2), 7.0)
    tensor([[7., 7.],
            [7., 7.]])
    """
    fill_value = to_numpy(fill_value.array) if isinstance(fill_value, Tensor) else fill_value
    value = _copied("full", fill_value, None if dtype is None else dtype_of("full", dtype))
    out = empty_array(sizes("full", (size,)), value.dtype, np)
    out[...] = value
    return leaf(out, requires_grad, device)


def zeros(*shape: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Zeros: ``zeros(2, 3)``, ``zeros((2, 3))`` or ``zeros(size=(2, 3))``.

    >>> ninx.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    dtype = np.float32 if dtype is None else dtype
    return full(sizes("zeros", shape, size), 0, dtype=dtype, requires_grad=requires_grad, device=device)


def ones(*shape: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Ones: ``ones(2, 3)``, ``ones((2, 3))`` or ``ones(size=(2, 3))``.

    >>> ninx.ones(3, dtype=ninx.int64)
    tensor([1, 1, 1])
    """
    dtype = np.float32 if dtype is None else dtype
    return full(sizes("ones", shape, size), 1, dtype=dtype, requires_grad=requires_grad, device=device)


def empty(*shape: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor whose entries are to be written before they are read: whatever the memory held.

    >>> ninx.empty(2, 3).shape
    (2, 3)
    """
    kind = dtype_of("empty", np.float32 if dtype is None else dtype)
    return leaf(empty_array(sizes("empty", shape, size), kind, np), requires_grad, device)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """``fill_value`` everywhere, with the shape, dtype and device of ``input`` unless told otherwise.

    >>> ninx.full_like(ninx.tensor([1.0, 2.0]), 7)
    tensor([7., 7.])
    """
    dtype, device = input.dtype if dtype is None else dtype, input.device if device is None else device
    return full(input.shape, fill_value, dtype=dtype, requires_grad=requires_grad, device=device)


def zeros_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Zeros with the shape, dtype and device of ``input`` unless told otherwise.

    >>> ninx.zeros_like(ninx.tensor([1, 2]))
    tensor([0, 0])
    """
    return full_like(input, 0, dtype=dtype, requires_grad=requires_grad, device=device)


def ones_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Ones with the shape, dtype and device of ``input`` unless told otherwise.

    >>> ninx.ones_like(ninx.tensor([1.0, 2.0]))
    tensor([1., 1.])
    """
    return full_like(input, 1, dtype=dtype, requires_grad=requires_grad, device=device)


def empty_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Entries that are to be written before they are read, with the shape, dtype and device of ``input`` unless told otherwise.

    >>> ninx.empty_like(ninx.ones(2, 3)).shape
    (2, 3)
    """
    dtype, device = input.dtype if dtype is None else dtype, input.device if device is None else device
    return empty(input.shape, dtype=dtype, requires_grad=requires_grad, device=device)


# -------------------------------------------------------------------- in a row


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """``arange(end)`` or ``arange(start, end, step)``, without the end: int64 if all three are whole numbers, else float32.

    Raises ValueError for a step of 0 and for one that leads away from the end.

    >>> ninx.arange(4), ninx.arange(0, 1, 0.25)
    (tensor([0, 1, 2, 3]), tensor([0.0000, 0.2500, 0.5000, 0.7500]))
    """
    start, end = (0, start) if end is None else (start, end)
    start, end, step = (v.item() if hasattr(v, "item") else v for v in (start, end, step))
    if step == 0 or (end - start) / step < 0:
        raise ValueError(f"arange: from {start} no steps of {step} lead to {end}")
    whole = all(isinstance(v, int) for v in (start, end, step))
    kind = dtype_of("arange", (np.int64 if whole else np.float32) if dtype is None else dtype)
    count = -((start - end) // step) if whole else math.ceil((end - start) / step)
    if kind.kind in "iu" and not int(step):
        raise ValueError(f"arange: a step of {step} is 0 as a whole number")
    if kind.kind in "iu" and not whole:  # cut off first, as in PyTorch; where it counts the steps is its own choice
        count = -((int(start) - int(end)) // int(step)) if kind == np.int64 else count
        start, step = int(start), int(step)
    return leaf((start + step * np.arange(count)).astype(kind), requires_grad, device)


def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """So many numbers at equal distances from ``start`` to ``end``, which is one of them.

    >>> ninx.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    kind = dtype_of("linspace", np.float32 if dtype is None else dtype)
    first, last = (float(start), float(end)) if kind.kind == "f" else (int(start), int(end))
    return leaf(np.linspace(first, last, steps).astype(kind), requires_grad, device)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """The identity matrix (n, n), or (n, m) with ones on the diagonal.

    >>> ninx.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    return leaf(np.eye(n, m, dtype=dtype_of("eye", np.float32 if dtype is None else dtype)), requires_grad, device)


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
