"""What layers with a weight and a bias have in common: how these are made, and what they begin with."""

from __future__ import annotations

import math
from typing import Any

from . import init
from .module import Module
from .parameter import Parameter


class Weighted(Module):
    """A layer with a weight and, if it wants one, a bias."""

    weight: Parameter
    bias: Parameter | None

    def make(self, shape: tuple[int, ...], outputs: int, bias: bool, device: Any, dtype: Any) -> None:
        """Make the weight of this shape and the bias of so many outputs, with their initial values.

        >>> layer = nn.Linear(4, 2)
        >>> layer.make((3, 4), 3, True, None, None)
        >>> layer.weight.shape, layer.bias.shape
        ((3, 4), (3,))
        """
        self.weight = init.parameter(shape, dtype, device)
        self.bias = init.parameter((outputs,), dtype, device) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begin anew, with PyTorch's initial values: weight and bias uniform in +-1/sqrt(fan_in).

        >>> layer = nn.Linear(4, 2)
        >>> before = layer.weight.clone()
        >>> layer.reset_parameters()
        >>> (layer.weight == before).any()
        tensor(False)
        """
        inputs, _ = init.fans(self.weight)
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(inputs) if inputs else 0.0
            init.uniform_(self.bias, -bound, bound)
