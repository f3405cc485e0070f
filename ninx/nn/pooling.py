"""Pooling layers with PyTorch's arguments and defaults; what they compute is in `ninx.functional`."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..engine import Tensor
from ..looks import unusual
from .module import Module

Size = int | tuple[int, int]


class MaxPool2d(Module):
    """`functional.max_pool2d`: the largest value of every window, (N, C, H, W) -> (N, C, OH, OW). ``stride`` None: kernel_size.

    One image (C, H, W) is taken as well. ``return_indices`` also gives the place h*W + w of every maximum.

    >>> x = ninx.zeros(1, 16, 32, 32)
    >>> nn.MaxPool2d(3, stride=2)(x).shape, nn.MaxPool2d(3, stride=2, ceil_mode=True)(x).shape
    ((1, 16, 15, 15), (1, 16, 16, 16))
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.return_indices, self.ceil_mode = padding, dilation, return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        """(N, C, H, W) -> (N, C, OH, OW)"""
        settings = self.padding, self.dilation, self.ceil_mode, self.return_indices
        return F.max_pool2d(input, self.kernel_size, self.stride, *settings)

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

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, OH, OW)"""
        settings = self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override
        return F.avg_pool2d(input, self.kernel_size, self.stride, *settings)

    def extra_repr(self) -> str:
        """The settings; the last three where they differ from the defaults."""
        text = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return text + unusual(self, ceil_mode=False, count_include_pad=True, divisor_override=None)


class _AdaptivePool2d(Module):
    """A pooling to a given size."""

    def __init__(self, output_size: Any):
        self.output_size = output_size

    def extra_repr(self) -> str:
        """The size."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool2d(_AdaptivePool2d):
    """`functional.adaptive_avg_pool2d`: averages to a given size, (N, C, H, W) -> (N, C, OH, OW), whatever H and W are.

    >>> nn.AdaptiveAvgPool2d(6)(ninx.zeros(1, 256, 13, 9)).shape
    (1, 256, 6, 6)
    """

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, OH, OW)"""
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveMaxPool2d(_AdaptivePool2d):
    """`functional.adaptive_max_pool2d`: maxima to a given size, (N, C, H, W) -> (N, C, OH, OW), whatever H and W are.

    >>> nn.AdaptiveMaxPool2d((6, None))(ninx.zeros(1, 256, 13, 9)).shape
    (1, 256, 6, 9)
    """

    def __init__(self, output_size: Any, return_indices: bool = False):
        if return_indices:
            raise ValueError("AdaptiveMaxPool2d: return_indices=True is not supported; MaxPool2d gives the places of its maxima")
        super().__init__(output_size)

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, OH, OW)"""
        return F.adaptive_max_pool2d(input, self.output_size)


class GlobalAvgPool2d(Module):
    """The mean of every map, (N, C, H, W) -> (N, C, 1, 1): the head of a Network in Network, without parameters.

    >>> head = nn.Sequential(nn.GlobalAvgPool2d(), nn.Flatten())
    >>> head(ninx.zeros(8, 10, 6, 6)).shape  # ten maps are ten logits
    (8, 10)
    """

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, 1, 1)"""
        return F.global_avg_pool2d(input)
