"""What each layer becomes: a step that reads one piece of memory and writes another, as a few calls with all their arguments.

A value of shape (C, H, W) lies channels-last in memory, an array (n, H, W, C) for n images; any other as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ninx.kernels import geometry, strided
from ninx.kernels.cpu import FLOATS, prepared
from ninx.kernels.cpu.prepared import Call, Packed
from ninx.kernels.geometry import Geometry

from .. import nn
from ..array import Array, as_it_lies, as_it_was, nchw
from ..engine import Tensor, no_grad
from ..nn.fusion import fused
from .layers import Layer, evaluating, is_plain, weights_of

Shape = tuple[int, ...]


class Room:
    """What the steps of a network share for any number of images: packed weights, by layer and kernel; the memory in which
    Winograd's works; and what eager layers make of a shape, by both.
    """

    def __init__(self) -> None:
        self.shapes: dict[tuple[Layer, Shape], Shape] = {}
        self.packed: dict[tuple[Layer, Any], Packed] = {}
        self.workspace: Array = np.empty((1, 0), np.float32)

    def reserve(self, geos: list[Geometry], dtype: np.dtype[Any]) -> None:
        """Have memory for any of these convolutions."""
        needed = prepared.workspace(geos, dtype)
        if needed.size > self.workspace.size:
            self.workspace = needed

    def weights(self, layer: Layer, geo: Geometry, dtype: Any) -> Packed:
        """A convolution's weights for the kernel that takes this geometry, packed once."""
        key = layer, prepared.convolved_by(geo, dtype)
        if key not in self.packed:
            self.packed[key] = prepared.pack(*weights_of(layer), geo)
        return self.packed[key]


class Step(NamedTuple):
    """A layer for some number of images: how it is done, the shape of its value, and how its calls are made of two arrays.

    ``in_place``: its value lies where its input does. ``geo``: of a convolution.
    """

    layer: Layer
    how: str
    shape: Shape
    calls: Callable[[Array, Array, Room], list[Call]]
    in_place: bool = False
    geo: Geometry | None = None


def lying(n: int, shape: Shape) -> Shape:
    """The shape of the array of n values."""
    return (n, *shape[1:], shape[0]) if len(shape) == 3 else (n, *shape)


def step_of(layer: Layer, n: int, shape: Shape, dtype: np.dtype[Any], room: Room) -> Step:
    """The step that does ``layer`` for n values of ``shape``."""
    make = _MAKERS.get(type(layer.modules[0]))
    step = make(layer, n, shape, dtype) if make is not None and is_plain(layer.modules[0]) else None
    return _eager(layer, shape, dtype, room) if step is None else step


# -------------------------------------------------------------------- layers with weights


def _convolution(layer: Layer, n: int, shape: Shape, dtype: np.dtype[Any]) -> Step | None:
    conv: Any = layer.modules[0]
    padding = _padding(conv)
    if len(shape) != 3 or padding is None or conv.weight.array.dtype != dtype:
        return None
    geo = geometry.convolution("conv2d", (n, *shape), conv.weight.shape, conv.stride, padding, conv.dilation, conv.groups)
    way = prepared.convolved_by(geo, dtype)
    if way is None:
        return None

    def calls(x: Array, y: Array, room: Room) -> list[Call]:
        return [prepared.conv2d(x, room.weights(layer, geo, dtype), y, geo, layer.relu, room.workspace)]

    return Step(layer, way, (geo.O, geo.OH, geo.OW), calls, geo=geo)


