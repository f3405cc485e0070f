"""What happens to an image between the data set and the network.

A transform is called with (image, rng) and returns the new image; `kinds` says of which kinds. All random numbers come from
``rng``. Called with the image alone, it draws from the generator of the sample that a loader prepares, so that a batch does not
depend on how many threads prepare it, or else from ninx's own (`chance`).
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from .. import limits
from ..looks import brief, shows, unfailing
from . import chance
from .dataset import Image
from .kinds import BILINEAR, PADDING_MODES, as_array, floats_of, mirrored, padded, resized, size_of, window

_AFFINE = PillowImage.Transform.AFFINE


def whole_size(operation: str, size: Any) -> tuple[int, ...]:
    """``size``, one whole number from 1 on or one or two of them, as a tuple."""
    given = (size,) if isinstance(size, numbers.Number) else size
    if not isinstance(given, list | tuple) or not 1 <= len(given) <= 2:
        raise TypeError(f"{operation}: size is a whole number, or (height, width), got {brief(size)}")
    if any(isinstance(n, bool) or not isinstance(n, int | np.integer) for n in given):
        raise TypeError(f"{operation}: size must be of whole numbers, got {brief(size)}")
    if min(given) < 1:
        raise ValueError(f"{operation}: size must be at least 1, got {size}")
    return tuple(int(n) for n in given)


def square(operation: str, size: Any) -> tuple[int, int]:
    """(height, width) of ``size``, where one number is both."""
    given = whole_size(operation, size)
    return given[0], given[-1]


def sides_of(operation: str, padding: Any) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of one number, of (left and right, top and bottom), or of all four."""
    given = (padding,) if isinstance(padding, numbers.Number) else padding
    if not isinstance(given, list | tuple) or len(given) not in (1, 2, 4):
        raise TypeError(f"{operation}: padding is 1, 2 or 4 whole numbers, got {brief(padding)}")
    if any(isinstance(n, bool) or not isinstance(n, int | np.integer) for n in given) or min(given) < 0:
        raise ValueError(f"{operation}: padding is at least 0, in whole pixels, got {padding}")
    left, top, right, bottom = (int(n) for n in (*given, *given, *given, *given)[:4])
    return left, top, right, bottom


def check_mode(operation: str, padding_mode: Any) -> None:
    """Raises ValueError for a way to pad that there is not."""
    if padding_mode not in PADDING_MODES:
        raise ValueError(f"{operation}: padding_mode is one of {', '.join(PADDING_MODES)}, got {padding_mode!r}")


def check_probability(operation: str, p: Any) -> None:
    """Raises ValueError unless p is from 0 to 1."""
    if not isinstance(p, int | float | np.number) or not 0 <= p <= 1:
        raise ValueError(f"{operation}: p must be from 0 to 1, got {p}")


