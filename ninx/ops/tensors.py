"""What is done with a tensor as a whole: copies, pickling, printing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..array import to_numpy
from ..engine import Tensor, record


def clone(x: Tensor) -> Tensor:
    """A copy with the same layout; gradients flow through.

    >>> x = ninx.tensor([1, 2])
    >>> y = x.clone()
    >>> y[0] = 9
    >>> x
    tensor([1, 2])
    """
    return record(x.array.copy(order="K"), (x, lambda g: g))


def picklable(x: Tensor) -> tuple[Any, ...]:
    """What `rebuild` needs to make x again, on the CPU. The entries travel in their memory order, so the layout survives."""
    array = to_numpy(_leaf(x).array)
    order = tuple(int(i) for i in np.argsort([-abs(s) for s in array.strides], kind="stable"))
    return type(x), np.asarray(array.transpose(order), order="C"), order, x.requires_grad


def _leaf(x: Tensor) -> Tensor:
    if x.node is not None:
        raise RuntimeError("only a leaf can be copied or pickled: a tensor with history has a graph behind it; detach() it first")
    return x


def rebuild(kind: type[Tensor], lying: np.ndarray[Any, Any], order: tuple[int, ...], requires_grad: bool) -> Tensor:
    """The inverse of `picklable`."""
    return kind(lying.transpose(tuple(int(i) for i in np.argsort(order))), requires_grad)


def deepcopy(x: Tensor, memo: dict[int, Any]) -> Tensor:
    """An independent leaf with the same entries and layout (and gradient, if there is one)."""
    if id(x) not in memo:
        memo[id(x)] = type(x)(_leaf(x).array.copy(order="K"), x.requires_grad)
        if x.grad is not None:
            memo[id(x)].grad = Tensor(x.grad.array.copy(order="K"))
    return memo[id(x)]  # type: ignore[no-any-return]  # memo is copy.deepcopy's own, of any type


def _shown(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The entries that are printed: all, or of a large array the first and last three along each axis."""
    if array.size <= 1000:
        return array
    return array[np.ix_(*(range(n) if n <= 6 else (0, 1, 2, n - 3, n - 2, n - 1) for n in array.shape))]


def _form(shown: np.ndarray[Any, Any]) -> Callable[[Any], str]:
    """How one entry is written: as it is, or of floats all with four digits, as whole numbers, or with powers of ten."""
    if not np.issubdtype(shown.dtype, np.floating):
        return str
    sizes = np.abs(shown[np.isfinite(shown) & (shown != 0)], dtype=np.float64)
    whole = bool((sizes == np.round(sizes)).all())
    low, high = (sizes.min(), sizes.max()) if sizes.size else (1.0, 1.0)
    if high > 1000 * low or high > 1e8 or (low < 1e-4 and not whole):
        return lambda v: f"{v:.4e}"
    return (lambda v: f"{v:.0f}" + "." * math.isfinite(v)) if whole else (lambda v: f"{v:.4f}")


def _rows(texts: np.ndarray[Any, Any], width: int, cut: tuple[bool, ...], indent: int) -> str:
    """The entries in brackets, ``indent`` columns from the left, in lines of 80; an axis that is ``cut`` has dots in it."""
    if texts.ndim == 0:
        return str(texts[()])
    parts = texts.tolist() if texts.ndim == 1 else [_rows(part, width, cut[1:], indent + 1) for part in texts]
    if cut[0]:
        parts.insert(3, " ..." if texts.ndim == 1 else "...")
    if texts.ndim == 1:  # as many as fit into a line
        each = max(1, (80 - indent) // (width + 2))
        parts = [", ".join(parts[i : i + each]) for i in range(0, len(parts), each)]
    return "[" + f",{chr(10) * max(1, texts.ndim - 1)}{' ' * (indent + 1)}".join(parts) + "]"


def to_string(x: Tensor) -> str:
    """``tensor([1.5000, 2.0000], requires_grad=True)``: four digits, long rows cut, as PyTorch prints."""
    array = to_numpy(x.array)
    shown = _shown(array)
    form, values = _form(shown), shown.ravel().tolist()
    counted = values if array.dtype.kind != "f" else [v for v in values if v != 0 and math.isfinite(v)]  # PyTorch's way
    width = max((len(form(v)) for v in counted), default=0)
    texts = np.array([form(v).rjust(width) for v in values], dtype=object).reshape(shown.shape)
    cut = tuple(a < b for a, b in zip(shown.shape, array.shape, strict=True))
    text = "tensor(" + (_rows(texts, width, cut, len("tensor(")) if array.size else "[]")
    notes = [f"size={tuple(array.shape)}"] if array.size == 0 and array.ndim > 1 else []
    if array.dtype not in ((np.float32, np.int64, np.bool_) if array.size else (np.float32,)):  # what the entries do not tell
        notes.append(f"dtype={array.dtype}")
    if x.device != "cpu":
        notes.append(f"device='{x.device}'")
    if x.node is not None:
        notes.append(f"grad_fn=<{x.node.name}>")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    length = len(text) - text.rfind("\n") + 1  # of the last line, as PyTorch counts it
    for note in notes:
        fits = length + len(note) + 2 <= 80
        text += f", {note}" if fits else f",\n{' ' * len('tensor(')}{note}"
        length = length + len(note) + 2 if fits else len("tensor(") + len(note)
    return text + ")"
