"""Operands before an operation: they become tensors of one dtype (type promotion) on one device, and shapes are broadcast.

The rules are PyTorch's. A Python number takes the dtype of the tensor beside it, unless it is of a higher kind. For x of uint8:
``x + 300`` is uint8 too and wraps around, as all arithmetic of bytes does; ``x + 0.5`` is float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..array import Array, device_of, empty, lies_channels_last, on_device, sound, xp_of
from ..devices import device as device_named
from ..engine import Tensor, record
from ..engine.graph import Vjp

_KIND = {bool: "b", int: "i", float: "f"}  # of Python's numbers
RANK = {"b": 0, "i": 1, "u": 1, "f": 2}  # booleans, whole numbers, floats
_NEW = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float32}  # what a number becomes where it has no example
_WRAPS = {"add", "sub", "mul", "div", "floor_divide", "remainder", "eq", "ne", "lt", "le", "gt", "ge"} | {
    f"bitwise_{name}" for name in ("and", "or", "xor", "left_shift", "right_shift")
}  # where PyTorch cuts a number down to the tensor's bits; elsewhere one that does not fit is refused


def operand(operation: str, x: Any, like: Tensor | None = None) -> Tensor:
    """``x`` as a tensor. A number or a list takes the dtype of ``like`` (unless it would lose its kind) and its device.

    Numbers and arrays without dimensions of NumPy count as Python's numbers. Raises TypeError for what is neither number nor
    array, ValueError for a number that is too large.
    """
    if isinstance(x, Tensor):
        return x
    kind = _KIND.get(type(x))
    if kind is None:
        return _unusual(operation, x, like)
    if like is None:
        return Tensor(np.asarray(x, _NEW[kind]))
    xp, dtype = xp_of(like.array), _meeting(kind, like)
    try:
        return Tensor(xp.asarray(x, dtype))
    except OverflowError:
        return Tensor(xp.asarray(_cut_down(operation, x, np.dtype(dtype))))


def _meeting(kind: str, like: Tensor) -> Any:
    """The dtype of a number of this kind beside a tensor."""
    dtype = like.array.dtype
    return _NEW[kind] if RANK[kind] > RANK[dtype.kind] else dtype


def _cut_down(operation: str, x: int, dtype: np.dtype[Any]) -> Array:
    """A whole number too large for ``dtype``, reduced to its lowest bits in the operations where PyTorch does that."""
    if operation in _WRAPS and -(2**63) <= x < 2**64:
        return np.asarray(x).astype(dtype)
    where = f"{dtype} ({np.iinfo(dtype).min} to {np.iinfo(dtype).max})" if dtype.kind in "iu" else "a tensor"
    raise ValueError(f"{operation}: the number {x} does not fit into {where}; cast the tensor first, with .to(dtype)")


def _unusual(operation: str, x: Any, like: Tensor | None) -> Tensor:
    """`operand` for what is not one of Python's own numbers."""
    if like is not None and getattr(x, "ndim", None) == 0 and isinstance(x, (np.generic, np.ndarray)):
        sound(operation, x)
        return operand(operation, x.item(), like)
    if isinstance(x, (int, float)) and not isinstance(x, np.generic):  # of a class of its own, such as an IntEnum
        return operand(operation, int(x) if isinstance(x, int) else float(x), like)
    if hasattr(x, "dtype") and hasattr(x, "shape"):
        if xp_of(x) is not np:
            return Tensor(x)
        array = sound(operation, np.asanyarray(x))
        return Tensor(np.asarray(array, np.float32 if isinstance(x, float) else None))  # np.float64 is a float of Python's
    if not isinstance(x, (list, tuple)):
        hint = repr(x) if x is None or isinstance(x, (str, bytes)) else f"a {type(x).__name__}"
        raise TypeError(f"{operation}: takes tensors, numbers, arrays and lists of numbers, not {hint}")
    try:
        array = sound(operation, np.asarray(x))
    except ValueError as error:
        raise ValueError(f"{operation}: the rows of a list have different lengths ({error})") from None
    kind = "b" if not array.size else array.dtype.kind
    dtype = (np.float32 if array.dtype == np.float64 else array.dtype) if like is None else _meeting(kind, like)
    cast = array.astype(dtype)
    if operation not in _WRAPS and cast.dtype.kind in "iu" and not np.array_equal(cast, array):
        raise ValueError(f"{operation}: a number in {x} does not fit into {cast.dtype}; cast the tensor first, with .to(dtype)")
    return Tensor(cast if like is None else xp_of(like.array).asarray(cast))


