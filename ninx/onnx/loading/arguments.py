"""What the functions of operators ask of tensors that are settings: whole numbers, and axes."""

from __future__ import annotations

from collections.abc import Sequence

from ...array import to_numpy
from ...engine import Tensor


def wholes(x: Tensor | None, name: str) -> tuple[int, ...]:
    """The whole numbers in a tensor of one dimension or none; nothing where there is none.

    >>> from ninx.onnx.loading.arguments import wholes
    >>> wholes(ninx.tensor([0, -1]), "shape")
    (0, -1)
    """
    if x is None:
        return ()
    array = to_numpy(x.array)
    if array.dtype.kind not in "iu" or array.ndim > 1 or array.size > 64:
        raise ValueError(f"{name} must be a row of at most 64 whole numbers, not {array.dtype} of shape {array.shape}")
    return tuple(int(n) for n in array.reshape(-1))


def axes_in(x: Tensor, axes: Sequence[int], more: int = 0) -> tuple[int, ...]:
    """The axes, counted from 0, of x with so many new ones. ValueError for one that is not there, or is named twice."""
    rank = x.ndim + more
    found = tuple(axis % rank if -rank <= axis < rank else -1 for axis in axes)
    if -1 in found or len(set(found)) < len(found):
        raise ValueError(f"axes {tuple(axes)} are not different ones of {rank}")
    return found


def axis_in(x: Tensor, axis: int) -> int:
    """One axis, counted from 0."""
    return axes_in(x, (axis,))[0]
