"""Convolutions and their transposes: as layers where the weight is in the file, of images."""

from __future__ import annotations

from typing import Any

from ... import functional as F
from ... import nn
from ...engine import Tensor
from ...ops import reshape, squeeze, unsqueeze
from .given import Given
from .operation import Operation
from .stored import Stored
from .windows import Window, window


class PaddedConv2d(nn.Conv2d):
    """A convolution whose padding is not the same on both sides, or depends on the size of the image."""

    window: Window

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, O, OH, OW)"""
        return convolved(input, self.weight, self.bias, window=self.window, group=self.groups)

    def extra_repr(self) -> str:
        """The settings, and what the file says of the padding."""
        return f"{super().extra_repr()}, pads={self.window.pads}, auto_pad={self.window.auto_pad}"


def make_conv(given: Given) -> nn.Module:
    """nn.Conv2d, where the weight is that of one."""
    given.check_inputs(2, 3)
    settings, group = window(given), given.whole("group", 1)
    weight = _weight(given)
    if weight is None:
        return Operation(given, convolved, window=settings, group=group)
    settings = _checked(settings, weight.shape[2:])
    padding = settings.even_padding
    kind = nn.Conv2d if padding is not None else PaddedConv2d
    o, c, *kernel = weight.shape
    with nn.shapes_only():
        layer = kind(
            c * group, o, _pair(kernel), _pair(settings.strides), _pair(padding or (0, 0)), _pair(settings.dilations), group
        )
    if isinstance(layer, PaddedConv2d):
        layer.window = settings
    return _filled(given, layer)


def make_transposed(given: Given) -> nn.Module:
    """nn.ConvTranspose2d, where the weight is that of one and the padding is plain."""
    given.check_inputs(2, 3)
    settings, group = window(given), given.whole("group", 1)
    more, wanted = given.wholes("output_padding"), given.wholes("output_shape")
    weight = _weight(given)
    if weight is not None and not wanted:
        settings = _checked(settings, weight.shape[2:])
        padding = settings.even_padding
        if padding is not None:
            i, per_group, *kernel = weight.shape
            with nn.shapes_only():
                layer = nn.ConvTranspose2d(
                    *(i, per_group * group, _pair(kernel), _pair(settings.strides), _pair(padding), _pair(more or (0, 0)), group),
                    dilation=_pair(settings.dilations),
                )
            return _filled(given, layer)
    return Operation(given, transposed, window=settings, group=group, output_padding=more, output_shape=wanted)


def _weight(given: Given) -> Stored | None:
    """The weight of a layer, if it is in the file, and a bias is too."""
    weight = given.stored(1)
    if weight is not None and len(weight.shape) not in (3, 4):
        raise ValueError(f"has a weight of shape {weight.shape}; convolutions here are of lines and images")
    return given.matrix(1, axes=4) if given.known(2) else None


def _pair(sizes: Any) -> tuple[int, int]:
    first, second = sizes
    return int(first), int(second)


def _filled(given: Given, layer: Any) -> nn.Module:
    """The layer with the weight and the bias of the file."""
    outputs, layer.weight = layer.out_channels, given.parameter(1)
    layer.bias = None if given.is_absent(2) else given.parameter(2)
    if layer.bias is not None and (layer.bias.shape != (outputs,) or layer.bias.dtype != layer.weight.dtype):
        raise ValueError(f"has a bias of shape {layer.bias.shape} and {layer.bias.dtype} for {outputs} outputs")
    return layer  # type: ignore[no-any-return]  # a module


def _checked(settings: Window, kernel: tuple[int, ...]) -> Window:
    """The settings for a kernel, with their defaults; ValueError where they are of another."""
    if settings.kernel and settings.kernel != kernel:
        raise ValueError(f"has the kernel_shape {settings.kernel}, and a weight of {kernel}")
    return settings.of(len(kernel))


def _image(function: Any, x: Tensor, w: Tensor, *others: Any) -> Tensor:
    """A convolution of lines (N, C, L) as one of images of one row."""
    y: Tensor = function(unsqueeze(x, 2), unsqueeze(w, 2), *others)
    return squeeze(y, 2)


def convolved(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, window: Window, group: int) -> Tensor:
    """(N, C, L) or (N, C, H, W), with a weight (O, C/group, ...)."""
    settings = _checked(window, weight.shape[2:])
    if weight.ndim not in (3, 4) or x.ndim != weight.ndim:
        raise ValueError(f"Conv: of shape {x.shape} with weights {weight.shape}; convolutions here are of lines and images")
    axes = settings.fitted(x.shape[2:], weight.shape[2:])
    if any(axis.before != axis.after for axis in axes):
        x, padding = F.pad(x, [n for axis in reversed(axes) for n in (axis.before, axis.after)]), (0,) * len(axes)
    else:
        padding = tuple(axis.before for axis in axes)
    strides, dilations = settings.strides, settings.dilations
    if x.ndim == 3:
        return _image(F.conv2d, x, weight, bias, (1, *strides), (0, *padding), (1, *dilations), group)
    return F.conv2d(x, weight, bias, _pair(strides), _pair(padding), _pair(dilations), group)


def transposed(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    window: Window,
    group: int,
    output_padding: tuple[int, ...],
    output_shape: tuple[int, ...],
) -> Tensor:
    """(N, I, L) or (N, I, H, W), with a weight (I, O/group, ...): all that the windows reach, cut off by the padding."""
    settings = _checked(window, weight.shape[2:])
    if weight.ndim not in (3, 4) or x.ndim != weight.ndim:
        raise ValueError(f"ConvTranspose: of {x.shape} with weights {weight.shape}; convolutions here are of lines and images")
    strides, dilations, pads, count = settings.strides, settings.dilations, settings.pads, x.ndim - 2
    more = output_padding or (0,) * count
    befores, afters = list(pads[:count]), list(pads[count:])
    if not output_shape and settings.auto_pad.startswith("SAME"):
        output_shape = tuple(n * s for n, s in zip(x.shape[2:], strides, strict=True))
    if len(more) != count or len(output_shape) not in (0, count):
        raise ValueError(f"ConvTranspose: output_padding {more} or output_shape {output_shape} do not fit {count} axes")
    for i in range(len(output_shape)):
        reach = strides[i] * (x.shape[2 + i] - 1) + more[i] + (weight.shape[2 + i] - 1) * dilations[i] + 1
        total = reach - output_shape[i]
        half = total // 2 if settings.auto_pad == "SAME_UPPER" else total - total // 2
        befores[i], afters[i] = half, total - half
    if x.ndim == 3:
        y = _image(F.conv_transpose2d, x, weight, None, (1, *strides), 0, 0, group, (1, *dilations))
    else:
        y = F.conv_transpose2d(x, weight, None, _pair(strides), 0, 0, group, _pair(dilations))
    ends = [(-b, m - a) for b, a, m in zip(befores, afters, more, strict=True)]
    y = F.pad(y, [n for pair in reversed(ends) for n in pair])
    return y if bias is None else y + reshape(bias, (1, -1, *(1,) * count))
