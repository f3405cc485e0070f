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

from ..looks import brief, shows, unfailing
from .dataset import Image

_AFFINE, _BILINEAR = PillowImage.Transform.AFFINE, PillowImage.Resampling.BILINEAR


class Transform(Protocol):
    """Image to image."""

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """The new image."""
        ...


class Compose:
    """Transforms one after another: (image, rng) -> image, each with the same rng.

    >>> prepare = ninx.data.Compose([ninx.data.ToTensor(), ninx.data.Normalize([0.5], [0.5])])
    >>> y = prepare(np.full((28, 28), 255, np.uint8), np.random.default_rng(0))
    >>> y.shape, float(y.max())
    ((1, 28, 28), 1.0)
    """

    def __init__(self, transforms: Sequence[Transform]):
        self.transforms = list(transforms)

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """The image after all of them."""
        for transform in self.transforms:
            image = transform(image, rng)
        return image

    @unfailing
    def __repr__(self) -> str:
        """One transform a line."""
        lines = [brief(transform).replace("\n", "\n    ") for transform in self.transforms]
        return "\n    ".join(["Compose(", *lines]) + "\n)" if lines else "Compose()"


class ToTensor:
    """uint8 (H, W) or (H, W, C), 0 to 255  ->  float32 (C, H, W), 0 to 1.

    >>> y = ninx.data.ToTensor()(np.full((32, 32, 3), 255, np.uint8))
    >>> y.shape, y.dtype, float(y.max())
    ((3, 32, 32), dtype('float32'), 1.0)
    """

    __repr__ = shows()

    def __call__(self, image: Image, rng: np.random.Generator | None = None) -> Image:
        """The image as floats, channels first."""
        planes = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
        return planes.astype(np.float32) / np.float32(255)


class Normalize:
    """(image - mean) / std, for each channel of (C, H, W).

    Raises ValueError for another number of channels, and for a deviation that is not positive.

    >>> ninx.data.Normalize([0.5], [0.25])(np.ones((1, 1, 2), np.float32))
    array([[[2., 2.]]], dtype=float32)
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        if len(mean) != len(std) or min(std) <= 0:
            raise ValueError(f"Normalize: needs as many means as positive deviations, got {list(mean)} and {list(std)}")
        self.mean = np.asarray(mean, np.float32)[:, None, None]
        self.std = np.asarray(std, np.float32)[:, None, None]

    def __call__(self, image: Image, rng: np.random.Generator | None = None) -> Image:
        """The normalised image."""
        if len(image) != len(self.mean):
            raise ValueError(f"Normalize: there are {len(self.mean)} means, but the image has {len(image)} channels")
        return (image - self.mean) / self.std

    @unfailing
    def __repr__(self) -> str:
        """The two lists, in the digits that float32 has."""
        mean, std = ([float(str(v)) for v in a.ravel()] for a in (self.mean, self.std))
        return f"Normalize(mean={brief(mean)}, std={brief(std)})"


class RandomTranslate:
    """Shift (C, H, W) by up to ``pixels`` in each direction; what comes in at the border is ``fill``.

    >>> image = np.arange(9.0).reshape(1, 3, 3)
    >>> y = ninx.data.RandomTranslate(1)(image, np.random.default_rng(0))
    >>> y.shape
    (1, 3, 3)
    """

    __repr__ = shows("pixels", "fill")

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

    Raises ValueError for negative degrees, and for a scale outside 0 to below 1.

    >>> image = np.ones((1, 28, 28), np.float32)
    >>> y = ninx.data.RandomAffine(degrees=12, scale=0.1)(image, np.random.default_rng(0))
    >>> y.shape, float(y[0, 14, 14])
    ((1, 28, 28), 1.0)
    """

    __repr__ = shows("degrees", "scale")

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


