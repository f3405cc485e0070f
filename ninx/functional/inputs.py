"""What a function of tensors asks of its arguments before anything else."""

from __future__ import annotations

from typing import Any

from ..engine import Tensor, record
from ..ops import unsqueeze


def need_tensors(operation: str, **arguments: Any) -> None:
    """TypeError for an argument that is no tensor, with what to write instead. (None is an argument that was left out.)

    For the slow path: functions first compare ``type(input)``, which costs next to nothing.

    >>> from ninx.functional.inputs import need_tensors
    >>> need_tensors("conv2d", input=[1.0])
    Traceback (most recent call last):
    TypeError: conv2d: input must be a tensor, not a list; write ninx.tensor(...) around it
    """
    for name, value in arguments.items():
        if not isinstance(value, Tensor):
            what = "None" if value is None else f"a {type(value).__name__}"
            hint = "" if value is None else "; write ninx.tensor(...) around it"
            raise TypeError(f"{operation}: {name} must be a tensor, not {what}{hint}")


def need_floats(operation: str, x: Tensor) -> None:
    """TypeError for a tensor of whole numbers, with how to make floats of an image."""
    if x.array.dtype.kind != "f":
        scaled = "x.float() / 255 (an image of bytes is most often scaled to 0..1)" if x.array.dtype == "uint8" else "x.float()"
        raise TypeError(f"{operation}: needs floating-point numbers, got {x.dtype}; write {scaled}")


def first(y: Tensor, operation: str) -> Tensor:
    """The one image of a batch of one: the last step of a function that was given an image without a batch.

    Nobody else holds the batch, so this is no view of another tensor, and may be changed in place.

    >>> from ninx.functional.inputs import first
    >>> first(ninx.ones(1, 2), "relu")
    tensor([1., 1.])
    """
    out = record(y.array[0], (y, lambda g: unsqueeze(g, 0)), name=operation)
    out.version, out.seen_version = y.version, y.version.tracked  # what the operation needs of its value is noticed to be changed
    return out


def refuse_old_settings(operation: str, size_average: Any, reduce: Any) -> None:
    """ValueError for the two settings of a loss that PyTorch's `reduction` replaced; they keep their places among the arguments.

    >>> from ninx.functional.inputs import refuse_old_settings
    >>> refuse_old_settings("mse_loss", None, False)
    Traceback (most recent call last):
    ValueError: mse_loss: reduce=False is of the first PyTorch; write reduction='mean', 'sum' or 'none'
    """
    if size_average is not None or reduce is not None:
        name, value = ("reduce", reduce) if size_average is None else ("size_average", size_average)
        raise ValueError(f"{operation}: {name}={value!r} is of the first PyTorch; write reduction='mean', 'sum' or 'none'")


def check_reduction(operation: str, reduction: Any) -> None:
    """ValueError for another word than the three."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{operation}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
