"""Operators that move values: shapes, parts, joints."""

from __future__ import annotations

import math

import numpy as np

from ... import functional as F
from ... import nn
from ...array import to_numpy
from ...engine import Tensor
from ...ops import cat, getitem, permute, reshape
from .arguments import axes_in, axis_in, wholes
from .given import Given
from .operation import Operation

LARGEST = 2**31  # of a size


def make_flatten(given: Given) -> nn.Module:
    """nn.Flatten, for the axis that all networks use."""
    given.check_inputs(1)
    axis = given.whole("axis", 1)
    return nn.Flatten() if axis == 1 and given.rank != 1 and not given.known(0) else Operation(given, flatten, axis=axis)


def flatten(x: Tensor, axis: int) -> Tensor:
    """A matrix: the axes before ``axis`` as one, and the others as one."""
    if not -x.ndim <= axis <= x.ndim:
        raise ValueError(f"Flatten: axis {axis} is not in a tensor of shape {x.shape}")
    at = axis + x.ndim if axis < 0 else axis
    return reshape(x, (math.prod(x.shape[:at]), math.prod(x.shape[at:])))


def make_reshape(given: Given) -> nn.Module:
    """The shape is an input."""
    given.check_inputs(2)
    return Operation(given, reshaped, allowzero=given.flag("allowzero"))


def reshaped(x: Tensor, shape: Tensor, allowzero: bool) -> Tensor:
    """x in another shape, of which one size may be -1; a 0 keeps the size that is there."""
    sizes = wholes(shape, "Reshape: the shape")
    if not allowzero:
        if any(n == 0 and i >= x.ndim for i, n in enumerate(sizes)):
            raise ValueError(f"Reshape: {sizes} keeps a size that shape {x.shape} does not have")
        sizes = tuple(n or x.shape[i] for i, n in enumerate(sizes))
    if -1 in sizes and 0 in sizes:
        rest = math.prod(n for n in sizes if n != -1)
        if not rest and not x.numel():
            raise ValueError(f"Reshape: any number fits for the -1 in {sizes}, as there are no entries")
    return reshape(x, sizes)


def make_transpose(given: Given) -> nn.Module:
    """The order of the axes is a setting; without it, backwards."""
    given.check_inputs(1)
    return Operation(given, transposed, perm=given.wholes("perm"))


def transposed(x: Tensor, perm: tuple[int, ...]) -> Tensor:
    """The axes in another order."""
    return permute(x, perm or tuple(range(x.ndim))[::-1])


def make_squeeze(given: Given) -> nn.Module:
    """The axes are a setting, since opset 13 an input."""
    return _with_axes(given, squeezed, least=1)


def make_unsqueeze(given: Given) -> nn.Module:
    """The axes are a setting, since opset 13 an input."""
    return _with_axes(given, unsqueezed, least=2)


def _with_axes(given: Given, function: object, least: int) -> nn.Module:
    assert callable(function)
    if given.opset >= 13:
        given.check_inputs(least, 2)
        return Operation(given, function)
    given.check_inputs(1)
    return Operation(given, function, fixed=given.wholes("axes") if least == 2 or given.has("axes") else None)


def squeezed(x: Tensor, axes: Tensor | None = None, fixed: tuple[int, ...] | None = None) -> Tensor:
    """x without these axes, each of size 1; without any named, without all such."""
    given = fixed if fixed is not None else None if axes is None else wholes(axes, "Squeeze: axes")
    chosen = [i for i, n in enumerate(x.shape) if n == 1] if given is None else axes_in(x, given)
    if any(x.shape[i] != 1 for i in chosen):
        raise ValueError(f"Squeeze: axes {tuple(chosen)} of shape {x.shape} are not all of size 1")
    return reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in chosen))


def unsqueezed(x: Tensor, axes: Tensor | None = None, fixed: tuple[int, ...] | None = None) -> Tensor:
    """x with new axes of size 1 at these places of what comes out."""
    given = wholes(axes, "Unsqueeze: axes") if fixed is None else fixed
    new = axes_in(x, given, more=len(given))
    sizes = iter(x.shape)
    return reshape(x, tuple(1 if i in new else next(sizes) for i in range(x.ndim + len(new))))


