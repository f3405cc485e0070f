"""The operations of `ninx.ops` that move entries or pick them, as operators of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...ops.axes import named
from .building import Builder, Given, Value
from .comparing import Batch, Filled, Size
from .watching import Constant

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _reshape(b: Builder, a: Given) -> str:
    return _reshaped(b, a.x, a.made[0].shape)


def _reshaped(b: Builder, x: Value, shape: Sequence[Size]) -> str:
    """Reshape: the number of images is the size that stood at the same axis (0), or the one that is left over (-1)."""
    sizes = [0 if isinstance(n, Batch) and x.shape[i : i + 1] == (n,) else n for i, n in enumerate(shape)]
    if sum(isinstance(n, Batch) for n in sizes) > 1 or not all(shape):
        return b.node("Reshape", x, b.sizes(shape))
    return b.node("Reshape", x, [-1 if isinstance(n, Batch) else n for n in sizes])


def _flatten(b: Builder, a: Given) -> str:
    """Flatten where all but the images become one axis; else Reshape."""
    last = len(a.x.shape) - 1
    if a["start_dim"] == 1 and a["end_dim"] in (-1, last) and last >= 1:
        return b.node("Flatten", a.x, axis=1)
    return _reshape(b, a)


def _squeeze(b: Builder, a: Given) -> str:
    dims = a["dim"]
    n = len(a.x.shape)
    dims = range(n) if dims is None else (dims,) if isinstance(dims, int) else dims
    gone = sorted({d % n for d in dims if a.x.shape[d] == 1})
    return b.node("Squeeze", a.x, gone) if gone else b.node("Identity", a.x)


def _permute(b: Builder, a: Given) -> str:
    n = len(a.x.shape)
    return b.node("Transpose", a.x, perm=[d % n for d in a["dims"]])


def _broadcast_to(b: Builder, a: Given) -> str:
    """Expand; a size of 1 in its shape keeps that of x."""
    shape = a.made[0].shape
    lead = len(shape) - len(a.x.shape)
    return b.node("Expand", a.x, b.sizes([1 if i >= lead and a.x.shape[i - lead] == n else n for i, n in enumerate(shape)]))


def _cat(b: Builder, a: Given) -> str:
    dim, _ = named("cat", None if "axis" in a["other"] else a["dim"], False, dict(a["other"]))
    return b.node("Concat", *(b.operand(t, a.made[0].dtype) for t in a["tensors"]), axis=dim)


def _pad(b: Builder, a: Given) -> str:
    """Pad, whose sizes are all those before, then all those behind."""
    n, sizes = len(a.x.shape), a["pad"]
    pairs = [(0, 0)] * (n - len(sizes) // 2) + [(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 2, -1, -2)]
    pads = [before for before, _ in pairs] + [behind for _, behind in pairs]
    if a["mode"] != "constant":
        return b.node("Pad", a.x, pads, mode=MODES[a["mode"]])
    return b.node("Pad", a.x, pads, b.operand(0 if a["value"] is None else a["value"], a.x.dtype), mode="constant")


def _getitem(b: Builder, a: Given) -> str:
    """Slice for slices, Gather for numbers and a list of them, Unsqueeze for None."""
    index = a["index"] if type(a["index"]) is tuple else (a["index"],)
    index = tuple(Constant(np.asarray(i)) if isinstance(i, list) else i for i in index)
    taken = sum(i is not None and i is not Ellipsis for i in index)
    dots = index.index(Ellipsis) if any(i is Ellipsis for i in index) else len(index)
    whole = (slice(None),) * (len(a.x.shape) - taken)
    index = (*index[:dots], *whole, *index[dots + 1 :])
    x = _sliced(b, a.x, [i for i in index if i is not None])
    arrays = [i for i in index if isinstance(i, (Constant, Value, Filled))]
    if len(arrays) > 1 or (arrays and any(type(i) is int or i is None for i in index)):
        raise b.refuse("with several lists, or a list and numbers, has no operator in ONNX; take one index after the other")
    places: list[int] = []
    axis = 0
    for i in index:
        if i is None:
            places.append(axis + len(places))
        elif type(i) is int:  # whose axis goes away
            x = b.node("Gather", x, b.array(np.asarray(i, np.int64), "index"), axis=axis)
        elif isinstance(i, (Constant, Value, Filled)):
            x, axis = b.node("Gather", x, _places(b, i), axis=axis), axis + 1
        elif isinstance(i, slice):
            axis += 1
        else:
            raise b.refuse(f"with {i!r} has no operator in ONNX")
    if places:
        x = b.node("Unsqueeze", x, places)
    return x if x != a.x.name else b.node("Identity", a.x)


def _places(b: Builder, index: Constant | Value | Filled) -> str:
    """Whole numbers; a mask picks as many entries as the image has it, and no file can say how many."""
    if index.dtype.kind == "b":
        if not isinstance(index, Constant) or index.array.ndim != 1:
            raise b.refuse("with a mask has a size that depends on the image; write where")
        return b.array(np.flatnonzero(index.array), "index")
    return b.operand(index, np.dtype(np.int64))


def _sliced(b: Builder, x: Value, index: Sequence[Any]) -> str:
    """One Slice for all the slices that are not whole."""
    cuts = []
    for axis, (i, n) in enumerate(zip(index, x.shape, strict=True)):
        if not isinstance(i, slice) or i == slice(None) or (i.start in (None, 0) and i.stop in (None, n) and i.step in (None, 1)):
            continue
        if any(isinstance(part, Batch) for part in (i.start, i.stop, i.step)):
            raise b.refuse("by a part of the images has no operator in ONNX here")
        step = 1 if i.step is None else i.step
        start, stop = (0, 2**62) if step > 0 else (2**62, -(2**62))
        cuts.append((start if i.start is None else i.start, stop if i.stop is None else i.stop, axis, step))
    if not cuts:
        return x.name
    starts, ends, axes, steps = (list(part) for part in zip(*cuts, strict=True))
    return b.node("Slice", x, starts, ends, axes, steps)


SHAPES: dict[str, Callable[[Builder, Given], Any]] = {
    "broadcast_to": _broadcast_to,
    "cat": _cat,
    "flatten": _flatten,
    "getitem": _getitem,
    "pad": _pad,
    "permute": _permute,
    "reshape": _reshape,
    "squeeze": _squeeze,
    "unsqueeze": lambda b, a: b.node("Unsqueeze", a.x, [a["dim"]]),
}
