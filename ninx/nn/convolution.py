"""Convolution layers with PyTorch's arguments, defaults and initial distributions; what they compute is in `ninx.functional`."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..engine import Tensor
from ..kernels.geometry import pair, whole
from ..looks import unusual
from .weighted import Weighted

Size = int | tuple[int, int]


class _Convolution(Weighted):
    """What the two kinds of convolution have in common: their settings."""

    def __init__(
        self,
        channels: tuple[int, int],
        kernel_size: Size,
        stride: Size,
        dilation: Size,
        groups: int,
        padding_mode: str,
    ):
        name = type(self).__name__
        inside, outside = (whole(c, name, n) for c, n in zip(channels, ("in_channels", "out_channels"), strict=True))
        groups = whole(groups, name, "groups")
        if min(inside, outside, groups) < 1 or inside % groups or outside % groups:
            raise ValueError(f"{name}: groups={groups} must divide in_channels={inside} and out_channels={outside}")
        if padding_mode != "zeros":
            raise ValueError(f"{name}: padding_mode={padding_mode!r} is not supported, the padding is always of zeros")
        self.in_channels, self.out_channels, self.groups, self.padding_mode = inside, outside, groups, padding_mode
        self.kernel_size, self.stride = pair(kernel_size, name, "kernel_size"), pair(stride, name, "stride")
        self.dilation = pair(dilation, name, "dilation")

    def extra_repr(self) -> str:
        """Channels, kernel and stride; the others where they differ from the defaults."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        text += unusual(self, padding=(0, 0), dilation=(1, 1), output_padding=(0, 0), groups=1)
        return text + (", bias=False" if self.bias is None else "")


class Conv2d(_Convolution):
    """`functional.conv2d` with a weight (out_channels, in_channels/groups, KH, KW) and a bias (out_channels).

    (N, C, H, W) -> (N, O, OH, OW) with OH = floor((H + 2*padding - dilation*(KH - 1) - 1) / stride) + 1; one image (C, H, W) is
    taken as well. ``padding`` may be "same" (with stride 1) or "valid". Weight and bias begin uniform in +-1/sqrt(fan_in), as
    in PyTorch. Raises ValueError where groups does not divide the channels, and for another padding_mode than "zeros".

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
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__((in_channels, out_channels), kernel_size, stride, dilation, groups, padding_mode)
        if isinstance(padding, str) and padding != "valid" and (padding != "same" or self.stride != (1, 1)):
            raise ValueError(
                f"Conv2d: padding is a size, 'valid', or 'same' with stride 1; got {padding!r} with stride {self.stride}"
            )
        self.padding = padding if isinstance(padding, str) else pair(padding, "Conv2d", "padding")
        self.make((self.out_channels, self.in_channels // self.groups, *self.kernel_size), self.out_channels, bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, O, OH, OW)"""
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class ConvTranspose2d(_Convolution):
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
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__((in_channels, out_channels), kernel_size, stride, dilation, groups, padding_mode)
        self.padding = pair(padding, "ConvTranspose2d", "padding")
        self.output_padding = pair(output_padding, "ConvTranspose2d", "output_padding")
        self.make((self.in_channels, self.out_channels // self.groups, *self.kernel_size), self.out_channels, bias, device, dtype)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """(N, I, H, W) -> (N, O, H', W')"""
        if output_size is not None:
            raise ValueError("ConvTranspose2d: output_size is not supported; give the layer an output_padding")
        settings = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return F.conv_transpose2d(input, self.weight, self.bias, *settings)