def common_dtype(tensors: Sequence[Tensor]) -> np.dtype[Any]:
    """The common dtype of tensors, by PyTorch's type promotion.

    Floats win over whole numbers and these over booleans, whatever their size; among the winners the larger; and a tensor
    without dimensions only counts where no other wins.
    """
    highest = max(RANK[t.array.dtype.kind] for t in tensors)
    winners = [t for t in tensors if RANK[t.array.dtype.kind] == highest]
    common = np.result_type(*(t.array.dtype for t in [t for t in winners if t.array.ndim] or winners))
    if RANK[common.kind] != highest:  # NumPy makes floats of uint64 and int64
        raise TypeError(f"{' and '.join(sorted({str(t.dtype) for t in winners}))} have no dtype in common; cast one with .to()")
    return common


def promote(operation: str, a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Both operands as tensors on one device and of one dtype: floating wins over whole numbers of any size, as in PyTorch."""
    if not isinstance(a, Tensor):
        a = operand(operation, a, b if isinstance(b, Tensor) else None)
    if not isinstance(b, Tensor):
        b = operand(operation, b, a)
    if a.array.device != b.array.device:
        raise ValueError(
            f"{operation}: one tensor is on {device_of(a.array)}, the other on {device_of(b.array)}; move one with .to()"
        )
    if a.array.dtype != b.array.dtype:
        common = common_dtype([a, b])
        a, b = astype(a, common), astype(b, common)
    return a, b


def pair(operation: str, a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """`promote`, and a check that the shapes broadcast."""
    a, b = promote(operation, a, b)
    try:
        if a.array.shape != b.array.shape and a.array.ndim and b.array.ndim:
            np.broadcast_shapes(a.array.shape, b.array.shape)
    except ValueError:
        raise ValueError(f"{operation}: shapes {a.shape} and {b.shape} cannot be broadcast together") from None
    return a, b


def unbroadcast(t: Tensor, vjp: Vjp) -> Vjp:
    """``vjp``, followed by the adjoint of broadcasting: what was repeated is summed, back to the shape of ``t``."""
    shape = t.array.shape
    return lambda g: sum_to(vjp(g), shape)


def sum_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Sum over the axes along which ``shape`` was broadcast; the adjoint of `broadcast_to`."""
    if x.array.shape == shape:
        return x
    lead = x.array.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(shape) if n == 1 and x.array.shape[i + lead] != 1)
    big = x.array.shape
    value = added(x.array, axes, True).reshape(shape)
    return record(value, (x, lambda g: broadcast_to(g, big)))


