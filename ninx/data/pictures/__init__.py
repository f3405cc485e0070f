"""Pictures as a data set would have them: as MNIST, or of the size and colours of other data sets.

A digit goes through these files: opening (a file's depth, alpha and turn) -> sheet (cut out of its table) -> paper (what is ink;
with rules and strokes) -> separate (one digit or several) -> frame (MNIST's). parts finds connected pixels for all of them.
"""

from __future__ import annotations

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps

from ... import limits
from ..dataset import Image
from .frame import centre
from .opening import Source, name_of, opaque, open_image
from .paper import light_on_dark
from .separate import find_digits

__all__ = ["centre", "light_on_dark", "read_digit", "read_digits", "read_image"]


def read_digit(source: Source, invert: bool | None = None) -> Image:
    """The digit in a picture as uint8 (28, 28), light on dark, as MNIST has it: 20 pixels large, centred by mass.

    >>> ninx.data.read_digit(ninx.data.digits("test").images[0]).shape
    (28, 28)

    ``source`` is a path (PNG, JPEG, GIF, BMP, WebP, TIFF, PPM; of any size), a Pillow image, or an array (H, W), (H, W, 1),
    (H, W, 3) or (H, W, 4). ``invert`` is for a dark digit on light, as on paper; None finds out by itself. A photograph may be
    unevenly lit and noisy, on ruled paper, or of a sheet on a table.

    Values are uint8, bool, floats from 0 to 1, or whole numbers that fill the fewest of 8, 10, 12 and 16 bits that hold the
    largest of them. Raises ValueError, naming the source, if it is no picture, shows nothing but one grey, or several digits.
    """
    found = _found(source, invert)
    if len(found) > 1:
        raise ValueError(f"predict: {name_of(source)} shows {len(found)} digits, where one is wanted; read_digits reads them all")
    return centre(found[0], name_of(source))


def read_digits(source: Source, invert: bool | None = None) -> list[Image]:
    """Every digit in a picture, in reading order (line by line, from the left to the right), each as `read_digit` gives it.

    >>> images = ninx.data.digits("test").images
    >>> [digit.shape for digit in ninx.data.read_digits(np.hstack([images[0], images[1]]))]
    [(28, 28), (28, 28)]

    Digits that touch each other are taken for one, and so are parts that lie as close together as the strokes of one digit.
    Raises ValueError, naming the source, if it is no picture, or shows nothing but one grey.
    """
    return [centre(ink, name_of(source)) for ink in _found(source, invert)]


def _found(source: Source, invert: bool | None) -> list[Image]:
    picture = opaque(open_image(source, "predict: "))
    return find_digits(np.asarray(picture.convert("L"), np.float32), invert)


def read_image(source: Source, shape: tuple[int, ...] | None = None, invert: bool = False) -> Image:
    """A picture in the form of a data set's images: uint8, (H, W) grey or (H, W, 3) in colour.

    >>> ninx.data.read_image(ninx.data.digits("test").images[0], (32, 32, 3)).shape
    (32, 32, 3)

    ``source`` and its values are those of `read_digit`. The picture is scaled until it just covers (H, W), and its middle is
    taken; None leaves it as it is, in colour. What is transparent becomes black, or white if what is drawn on it is dark.
    ``invert`` makes dark what is light. Raises ValueError, naming the source, if it is no picture.
    """
    if shape is not None and not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
        raise ValueError(f"read_image: shape must be (H, W) or (H, W, 3), got {tuple(shape)}")
    if shape is not None and not 0 < shape[0] * shape[1] <= limits.PIXELS:
        raise ValueError(f"read_image: a picture of {shape[0]}x{shape[1]} pixels; 1 to {limits.PIXELS:,} can be made")
    picture = opaque(open_image(source, "predict: ")).convert("L" if shape is not None and len(shape) == 2 else "RGB")
    if shape is not None:
        picture = ImageOps.fit(picture, (shape[1], shape[0]), PillowImage.Resampling.BILINEAR)
    return np.asarray(ImageOps.invert(picture) if invert else picture)