class RandomTranslate:
    """Shift (C, H, W) by up to ``pixels`` in each direction; what comes in at the border is ``fill``.

    >>> image = np.arange(9.0).reshape(1, 3, 3)
    >>> y = ninx.data.RandomTranslate(1)(image, np.random.default_rng(0))
    >>> y.shape
    (1, 3, 3)
    """

    __repr__ = shows("pixels", "fill")

    def __init__(self, pixels: int, fill: float = 0.0):
        if isinstance(pixels, bool) or not isinstance(pixels, int | np.integer) or pixels < 0:
            raise ValueError(f"RandomTranslate: pixels must be at least 0, a whole number, got {pixels}")
        self.pixels, self.fill = pixels, fill

    def __call__(self, image: Image, rng: np.random.Generator | None = None) -> Image:
        """The shifted image."""
        image, rng = floats_of("RandomTranslate", image), rng or chance.current()
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

    Bilinear; what comes in at the border is 0. `ninx.transforms.RandomAffine` is torchvision's, with other units.

    Raises ValueError for negative degrees, and for a scale outside 0 to below 1; TypeError for torchvision's pairs.

    >>> image = np.ones((1, 28, 28), np.float32)
    >>> y = ninx.data.RandomAffine(degrees=12, scale=0.1)(image, np.random.default_rng(0))
    >>> y.shape, float(y[0, 14, 14])
    ((1, 28, 28), 1.0)
    """

    __repr__ = shows("degrees", "scale")

    def __init__(self, degrees: float, scale: float = 0.0):
        if not all(isinstance(given, int | float | np.number) for given in (degrees, scale)):
            raise TypeError(
                f"RandomAffine: degrees and scale are numbers here, got {degrees!r} and {scale!r}; "
                "ninx.transforms.RandomAffine takes torchvision's pairs"
            )
        if degrees < 0 or not 0 <= scale < 1:
            raise ValueError(f"RandomAffine: degrees must be at least 0 and scale from 0 to below 1, got {degrees}, {scale}")
        self.degrees, self.scale = degrees, scale

    def __call__(self, image: Image, rng: np.random.Generator | None = None) -> Image:
        """The turned and scaled image."""
        image, rng = floats_of("RandomAffine", image), rng or chance.current()
        angle = math.radians(rng.uniform(-self.degrees, self.degrees))
        zoom = rng.uniform(1 - self.scale, 1 + self.scale)
        # Pillow asks where each output pixel comes from: the inverse map, (x, y) -> (a x + b y + c, d x + e y + f).
        a, b = math.cos(angle) / zoom, math.sin(angle) / zoom
        cy, cx = (n / 2 for n in image.shape[1:])
        inverse = (a, b, cx - a * cx - b * cy, -b, a, cy + b * cx - a * cy)
        size = image.shape[2], image.shape[1]
        planes = [PillowImage.fromarray(p).transform(size, _AFFINE, inverse, BILINEAR) for p in image.astype(np.float32)]
        return np.stack([np.asarray(p, image.dtype) for p in planes])


class Geometric:
    """A transform of images of every kind. A Pillow image becomes an array first; in `ninx.transforms` it stays what it is."""

    keeps_pictures = False

    def __call__(self, image: Any, rng: np.random.Generator | None = None) -> Any:
        """The new image."""
        return self._apply(image if self.keeps_pictures else as_array(image), rng)

    def _apply(self, image: Any, rng: np.random.Generator | None) -> Any:
        raise NotImplementedError


class Resize(Geometric):
    """Scale an image to ``size``: (height, width), or the length of the shorter side. Bilinear, with smoothing when it shrinks.

    Takes uint8 (H, W) or (H, W, C) before `ToTensor`, floats (C, H, W) after it, Pillow images and tensors. ``max_size`` is the
    most that the longer side becomes, where ``size`` is one number.

    Raises ValueError for a size below 1, and for ``antialias=False``, which is not there; TypeError for what is no image.

    >>> photo = np.zeros((480, 640, 3), np.uint8)
    >>> ninx.data.Resize(240)(photo).shape, ninx.data.Resize((28, 28))(photo).shape
    ((240, 320, 3), (28, 28, 3))
    """

    def __init__(
        self, size: int | Sequence[int], interpolation: Any = BILINEAR, max_size: int | None = None, antialias: Any = True
    ):
        self.size = whole_size("Resize", size)
        self.resample, self.max_size = filter_of("Resize", interpolation), max_size
        if antialias not in (True, None, "warn"):
            raise ValueError(f"Resize: ninx always smooths when it shrinks; leave antialias out, got {antialias!r}")
        if max_size is not None and (len(self.size) == 2 or max_size <= self.size[0]):
            raise ValueError(f"Resize: max_size is for one number as size, and larger than it, got {max_size} and {size}")

    def _apply(self, image: Any, rng: np.random.Generator | None) -> Any:
        h, w = size_of("Resize", image)
        if min(h, w) < 1:
            raise ValueError(f"Resize: the image has no pixels, {h}x{w}")
        if len(self.size) == 2:
            height, width = self.size
        else:  # PyTorch cuts the longer side off to a whole number
            short, side = min(h, w), self.size[0]
            height, width = side * h // short, side * w // short
            if height * width > max(limits.PIXELS, h * w) and self.max_size is None:  # of a picture that is one long line
                raise ValueError(
                    f"Resize: {h}x{w} would become {height}x{width}, and {limits.PIXELS:,} pixels are the limit; give max_size"
                )
            if self.max_size is not None and (longer := max(height, width)) > self.max_size:
                height, width = (max(1, self.max_size * n // longer) if n < longer else self.max_size for n in (height, width))
        if self.resample == PillowImage.Resampling.NEAREST and not isinstance(image, PillowImage.Image):
            raise ValueError("Resize: NEAREST is for Pillow images; on a tensor it would mean other pixels")
        return resized("Resize", image, (height, width), self.resample)

    @unfailing
    def __repr__(self) -> str:
        """The size, and what is unusual."""
        size = self.size if len(self.size) == 2 else self.size[0]
        how = "" if self.resample == BILINEAR else f", interpolation={self.resample.name.lower()}"
        return f"Resize(size={size}{how}{'' if self.max_size is None else f', max_size={self.max_size}'})"


def filter_of(operation: str, interpolation: Any) -> Any:
    """Pillow's filter: of itself, of its number, or of a name such as "bilinear", which torchvision's modes have for a value."""
    name = getattr(interpolation, "value", interpolation)
    known = {f.name.lower(): f for f in PillowImage.Resampling}
    if isinstance(name, str) and name in known:
        return known[name]
    if isinstance(name, int) and not isinstance(name, bool) and name in set(PillowImage.Resampling):
        return PillowImage.Resampling(name)
    raise ValueError(f"{operation}: interpolation is one of {', '.join(known)}, got {interpolation!r}")


class RandomCrop(Geometric):
    """A window of ``size`` (H, W) somewhere in an image, around which ``padding`` pixels of ``fill`` are put first.

    ``padding``: one number, (left and right, top and bottom), or (left, top, right, bottom). ``pad_if_needed`` pads further where
    the window would not fit. ``padding_mode``: "constant", "edge", "reflect" or "symmetric".

    Raises ValueError where the window does not fit.

    >>> image = np.zeros((3, 32, 32), np.float32)
    >>> ninx.data.RandomCrop(32, padding=4)(image, np.random.default_rng(0)).shape
    (3, 32, 32)
    """

    __repr__ = shows("size", "padding", "fill")

    def __init__(
        self,
        size: int | Sequence[int],
        padding: Any = 0,
        pad_if_needed: bool = False,
        fill: Any = 0.0,
        padding_mode: str = "constant",
    ):
        self.size, self.padding = square("RandomCrop", size), 0 if padding is None else padding
        if not isinstance(pad_if_needed, bool):
            raise TypeError(
                f"RandomCrop: pad_if_needed is True or False, got {pad_if_needed!r}; fill is a later argument: fill=..."
            )
        check_mode("RandomCrop", padding_mode)
        self.pad_if_needed, self.fill, self.padding_mode = pad_if_needed, fill, padding_mode
        self.sides = sides_of("RandomCrop", self.padding)

    def _apply(self, image: Any, rng: np.random.Generator | None) -> Any:
        rng = rng or chance.current()
        left, top, right, bottom = self.sides
        h, w = size_of("RandomCrop", image)
        if self.pad_if_needed:
            down, across = (max(0, s - n) for s, n in zip(self.size, (h + top + bottom, w + left + right), strict=True))
            left, top, right, bottom = left + across, top + down, right + across, bottom + down
        room = [h + top + bottom - self.size[0], w + left + right - self.size[1]]
        if min(room) < 0:
            raise ValueError(f"RandomCrop: {self.size} does not fit into an image of {(h, w)} with padding {self.padding}")
        y, x = (int(rng.integers(r + 1)) for r in room)
        wide = padded("RandomCrop", image, (left, top, right, bottom), self.fill, self.padding_mode)
        return window("RandomCrop", wide, y, x, *self.size)


class RandomHorizontalFlip(Geometric):
    """Mirror an image, left to right, with probability ``p``.

    >>> image = np.arange(3.0).reshape(1, 1, 3)
    >>> ninx.data.RandomHorizontalFlip(p=1)(image, np.random.default_rng(0))
    array([[[2., 1., 0.]]])
    """

    __repr__ = shows("p")

    def __init__(self, p: float = 0.5):
        check_probability("RandomHorizontalFlip", p)
        self.p = p

    def _apply(self, image: Any, rng: np.random.Generator | None) -> Any:
        return mirrored("RandomHorizontalFlip", image) if (rng or chance.current()).random() < self.p else image


class CenterCrop(Geometric):
    """The window of ``size`` (H, W) in the middle of an image; where that is half a pixel off, PyTorch's choice.

    Raises ValueError where the window does not fit.

    >>> ninx.data.CenterCrop(1)(np.arange(9.0).reshape(1, 3, 3))
    array([[[4.]]])
    """

    __repr__ = shows("size")

    def __init__(self, size: int | Sequence[int]):
        self.size = square("CenterCrop", size)

    def _apply(self, image: Any, rng: np.random.Generator | None) -> Any:
        h, w = size_of("CenterCrop", image)
        room = [h - self.size[0], w - self.size[1]]
        if min(room) < 0:
            raise ValueError(f"CenterCrop: {self.size} does not fit into an image of {(h, w)}; put a Resize or a Pad before it")
        y, x = (round(r / 2) for r in room)
        return window("CenterCrop", image, y, x, *self.size)
