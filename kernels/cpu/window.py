"""The sizes of a sum over windows, for convolution and pooling alike, as the compiled kernels get them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ..geometry import Geometry


class Window(NamedTuple):
    """From x (N, H, W, C) to y (N, OH, OW, O). Padding may be negative (the input gradient of a padded layer)."""

    N: int
    H: int
    W: int
    C: int
    OH: int
    OW: int
    O: int  # noqa: E741 - the field's letter for output channels
    KH: int
    KW: int
    SH: int
    SW: int
    PH: int
    PW: int

    @property
    def depth(self) -> int:
        """Products for each output value where the whole kernel lies inside the image."""
        return self.KH * self.KW * self.C

    @property
    def pointwise(self) -> bool:
        """A 1x1 kernel with stride 1 and no padding: im2col is the identity."""
        return (self.KH, self.KW, self.SH, self.SW, self.PH, self.PW) == (1, 1, 1, 1, 0, 0)

    def pixels_as_images(self) -> Window:
        """For a pointwise kernel every pixel is an image of its own: all images are one matrix."""
        if not self.pointwise:
            return self
        return Window(self.N * self.H * self.W, 1, 1, self.C, 1, 1, self.O, 1, 1, 1, 1, 0, 0)


@lru_cache(maxsize=512)
def inside(out: int, stride: int, padding: int, kernel: int, size: int) -> int:
    """How many pairs of an output position and a tap lie inside the image, along one axis."""
    starts = range(-padding, out * stride - padding, stride)
    return sum(max(min(size - start, kernel) - max(-start, 0), 0) for start in starts)


@lru_cache(maxsize=512)
def window_of(geo: Geometry) -> Window:
    """The window of a convolution or a pooling (not dilated)."""
    return Window(geo.N, geo.H, geo.W, geo.C, geo.OH, geo.OW, geo.O, geo.KH, geo.KW, geo.SH, geo.SW, geo.PH, geo.PW)


@lru_cache(maxsize=512)
def forward_window(geo: Geometry) -> Window:
    """The window of the convolution itself."""
    return window_of(geo).pixels_as_images()


@lru_cache(maxsize=512)
def backward_window(geo: Geometry) -> Window:
    """That of the input gradient of a convolution with stride 1: over g, with the kernel rotated by 180 degrees."""
    bottom, right = geo.KH - 1 - geo.PH, geo.KW - 1 - geo.PW
    window = Window(geo.N, geo.OH, geo.OW, geo.O, geo.H, geo.W, geo.C, geo.KH, geo.KW, 1, 1, bottom, right)
    return window.pixels_as_images()
