"""Layers with PyTorch's names, arguments, defaults and initial distributions. What each computes stands in `ninx.functional`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import functional as F
from ..engine import Tensor
from ..kernels.geometry import pair
from ..looks import unusual
from ..ops import add_, flatten
from . import init
from .module import Buffer, Module, Parameter

Size = int | tuple[int, int]


def _reset(weight: Parameter, bias: Parameter | None) -> None:
    """PyTorch's default: weight and bias uniform in +-1/sqrt(fan_in)."""
    init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        bound = 1 / math.sqrt(init.fans(weight)[0])
        init.uniform_(bias, -bound, bound)


class Conv2d(Module):
    """`functional.conv2d` with a weight (out_channels, in_channels/groups, KH, KW) and a bias (out_channels).

    (N, C, H, W) -> (N, O, OH, OW) with OH = floor((H + 2*padding - dilation*(KH - 1) - 1) / stride) + 1. Weight and bias begin
    uniform in +-1/sqrt(fan_in), as in PyTorch. Raises ValueError where groups does not divide the channels.

    >>> layer = nn.Conv2d(3, 16, kernel_size=3, stride=2, padding=1)
    >>> layer(ninx.zeros(8, 3, 32, 32)).shape, layer.weight.shape
    ((8, 16, 16, 16), (16, 3, 3, 3))
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        dtype: Any = np.float32,
    ):
        if min(in_channels, out_channels, groups) < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"Conv2d: groups={groups} must divide in_channels={in_channels} and out_channels={out_channels}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = pair(kernel_size, "Conv2d", "kernel_size"), pair(stride, "Conv2d", "stride")
        self.padding = padding if isinstance(padding, str) else pair(padding, "Conv2d", "padding")
        self.dilation = pair(dilation, "Conv2d", "dilation")
        self.weight = init.parameter((out_channels, in_channels // groups, *self.kernel_size), dtype)
        self.bias = init.parameter((out_channels,), dtype) if bias else None
        _reset(self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, O, OH, OW)"""
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        """The arguments that differ from the defaults."""
        return _settings(self)


class ConvTranspose2d(Module):
    """`functional.conv_transpose2d` with a weight (in_channels, out_channels/groups, KH, KW) and a bias (out_channels).

    (N, I, H, W) -> (N, O, H', W') with H' = (H - 1)*stride - 2*padding + dilation*(KH - 1) + output_padding + 1.

    >>> nn.ConvTranspose2d(16, 8, kernel_size=2, stride=2)(ninx.zeros(1, 16, 7, 7)).shape
    (1, 8, 14, 14)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        dtype: Any = np.float32,
    ):
        if min(in_channels, out_channels, groups) < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"ConvTranspose2d: groups={groups} must divide in_channels={in_channels} and out_channels={out_channels}"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.padding, self.output_padding, self.dilation = (
            pair(v, "ConvTranspose2d", n)
            for n, v in (
                ("kernel_size", kernel_size),
                ("stride", stride),
                ("padding", padding),
                ("output_padding", output_padding),
                ("dilation", dilation),
            )
        )
        self.weight = init.parameter((in_channels, out_channels // groups, *self.kernel_size), dtype)
        self.bias = init.parameter((out_channels,), dtype) if bias else None
        _reset(self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, I, H, W) -> (N, O, H', W')"""
        settings = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return F.conv_transpose2d(x, self.weight, self.bias, *settings)

    def extra_repr(self) -> str:
        """The arguments that differ from the defaults."""
        return _settings(self)


def _settings(layer: Conv2d | ConvTranspose2d) -> str:
    """Channels, kernel and stride; the others where they differ from the defaults."""
    text = f"{layer.in_channels}, {layer.out_channels}, kernel_size={layer.kernel_size}, stride={layer.stride}"
    text += unusual(layer, padding=(0, 0), dilation=(1, 1), output_padding=(0, 0), groups=1)
    return text + (", bias=False" if layer.bias is None else "")


