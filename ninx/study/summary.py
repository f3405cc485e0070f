"""What a network is made of: its layers with their sizes, weights, multiply-adds and receptive fields.

Worked out from the settings of the layers: nothing is computed, so a network made inside `nn.shapes_only` will do. Only a
module with a forward of its own has to be run, on one black image, since nothing else tells in which order it uses its parts.

1 MAC is one multiply-add of a convolution or a linear layer, for one image. Biases, activations, pooling, normalisation, and
products that a module computes without such a layer are not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ninx.kernels import geometry
from ninx.kernels.geometry import Pair

from .. import nn
from ..engine import Tensor, no_grad
from . import table
from .layer import ONE, Layer, Shape, layer_of


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


ALONE = 2  # the cost of a layer without a partner


def _difference(a: Row, b: Row) -> int:
    """The cost of pairing a with b: below that of leaving both alone if they are of one kind, above it if they are not."""
    if a.kind != b.kind:
        return 3 if "Pool" in a.kind and "Pool" in b.kind else 2 * ALONE + 1
    return (a.settings != b.settings) + (a.output_shape != b.output_shape)


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
        elif (layer := layer_of(module, self.shape)) is not None:
            self.add(name, module, layer)
        else:
            self.run(name, module)

    def add(self, name: str, module: nn.Module, layer: Layer) -> None:
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
            self.add(name, module, Layer(y.shape[1:], module.extra_repr(), window=None))
        self.shape = y.shape[1:]

    def tells(self, name: str, module: nn.Module) -> Callable[..., Any]:
        """The forward of ``module``, which adds a row when it is called."""
        forward = module.forward

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            y = forward(*args, **kwargs)
            (x, *_) = (*args, *kwargs.values())
            layer = layer_of(module, x.shape[1:]) or Layer(y.shape[1:], module.extra_repr())
            self.add(name, module, layer)
            return y

        return wrapped
