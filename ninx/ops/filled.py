"""New tensors of a shape: of one value, of numbers in a row, an identity matrix. Floats are float32 unless told otherwise.

Sizes are given as ``zeros(2, 3)``, ``zeros((2, 3))`` or ``zeros(size=(2, 3))``; all take ``dtype``, ``device`` and
``requires_grad``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..array import empty as empty_array
from ..array import to_numpy
from ..engine import Tensor
from .axes import sequence
from .creation import copied, leaf
from .operands import dtype_of


def sizes(operation: str, shape: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """The shape that was given as several numbers, as one sequence, or as ``size=``.

    >>> ninx.ops.filled.sizes("zeros", (), size=[2, 3])
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
    value = copied("full", fill_value, None if dtype is None else dtype_of("full", dtype))
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
