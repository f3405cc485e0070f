"""What there is to compile for a training, an inference, or anything: as the functions that networks call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import cpu, memory
from ...geometry import convolution, pooling
from ...types import Array
from .. import prepared

TRAINING, INFERENCE, USUAL, ALL = "training", "inference", "usual", "all"


def works(task: str) -> list[Callable[[], None]]:
    """What to compile, in this order.

    Where all is waited for, the slow ones come first, so that no process is left with one at the end. Beside a program its last
    kernels come first: the two meet in the middle. Among these, too, the slow ones come first; but for those of wide layers,
    which the smallest networks have none of.
    """
    single = Step(np.float32)
    backward = [single.weights, single.pool_back, single.narrow_back, single.normalise_back, single.optimise]
    backward += [single.wide_weights, single.wide_back, single.mask]
    forward = [single.lose, single.average, single.pool, single.normalise, single.narrow]
    wide = [single.wide, single.freeze, single.rare]
    if task == INFERENCE:
        return [*forward, single.wide, *backward, *wide]
    if task == TRAINING:
        return [*backward, *forward, *wide]
    usual = [single.wide_weights, single.weights, single.narrow, single.wide, *backward, *forward, *wide]
    if task == USUAL:
        return usual
    double = Step(np.float64)
    return [
        *usual, double.weights, double.narrow, double.narrow_back, double.pool, double.pool_back, double.average, double.lose,
        double.optimise, double.mask, double.freeze, double.rare, _peak,
    ]  # fmt: skip


class Step:
    """The kernels of a training step with arrays of one type, by the functions that networks call."""

    def __init__(self, dtype: Any):
        self.x, self.y = np.ones((32, 12, 12, 32), dtype), np.ones((32, 12, 12, 8), dtype)
        self.row = np.ones(256, dtype)
        self.pooling = pooling("max_pool2d", (32, 32, 12, 12), (2, 2), (2, 2))
        self.half = np.ones((32, 6, 6, 32), dtype)
        self.few = convolution("conv2d", (32, 8, 12, 12), (8, 8, 3, 3), padding=(1, 1))
        self.many = convolution("conv2d", (32, 32, 12, 12), (32, 32, 3, 3), padding=(1, 1))
        self.small, self.large = np.ones((8, 3, 3, 8), dtype), np.ones((32, 3, 3, 32), dtype)

    def narrow(self) -> None:
        """A convolution by the plain sum."""
        cpu.conv2d(self.y, self.small, self.row[:8], self.few)

    def narrow_back(self) -> None:
        """Its input gradient."""
        cpu.conv2d_input_grad(self.y, self.small, self.few)

    def weights(self) -> None:
        """Its weight gradient."""
        cpu.conv2d_weight_bias_grad(self.y, self.y, self.few)

    def wide(self) -> None:
        """A convolution by Winograd's way, in float32."""
        cpu.conv2d(self.x, self.large, self.row[:32], self.many)

    def wide_back(self) -> None:
        """Its input gradient."""
        cpu.conv2d_input_grad(self.x, self.large, self.many)

    def wide_weights(self) -> None:
        """Its weight gradient."""
        cpu.conv2d_weight_bias_grad(self.x, self.x, self.many)

    def pool(self) -> None:
        """Max pooling."""
        cpu.max_pool2d(self.x, self.pooling)

    def pool_back(self) -> None:
        """Its adjoint."""
        cpu.max_unpool2d(self.half, np.zeros(self.half.shape, np.uint8), self.pooling)

    def average(self) -> None:
        """Average pooling, both ways."""
        divisor = np.ones((6, 6), self.x.dtype)
        cpu.avg_pool2d(self.x, self.pooling, divisor)
        cpu.avg_pool2d_input_grad(self.half, self.pooling, divisor)

    def normalise(self) -> None:
        """Batch normalisation."""
        rows = self.x.reshape(-1, 32)
        cpu.batch_norm(rows, self.row[:32], self.row[:32], 1e-5)

    def normalise_back(self) -> None:
        """Its adjoint."""
        rows, each = self.x.reshape(-1, 32), self.row[:32]
        cpu.batch_norm_grad(rows, rows, each, each, each, 1e-5)

    def lose(self) -> None:
        """Softmax and cross-entropy."""
        cpu.softmax_cross_entropy(self.x[0, 0], np.zeros(12, np.int64))

    def mask(self) -> None:
        """The ReLU's mask."""
        cpu.relu_mask(self.x, self.x)

    def optimise(self) -> None:
        """A step of SGD."""
        cpu.sgd(self.row, self.row, self.row, lr=0.0, momentum=0.9, keep=1.0, decay=0.0, nesterov=False)

    def freeze(self) -> None:
        """What frozen networks have besides: the mean of every map, and a convolution of few tiles."""
        image = np.ones((1, 8, 8, 256), self.x.dtype)
        prepared.global_avg_pool2d(self.x, self.x[:, :1, :1].copy()).run()
        few = convolution("conv2d", (1, 256, 8, 8), (256, 256, 3, 3), padding=(1, 1))
        packed = prepared.pack(memory.empty((256, 3, 3, 256), image.dtype), None, few)
        prepared.conv2d(image, packed, image, few, True, prepared.workspace([few], image.dtype)).run()

    def rare(self) -> None:
        """What not every network has."""
        cpu.relu(self.x)
        cpu.dropout(self.x, 0.5, 1, 1)
        row = self.row
        cpu.adam(row, row, row, row, lr=0.0, beta1=0.9, beta2=0.9, scale=1.0, eps=1.0, decay=0.0, shrink=1.0)


def _peak() -> None:
    """What the benchmarks measure the processor with."""
    from ..peak import copy, spin

    row: Array = np.ones(8)
    spin(1, 2)
    copy(row, row, 2)
