"""Poolings: as layers where ninx has one, else by the parts of the input that lie at one offset in all windows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ... import functional as F
from ... import nn
from ...array import xp_of
from ...engine import Tensor
from ...ops import amax, getitem, max, mean, stack
from .given import Given
from .operation import Operation
from .windows import Axis, Window, window

LARGEST = 10_000  # entries of a window whose parts are taken one by one


def _settings(given: Given) -> tuple[Window, tuple[int, int] | None]:
    """The settings, and the padding if a layer can have it: of an image, the same on both sides."""
    given.check_inputs(1)
    if not given.has("kernel_shape"):
        raise ValueError("has no kernel_shape")
    settings = window(given, given.flag("ceil_mode"))
    full = settings.of(len(settings.kernel))
    padding = full.even_padding
    if padding is None or len(padding) != 2 or given.rank not in (4, None) or given.known(0) or not given.may_be_floats:
        return full, None
    return full, (padding[0], padding[1]) if all(2 * p <= k for p, k in zip(padding, full.kernel, strict=True)) else None


def make_max(given: Given) -> nn.Module:
    """nn.MaxPool2d, unless the places of the maxima are wanted too."""
    settings, padding = _settings(given)
    columns_first = given.flag("storage_order")
    if padding is not None and len(given.node.outputs) == 1:
        kernel, stride, gaps = map(_pair, (settings.kernel, settings.strides, settings.dilations))
        return nn.MaxPool2d(kernel, stride, padding, gaps, ceil_mode=settings.ceil_mode)
    places = len(given.node.outputs) > 1
    return Operation(given, max_pooled, window=settings, places=places, columns_first=columns_first)


def make_average(given: Given) -> nn.Module:
    """nn.AvgPool2d, unless the windows have gaps."""
    settings, padding = _settings(given)
    counted = given.flag("count_include_pad")
    if padding is not None and settings.dilations == (1, 1):
        return nn.AvgPool2d(_pair(settings.kernel), _pair(settings.strides), padding, settings.ceil_mode, counted)
    return Operation(given, average_pooled, window=settings, counted=counted)


def make_global_average(given: Given) -> nn.Module:
    """nn.GlobalAvgPool2d of images."""
    given.check_inputs(1)
    return nn.GlobalAvgPool2d() if given.rank in (4, None) and not given.known(0) else Operation(given, global_average)


def make_global_max(given: Given) -> nn.Module:
    """nn.AdaptiveMaxPool2d of images."""
    given.check_inputs(1)
    return nn.AdaptiveMaxPool2d(1) if given.rank in (4, None) and not given.known(0) else Operation(given, global_max)


def global_average(x: Tensor) -> Tensor:
    """The mean of all but the first two axes."""
    return mean(x, tuple(range(2, x.ndim)), keepdim=True)


def global_max(x: Tensor) -> Tensor:
    """The largest of all but the first two axes."""
    return amax(x, tuple(range(2, x.ndim)), keepdim=True)


def max_pooled(x: Tensor, window: Window, places: bool, columns_first: bool) -> Any:
    """The largest of each window, and with ``places`` where it lies in x, counted row by row or column by column."""
    axes, number = _fitted(x, window), x.array.dtype
    lowest = -np.inf if number.kind == "f" else np.iinfo(number).min
    if x.ndim == 4 and number.kind == "f" and not places:
        return F.max_pool2d(_padded(x, axes, lowest), *_kernel(axes), 0, _pair(axis.dilation for axis in axes))
    values, chosen = max(stack(_parts(_padded(x, axes, lowest), axes)), 0)
    return (values, _places(chosen, x, axes, columns_first)) if places else values


def _places(chosen: Tensor, x: Tensor, axes: list[Axis], columns_first: bool) -> Tensor:
    """The places in x of the entries that were chosen, by their offsets in the windows."""
    xp = xp_of(chosen.array)
    offsets = np.unravel_index(np.asarray(chosen.numpy()), tuple(axis.k for axis in axes))
    image = np.zeros(chosen.shape, np.int64)
    for i, (axis, offset) in enumerate(zip(axes, offsets, strict=True)):
        step = math.prod(other.n for other in (axes[:i] if columns_first else axes[i + 1 :]))
        start = np.arange(axis.windows).reshape(-1, *(1,) * (len(axes) - 1 - i)) * axis.stride - axis.before
        image += (start + offset * axis.dilation) * step
    first = np.arange(math.prod(x.shape[:2])).reshape(*x.shape[:2], *(1,) * len(axes)) * math.prod(x.shape[2:])
    return Tensor(xp.asarray(image + first))


def average_pooled(x: Tensor, window: Window, counted: bool) -> Tensor:
    """The mean of each window; the padding counts as zeros if it is ``counted``, else not at all."""
    axes = _fitted(x, window)
    if x.ndim == 4 and all(axis.dilation == 1 for axis in axes):
        total = F.avg_pool2d(_padded(x, axes, 0.0), *_kernel(axes), divisor_override=1)
    else:
        first, *others = _parts(_padded(x, axes, 0.0), axes)
        total = sum(others, first)
    counts = np.ones((), np.int64)
    for axis in axes:
        places = np.arange(axis.windows)[:, None] * axis.stride - axis.before + np.arange(axis.k) * axis.dilation
        low, high = (-axis.before, axis.n + axis.after) if counted else (0, axis.n)
        counts = counts[..., None] * ((places >= low) & (places < high)).sum(1)
    return total / Tensor(xp_of(x.array).asarray(counts.astype(x.dtype)))


def _fitted(x: Tensor, window: Window) -> list[Axis]:
    kernel = window.kernel
    if x.ndim != len(kernel) + 2:
        raise ValueError(f"a window of {kernel} does not slide over a tensor of shape {x.shape}")
    if math.prod(kernel) > LARGEST:
        raise ValueError(f"a window of {kernel} has more than {LARGEST:,} entries")
    return window.fitted(x.shape[2:], kernel)


def _pair(sizes: Iterable[int]) -> tuple[int, int]:
    first, second = sizes
    return first, second


def _kernel(axes: list[Axis]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Size and stride of the windows on an image."""
    return _pair(axis.k for axis in axes), _pair(axis.stride for axis in axes)


def _padded(x: Tensor, axes: list[Axis], value: float) -> Tensor:
    """x with what the windows see around it."""
    return F.pad(x, [n for axis in reversed(axes) for n in (axis.before, axis.reach)], value=value)


def _parts(x: Tensor, axes: list[Axis]) -> list[Tensor]:
    """Of every offset in the windows the entries that lie there."""
    offsets = itertools.product(*(range(axis.k) for axis in axes))
    everything = (slice(None), slice(None))
    return [getitem(x, (*everything, *(a.place(o) for a, o in zip(axes, at, strict=True)))) for at in offsets]
