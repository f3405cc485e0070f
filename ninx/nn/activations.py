"""Activations as layers."""

from __future__ import annotations

from .. import functional as F
from ..engine import Tensor
from .module import Module


class ReLU(Module):
    """max(x, 0), as `functional.relu`; the shape stays.

    >>> nn.ReLU()(ninx.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.relu(x)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope * x, as `functional.leaky_relu`; the shape stays.

    >>> nn.LeakyReLU(0.1)(ninx.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01):
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}"


class Sigmoid(Module):
    """1 / (1 + e^-x), as `functional.sigmoid`; the shape stays.

    >>> nn.Sigmoid()(ninx.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent, as `functional.tanh`; the shape stays.

    >>> nn.Tanh()(ninx.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.tanh(x)


class Softmax(Module):
    """`functional.softmax` along ``dim``: exp(x) / sum(exp(x)); the shape stays.

    >>> nn.Softmax(dim=1)(ninx.tensor([[0.0, 0.0, 0.0, 0.0]]))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    def __init__(self, dim: int):
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.softmax(x, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """`functional.log_softmax` along ``dim``: x - log(sum(exp(x))); the shape stays.

    >>> nn.LogSoftmax(dim=0)(ninx.tensor([0.0, 0.0]))
    tensor([-0.6931, -0.6931])
    """

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.log_softmax(x, self.dim)


class Maxout(Module):
    """`functional.maxout`: the largest of every ``pool_size`` channels, (N, C, ...) -> (N, C / pool_size, ...).

    >>> nn.Maxout(2)(ninx.tensor([[1.0, 5.0, 2.0, 3.0]]))
    tensor([[5., 3.]])
    """

    def __init__(self, pool_size: int):
        self.pool_size = pool_size

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C / pool_size, ...)"""
        return F.maxout(x, self.pool_size)

    def extra_repr(self) -> str:
        """The number of channels that become one."""
        return f"pool_size={self.pool_size}"