def _padding(conv: Any) -> tuple[int, int] | None:
    """The padding in numbers; None where that on the two sides differs."""
    if not isinstance(conv.padding, str):
        return conv.padding  # type: ignore[no-any-return]  # a pair
    total = [d * (k - 1) if conv.padding == "same" else 0 for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
    return None if any(t % 2 for t in total) else (total[0] // 2, total[1] // 2)


def _linear(layer: Layer, n: int, shape: Shape, dtype: np.dtype[Any]) -> Step | None:
    """By NumPy's product, which reads the weights where they lie: the fully connected ones of AlexNet have 200 MB."""
    linear: Any = layer.modules[0]
    w, b = linear.weight.array, None if linear.bias is None else linear.bias.array
    if shape != (w.shape[1],) or w.dtype != dtype:
        return None

    def calls(x: Array, y: Array, _: Room) -> list[Call]:
        made = [Call(np.matmul, (x, w.T, y))]
        made += [Call(np.add, (y, b, y))] if b is not None else []
        return made + ([Call(_rectify, (y,))] if layer.relu else [])

    return Step(layer, "NumPy", (w.shape[0],), calls)


# -------------------------------------------------------------------- pooling


def _max_pool(layer: Layer, n: int, shape: Shape, dtype: np.dtype[Any]) -> Step | None:
    pool: Any = layer.modules[0]
    if len(shape) != 3 or pool.return_indices:
        return None
    sizes = [geometry.pair(getattr(pool, s), "max_pool2d", s) for s in ("kernel_size", "stride", "padding", "dilation")]
    geo = geometry.pooling("max_pool2d", (n, *shape), *sizes, ceil_mode=pool.ceil_mode)
    if not prepared.pools(geo, dtype):
        return None
    return Step(layer, "compiled", (geo.O, geo.OH, geo.OW), lambda x, y, _: [prepared.max_pool2d(x, y, geo)])


def _average_pool(layer: Layer, n: int, shape: Shape, dtype: np.dtype[Any]) -> Step | None:
    pool: Any = layer.modules[0]
    if len(shape) != 3:
        return None
    sizes = [geometry.pair(getattr(pool, s), "avg_pool2d", s) for s in ("kernel_size", "stride", "padding")]
    geo = geometry.pooling("avg_pool2d", (n, *shape), *sizes, ceil_mode=pool.ceil_mode)
    return _average(layer, geo, dtype, pool.count_include_pad, pool.divisor_override)


def _average(layer: Layer, geo: Geometry, dtype: np.dtype[Any], padded: bool = True, divide_by: int | None = None) -> Step | None:
    if not prepared.pools(geo, dtype):
        return None
    divisor = strided.pool_divisor(geo, padded) if divide_by is None else np.full((geo.OH, geo.OW), divide_by)
    return Step(layer, "compiled", (geo.O, geo.OH, geo.OW), lambda x, y, _: [prepared.avg_pool2d(x, y, geo, divisor)])


def _adaptive_pool(layer: Layer, n: int, shape: Shape, dtype: np.dtype[Any]) -> Step | None:
    wanted = geometry_of(layer.modules[0])
    if len(shape) != 3:
        return None
    (h, w), (oh, ow) = shape[1:], (size if o is None else o for o, size in zip(wanted, shape[1:], strict=True))
    if (oh, ow) == (1, 1):
        return _global_pool(layer, n, shape, dtype)
    if (oh, ow) == (h, w):
        return Step(layer, "no work", shape, _nothing, in_place=True)
    if h % oh or w % ow:
        return None
    k = h // oh, w // ow
    return _average(layer, geometry.pooling("avg_pool2d", (n, *shape), k, k), dtype)


def geometry_of(pool: Any) -> tuple[int | None, int | None]:
    """An adaptive pooling's output size, as a pair."""
    size = pool.output_size
    return tuple(size) if isinstance(size, (tuple, list)) else (size, size)


def _global_pool(layer: Layer, n: int, shape: Shape, dtype: np.dtype[Any]) -> Step | None:
    if len(shape) != 3 or dtype not in FLOATS:
        return None
    return Step(layer, "compiled", (shape[0], 1, 1), lambda x, y, _: [prepared.global_avg_pool2d(x, y)])


# -------------------------------------------------------------------- all else


def _nothing(x: Array, y: Array, room: Room) -> list[Call]:
    return []


def _flatten(layer: Layer, n: int, shape: Shape, dtype: np.dtype[Any]) -> Step | None:
    """(C, H, W) -> (C*H*W) in the order of PyTorch, which is that in memory only for maps of one pixel."""
    flatten: Any = layer.modules[0]
    if flatten.start_dim != 1 or flatten.end_dim not in (-1, len(shape)):
        return None
    count = math.prod(shape)
    if len(shape) != 3 or shape[1:] == (1, 1) or shape[0] == 1:
        return Step(layer, "no work", (count,), _nothing, in_place=True)
    return Step(layer, "a copy", (count,), lambda x, y, _: [Call(np.copyto, (y.reshape(n, *shape), nchw(x)))])


def _relu(layer: Layer, n: int, shape: Shape, dtype: np.dtype[Any]) -> Step | None:
    return Step(layer, "in place", shape, lambda x, y, _: [Call(_rectify, (x,))], in_place=True)


def _rectify(x: Array) -> None:
    np.maximum(x, 0, out=x)


def _eager(layer: Layer, shape: Shape, dtype: np.dtype[Any], room: Room) -> Step:
    """The modules themselves, called in eval mode. What shape they make is seen once, by an image of zeros."""
    if (layer, shape) not in room.shapes:
        room.shapes[layer, shape] = _shape_made(layer, _answer(layer, np.zeros(lying(1, shape), dtype)), dtype)

    def write(x: Array, y: Array) -> None:
        y[...] = as_it_lies(_answer(layer, x).array)

    return Step(layer, "eager", room.shapes[layer, shape], lambda x, y, _: [Call(write, (x, y))])


def _shape_made(layer: Layer, made: Any, dtype: np.dtype[Any]) -> Shape:
    if isinstance(made, Tensor) and made.shape[:1] == (1,) and made.dtype == dtype:
        return made.shape[1:]
    got = f"{made.dtype} {made.shape}" if isinstance(made, Tensor) else type(made).__name__
    name = type(layer.modules[0]).__name__
    raise ValueError(f"freeze: {name} {layer.names[0]!r} makes {got} of one image; a {dtype} tensor (1, ...) was expected")


def _answer(layer: Layer, x: Array) -> Any:
    """What the layer's modules make of the values that lie in x."""
    with evaluating(layer.modules), no_grad():
        value: Any = Tensor(as_it_was(x))
        for step in fused(layer.modules):
            value = step(value)
        return value


_Maker = Callable[[Layer, int, Shape, "np.dtype[Any]"], Step | None]
_MAKERS: dict[type[nn.Module], _Maker] = {
    nn.Conv2d: _convolution,
    nn.Linear: _linear,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _average_pool,
    nn.AdaptiveAvgPool2d: _adaptive_pool,
    nn.GlobalAvgPool2d: _global_pool,
    nn.Flatten: _flatten,
    nn.ReLU: _relu,
}
