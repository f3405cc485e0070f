"""New tensors: from data, from a number, from the random generator. Floats are float32 unless told otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import empty, on_device, to_numpy
from ..engine import Tensor
from ..random import generator
from .shapes import sequence


def tensor(data: Any, requires_grad: bool = False, dtype: Any = None, device: str = "cpu") -> Tensor:
    """A new tensor that holds a copy of ``data``: a number, nested lists, an array or a tensor.

    Python floats become float32, Python whole numbers int64; an array keeps its dtype. Only floats can require grad.

    Raises ValueError for rows of different lengths, TypeError for what is no number.

    >>> ninx.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    tensor([[1., 2.],
            [3., 4.]], requires_grad=True)
    """
    if isinstance(data, Tensor):
        data = to_numpy(data.array)
    array = np.array(data, dtype=dtype, order="K")
    if dtype is None and array.dtype == np.float64 and not isinstance(data, (np.ndarray, np.generic)):
        array = array.astype(np.float32)
    if array.dtype == object:
        raise ValueError("tensor: the rows of the data have different lengths, or it holds something that is no number")
    return leaf(array, requires_grad, device)


def leaf(array: Any, requires_grad: bool = False, device: str = "cpu") -> Tensor:
    """A tensor of ``array``, which is not copied; checks that only floats require grad."""
    if requires_grad and not np.issubdtype(array.dtype, np.floating):
        raise RuntimeError(f"only floating-point tensors can require grad, not {array.dtype}")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"a tensor holds floats, whole numbers or booleans, not {array.dtype}")
    return Tensor(array if device == "cpu" else on_device(array, device), requires_grad)


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """A tensor that shares memory with ``array``.

    >>> array = np.zeros(2, np.float32)
    >>> x = ninx.from_numpy(array)
    >>> array[0] = 1
    >>> x
    tensor([1., 0.])
    """
    return leaf(array)


def full(shape: Any, value: float, dtype: Any = np.float32, requires_grad: bool = False, device: str = "cpu") -> Tensor:
    """A tensor of ``shape`` (one number or several) in which every entry is ``value``.

    >>> ninx.full((2, 2), 7)
    tensor([[7., 7.],
            [7., 7.]])
    """
    out = empty((shape,) if isinstance(shape, int) else sequence((shape,)), np.dtype(dtype), np)
    out[...] = value
    return leaf(out, requires_grad, device)


def zeros(*shape: Any, dtype: Any = np.float32, requires_grad: bool = False, device: str = "cpu") -> Tensor:
    """Zeros: ``zeros(2, 3)`` or ``zeros((2, 3))``.

    >>> ninx.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return full(sequence(shape), 0, dtype, requires_grad, device)


def ones(*shape: Any, dtype: Any = np.float32, requires_grad: bool = False, device: str = "cpu") -> Tensor:
    """Ones: ``ones(2, 3)`` or ``ones((2, 3))``.

    >>> ninx.ones(3, dtype=ninx.int64)
    tensor([1, 1, 1])
    """
    return full(sequence(shape), 1, dtype, requires_grad, device)


def zeros_like(x: Tensor) -> Tensor:
    """Zeros with the shape, dtype and device of ``x``.

    >>> ninx.zeros_like(ninx.tensor([1, 2]))
    tensor([0, 0])
    """
    return full(x.shape, 0, x.dtype, device=x.device)


def ones_like(x: Tensor) -> Tensor:
    """Ones with the shape, dtype and device of ``x``.

    >>> ninx.ones_like(ninx.tensor([1.0, 2.0]))
    tensor([1., 1.])
    """
    return full(x.shape, 1, x.dtype, device=x.device)


def arange(*args: Any, dtype: Any = None) -> Tensor:
    """``arange(stop)`` or ``arange(start, stop, step)``: whole numbers stay int64, floats are float32.

    >>> ninx.arange(4), ninx.arange(0, 1, 0.25)
    (tensor([0, 1, 2, 3]), tensor([0.0000, 0.2500, 0.5000, 0.7500]))
    """
    array = np.arange(*args, dtype=dtype)
    return leaf(array.astype(np.float32) if dtype is None and array.dtype == np.float64 else array)


def eye(n: int, dtype: Any = np.float32) -> Tensor:
    """The identity matrix (n, n).

    >>> ninx.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    return leaf(np.eye(n, dtype=dtype))


def rand(*shape: Any, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Uniform in [0, 1), from the generator that `ninx.manual_seed` sets.

    >>> x = ninx.rand(2, 3)
    >>> x.shape, bool((x >= 0).all()), bool((x < 1).all())
    ((2, 3), True, True)
    """
    return leaf(np.asarray(generator().random(sequence(shape)), dtype=dtype), requires_grad)


def randn(*shape: Any, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Normal with mean 0 and standard deviation 1, from the generator that `ninx.manual_seed` sets.

    >>> ninx.manual_seed(1)
    >>> a = ninx.randn(2, 3)
    >>> ninx.manual_seed(1)
    >>> (a == ninx.randn(2, 3)).all()
    tensor(True)
    """
    return leaf(np.asarray(generator().standard_normal(sequence(shape)), dtype=dtype), requires_grad)


def randint(low: int, high: int, shape: Any) -> Tensor:
    """Whole numbers in [low, high), int64, from the generator that `ninx.manual_seed` sets.

    >>> dice = ninx.randint(1, 7, (100,))
    >>> dice.min(), dice.max()
    (tensor(1), tensor(6))
    """
    return leaf(np.asarray(generator().integers(low, high, sequence((shape,)))))


def randperm(n: int) -> Tensor:
    """The numbers 0 to n - 1 in random order, int64, from the generator that `ninx.manual_seed` sets.

    >>> sorted(ninx.randperm(5).tolist())
    [0, 1, 2, 3, 4]
    """
    return leaf(generator().permutation(n))
