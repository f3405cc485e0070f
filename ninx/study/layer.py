"""What one layer makes of its input: output shape, multiply-adds, and the window of the input that an output value sees."""

from __future__ import annotations

import math
from typing import NamedTuple

from ninx.kernels import geometry
from ninx.kernels.geometry import Geometry, Pair

from .. import nn

Shape = tuple[int, ...]


class Window(NamedTuple):
    """Of an output value: how many pixels of the input it spans, by how many it moves, and how far it begins outside."""

    extent: Pair
    stride: Pair
    padding: Pair = (0, 0)


ONE = Window((1, 1), (1, 1))
ADAPTIVE = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
IMAGES = (
    nn.Conv2d,
    nn.ConvTranspose2d,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.GlobalAvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
)
SAME = (  # the layers that leave the shape as it is, and look at one place at a time
    *(nn.ReLU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softmax, nn.LogSoftmax, nn.Identity),
    *(nn.ELU, nn.Hardtanh, nn.PReLU, nn.ReLU6, nn.SiLU, nn.Softplus),
    *(nn.Dropout, nn.Dropout2d, nn.BatchNorm1d, nn.BatchNorm2d, nn.LocalResponseNorm),
)


class Layer(NamedTuple):
    """What a layer makes of its input: the shape, the MACs, and its window (None: it has none)."""

    output_shape: Shape
    settings: str
    macs: int = 0
    window: Window | None = ONE
    geometry: Geometry | None = None  # of a convolution, for one image


def layer_of(module: nn.Module, shape: Shape) -> Layer | None:
    """What ``module`` makes of a ``shape`` (without N); None for what is no layer of ninx.nn, or has a forward of its own.

    >>> ninx.study.layer.layer_of(nn.Conv2d(3, 16, 3), (3, 32, 32)).output_shape
    (16, 30, 30)
    """
    if not type(module).forward.__module__.startswith("ninx.nn."):
        return None
    if isinstance(module, IMAGES) and len(shape) != 3:
        raise ValueError(f"summary: {type(module).__name__} wants an image (C, H, W), but its input has shape {shape}")
    match module:
        case nn.Conv2d():
            return _convolution(module, shape)
        case nn.ConvTranspose2d():
            settings = module.stride, module.padding, module.output_padding, module.dilation, module.groups
            geo = geometry.transposed("conv_transpose2d", (1, *shape), module.weight.shape, *settings)
            return Layer((geo.C, geo.H, geo.W), _text(geo) + _bias(module), geo.macs, None, geo)
        case nn.MaxPool2d() | nn.AvgPool2d():
            return _pooling(module, shape)
        case nn.GlobalAvgPool2d():
            return _averages((1, 1), shape)
        case nn.AdaptiveAvgPool2d() | nn.AdaptiveMaxPool2d():
            wanted = module.output_size if isinstance(module.output_size, (tuple, list)) else (module.output_size,) * 2
            return _averages((wanted[0] or shape[1], wanted[1] or shape[2]), shape)
        case nn.Linear():
            if shape[-1] != module.in_features:
                raise ValueError(f"summary: Linear wants {module.in_features} values, but its input has shape {shape}")
            text = f"{module.in_features} -> {module.out_features}" + _bias(module)
            return Layer((*shape[:-1], module.out_features), text, math.prod(shape) * module.out_features, None)
        case nn.Flatten():
            start, end = (d % (len(shape) + 1) - 1 for d in (module.start_dim, module.end_dim))
            return Layer((*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]), "")
        case nn.Maxout():
            if shape[0] % module.pool_size:
                raise ValueError(f"summary: Maxout({module.pool_size}) does not divide the channels of its input {shape}")
            return Layer((shape[0] // module.pool_size, *shape[1:]), module.extra_repr())
    if not isinstance(module, SAME):
        return None
    return Layer(shape, "" if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) else module.extra_repr())


def _convolution(layer: nn.Conv2d, shape: Shape) -> Layer:
    c, h, w = shape
    padding, dilation = layer.padding, layer.dilation
    if isinstance(padding, str):  # "same" keeps the size; where that is uneven the image is first padded on one side
        total = [d * (k - 1) * (padding == "same") for d, k in zip(dilation, layer.kernel_size, strict=True)]
        h, w, padding = h + total[0] % 2, w + total[1] % 2, (total[0] // 2, total[1] // 2)
    settings = layer.stride, padding, dilation, layer.groups
    geo = geometry.convolution("conv2d", (1, c, h, w), layer.weight.shape, *settings)
    return Layer((geo.O, geo.OH, geo.OW), _text(geo) + _bias(layer), geo.macs, window_of(geo), geo)


def _pooling(layer: nn.MaxPool2d | nn.AvgPool2d, shape: Shape) -> Layer:
    dilation = layer.dilation if isinstance(layer, nn.MaxPool2d) else 1
    sizes = (geometry.pair(n, "pooling", "size") for n in (layer.kernel_size, layer.stride, layer.padding, dilation))
    geo = geometry.pooling("pooling", (1, *shape), *sizes, ceil_mode=layer.ceil_mode)
    return Layer((geo.C, geo.OH, geo.OW), _text(geo) + " ceil" * layer.ceil_mode, 0, window_of(geo))


def _averages(size: Pair, shape: Shape) -> Layer:
    """Averages over areas that tile the image; they have one size if that goes without remainder."""
    c, h, w = shape
    step = h // size[0], w // size[1]
    even = (step[0] * size[0], step[1] * size[1]) == (h, w)
    return Layer((c, *size), f"to {size[0]}x{size[1]}", 0, Window(step, step) if even else None)


def window_of(geo: Geometry) -> Window:
    """Extent, stride and padding of a window in pixels.

    >>> from ninx.kernels.geometry import convolution
    >>> ninx.study.layer.window_of(convolution("conv2d", (1, 3, 9, 9), (4, 3, 3, 3), (2, 2), (0, 0), (2, 2)))
    Window(extent=(5, 5), stride=(2, 2), padding=(0, 0))
    """
    return Window((geo.DH * (geo.KH - 1) + 1, geo.DW * (geo.KW - 1) + 1), (geo.SH, geo.SW), (geo.PH, geo.PW))


def _text(geo: Geometry) -> str:
    """Kernel, stride and padding, and for a convolution the channels: "5x5/1/2, 3 -> 192"."""

    def short(a: int, b: int) -> str:
        return f"{a}" if a == b else f"{a}x{b}"

    text = f"{geo.KH}x{geo.KW}/{short(geo.SH, geo.SW)}/{short(geo.PH, geo.PW)}"
    text += f" dilation {short(geo.DH, geo.DW)}" * (max(geo.DH, geo.DW) > 1)
    if "conv" not in geo.operation:
        return text
    channels = (geo.O, geo.C) if "transpose" in geo.operation else (geo.C, geo.O)
    return f"{text}, {channels[0]} -> {channels[1]}" + f", {geo.groups} groups" * (geo.groups > 1)


def _bias(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> str:
    return ", no bias" if layer.bias is None else ""
