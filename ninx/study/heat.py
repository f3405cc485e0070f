"""A map laid over its image: the cells in colours, each where it looks, and a frame around a patch."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, Any]
Box = tuple[int, int, int, int]  # top, left, bottom, right; the last two are the first outside

STOPS = np.array([0.0, 0.3, 0.6, 0.85, 1.0])
COLOURS = np.array([[8, 8, 40], [90, 20, 120], [205, 60, 80], [250, 160, 40], [255, 250, 170]])  # weak to strong
COLOUR, PICTURE = 0.6, 0.4  # shares in the mixture where a cell is coloured
FRAME = (60, 230, 255)


def coloured(values: Array) -> Array:
    """Values from 0 to 1 as colours (..., 3), uint8: dark violet, red, orange, pale yellow.

    >>> ninx.study.heat.coloured(np.array([0.0, 1.0])).tolist()
    [[8, 8, 40], [255, 250, 170]]
    """
    return np.stack([np.interp(values, STOPS, COLOURS[:, c]) for c in range(3)], -1).round().astype(np.uint8)


def grey_picture(picture: Array) -> Array:
    """uint8 (H, W) or (H, W, 3) as grey values (H, W)."""
    return picture if picture.ndim == 2 else np.asarray(Image.fromarray(picture).convert("L"))


def over(picture: Array, cells: Array, shown: Array, rows: Array, columns: Array, scale: int, frame: Box | None) -> Array:
    """The picture in grey, ``scale`` times as large, with its cells in colours: RGB, uint8.

    ``cells`` (h, w) from 0 to 1; ``shown`` (h, w): which of them; cell (i, j) covers rows[i] to rows[i + 1] and columns[j] to
    columns[j + 1]. ``frame``: a patch of pixels, which may reach outside.

    >>> grey, cells = np.zeros((4, 4), np.uint8), np.array([[0.0, 1.0]])
    >>> ninx.study.heat.over(grey, cells, cells > 0, np.array([0, 4]), np.array([0, 2, 4]), 2, None).shape
    (8, 8, 3)
    """
    base = np.repeat(grey_picture(picture)[:, :, None], 3, axis=2).astype(float)
    colours, visible = coloured(cells), shown
    for axis, edges in ((0, rows), (1, columns)):  # a cell becomes the pixels that it covers
        sizes = np.diff(edges)
        colours, visible = np.repeat(colours, sizes, axis), np.repeat(visible, sizes, axis)
    mixed = np.where(visible[:, :, None], PICTURE * base + COLOUR * colours, base).round().astype(np.uint8)
    large = mixed.repeat(scale, 0).repeat(scale, 1)
    return large if frame is None else framed(large, frame, scale)


def framed(image: Array, box: Box, scale: int) -> Array:
    """The RGB image with the outline of a patch, given in pixels before the magnification; open where it reaches outside."""
    top, left, bottom, right = (scale * n for n in box)
    height, width = image.shape[:2]
    thick = max(1, scale // 3)
    y, x = slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))
    image = image.copy()
    for edge, outside, size, line in (
        (top, top < 0, height, lambda a: (slice(a, a + thick), x)),
        (bottom - thick, bottom > height, height, lambda a: (slice(a, a + thick), x)),
        (left, left < 0, width, lambda a: (y, slice(a, a + thick))),
        (right - thick, right > width, width, lambda a: (y, slice(a, a + thick))),
    ):
        if not outside and 0 <= edge < size:
            image[line(edge)] = FRAME
    return image


def png(image: Array) -> bytes:
    """The image as a PNG file.

    >>> ninx.study.heat.png(np.zeros((2, 2, 3), np.uint8))[1:4]
    b'PNG'
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def data_url(image: Array) -> str:
    """The image for the ``src`` of an HTML page, which then needs no file beside it."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()


def enlarged(picture: Array, side: int = 168) -> Array:
    """A small picture a whole number of times as large, without blurring it."""
    scale = max(1, -(-side // max(picture.shape[:2])))
    return picture.repeat(scale, 0).repeat(scale, 1)
