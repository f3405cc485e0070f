"""What a network is made of: its layers with their sizes, weights, multiply-adds and receptive fields; and what it costs.

Worked out from the settings of the layers: nothing is computed, so a network made inside `nn.shapes_only` will do. Only a
module with a forward of its own has to be run, on one black image, since nothing else tells what it does with its parts.

1 MAC is one multiply-add of a convolution or a matrix product, for one image; FLOPs are twice as many. Biases, activations,
pooling and normalisation are not counted. The memory of a training step comes from `dry`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ninx.kernels import explain, geometry
from ninx.kernels.geometry import Geometry, Pair

from .. import nn
from ..engine import Tensor, enable_grad
from . import table
from .dry import Footprint, dry_steps
from .layer import Layer, Shape, layer_of
from .seen import WHOLE, Seen, beyond, recording


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
    geometry: Geometry | None = None

    @property
    def flops(self) -> int:
        """Floating-point operations for one image: a multiplication and an addition for each MAC."""
        return 2 * self.macs

    def way(self, batch: int) -> str:
        """Which path a convolution takes for ``batch`` images, and why, in a sentence; nothing for other layers.

        >>> with ninx.use_kernels("loops"):
        ...     ninx.summary(nn.Conv2d(3, 2, 1), (3, 4, 4)).rows[0].way(8)
        "conv2d: nested loops, because the 'loops' tier was asked for"
        """
        return "" if self.geometry is None else explain(self.geometry._replace(N=batch))


class Summary(NamedTuple):
    """The layers of a network, in the order in which an image of ``input_shape`` (C, H, W) meets them; and their sums.

    ``memory``: what a training step takes, if `summary` was asked for it. At a prompt a summary shows itself as a table, and so
    does ``str``; see `ninx.study.table`.
    """

    input_shape: Shape
    rows: tuple[Row, ...]
    params: int
    memory: Footprint | None = None

    @property
    def macs(self) -> int:
        """The multiply-adds for one image."""
        return sum(row.macs for row in self.rows)

    @property
    def flops(self) -> int:
        """The floating-point operations for one image, forward: two for each MAC."""
        return 2 * self.macs

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

    def as_json(self) -> dict[str, Any]:
        """All figures, for `json.dumps`; sizes in bytes.

        >>> found = ninx.summary(nn.Linear(3, 2), (3,), batch=8).as_json()
        >>> found["params"], found["flops"], found["layers"][0]["output_shape"], found["memory"]["weights"]
        (8, 12, (2,), {'the network': 32})
        """
        layers = []
        for row in self.rows:
            way = {} if self.memory is None else {"path": row.way(self.memory.batch)}
            layers.append({k: v for k, v in row._asdict().items() if k != "geometry"} | {"flops": row.flops} | way)
        totals = {"params": self.params, "macs": self.macs, "flops": self.flops}
        shares = {"pointwise_params": self.pointwise_params, "pointwise_macs": self.pointwise_macs}
        found = {"input_shape": self.input_shape, **totals, **shares, "receptive_field": self.receptive_field, "layers": layers}
        return found if self.memory is None else found | {"memory": self.memory.as_json()}

    def __repr__(self) -> str:
        """The table, in plain text."""
        return table.as_text(self)

    def _repr_html_(self) -> str:
        """The table for a notebook."""
        return table.as_html(self)


def summary(model: nn.Module, input_shape: Sequence[int], batch: int | None = None, optimizer: str = "sgd") -> Summary:
    """The layers of ``model`` for one image of ``input_shape``: (C, H, W), without the batch.

    With ``batch`` also the memory of a training step on so many images, on the CPU, as it will be: nothing is trained.
    ``optimizer``: "sgd" (with momentum) or "adam".

    Raises ValueError where the shapes do not fit, as the network itself would; TypeError for a network that cannot be copied.

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
    memory = None if batch is None else dry_steps(model, walk.input_shape, batch, optimizer)
    return Summary(walk.input_shape, tuple(walk.rows), sum(p.numel() for p in model.parameters()), memory)


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
    """Goes through a network and keeps what a layer needs to know: the shape that comes to it, and the patch seen so far."""

    def __init__(self, shape: Shape) -> None:
        self.input_shape = self.shape = shape
        self.seen: Seen | None = WHOLE if len(shape) == 3 else None
        self.rows: list[Row] = []
        self.counted: set[int] = set()
        self.inside = 0  # how many layers deep the run of a module is
        self.loose = 0  # MACs that were done outside of all layers

    def visit(self, name: str, module: nn.Module) -> None:
        """All layers of ``module``."""
        if type(module).forward is nn.Sequential.forward:
            for key, child in module._modules.items():
                self.visit(f"{name}.{key}" if name else key, child)
        elif (layer := layer_of(module, self.shape)) is not None:
            self.seen = beyond(self.seen, layer.window)
            self.add(name, module, layer, self.seen)
            self.shape = layer.output_shape
        else:
            self.run(name, module)

    def add(self, name: str, module: nn.Module, layer: Layer, seen: Seen | None) -> None:
        """A row for one layer."""
        params = sum(p.numel() for p in module.parameters() if id(p) not in self.counted)  # weights used twice count once
        self.counted |= {id(p) for p in module.parameters()}
        kind, geo = type(module).__name__, layer.geometry
        pointwise = geo is not None and geo.pointwise and geo.operation == "conv2d"
        field = None if seen is None else seen.field
        self.rows.append(Row(name, kind, layer.settings, layer.output_shape, params, layer.macs, pointwise, field, geo))

    def run(self, name: str, module: nn.Module) -> None:
        """A module with a forward of its own: one black image goes through it, and its layers tell what comes to them.

        Every operation is recorded, so that its node can say what it sees of the image, and how much it multiplies.
        """
        parts = [(n, m) for n, m in module.named_modules(prefix=name) if m is not module and not list(m.children())]
        modes, wanted = {m: m.training for m in module.modules()}, {p: p.requires_grad for p in module.parameters()}
        dtype = next((p.dtype for p in wanted), np.float32)
        image, seen_before, rows_before = Tensor(np.zeros((1, *self.shape), dtype), requires_grad=True), self.seen, len(self.rows)
        self.loose = 0

        def seen(t: Tensor) -> Seen | None:
            return seen_before if t is image else getattr(t.node, "seen", None)

        try:
            for part_name, part in parts:
                vars(part)["forward"] = self.tells(part_name, part, seen)
            for p in wanted:
                p.requires_grad = True
            with enable_grad(), recording(self.multiplied, seen):
                y = module.eval()(image)
        finally:
            for _, part in parts:
                vars(part).pop("forward", None)
            for m, training in modes.items():
                m.training = training
            for p, requires_grad in wanted.items():
                p.requires_grad = requires_grad
        self.shape, self.seen = (y.shape[1:], seen(y)) if isinstance(y, Tensor) else ((), None)
        if len(self.rows) == rows_before:
            self.add(name, module, Layer(self.shape, module.extra_repr(), self.loose), self.seen)
        elif self.loose:
            self.add(name, module, Layer(self.shape, "its own products", self.loose), self.seen)

    def multiplied(self, macs: int) -> None:
        """An operation has done so many multiply-adds; those of layers are known already."""
        self.loose += macs * (self.inside == 0)

    def tells(self, name: str, module: nn.Module, seen: Callable[[Tensor], Seen | None]) -> Callable[..., Any]:
        """The forward of ``module``, which adds a row when it is called."""
        forward = module.forward

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            (x, *_) = (*args, *kwargs.values())
            layer = layer_of(module, x.shape[1:]) if isinstance(x, Tensor) else None
            self.inside += layer is not None
            y = forward(*args, **kwargs)
            self.inside -= layer is not None
            after = seen(y) if isinstance(y, Tensor) else None
            if layer is not None:
                after = beyond(seen(x), layer.window)
                if y.node is not None:
                    y.node.seen = after
            self.add(name, module, layer or Layer(y.shape[1:] if isinstance(y, Tensor) else (), module.extra_repr()), after)
            return y

        return wrapped
