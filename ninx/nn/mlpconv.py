"""The block that Network in Network is made of (Lin, Chen and Yan, ICLR 2014, arXiv 1312.4400)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .activations import ReLU
from .containers import Sequential
from .convolution import Conv2d, Size
from .module import Module
from .normalization import BatchNorm2d


class MLPConv(Sequential):
    """A k x k convolution, then 1x1 convolutions, a ReLU after each: a small perceptron slid over the image.

        f1[i,j,k1] = max(w1[k1] . x[i,j] + b[k1], 0)          x[i,j] = the k x k patch centred on pixel (i,j)
        fn[i,j,kn] = max(wn[kn] . f(n-1)[i,j] + b[kn], 0)     a 1x1 convolution: the same matrix for every pixel

    ``channels`` are the output channels of each convolution, usually three. ``last_relu=False`` leaves the last ReLU out:
    in front of global average pooling it can switch a class off for good. ``batch_norm=True`` puts a batch normalisation after
    every convolution. Raises ValueError for channels that are no sequence of numbers.

    >>> block = nn.MLPConv(3, (192, 160, 96), kernel_size=5, padding=2)
    >>> block(ninx.zeros(1, 3, 8, 8)).shape, block[2].kernel_size
    ((1, 96, 8, 8), (1, 1))
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        last_relu: bool = True,
        dtype: Any = "float32",
        batch_norm: bool = False,
    ):
        if isinstance(channels, str) or not isinstance(channels, Iterable) or not (channels := tuple(channels)):
            raise ValueError(
                f"MLPConv: channels are the output channels of each of its convolutions, such as (192, 160, 96), not {channels!r}"
            )
        layers: list[Module] = []
        for i, (c, o) in enumerate(zip([in_channels, *channels[:-1]], channels, strict=True)):
            layers.append(Conv2d(c, o, kernel_size, stride, padding, dtype=dtype) if i == 0 else Conv2d(c, o, 1, dtype=dtype))
            layers += [BatchNorm2d(o, dtype=dtype)] if batch_norm else []
            layers.append(ReLU())
        super().__init__(*(layers if last_relu else layers[:-1]))
