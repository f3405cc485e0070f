"""Pixels to numbers that a network likes: floats, channels first, with mean 0 and deviation 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine import Tensor
from ..looks import brief, shows, unfailing
from .dataset import Image
from .kinds import is_picture, pixels


def planes_of(image: Any) -> Image:
    """A picture as an array (C, H, W): bytes as float32 from 0 to 1, all else with its own values and dtype."""
    if is_picture(image):
        image = pixels(image)
    if not isinstance(image, np.ndarray):
        hint = (
            "; it is one already"
            if isinstance(image, Tensor)
            else "; PIL.Image.open(path) reads a file"
            if isinstance(image, str)
            else ""
        )
        raise TypeError(f"ToTensor: takes a Pillow image or an array (H, W) or (H, W, C), not {type(image).__name__}{hint}")
    if image.ndim not in (2, 3):
        raise ValueError(f"ToTensor: takes one image, (H, W) or (H, W, C), not an array {image.shape}")
    if image.ndim == 3 and image.shape[0] in (1, 3) and image.shape[2] > 4:
        raise ValueError(f"ToTensor: takes (H, W, C), but {image.shape} has its channels first; write image.transpose(1, 2, 0)")
    planes = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
    if image.dtype == np.uint8:
        return planes.astype(np.float32) / np.float32(255)
    if image.dtype == np.uint16:
        raise TypeError("ToTensor: scales bytes alone, as torchvision's does; of uint16 give image.astype(np.float32) / 65535")
    if image.dtype.kind not in "fiub":
        raise TypeError(f"ToTensor: an image holds numbers, not {image.dtype}")
    return planes


class ToTensor:
    """uint8 (H, W) or (H, W, C), 0 to 255, or a Pillow image  ->  float32 (C, H, W), 0 to 1: an array, for a loader.

    Other dtypes keep their values, as in torchvision: floats are not scaled again. `ninx.transforms.ToTensor` makes a `Tensor`.

    Raises TypeError for uint16 and for what is no picture, ValueError for another number of dimensions.

    >>> y = ninx.data.ToTensor()(np.full((32, 32, 3), 255, np.uint8))
    >>> y.shape, y.dtype, float(y.max())
    ((3, 32, 32), dtype('float32'), 1.0)
    """

    __repr__ = shows()

    def __call__(self, image: Any, rng: np.random.Generator | None = None) -> Image:
        """The image as numbers, channels first."""
        return planes_of(image)


class Normalize:
    """(image - mean) / std, for each channel of (C, H, W); one number, or a list of one, is for all channels.

    ``inplace`` writes the result into the image itself.

    Raises ValueError for another number of channels, and for a deviation that is not positive; TypeError for what has no floats.

    >>> ninx.data.Normalize([0.5], [0.25])(np.ones((1, 1, 2), np.float32))
    array([[[2., 2.]]], dtype=float32)
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float], inplace: bool = False):
        self._mean, self._std, self.inplace = _column("mean", mean), _column("std", std), inplace
        self.mean, self.std = self._mean.astype(np.float32), self._std.astype(np.float32)
        self._channels = max(len(self.mean), len(self.std))
        if not (self.std > 0).all() or (1 not in (len(self.mean), len(self.std)) and len(self.mean) != len(self.std)):
            raise ValueError(
                f"Normalize: needs as many means as positive deviations, got {brief(self.mean.ravel().tolist())} and "
                f"{brief(self.std.ravel().tolist())}"
            )

    def __call__(self, image: Any, rng: np.random.Generator | None = None) -> Any:
        """The normalised image."""
        if not isinstance(image, np.ndarray | Tensor):
            raise TypeError(
                f"Normalize: takes an image as ToTensor makes it, not {type(image).__name__}; put ToTensor() before it"
            )
        if image.ndim < 3 or image.dtype.kind != "f":
            raise TypeError(
                f"Normalize: takes floats (C, H, W), not {tuple(image.shape)} of {image.dtype}; put ToTensor() before it"
            )
        if self._channels != 1 and self._channels != image.shape[-3]:
            raise ValueError(f"Normalize: there are {self._channels} means, but the image has {image.shape[-3]} channels")
        mean, std = self.mean, self.std
        if image.dtype != np.float32:
            mean, std = (a.astype(image.dtype) for a in (self._mean, self._std))
        if isinstance(image, np.ndarray):
            if self.inplace:
                np.subtract(image, mean, out=image)
                return np.divide(image, std, out=image)
            return (image - mean) / std
        if not (self.inplace or image.requires_grad) and type(image.array) is np.ndarray:  # nothing to record, nor to notice
            return Tensor((image.array - mean) / std)
        middle, width = (Tensor(a).to(image.device) for a in (mean, std))
        return image.sub_(middle).div_(width) if self.inplace else (image - middle) / width

    @unfailing
    def __repr__(self) -> str:
        """The two lists, in the digits that float32 has."""
        mean, std = ([float(str(v)) for v in a.ravel()] for a in (self.mean, self.std))
        return f"Normalize(mean={brief(mean)}, std={brief(std)}{', inplace=True' if self.inplace else ''})"


def _column(name: str, values: Any) -> Image:
    """Numbers for channels as (C, 1, 1)."""
    try:
        given = np.asarray(values.numpy() if isinstance(values, Tensor) else values, np.float64)
    except (TypeError, ValueError):
        given = np.empty((0, 0))
    if given.size == 0 or given.ndim not in (0, 1, 3) or given.size != max(given.shape, default=1):
        raise TypeError(f"Normalize: {name} is a number, or a list of one for each channel, got {brief(values)}")
    return given.reshape(-1, 1, 1)
