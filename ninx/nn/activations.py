"""Activations as layers."""

from __future__ import annotations

from .. import functional as F
from ..engine import Tensor
from .module import Module


class ReLU(Module):
    """max(x, 0)"""

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.relu(x)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope * x"""

    def __init__(self, negative_slope: float = 0.01):
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}"


class Sigmoid(Module):
    """1 / (1 + e^-x)"""

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent"""

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.tanh(x)


class Softmax(Module):
    """`functional.softmax` along ``dim``"""

    def __init__(self, dim: int):
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.softmax(x, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """`functional.log_softmax` along ``dim``"""

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.log_softmax(x, self.dim)


class Maxout(Module):
    """`functional.maxout`: the largest of every ``pool_size`` channels"""

    def __init__(self, pool_size: int):
        self.pool_size = pool_size

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C / pool_size, ...)"""
        return F.maxout(x, self.pool_size)

    def extra_repr(self) -> str:
        """The number of channels that become one."""
        return f"pool_size={self.pool_size}"
