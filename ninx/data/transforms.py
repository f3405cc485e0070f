"""What happens to an image between the data set and the network.

A transform is called with (image, rng) and returns the new image. All chance comes from ``rng``, a generator that the loader
makes for each sample of each epoch, so that a batch does not depend on how many threads prepare it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image as PillowImage

from .dataset import Image

_AFFINE, _BILINEAR = PillowImage.Transform.AFFINE, PillowImage.Resampling.BILINEAR


class Transform(Protocol):
    """Image to image."""

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """The new image."""
        ...


class Compose:
    """Transforms one after another."""

    def __init__(self, transforms: Sequence[Transform]):
        self.transforms = list(transforms)

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """The image after all of them."""
        for transform in self.transforms:
            image = transform(image, rng)
        return image


class ToTensor:
    """uint8 (H, W) or (H, W, C), 0 to 255  ->  float32 (C, H, W), 0 to 1."""

    def __call__(self, image: Image, rng: np.random.Generator | None = None) -> Image:
        """The image as floats, channels first."""
        planes = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
        return planes.astype(np.float32) / np.float32(255)


class Normalize:
    """(image - mean) / std, for each channel of (C, H, W)."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        if len(mean) != len(std) or min(std) <= 0:
            raise ValueError(f"Normalize: needs as many means as positive deviations, got {list(mean)} and {list(std)}")
        self.mean = np.asarray(mean, np.float32)[:, None, None]
        self.std = np.asarray(std, np.float32)[:, None, None]

    def __call__(self, image: Image, rng: np.random.Generator | None = None) -> Image:
        """The normalised image."""
        return (image - self.mean) / self.std


class RandomTranslate:
    """Shift (C, H, W) by up to ``pixels`` in each direction; what comes in at the border is ``fill``."""

    def __init__(self, pixels: int, fill: float = 0.0):
        if pixels < 0:
            raise ValueError(f"RandomTranslate: pixels must be at least 0, got {pixels}")
        self.pixels, self.fill = pixels, fill

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """The shifted image."""
        p = self.pixels
        dy, dx = (int(d) for d in rng.integers(-p, p + 1, 2))
        h, w = image.shape[1:]
        moved = np.full_like(image, self.fill)
        to_y, to_x = slice(max(dy, 0), min(h, h + dy)), slice(max(dx, 0), min(w, w + dx))
        from_y, from_x = slice(max(-dy, 0), min(h, h - dy)), slice(max(-dx, 0), min(w, w - dx))
        moved[:, to_y, to_x] = image[:, from_y, from_x]
        return moved


class RandomAffine:
    """Turn (C, H, W) by up to ``degrees``, clockwise or back, and scale it by up to 1 +- ``scale``, about its centre.

    Bilinear; what comes in at the border is 0.
    """

    def __init__(self, degrees: float, scale: float = 0.0):
        if degrees < 0 or not 0 <= scale < 1:
            raise ValueError(f"RandomAffine: degrees must be at least 0 and scale from 0 to below 1, got {degrees}, {scale}")
        self.degrees, self.scale = degrees, scale

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """The turned and scaled image."""
        angle = math.radians(rng.uniform(-self.degrees, self.degrees))
        zoom = rng.uniform(1 - self.scale, 1 + self.scale)
        # Pillow asks where each output pixel comes from: the inverse map, (x, y) -> (a x + b y + c, d x + e y + f).
        a, b = math.cos(angle) / zoom, math.sin(angle) / zoom
        cy, cx = (n / 2 for n in image.shape[1:])
        inverse = (a, b, cx - a * cx - b * cy, -b, a, cy + b * cx - a * cy)
        size = image.shape[2], image.shape[1]
        planes = [PillowImage.fromarray(p).transform(size, _AFFINE, inverse, _BILINEAR) for p in image.astype(np.float32)]
        return np.stack([np.asarray(p, image.dtype) for p in planes])
