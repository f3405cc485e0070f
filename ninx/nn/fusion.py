"""Neighbouring layers that one pass over the memory can do: a convolution or batch normalisation and its ReLU, a max pooling
and its dropout.

There is nothing to switch on: `Sequential` asks here. Values and gradients are those of the layers one by one. Only modules
that are exactly these layers are taken together, not subclasses, and not one whose forward was replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import functional as F
from ..engine import Tensor
from ..functional.pooling import max_pool2d_dropout
from .activations import ReLU
from .layers import BatchNorm2d, Conv2d, Dropout, MaxPool2d
from .module import Module

Step = Callable[[Any], Any]


def fused(modules: Sequence[Module]) -> list[Step]:
    """The modules in order, each pair that can be done in one pass as one step."""
    steps: list[Step] = []
    waiting = list(reversed(modules))
    while waiting:
        module = waiting.pop()
        pair = _pair(module, waiting[-1]) if waiting else None
        if pair is not None:
            waiting.pop()
        steps.append(module if pair is None else pair)
    return steps


def _pair(a: Module, b: Module) -> Step | None:
    """Two layers as one step, or None."""
    if "forward" in vars(a) or "forward" in vars(b):
        return None
    if type(a) is Conv2d and type(b) is ReLU:
        return lambda x: F.conv2d(x, a.weight, a.bias, a.stride, a.padding, a.dilation, a.groups, relu=True)
    if type(a) is BatchNorm2d and type(b) is ReLU:
        return lambda x: a.normalised(x, relu=True)
    if type(a) is MaxPool2d and type(b) is Dropout and b.training and 0 < b.p < 1:
        return lambda x: _pool_dropout(x, a, b)
    return None


def _pool_dropout(x: Tensor, pool: MaxPool2d, drop: Dropout) -> Tensor:
    if x.ndim != 4:
        return F.dropout(pool(x), drop.p)
    return max_pool2d_dropout(x, (pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode), drop.p)
