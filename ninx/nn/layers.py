"""Fully connected layers, dropout and shapes as layers, with PyTorch's names, arguments, defaults and initial distributions."""

from __future__ import annotations

import math
from typing import Any

from .. import functional as F
from ..engine import Tensor
from ..functional.inputs import need_tensors
from ..kernels.geometry import whole
from ..looks import unusual
from ..ops import flatten, reshape
from .module import Module
from .weighted import Weighted


class Linear(Weighted):
    """y = x @ W.T + b with weight (out_features, in_features) and bias (out_features): (..., in_features) -> (..., out_features).

    >>> layer = nn.Linear(4, 2)
    >>> layer(ninx.zeros(8, 4)).shape, layer.weight.shape, layer.bias.shape
    ((8, 2), (2, 4), (2,))
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None):
        self.in_features = whole(in_features, "Linear", "in_features")
        self.out_features = whole(out_features, "Linear", "out_features")
        if min(self.in_features, self.out_features) < 0:
            raise ValueError(f"Linear: in_features={in_features} and out_features={out_features} must not be negative")
        self.make((self.out_features, self.in_features), self.out_features, bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """(..., in_features) -> (..., out_features)"""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class _Dropout(Module):
    """What the two kinds of dropout have in common: their settings."""

    def __init__(self, p: float = 0.5, inplace: bool = False):
        if isinstance(p, str) or not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p must be from 0 to 1, got {p}")
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}" + unusual(self, inplace=False)


class Dropout(_Dropout):
    """`functional.dropout` in training: 0 with probability p, else x / (1 - p). Nothing in evaluation. The shape stays.

    ``inplace``: the input itself is changed, as in PyTorch; in a `Sequential` after a max pooling both are one pass as before.

    Raises ValueError for p outside 0 to 1.

    >>> drop = nn.Dropout(0.5)
    >>> sorted(set(drop(ninx.ones(1000)).tolist())), sorted(set(drop.eval()(ninx.ones(1000)).tolist()))
    ([0.0, 2.0], [1.0])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """`functional.dropout2d` in training: whole maps of (N, C, H, W) become 0. Nothing in evaluation.

    >>> y = nn.Dropout2d(0.5)(ninx.ones(8, 16, 4, 4))
    >>> sorted(set(y.sum(dim=(2, 3)).flatten().tolist()))  # 16 pixels of 2, or of 0
    [0.0, 32.0]
    """

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Flatten(Module):
    """Axes ``start_dim`` to ``end_dim`` as one; by default all but the batch.

    >>> nn.Flatten()(ninx.zeros(8, 3, 4, 4)).shape
    (8, 48)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim, self.end_dim = whole(start_dim, "Flatten", "start_dim"), whole(end_dim, "Flatten", "end_dim")

    def forward(self, input: Tensor) -> Tensor:
        """(N, ...) -> (N, product of the rest)"""
        if type(input) is not Tensor:
            need_tensors("Flatten", input=input)
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Axis ``dim`` as several axes of the sizes ``unflattened_size``, of which one may be -1; the inverse of `Flatten`.

    >>> nn.Unflatten(1, (3, 4, 4))(ninx.zeros(8, 48)).shape
    (8, 3, 4, 4)
    """

    def __init__(self, dim: int, unflattened_size: Any):
        if not isinstance(unflattened_size, (tuple, list)) or not unflattened_size:
            raise TypeError(f"Unflatten: the sizes are a tuple of whole numbers, such as (3, 4, 4), not {unflattened_size!r}")
        self.dim = whole(dim, "Unflatten", "dim")
        self.unflattened_size = tuple(whole(n, "Unflatten", "unflattened_size") for n in unflattened_size)

    def forward(self, input: Tensor) -> Tensor:
        """(..., product of the sizes, ...) -> (..., *unflattened_size, ...)"""
        need_tensors("Unflatten", input=input)
        if not -input.ndim <= self.dim < input.ndim:
            raise IndexError(f"Unflatten: dim {self.dim} is out of range for a tensor of shape {input.shape}")
        at = self.dim % input.ndim
        before, after = input.shape[:at], input.shape[at + 1 :]
        known = math.prod(n for n in self.unflattened_size if n != -1)
        wanted = self.unflattened_size
        if -1 in wanted and known:
            wanted = tuple(input.shape[at] // known if n == -1 else n for n in wanted)
        if self.unflattened_size.count(-1) > 1 or math.prod(wanted) != input.shape[at]:
            raise ValueError(
                f"Unflatten: sizes {self.unflattened_size} do not multiply to the {input.shape[at]} of axis {self.dim}"
            )
        return reshape(input, (*before, *wanted, *after))

    def extra_repr(self) -> str:
        """The axis and its sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Identity(Module):
    """Returns its input. It accepts any arguments and ignores them, so that it can be put in the place of any layer.

    >>> nn.Identity(54, bias=False)(ninx.tensor([1, 2]))
    tensor([1, 2])
    """

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def forward(self, input: Tensor) -> Tensor:
        """The input itself."""
        return input