def make_concat(given: Given) -> nn.Module:
    """Any number of inputs along one axis."""
    given.check_inputs(1, 10_000)
    if not given.has("axis") or None in given.inputs:
        raise ValueError("needs an axis, and all of its inputs")
    return Operation(given, concatenated, axis=given.whole("axis"))


def concatenated(*tensors: Tensor, axis: int) -> Tensor:
    """The tensors one after the other."""
    return cat(tensors, axis_in(tensors[0], axis))


def make_slice(given: Given) -> nn.Module:
    """Starts and ends are settings, since opset 10 inputs, with axes and steps."""
    if given.opset >= 10:
        given.check_inputs(3, 5)
        return Operation(given, sliced)
    given.check_inputs(1)
    starts, ends, axes = (given.wholes(name) for name in ("starts", "ends", "axes"))
    return Operation(given, cut, starts=starts, ends=ends, axes=axes)


def sliced(x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None, steps: Tensor | None = None) -> Tensor:
    """`cut` with its settings in tensors."""
    first, last = wholes(starts, "Slice: starts"), wholes(ends, "Slice: ends")
    return cut(x, first, last, wholes(axes, "Slice: axes"), wholes(steps, "Slice: steps"))


def cut(
    x: Tensor, starts: tuple[int, ...], ends: tuple[int, ...], axes: tuple[int, ...] = (), steps: tuple[int, ...] = ()
) -> Tensor:
    """x[start:end:step] along each of the axes, by default the first ones."""
    axes, steps = axes or tuple(range(len(starts))), steps or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise ValueError(f"Slice: starts {starts}, ends {ends}, axes {axes} and steps {steps} do not fit each other")
    index = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes_in(x, axes), starts, ends, steps, strict=True):
        index[axis] = slice(start, end, step)
    return getitem(x, tuple(index))


def make_gather(given: Given) -> nn.Module:
    """The indices are an input."""
    given.check_inputs(2)
    return Operation(given, gathered, axis=given.whole("axis"))


def gathered(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """The parts of x that the indices name along an axis, whose place they take; numbers below 0 count from the end."""
    places = to_numpy(indices.array)
    at = axis_in(x, axis)
    n = x.shape[at]
    if places.dtype.kind not in "iu" or (places.size and not (-n <= int(places.min()) and int(places.max()) < n)):
        raise ValueError(f"Gather: an index is not one of the {n} along axis {axis} of shape {x.shape}")
    return getitem(x, (*(slice(None),) * at, int(places) if places.ndim == 0 else places.astype(np.int64)))


def make_pad(given: Given) -> nn.Module:
    """The sizes and the value are settings, since opset 11 inputs."""
    mode = given.text("mode", "constant")
    if mode not in _MODES:
        raise ValueError(f"mode must be one of {', '.join(_MODES)}")
    if given.opset >= 11:
        given.check_inputs(2, 4)
        return Operation(given, padded, mode=mode)
    given.check_inputs(1)
    return Operation(given, around, pads=given.wholes("pads"), mode=mode, value=given.real("value", 0.0))


_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def padded(x: Tensor, pads: Tensor, value: Tensor | None = None, axes: Tensor | None = None, mode: str = "constant") -> Tensor:
    """`around` with its settings in tensors."""
    number = 0.0 if value is None else value.item()
    return around(x, wholes(pads, "Pad: pads"), mode, number, wholes(axes, "Pad: axes"))


def around(x: Tensor, pads: tuple[int, ...], mode: str, value: float, axes: tuple[int, ...] = ()) -> Tensor:
    """x with ``pads`` entries before it (the first half) and after it along the axes; a size below 0 cuts off."""
    chosen = axes_in(x, axes) if axes else tuple(range(x.ndim))
    if len(pads) != 2 * len(chosen) or max(map(abs, pads), default=0) > LARGEST:
        raise ValueError(f"Pad: {pads} are no sizes before and after each of {len(chosen)} axes")
    sizes = dict(zip(chosen, zip(pads[: len(chosen)], pads[len(chosen) :], strict=True), strict=True))
    pairs = [n for axis in reversed(range(x.ndim)) for n in sizes.get(axis, (0, 0))]
    return F.pad(x, pairs, _MODES[mode], value if mode == "constant" else None)
