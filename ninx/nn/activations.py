"""Activations as layers."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..engine import Tensor
from ..functional.inputs import need_tensors
from ..looks import unusual
from .init import constant_, parameter
from .module import Module


class _InPlace(Module):
    """An activation whose only setting is whether the input itself is changed."""

    def __init__(self, inplace: bool = False):
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Is it in place?"""
        return unusual(self, inplace=False).removeprefix(", ")


class ReLU(_InPlace):
    """max(x, 0), as `functional.relu`; the shape stays.

    ``inplace``: the input itself is changed, as in PyTorch. In a `Sequential` after a convolution or a batch normalisation, both
    are one pass, with it and without; elsewhere it saves nothing.

    >>> nn.ReLU()(ninx.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.relu(input, self.inplace)


class ReLU6(_InPlace):
    """min(max(x, 0), 6), as `functional.relu6`; the shape stays.

    >>> nn.ReLU6()(ninx.tensor([-1.0, 2.0, 9.0]))
    tensor([0., 2., 6.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.relu6(input, self.inplace)


class SiLU(_InPlace):
    """x * sigmoid(x), as `functional.silu`; the shape stays.

    >>> nn.SiLU()(ninx.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.silu(input, self.inplace)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope * x, as `functional.leaky_relu`; the shape stays.

    >>> nn.LeakyReLU(0.1)(ninx.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False):
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}" + unusual(self, inplace=False)


class ELU(Module):
    """x where x > 0, else alpha * (e^x - 1), as `functional.elu`; the shape stays.

    >>> nn.ELU()(ninx.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The value that large negative numbers come near, with the other sign."""
        return f"alpha={self.alpha}" + unusual(self, inplace=False)


class Softplus(Module):
    """log(1 + e^(beta * x)) / beta, as `functional.softplus`; the shape stays.

    >>> nn.Softplus()(ninx.tensor([-1.0, 0.0]))
    tensor([0.3133, 0.6931])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """The settings."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Hardtanh(Module):
    """x, cut off at ``min_val`` and ``max_val``, as `functional.hardtanh`; the shape stays.

    >>> nn.Hardtanh()(ninx.tensor([-3.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False):
        if min_val >= max_val:
            raise ValueError(f"Hardtanh: min_val must be below max_val, got {min_val} and {max_val}")
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The limits."""
        return f"min_val={self.min_val}, max_val={self.max_val}" + unusual(self, inplace=False)


class PReLU(Module):
    """x where x > 0, else weight * x, with a slope that is learnt: one for all channels, or one for each (``num_parameters``).

    >>> nn.PReLU()(ninx.tensor([-1.0, 2.0])).tolist()
    [-0.25, 2.0]
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None):
        self.num_parameters, self.init = num_parameters, init
        self.weight = parameter((num_parameters,), dtype, device)
        constant_(self.weight, init)

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"


class Sigmoid(Module):
    """1 / (1 + e^-x), as `functional.sigmoid`; the shape stays.

    >>> nn.Sigmoid()(ninx.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        if type(input) is not Tensor:
            need_tensors("Sigmoid", input=input)
        return F.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent, as `functional.tanh`; the shape stays.

    >>> nn.Tanh()(ninx.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        if type(input) is not Tensor:
            need_tensors("Tanh", input=input)
        return F.tanh(input)


class _AlongAxis(Module):
    """An activation whose only setting is its axis."""

    def __init__(self, dim: int | None = None):
        self.dim = dim

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class Softmax(_AlongAxis):
    """`functional.softmax` along ``dim``: exp(x) / sum(exp(x)); the shape stays. Without ``dim`` there is a warning.

    >>> nn.Softmax(dim=1)(ninx.tensor([[0.0, 0.0, 0.0, 0.0]]))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.softmax(input, self.dim)


class LogSoftmax(_AlongAxis):
    """`functional.log_softmax` along ``dim``: x - log(sum(exp(x))); the shape stays. Without ``dim`` there is a warning.

    >>> nn.LogSoftmax(dim=0)(ninx.tensor([0.0, 0.0]))
    tensor([-0.6931, -0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.log_softmax(input, self.dim)


class Maxout(Module):
    """`functional.maxout`: the largest of every ``pool_size`` channels, (N, C, ...) -> (N, C / pool_size, ...).

    >>> nn.Maxout(2)(ninx.tensor([[1.0, 5.0, 2.0, 3.0]]))
    tensor([[5., 3.]])
    """

    def __init__(self, pool_size: int):
        self.pool_size = pool_size

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C / pool_size, ...)"""
        return F.maxout(input, self.pool_size)

    def extra_repr(self) -> str:
        """The number of channels that become one."""
        return f"pool_size={self.pool_size}"
