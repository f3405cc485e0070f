"""Transforms that move pixels, with torchvision's units: degrees, fractions of the image, factors."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data import chance, kinds
from ..data.transforms import check_mode, check_probability, filter_of, sides_of
from ..looks import brief, shows
from . import functional
from .modes import InterpolationMode

__all__ = ["Pad", "RandomAffine", "RandomRotation", "RandomVerticalFlip"]


class Pad:
    """Pixels of ``fill`` around an image: one number, (left and right, top and bottom), or (left, top, right, bottom).

    >>> ninx.transforms.Pad(2)(ninx.zeros(1, 28, 28)).shape
    (1, 32, 32)
    """

    __repr__ = shows("padding", "fill", "padding_mode")

    def __init__(self, padding: Any, fill: Any = 0, padding_mode: str = "constant"):
        sides_of("Pad", padding)
        check_mode("Pad", padding_mode)
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def __call__(self, img: Any, rng: Any = None) -> Any:
        """The larger image."""
        return functional.pad(img, self.padding, self.fill, self.padding_mode)


class RandomVerticalFlip:
    """Mirror an image, top to bottom, with probability ``p``.

    >>> ninx.transforms.RandomVerticalFlip(p=1)(ninx.tensor([[[1], [2]]])).tolist()
    [[[2], [1]]]
    """

    __repr__ = shows("p")

    def __init__(self, p: float = 0.5):
        check_probability("RandomVerticalFlip", p)
        self.p = p

    def __call__(self, img: Any, rng: np.random.Generator | None = None) -> Any:
        """The image or its mirror image."""
        return functional.vflip(img) if (rng or chance.current()).random() < self.p else img


class RandomRotation:
    """Turn an image by an angle from -``degrees`` to ``degrees``, or from the first to the second of two.

    Counter-clockwise, about the middle or ``center`` (x, y); by default each pixel takes its nearest (``interpolation``).

    >>> ninx.transforms.RandomRotation((90, 90))(ninx.tensor([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [[[2.0, 4.0], [1.0, 3.0]]]
    """

    __repr__ = shows("degrees", "interpolation", "expand", "center", "fill")

    def __init__(
        self,
        degrees: Any,
        interpolation: Any = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Any = 0,
    ):
        self.degrees = span("RandomRotation", "degrees", degrees)
        filter_of("RandomRotation", interpolation)
        self.interpolation, self.expand, self.center, self.fill = interpolation, expand, center, fill

    def __call__(self, img: Any, rng: np.random.Generator | None = None) -> Any:
        """The turned image."""
        angle = float((rng or chance.current()).uniform(*self.degrees))
        return functional.rotate(img, angle, self.interpolation, self.expand, self.center, self.fill)


class RandomAffine:
    """Turn, move, scale and shear an image about its middle, in torchvision's units.

    ``degrees``: of -degrees to degrees, or from the first to the second. ``translate`` (a, b): by up to these fractions of the
    width and the height. ``scale``: from the first factor to the second. ``shear``: degrees along x, or along x and y, as
    ``degrees``.

    Raises TypeError for the single number that `ninx.data.RandomAffine` takes as scale.

    >>> ninx.transforms.RandomAffine(10, translate=(0.1, 0.1), scale=(0.9, 1.1))(ninx.zeros(1, 28, 28)).shape
    (1, 28, 28)
    """

    __repr__ = shows("degrees", "translate", "scale", "shear")

    def __init__(
        self,
        degrees: Any,
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: Any = None,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: Any = 0,
        center: Sequence[float] | None = None,
    ):
        self.degrees = span("RandomAffine", "degrees", degrees)
        for name, pair in (("translate", translate), ("scale", scale)):
            if pair is not None and (not isinstance(pair, list | tuple) or len(pair) != 2):
                hint = f", such as (1 - {pair}, 1 + {pair})" if name == "scale" and isinstance(pair, numbers.Real) else ""
                raise TypeError(f"RandomAffine: {name} is a pair of numbers{hint}, got {brief(pair)}")
        if translate is not None and not all(0 <= t <= 1 for t in translate):
            raise ValueError(f"RandomAffine: translate is a pair of fractions of the image, from 0 to 1, got {translate}")
        if scale is not None and not 0 < scale[0] <= scale[1]:
            raise ValueError(f"RandomAffine: scale runs from one positive factor to another, got {scale}")
        self.translate, self.scale, self.shear = translate, scale, None if shear is None else _shears(shear)
        filter_of("RandomAffine", interpolation)
        self.interpolation, self.fill, self.center = interpolation, fill, center

    def __call__(self, img: Any, rng: np.random.Generator | None = None) -> Any:
        """The new image."""
        rng = rng or chance.current()
        angle = float(rng.uniform(*self.degrees))
        height, width = kinds.size_of("RandomAffine", img)
        most = (self.translate[0] * width, self.translate[1] * height) if self.translate is not None else (0.0, 0.0)
        move = [round(float(rng.uniform(-m, m))) for m in most]
        scale = 1.0 if self.scale is None else float(rng.uniform(self.scale[0], self.scale[1]))
        shear = [0.0, 0.0] if self.shear is None else [float(rng.uniform(low, high)) for low, high in self.shear]
        return functional.affine(img, angle, move, scale, shear, self.interpolation, self.fill, self.center)


def span(operation: str, name: str, value: Any) -> tuple[float, float]:
    """(from, to) of a number from 0 on, which is (-number, number), or of a pair.

    >>> from ninx.transforms.geometry import span
    >>> span("RandomRotation", "degrees", 30)
    (-30, 30)
    """
    if isinstance(value, numbers.Real):
        if value < 0:
            raise ValueError(f"{operation}: {name} must be at least 0 if it is one number, got {value}")
        return -value, value  # type: ignore[return-value]
    if not isinstance(value, list | tuple) or len(value) != 2 or value[0] > value[1]:
        raise TypeError(f"{operation}: {name} is a number or (from, to), got {brief(value)}")
    return value[0], value[1]


def _shears(shear: Any) -> list[tuple[float, float]]:
    """(from, to) along x and along y."""
    if isinstance(shear, list | tuple) and len(shear) == 4:
        return [span("RandomAffine", "shear", shear[:2]), span("RandomAffine", "shear", shear[2:])]
    return [span("RandomAffine", "shear", shear), (0.0, 0.0)]
