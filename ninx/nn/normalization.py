"""Normalisation layers with PyTorch's arguments and defaults; what they compute is in `ninx.functional`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functional as F
from ..array import on_device
from ..engine import Tensor
from ..functional.inputs import need_tensors
from ..kernels.geometry import whole
from ..ops import add_
from . import init
from .module import Module
from .parameter import Buffer, Parameter


class _BatchNorm(Module):
    dims: tuple[int, ...] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        self.num_features = whole(num_features, type(self).__name__, "num_features")
        self.eps, self.momentum, self.affine, self.track_running_stats = eps, momentum, affine, track_running_stats
        dtype, place = np.dtype(np.float32 if dtype is None else dtype), "cpu" if device is None else str(device)

        def filled(value: float) -> Any:
            return on_device(np.full(self.num_features, value, dtype), place)

        self.weight = Parameter(filled(1)) if affine else None
        self.bias = Parameter(filled(0)) if affine and bias else None
        self.running_mean = Buffer(filled(0)) if track_running_stats else None
        self.running_var = Buffer(filled(1)) if track_running_stats else None
        self.num_batches_tracked = Buffer(on_device(np.zeros((), np.int64), place)) if track_running_stats else None

    def reset_running_stats(self) -> None:
        """Set the running mean to 0 and the running variance to 1.

        >>> norm = nn.BatchNorm1d(1)
        >>> y = norm(ninx.tensor([[1.0], [3.0]]))
        >>> norm.reset_running_stats()
        >>> norm.running_mean.item(), norm.running_var.item(), norm.num_batches_tracked.item()
        (0.0, 1.0, 0)
        """
        for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if buffer is not None:
                init.constant_(buffer, value)

    def reset_parameters(self) -> None:
        """Set weight to 1 and bias to 0, and reset the running mean and variance.

        >>> norm = nn.BatchNorm1d(1)
        >>> norm.reset_parameters()
        >>> norm.weight.item(), norm.bias.item()
        (1.0, 0.0)
        """
        self.reset_running_stats()
        for parameter, value in ((self.weight, 1), (self.bias, 0)):
            if parameter is not None:
                init.constant_(parameter, value)

    def forward(self, input: Tensor) -> Tensor:
        """The input, normalised for each channel."""
        return self.normalised(input, relu=False)

    def normalised(self, input: Tensor, relu: bool) -> Tensor:
        """`forward`, and with ``relu`` a ReLU in the same pass.

        >>> norm = nn.BatchNorm2d(3)
        >>> x = ninx.randn(4, 3, 5, 5)
        >>> (norm.normalised(x, relu=True) == norm(x).relu()).all()
        tensor(True)
        """
        if type(input) is not Tensor:
            need_tensors(type(self).__name__, input=input)
        if input.ndim not in self.dims:
            wanted = " or ".join(f"{d}-d" for d in self.dims)
            raise ValueError(f"{type(self).__name__}: the input must be {wanted}, got shape {input.shape}")
        use_batch = self.training or self.running_mean is None
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.num_batches_tracked is not None:
            add_(self.num_batches_tracked, 1)
            if self.momentum is None:  # a plain average over all batches so far
                momentum = 1 / self.num_batches_tracked.item()
        mean, var = (self.running_mean, self.running_var) if not use_batch or self.training else (None, None)
        return F.batch_norm(input, mean, var, self.weight, self.bias, use_batch, momentum, self.eps, relu=relu)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """`functional.batch_norm` for (N, C) or (N, C, L): each channel with mean 0 and variance 1 in training; then weight and bias.

    In evaluation the running mean and variance of training take the batch's place. Raises ValueError for other shapes.

    >>> norm = nn.BatchNorm1d(2)
    >>> y = norm(ninx.tensor([[1.0, 10.0], [3.0, 30.0]]))
    >>> y.detach(), norm.running_mean.detach()
    (tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]]), tensor([0.2000, 2.0000]))
    """

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """`functional.batch_norm` for (N, C, H, W): each channel with mean 0 and variance 1 in training; then weight and bias.

    In evaluation the running mean and variance of training take the batch's place. Raises ValueError for other shapes.

    >>> y = nn.BatchNorm2d(3)(ninx.randn(8, 3, 5, 5) * 10 + 4)
    >>> bool((y.mean(dim=(0, 2, 3)).abs() < 1e-5).all())
    True
    """

    dims = (4,)


class LocalResponseNorm(Module):
    """`functional.local_response_norm`: x / (k + alpha/size * sum of x^2 over ``size`` neighbouring channels)^beta.

    >>> nn.LocalResponseNorm(size=2, alpha=2.0, beta=1.0)(ninx.ones(1, 3, 1, 1)).flatten()
    tensor([0.5000, 0.3333, 0.3333])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        """The shape stays."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
