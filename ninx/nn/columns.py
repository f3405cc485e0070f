"""im2col and col2im as layers, with PyTorch's arguments; what they compute is in `ninx.functional`."""

from __future__ import annotations

from .. import functional as F
from ..engine import Tensor
from .module import Module

Size = int | tuple[int, int]


class Unfold(Module):
    """`functional.unfold`: every window as a column, (N, C, H, W) -> (N, C*KH*KW, L).

    >>> nn.Unfold(3, padding=1)(ninx.zeros(2, 5, 8, 8)).shape
    (2, 45, 64)
    """

    def __init__(self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1):
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C*KH*KW, L)"""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The settings."""
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """`functional.fold`: every value of the columns added at its pixel, (N, C*KH*KW, L) -> (N, C, H, W).

    >>> nn.Fold((8, 8), 3, padding=1)(ninx.zeros(2, 45, 64)).shape
    (2, 5, 8, 8)
    """

    def __init__(self, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1):
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        """(N, C*KH*KW, L) -> (N, C, H, W)"""
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