class Resize:
    """Scale an image to ``size``: (height, width), or the length of the shorter side. Bilinear, with smoothing when it shrinks.

    Takes uint8 (H, W) or (H, W, C) before `ToTensor`, and floats (C, H, W) after it.

    >>> photo = np.zeros((480, 640, 3), np.uint8)
    >>> ninx.data.Resize(240)(photo).shape, ninx.data.Resize((28, 28))(photo).shape
    ((240, 320, 3), (28, 28, 3))
    """

    __repr__ = shows("size")

    def __init__(self, size: int | tuple[int, int]):
        self.size = size
        if min(size if isinstance(size, tuple) else (size,)) < 1:
            raise ValueError(f"Resize: size must be at least 1, got {size}")

    def __call__(self, image: Image, rng: np.random.Generator | None = None) -> Image:
        """The image in its new size."""
        bytes_ = image.dtype == np.uint8
        h, w = image.shape[:2] if bytes_ else image.shape[1:]
        if isinstance(self.size, tuple):
            height, width = self.size
        else:  # PyTorch cuts the longer side off to a whole number
            short = min(h, w)
            height, width = (self.size * h // short, self.size * w // short)
        if bytes_:
            return np.asarray(PillowImage.fromarray(image).resize((width, height), _BILINEAR))
        planes = [PillowImage.fromarray(p).resize((width, height), _BILINEAR) for p in image.astype(np.float32)]
        return np.stack([np.asarray(p, image.dtype) for p in planes])


class RandomCrop:
    """A window of ``size`` (H, W) somewhere in (C, H, W), around which ``padding`` pixels of ``fill`` are put first.

    Raises ValueError where the window does not fit.

    >>> image = np.zeros((3, 32, 32), np.float32)
    >>> ninx.data.RandomCrop(32, padding=4)(image, np.random.default_rng(0)).shape
    (3, 32, 32)
    """

    __repr__ = shows("size", "padding", "fill")

    def __init__(self, size: int | tuple[int, int], padding: int = 0, fill: float = 0.0):
        self.size = size if isinstance(size, tuple) else (size, size)
        self.padding, self.fill = padding, fill
        if min(self.size) < 1 or padding < 0:
            raise ValueError(f"RandomCrop: size must be at least 1 and padding at least 0, got {size}, {padding}")

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """The window."""
        p = self.padding
        room = [n + 2 * p - s for n, s in zip(image.shape[1:], self.size, strict=True)]
        if min(room) < 0:
            raise ValueError(f"RandomCrop: {self.size} does not fit into an image of {image.shape[1:]} with padding {p}")
        y, x = (int(rng.integers(r + 1)) for r in room)
        padded = np.pad(image, ((0, 0), (p, p), (p, p)), constant_values=self.fill) if p else image
        return padded[:, y : y + self.size[0], x : x + self.size[1]]


class RandomHorizontalFlip:
    """Mirror (C, H, W), left to right, with probability ``p``.

    >>> image = np.arange(3.0).reshape(1, 1, 3)
    >>> ninx.data.RandomHorizontalFlip(p=1)(image, np.random.default_rng(0))
    array([[[2., 1., 0.]]])
    """

    __repr__ = shows("p")

    def __init__(self, p: float = 0.5):
        if not 0 <= p <= 1:
            raise ValueError(f"RandomHorizontalFlip: p must be from 0 to 1, got {p}")
        self.p = p

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """The image or its mirror image."""
        return image[:, :, ::-1] if rng.random() < self.p else image


class CenterCrop:
    """The window of ``size`` (H, W) in the middle of (C, H, W); where that is half a pixel off, PyTorch's choice.

    Raises ValueError where the window does not fit.

    >>> ninx.data.CenterCrop(1)(np.arange(9.0).reshape(1, 3, 3))
    array([[[4.]]])
    """

    __repr__ = shows("size")

    def __init__(self, size: int | tuple[int, int]):
        self.size = size if isinstance(size, tuple) else (size, size)
        if min(self.size) < 1:
            raise ValueError(f"CenterCrop: size must be at least 1, got {size}")

    def __call__(self, image: Image, rng: np.random.Generator | None = None) -> Image:
        """The window."""
        room = [n - s for n, s in zip(image.shape[1:], self.size, strict=True)]
        if min(room) < 0:
            raise ValueError(f"CenterCrop: {self.size} does not fit into an image of {image.shape[1:]}")
        y, x = (round(r / 2) for r in room)
        return image[:, y : y + self.size[0], x : x + self.size[1]]
