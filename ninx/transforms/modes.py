"""torchvision's names for the ways to find a value between pixels."""

from __future__ import annotations

from enum import Enum

__all__ = ["InterpolationMode"]


class InterpolationMode(Enum):
    """A filter of Pillow's, by torchvision's name.

    >>> ninx.transforms.Resize(28, interpolation=ninx.transforms.InterpolationMode.BICUBIC)
    Resize(size=28, interpolation=bicubic)
    """

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"
