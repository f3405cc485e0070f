"""Transforms of values and kinds: grey, dtypes, Pillow images and tensors, and functions of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.composing import applied, check_callable
from ..engine import Tensor
from ..looks import shows
from . import functional

__all__ = ["ConvertImageDtype", "Grayscale", "Lambda", "PILToTensor", "ToPILImage"]


class ToPILImage:
    """A tensor (C, H, W), or an array (H, W) or (H, W, C), to a Pillow image; floats of a tensor are 0 to 1.

    >>> ninx.transforms.ToPILImage()(ninx.zeros(1, 28, 28)).mode
    'L'
    """

    __repr__ = shows("mode")

    def __init__(self, mode: str | None = None):
        self.mode = mode

    def __call__(self, pic: Any, rng: Any = None) -> Any:
        """The picture."""
        return functional.to_pil_image(pic, self.mode)


class PILToTensor:
    """A Pillow image to a tensor (C, H, W) of its own values, which are not scaled.

    >>> from PIL import Image
    >>> ninx.transforms.PILToTensor()(Image.new("L", (2, 1), 7))
    tensor([[[7, 7]]], dtype=uint8)
    """

    __repr__ = shows()

    def __call__(self, pic: Any, rng: Any = None) -> Tensor:
        """The picture as a tensor."""
        return functional.pil_to_tensor(pic)


class ConvertImageDtype:
    """A tensor of floats from 0 to 1, or of bytes, as the other of the two.

    >>> ninx.transforms.ConvertImageDtype(ninx.float32)(ninx.tensor([0, 255], dtype=np.uint8))
    tensor([0., 1.])
    """

    __repr__ = shows("dtype")

    def __init__(self, dtype: Any = np.float32):
        self.dtype = dtype

    def __call__(self, image: Any, rng: Any = None) -> Tensor:
        """The tensor in the other dtype."""
        return functional.convert_image_dtype(image, self.dtype)


class Grayscale:
    """An image in grey, of one channel, or of 3 that are the same.

    >>> ninx.transforms.Grayscale(3)(ninx.ones(3, 2, 2)).shape
    (3, 2, 2)
    """

    __repr__ = shows("num_output_channels")

    def __init__(self, num_output_channels: int = 1):
        if num_output_channels not in (1, 3):
            raise ValueError(f"Grayscale: num_output_channels is 1 or 3, got {num_output_channels!r}")
        self.num_output_channels = num_output_channels

    def __call__(self, img: Any, rng: Any = None) -> Any:
        """The image in grey."""
        return functional.rgb_to_grayscale(img, self.num_output_channels)


class Lambda:
    """A function of the image as a transform.

    >>> ninx.transforms.Lambda(lambda image: image.view(-1))(ninx.zeros(1, 2, 2)).shape
    (4,)
    """

    __repr__ = shows("lambd")

    def __init__(self, lambd: Callable[..., Any]):
        check_callable("Lambda", lambd)
        self.lambd = lambd

    def __call__(self, img: Any, rng: Any = None) -> Any:
        """What the function makes of it."""
        return applied(self.lambd, img, rng)
