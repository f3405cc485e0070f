"""What a network is made of: its layers with their sizes, weights, multiply-adds and receptive fields.

Worked out from the settings of the layers: nothing is computed, so a network made inside `nn.shapes_only` will do. Only a
module with a forward of its own has to be run, on one black image, since nothing else tells in which order it uses its parts.

1 MAC is one multiply-add of a convolution or a linear layer, for one image. Biases, activations, pooling, normalisation, and
products that a module computes without such a layer are not counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ninx.kernels import geometry
from ninx.kernels.geometry import Geometry, Pair

from .. import nn
from ..engine import Tensor, no_grad
from . import table

Shape = tuple[int, ...]


class Row(NamedTuple):
    """One layer. ``receptive_field``: the height and width of the patch of the image that one value of the output depends on.

    A patch may be larger than the image where it reaches into the padding; None where there is no such patch to speak of (after
    Linear, ConvTranspose2d, uneven adaptive pooling, and in modules with a forward of their own).
    """

    name: str
    kind: str
    settings: str
    output_shape: Shape
    params: int
    macs: int
    pointwise: bool
    receptive_field: Pair | None


class Summary(NamedTuple):
    """The layers of a network, in the order in which an image of ``input_shape`` (C, H, W) meets them; and their sums.

    At a prompt it shows itself as a table, and so does ``str``; see `ninx.study.table`.
    """

    input_shape: Shape
    rows: tuple[Row, ...]
    params: int

    @property
    def macs(self) -> int:
        """The multiply-adds for one image."""
        return sum(row.macs for row in self.rows)

    @property
    def pointwise_params(self) -> float:
        """The share of the parameters that 1x1 convolutions hold, from 0 to 1."""
        return sum(row.params for row in self.rows if row.pointwise) / max(self.params, 1)

    @property
    def pointwise_macs(self) -> float:
        """The share of the multiply-adds that 1x1 convolutions do, from 0 to 1."""
        return sum(row.macs for row in self.rows if row.pointwise) / max(self.macs, 1)

    @property
    def receptive_field(self) -> Pair | None:
        """That of the last convolution."""
        return next((row.receptive_field for row in reversed(self.rows) if row.kind == "Conv2d"), None)

    def __repr__(self) -> str:
        """The table, in plain text."""
        return table.as_text(self)

    def _repr_html_(self) -> str:
        """The table for a notebook."""
        return table.as_html(self)


def summary(model: nn.Module, input_shape: Sequence[int]) -> Summary:
    """The layers of ``model`` for one image of ``input_shape``: (C, H, W), without the batch.

    Raises ValueError where the shapes do not fit, as the network itself would.

    >>> ninx.summary(nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU()), (3, 32, 32))
    input 3x32x32
    layer  kind and settings       output  params    MACs    share  sees
    ────...
    * 0    Conv2d 1x1/1/0, 3->8   8x32x32      32  24,576  100.0 %     1
      1    ReLU                   8x32x32                              1
    ...
    """
    walk = _Walk(tuple(geometry.whole(n, "summary", "a size of the input") for n in input_shape))
    walk.visit("", model)
    return Summary(tuple(input_shape), tuple(walk.rows), sum(p.numel() for p in model.parameters()))


def align(a: Summary, b: Summary) -> list[tuple[Row | None, Row | None]]:
    """The layers of two networks side by side, as many alike as can be; None where one has nothing to set against the other.

    The cheapest alignment of two sequences (Needleman and Wunsch, 1970), worked out from the end.

    >>> a, b = (ninx.summary(ninx.models.create(name), (1, 28, 28)) for name in ("nin-mnist-v0", "nin-mnist-v1"))
    >>> [new.name for old, new in ninx.study.summary.align(a, b) if old is None]
    ['0.4', '0.5', '4.4', '4.5']
    """
    m, n = len(a.rows), len(b.rows)
    cost = [[0] * (n + 1) for _ in range(m + 1)]  # of aligning the layers from i and from j on
    step: dict[tuple[int, int], tuple[int, int]] = {}
    for i in range(m, -1, -1):
        for j in range(n, -1, -1):
            ways = [(cost[i + 1][j + 1] + _difference(a.rows[i], b.rows[j]), (1, 1))] if i < m and j < n else []
            ways += [(cost[i + 1][j] + ALONE, (1, 0))] if i < m else []
            ways += [(cost[i][j + 1] + ALONE, (0, 1))] if j < n else []
            cost[i][j], step[i, j] = min(ways, key=lambda way: way[0], default=(0, (0, 0)))
    pairs: list[tuple[Row | None, Row | None]] = []
    i = j = 0
    while (i, j) != (m, n):
        down, right = step[i, j]
        pairs.append((a.rows[i] if down else None, b.rows[j] if right else None))
        i, j = i + down, j + right
    return pairs


ALONE = 2  # the price of a layer that nothing is set against


def _difference(a: Row, b: Row) -> int:
    """The price of setting a against b: two layers alone are dearer than two of a kind, and cheaper than two that are not."""
    if a.kind != b.kind:
        return 3 if "Pool" in a.kind and "Pool" in b.kind else 2 * ALONE + 1
    return (a.settings != b.settings) + (a.output_shape != b.output_shape)


# -------------------------------------------------------------------- one layer

ONE = ((1, 1), (1, 1))
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


class _Layer(NamedTuple):
    """What a layer makes of its input: the shape, the MACs, and the extent and stride of its window (None: it has none)."""

    output_shape: Shape
    settings: str
    macs: int = 0
    window: tuple[Pair, Pair] | None = ONE
    pointwise: bool = False


def _layer(module: nn.Module, shape: Shape) -> _Layer | None:
    """None for what is no layer of ninx.nn, or has another forward than its class there."""
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
            return _Layer((geo.C, geo.H, geo.W), _text(geo) + _bias(module), geo.macs, None)
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
            return _Layer((*shape[:-1], module.out_features), text, math.prod(shape) * module.out_features, None)
        case nn.Flatten():
            start, end = (d % (len(shape) + 1) - 1 for d in (module.start_dim, module.end_dim))
            return _Layer((*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]), "")
        case nn.Maxout():
            if shape[0] % module.pool_size:
                raise ValueError(f"summary: Maxout({module.pool_size}) does not divide the channels of its input {shape}")
            return _Layer((shape[0] // module.pool_size, *shape[1:]), module.extra_repr())
    if not isinstance(module, SAME):
        return None
    return _Layer(shape, "" if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) else module.extra_repr())


def _convolution(layer: nn.Conv2d, shape: Shape) -> _Layer:
    c, h, w = shape
    padding, dilation = layer.padding, layer.dilation
    if isinstance(padding, str):  # "same" keeps the size; where that is uneven the image is first padded on one side
        total = [d * (k - 1) * (padding == "same") for d, k in zip(dilation, layer.kernel_size, strict=True)]
        h, w, padding = h + total[0] % 2, w + total[1] % 2, (total[0] // 2, total[1] // 2)
    settings = layer.stride, padding, dilation, layer.groups
    geo = geometry.convolution("conv2d", (1, c, h, w), layer.weight.shape, *settings)
    return _Layer((geo.O, geo.OH, geo.OW), _text(geo) + _bias(layer), geo.macs, _window(geo), geo.pointwise)


def _pooling(layer: nn.MaxPool2d | nn.AvgPool2d, shape: Shape) -> _Layer:
    dilation = layer.dilation if isinstance(layer, nn.MaxPool2d) else 1
    sizes = (geometry.pair(n, "pooling", "size") for n in (layer.kernel_size, layer.stride, layer.padding, dilation))
    geo = geometry.pooling("pooling", (1, *shape), *sizes, ceil_mode=layer.ceil_mode)
    return _Layer((geo.C, geo.OH, geo.OW), _text(geo) + " ceil" * layer.ceil_mode, 0, _window(geo))


def _averages(size: Pair, shape: Shape) -> _Layer:
    """Averages over areas that tile the image; they have one size if that goes without remainder."""
    c, h, w = shape
    step = h // size[0], w // size[1]
    even = (step[0] * size[0], step[1] * size[1]) == (h, w)
    return _Layer((c, *size), f"to {size[0]}x{size[1]}", 0, (step, step) if even else None)


def _window(geo: Geometry) -> tuple[Pair, Pair]:
    return (geo.DH * (geo.KH - 1) + 1, geo.DW * (geo.KW - 1) + 1), (geo.SH, geo.SW)


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


# -------------------------------------------------------------------- all layers


class _Walk:
    """Goes through a network and keeps what a layer needs to know: the shape that comes to it, and the patch seen so far.

    ``seen`` is that patch of the image, and by how many pixels it moves from one value to the next.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape, self.seen = shape, ONE if len(shape) == 3 else None
        self.rows: list[Row] = []
        self.counted: set[int] = set()

    def visit(self, name: str, module: nn.Module) -> None:
        """All layers of ``module``."""
        if type(module).forward is nn.Sequential.forward:
            for key, child in module._modules.items():
                self.visit(f"{name}.{key}" if name else key, child)
        elif (layer := _layer(module, self.shape)) is not None:
            self.add(name, module, layer)
        else:
            self.run(name, module)

    def add(self, name: str, module: nn.Module, layer: _Layer) -> None:
        """A row for one layer. The field grows by (extent - 1) steps, and the steps by the stride."""
        if self.seen is None or layer.window is None:
            self.seen = None
        else:
            (field, step), (extent, stride) = self.seen, layer.window
            field = field[0] + (extent[0] - 1) * step[0], field[1] + (extent[1] - 1) * step[1]
            self.seen = field, (step[0] * stride[0], step[1] * stride[1])
        params = sum(p.numel() for p in module.parameters() if id(p) not in self.counted)  # weights used twice count once
        self.counted |= {id(p) for p in module.parameters()}
        field_now = None if self.seen is None else self.seen[0]
        self.shape = layer.output_shape
        kind = type(module).__name__
        self.rows.append(Row(name, kind, layer.settings, layer.output_shape, params, layer.macs, layer.pointwise, field_now))

    def run(self, name: str, module: nn.Module) -> None:
        """A module with a forward of its own: one black image goes through it, and its layers tell what comes to them."""
        parts = [(n, m) for n, m in module.named_modules(prefix=name) if not list(m.children())]
        modes = {m: m.training for m in module.modules()}
        dtype = next((p.dtype for p in module.parameters()), np.float32)
        image = Tensor(np.zeros((1, *self.shape), dtype))
        self.seen = None
        try:
            for part_name, part in parts if parts != [(name, module)] else []:
                vars(part)["forward"] = self.tells(part_name, part)
            with no_grad():
                y = module.eval()(image)
        finally:
            for _, part in parts:
                vars(part).pop("forward", None)
            for m, training in modes.items():
                m.training = training
        if parts == [(name, module)]:
            self.add(name, module, _Layer(y.shape[1:], module.extra_repr(), window=None))
        self.shape = y.shape[1:]

    def tells(self, name: str, module: nn.Module) -> Callable[..., Any]:
        """The forward of ``module``, which adds a row when it is called."""
        forward = module.forward

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            y = forward(*args, **kwargs)
            (x, *_) = (*args, *kwargs.values())
            layer = _layer(module, x.shape[1:]) or _Layer(y.shape[1:], module.extra_repr())
            self.add(name, module, layer)
            return y

        return wrapped
