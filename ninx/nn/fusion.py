"""Neighbouring layers that one pass over the memory can do: a convolution or batch normalisation and its ReLU, a max pooling
and its dropout.

There is nothing to switch on: `Sequential` asks here. Values and gradients are those of the layers one by one. Only modules
that are exactly these layers are taken together, not subclasses, and not one that has hooks or whose forward was replaced.
A ReLU or dropout in place changes what only it can see here, so it is taken too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import functional as F
from ..engine import Tensor
from ..functional.pooling import max_pool2d_dropout
from .activations import ReLU
from .convolution import Conv2d
from .layers import Dropout
from .module import Module
from .normalization import BatchNorm2d
from .pooling import MaxPool2d

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
    kinds = type(a), type(b)
    if kinds not in _PAIRS or _is_watched(a) or _is_watched(b):
        return None
    return _PAIRS[kinds](a, b)


def _is_watched(module: Module) -> bool:
    """Has it hooks, or a forward of its own? Then it is called by itself."""
    return bool(module._module_hooks) or "forward" in vars(module)


def _conv_relu(conv: Conv2d, _: ReLU) -> Step:
    return lambda x: F.conv2d(x, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups, relu=True)


def _norm_relu(norm: BatchNorm2d, _: ReLU) -> Step:
    return lambda x: norm.normalised(x, relu=True)


def _pool_dropout(pool: MaxPool2d, drop: Dropout) -> Step | None:
    if not drop.training or not 0 < drop.p < 1 or pool.return_indices:
        return None
    settings = pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode

    def step(x: Tensor) -> Tensor:
        one_pass = isinstance(x, Tensor) and x.ndim == 4
        return max_pool2d_dropout(x, settings, drop.p) if one_pass else F.dropout(pool(x), drop.p)

    return step


_PAIRS: dict[tuple[type[Module], type[Module]], Callable[[Any, Any], Step | None]] = {
    (Conv2d, ReLU): _conv_relu,
    (BatchNorm2d, ReLU): _norm_relu,
    (MaxPool2d, Dropout): _pool_dropout,
}