class Linear(Module):
    """y = x @ W.T + b with weight (out_features, in_features) and bias (out_features): (..., in_features) -> (..., out_features).

    >>> layer = nn.Linear(4, 2)
    >>> layer(ninx.zeros(8, 4)).shape, layer.weight.shape, layer.bias.shape
    ((8, 2), (2, 4), (2,))
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, dtype: Any = np.float32):
        self.in_features, self.out_features = in_features, out_features
        self.weight = init.parameter((out_features, in_features), dtype)
        self.bias = init.parameter((out_features,), dtype) if bias else None
        _reset(self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) -> (..., out_features)"""
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class _BatchNorm(Module):
    dims: tuple[int, ...] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = np.float32,
    ):
        self.num_features, self.eps, self.momentum, self.affine = num_features, eps, momentum, affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine else None
        self.running_mean = Buffer(np.zeros(num_features, dtype)) if track_running_stats else None
        self.running_var = Buffer(np.ones(num_features, dtype)) if track_running_stats else None
        self.num_batches_tracked = Buffer(np.zeros((), np.int64)) if track_running_stats else None

    def forward(self, x: Tensor) -> Tensor:
        """The input, normalised for each channel."""
        return self.normalised(x, relu=False)

    def normalised(self, x: Tensor, relu: bool) -> Tensor:
        """`forward`, and with ``relu`` a ReLU in the same pass.

        >>> norm = nn.BatchNorm2d(3)
        >>> x = ninx.randn(4, 3, 5, 5)
        >>> (norm.normalised(x, relu=True) == norm(x).relu()).all()
        tensor(True)
        """
        if x.ndim not in self.dims:
            wanted = " or ".join(f"{d}-d" for d in self.dims)
            raise ValueError(f"{type(self).__name__}: the input must be {wanted}, got shape {x.shape}")
        use_batch = self.training or self.running_mean is None
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.num_batches_tracked is not None:
            add_(self.num_batches_tracked, 1)
            if self.momentum is None:  # a plain average over all batches so far
                momentum = 1 / self.num_batches_tracked.item()
        mean, var = (self.running_mean, self.running_var) if not use_batch or self.training else (None, None)
        return F.batch_norm(x, mean, var, self.weight, self.bias, use_batch, momentum, self.eps, relu=relu)

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

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class MaxPool2d(Module):
    """`functional.max_pool2d`: the largest value of every window, (N, C, H, W) -> (N, C, OH, OW). ``stride`` None: kernel_size.

    >>> x = ninx.zeros(1, 16, 32, 32)
    >>> nn.MaxPool2d(3, stride=2)(x).shape, nn.MaxPool2d(3, stride=2, ceil_mode=True)(x).shape
    ((1, 16, 15, 15), (1, 16, 16, 16))
    """

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, ceil_mode: bool = False
    ):
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, OH, OW)"""
        y: Tensor = F.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)
        return y

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """`functional.avg_pool2d`: the mean of every window, (N, C, H, W) -> (N, C, OH, OW). ``stride`` None: kernel_size.

    >>> nn.AvgPool2d(2)(ninx.arange(4.0).reshape(1, 1, 2, 2)).item()
    1.5
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad
        self.divisor_override = divisor_override

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, OH, OW)"""
        settings = self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override
        return F.avg_pool2d(x, self.kernel_size, self.stride, *settings)

    def extra_repr(self) -> str:
        """The settings; the last three where they differ from the defaults."""
        text = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return text + unusual(self, ceil_mode=False, count_include_pad=True, divisor_override=None)


class AdaptiveAvgPool2d(Module):
    """`functional.adaptive_avg_pool2d`: averages to a given size, (N, C, H, W) -> (N, C, OH, OW), whatever H and W are.

    >>> nn.AdaptiveAvgPool2d(6)(ninx.zeros(1, 256, 13, 9)).shape
    (1, 256, 6, 6)
    """

    def __init__(self, output_size: Any):
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, OH, OW)"""
        return F.adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        """The size."""
        return f"output_size={self.output_size}"


class GlobalAvgPool2d(Module):
    """The mean of every map, (N, C, H, W) -> (N, C, 1, 1): the head of a Network in Network, without parameters.

    >>> head = nn.Sequential(nn.GlobalAvgPool2d(), nn.Flatten())
    >>> head(ninx.zeros(8, 10, 6, 6)).shape  # ten maps are ten logits
    (8, 10)
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, 1, 1)"""
        return F.global_avg_pool2d(x)


class Dropout(Module):
    """`functional.dropout` in training: 0 with probability p, else x / (1 - p). Nothing in evaluation. The shape stays.

    Raises ValueError for p outside 0 to 1.

    >>> drop = nn.Dropout(0.5)
    >>> sorted(set(drop(ninx.ones(1000)).tolist())), sorted(set(drop.eval()(ninx.ones(1000)).tolist()))
    ([0.0, 2.0], [1.0])
    """

    def __init__(self, p: float = 0.5):
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p must be from 0 to 1, got {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class Dropout2d(Dropout):
    """`functional.dropout2d` in training: whole maps of (N, C, H, W) become 0. Nothing in evaluation.

    >>> y = nn.Dropout2d(0.5)(ninx.ones(8, 16, 4, 4))
    >>> sorted(set(y.sum(dim=(2, 3)).flatten().tolist()))  # 16 pixels of 2, or of 0
    [0.0, 32.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        return F.dropout2d(x, self.p, self.training)


class Flatten(Module):
    """Axes ``start_dim`` to ``end_dim`` as one; by default all but the batch.

    >>> nn.Flatten()(ninx.zeros(8, 3, 4, 4)).shape
    (8, 48)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> (N, product of the rest)"""
        return flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """Returns what it gets.

    >>> nn.Identity()(ninx.tensor([1, 2]))
    tensor([1, 2])
    """

    def forward(self, x: Tensor) -> Tensor:
        """x itself."""
        return x
