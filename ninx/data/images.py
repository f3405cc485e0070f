"""Image files as a data set would have them; as MNIST: a light digit on dark, 20 pixels large, centred by mass in 28x28."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps

from .dataset import Image
from .folder import open_image

SIDE, FLAT = 200, 8  # pixels of a reduced photograph; greys that lie this near to each other are one
SIZE, BOX = 28, 20  # MNIST: the digit fits a box of 20x20, and its centre of mass lies nearest to pixel (14, 14) of 28x28


def read_digit(path: str | Path, invert: bool | None = None) -> Image:
    """The digit in an image file (PNG, JPEG, ... of any size) as uint8 (28, 28), light on dark.

    ``invert`` for a dark digit on light, as on paper; None finds out by itself. A photograph may be unevenly lit and noisy.
    Raises ValueError if the file is no image, or shows nothing but one grey.
    """
    grey = np.asarray(_flat(open_image(path, "predict: ")).convert("L"), np.float32)
    return centre(light_on_dark(grey, invert), str(path))


def read_image(path: str | Path, shape: tuple[int, ...] | None = None, invert: bool = False) -> Image:
    """The picture in an image file in the form of a data set's images: uint8, (H, W) grey or (H, W, 3) in colour.

    The picture is scaled until it just covers (H, W), and its middle is taken; None leaves it as it is, in colour. ``invert``
    makes dark what is light. Raises ValueError if the file is no image.
    """
    picture = open_image(path, "predict: ").convert("L" if shape is not None and len(shape) == 2 else "RGB")
    if shape is not None:
        picture = ImageOps.fit(picture, (shape[1], shape[0]), PillowImage.Resampling.BILINEAR)
    return np.asarray(ImageOps.invert(picture) if invert else picture)


def _flat(image: PillowImage.Image) -> PillowImage.Image:
    """Transparent parts become paper: black, or white if what is drawn on them is dark."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    layer = image.convert("RGBA")
    grey, opaque = np.asarray(layer.convert("L"), np.float32), np.asarray(layer.getchannel("A"), np.float32)
    paper = 0 if (grey * opaque).sum() >= 127.5 * opaque.sum() else 255
    return PillowImage.alpha_composite(PillowImage.new("RGBA", layer.size, (paper, paper, paper, 255)), layer)


def light_on_dark(grey: Image, invert: bool | None = None) -> Image:
    """A digit (H, W) in ink of either kind as a light one on dark; lamp light, shadows, noise and specks are taken away.

    The paper is where the edge of the picture is; its brightness may change like a quadratic polynomial of the place. What
    differs from it is ink: darker or lighter, whichever prevails. Paper of one grey is left as it is.
    """
    small = _reduced(grey)
    rest, noise, spread = _without_paper(small)
    if invert is None:
        invert = bool((rest**3).sum() < 0)  # the third power: few pixels of ink outweigh much paper
    if spread < FLAT:
        return 255 - grey if invert else grey
    ink = np.clip((-rest if invert else rest) - 3 * noise, 0, None)
    return _without_specks(ink)


def _reduced(grey: Image) -> Image:
    """At most `SIDE` pixels large: enough for a digit, and the mean of many pixels has less noise."""
    factor = -(-max(grey.shape) // SIDE)
    return grey if factor == 1 else np.asarray(PillowImage.fromarray(grey).reduce(factor))


def _without_paper(grey: Image) -> tuple[Image, float, float]:
    """(what is left without the paper's brightness, the paper's noise, how far its greys lie apart)."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in grey.shape), indexing="ij")
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    paper = np.maximum(np.abs(x), np.abs(y)) > 0.8  # the edge, to begin with; then all that looks like it
    for _ in range(6):
        light = np.linalg.lstsq(basis[paper], grey[paper], rcond=None)[0]
        rest = grey - basis @ light
        noise = 1.4826 * float(np.median(np.abs(rest[paper]))) + 0.5  # for normal noise the standard deviation
        paper = np.abs(rest) < 3 * noise
    return rest, noise, float(np.ptp(grey[paper]))


def _without_specks(ink: Image) -> Image:
    """Only the connected parts that have at least a tenth of the size of the largest: dust is no digit."""
    mask = ink > 0.25 * ink.max()
    part = np.where(mask, np.arange(1, ink.size + 1).reshape(ink.shape), 0)
    while True:  # every pixel takes the largest number around it, until each part has one number
        wide = np.pad(part, 1)
        h, w = ink.shape
        around = [wide[dy : dy + h, dx : dx + w] for dy in range(3) for dx in range(3)]
        grown = np.where(mask, np.max(around, axis=0), 0)
        if np.array_equal(grown, part):
            break
        part = grown
    sizes = np.bincount(part.ravel(), minlength=1)
    sizes[0] = 0
    keep = np.flatnonzero(sizes >= max(0.1 * sizes.max(), 1))
    wide = np.pad(np.isin(part, keep), 1)  # with the soft edge around the kept parts
    near = np.max([wide[dy : dy + h, dx : dx + w] for dy in range(3) for dx in range(3)], axis=0)
    return np.where(near, ink, 0)


def centre(grey: Image, name: str = "the image") -> Image:
    """Crop a light digit on dark (H, W), scale it to 20 pixels and centre it by mass in 28x28."""
    low, high = float(grey.min()), float(grey.max())
    if high - low < 16:
        raise ValueError(f"predict: {name} shows no digit: all its pixels have nearly the same grey ({low:.0f} to {high:.0f})")
    ink = (grey - low) / (high - low)
    rows, cols = (np.flatnonzero((ink > 0.25).any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    scale = BOX / max(ink.shape)
    size = max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale))
    small = PillowImage.fromarray((ink * 255).astype(np.uint8)).resize(size, PillowImage.Resampling.LANCZOS)
    digit = np.asarray(small, np.float32)
    out = np.zeros((SIZE, SIZE), np.uint8)
    corner = [
        int(np.clip(round(SIZE / 2 - float((digit.sum(axis=1 - a) * np.arange(n)).sum() / digit.sum())), 0, SIZE - n))
        for a, n in enumerate(digit.shape)
    ]
    out[corner[0] : corner[0] + digit.shape[0], corner[1] : corner[1] + digit.shape[1]] = digit.astype(np.uint8)
    return out