def added(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
    """The sum over ``axes``, of float32 taken in float64, of float16 in float32.

    NumPy uses pairwise summation only along the axis that is contiguous in memory. Along others, such as all pixels of a
    channel, it adds one entry after the other, and the rounding errors of a hundred thousand terms would cost two digits.
    """
    if x.dtype == np.float32:
        return x.sum(axis=axes, keepdims=keepdims, dtype=np.float64).astype(np.float32)
    if x.dtype == np.float16:
        with np.errstate(over="ignore"):
            return x.sum(axis=axes, keepdims=keepdims, dtype=np.float32).astype(np.float16)
    return x.sum(axis=axes, keepdims=keepdims)


def broadcast_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Repeat ``x`` along axes of size 1 and new leading axes until it has ``shape`` (-1 keeps a size). A copy, not a view.

    A 4-d result lies channels-last; a view with steps of 0 would make NumPy lose that layout in what follows.

    Adjoint: `sum_to`. Raises ValueError for an axis of another size.

    >>> ninx.broadcast_to(ninx.tensor([1, 2, 3]), (2, 3))
    tensor([[1, 2, 3],
            [1, 2, 3]])
    """
    small = x.array.shape
    lead = len(shape) - len(small)
    shape = tuple(small[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(shape))
    try:
        value = filled(shape, x.array)
    except ValueError:
        raise ValueError(f"broadcast_to: shape {tuple(small)} cannot be broadcast to {shape}") from None
    return record(value, (x, lambda g: sum_to(g, small)))


def filled(shape: tuple[int, ...], value: Array) -> Array:
    """A new array of ``shape`` (4-d: channels-last) that holds ``value``, broadcast."""
    out = empty(shape, value.dtype, xp_of(value))
    out[...] = value
    return out


def dtype_of(operation: str, dtype: Any) -> np.dtype[Any]:
    """``dtype`` (``ninx.int64``, "int64", ``np.int64``, ``float``) as NumPy's object.

    Raises TypeError for what a tensor does not hold.

    >>> from ninx.ops.operands import dtype_of
    >>> dtype_of("zeros", "int64")
    dtype('int64')
    """
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        places = " (devices are 'cpu', 'cuda', 'cuda:1')" if operation == "to" else ""
        raise TypeError(f"{operation}: {dtype!r} is no dtype; write ninx.float32, ninx.int64 or their like{places}") from None
    if found.kind not in "fiub" or found.itemsize > 8:
        raise TypeError(f"{operation}: a tensor holds floats, whole numbers or booleans, not {found}")
    return found.newbyteorder("=")


def astype(x: Tensor, dtype: Any) -> Tensor:
    """``x`` with another dtype; the gradient is cast back (there is none through whole numbers).

    >>> ninx.astype(ninx.tensor([1, 0]), ninx.bool_)
    tensor([ True, False])
    """
    old = x.array.dtype
    if old == dtype:
        return x
    value = x.array.astype(dtype)
    return record(value, (x, lambda g: astype(g, old))) if value.dtype.kind == "f" else record(value)


def to(x: Tensor, *targets: Any, dtype: Any = None, device: Any = None, copy: bool = False, **ignored: Any) -> Tensor:
    """x with another dtype or on another device, or both: ``x.to(ninx.float64)``, ``x.to("cuda", ninx.float16)``, ``x.to(y)``.

    Devices are "cpu", "cuda", "cuda:1" or a `ninx.device`; ``x.to(y)`` takes both from a tensor. What is so already is not
    copied, unless ``copy``. ``non_blocking`` and ``memory_format`` change no value, and are accepted. Gradients are cast, or
    moved, back. Raises RuntimeError, with the reason, for a GPU that cannot be used.

    >>> ninx.tensor([1, 2]).to(ninx.float64)
    tensor([1., 2.], dtype=float64)
    >>> ninx.tensor([1.5]).to("cpu", ninx.int64)
    tensor([1])
    """
    if unknown := set(ignored) - {"non_blocking", "memory_format"}:
        raise TypeError(f"to: there is no argument {unknown.pop()!r}; it takes dtype, device, copy, non_blocking, memory_format")
    for target in targets:
        if isinstance(target, Tensor):
            dtype, device = target.array.dtype, target.device
        elif (isinstance(target, int) and not isinstance(target, bool)) or str(target).startswith(("cpu", "cuda")):
            device = target
        elif target is not None and not isinstance(target, bool):
            dtype = target
    copy = copy or [t for t in targets if isinstance(t, bool)][1:] == [True]  # PyTorch's order: non_blocking, copy
    y = x if dtype is None else astype(x, dtype_of("to", dtype))
    if device is not None:
        y = _moved(y, device_named(device))
    return record(x.array.copy(order="K"), (x, lambda g: g)) if copy and y is x else y


def _moved(x: Tensor, device: str) -> Tensor:
    here = x.device
    return x if device == here else record(on_device(x.array, device), (x, lambda g: _moved(g, here)), name="to")


_TYPES = {
    "BoolTensor": np.bool_, "ByteTensor": np.uint8, "CharTensor": np.int8, "ShortTensor": np.int16, "IntTensor": np.int32,
    "LongTensor": np.int64, "HalfTensor": np.float16, "FloatTensor": np.float32, "DoubleTensor": np.float64,
}  # fmt: skip


def type_name(x: Tensor) -> str:
    """ "ninx.FloatTensor", or "ninx.cuda.FloatTensor" on a GPU."""
    names = {np.dtype(kind): name for name, kind in _TYPES.items()}
    return f"ninx.{'cuda.' if x.is_cuda else ''}{names.get(x.dtype, f'Tensor of {x.dtype}')}"


def type_named(name: Any) -> Any:
    """The dtype of "ninx.FloatTensor" or "torch.LongTensor"; any other dtype as it is."""
    return _TYPES.get(name.rpartition(".")[2], name) if isinstance(name, str) else name


def is_contiguous(x: Tensor, memory_format: str = "contiguous_format") -> bool:
    """Lie the entries without gaps, row by row or (an image) channels-last? Both count, as images lie channels-last here.

    >>> x = ninx.ones(2, 3)
    >>> x.is_contiguous(), x.T.is_contiguous()
    (True, False)
    """
    if memory_format not in ("contiguous_format", "channels_last", "preserve_format"):
        raise ValueError(f"memory_format is ninx.contiguous_format, channels_last or preserve_format, got {memory_format!r}")
    return lies_channels_last(x.array) or bool(memory_format != "channels_last" and x.array.flags.c_contiguous)


def contiguous(x: Tensor, memory_format: str = "contiguous_format") -> Tensor:
    """x itself if its entries lie without gaps (see `is_contiguous`), else a copy whose do; an image's then lie channels-last.

    >>> x = ninx.arange(6).reshape(2, 3)
    >>> x.contiguous() is x, x.T.contiguous().is_contiguous()
    (True, True)
    """
    return x if is_contiguous(x, memory_format) else record(filled(x.shape, x.array), (x, lambda g: g))


def floating(x: Any, operation: str = "an operation") -> Tensor:
    """``x`` as it is, or as float32 if it holds whole numbers."""
    if not isinstance(x, Tensor):
        x = operand(operation, x)
    return x if x.array.dtype.kind == "f" else astype(x, np.float32)
