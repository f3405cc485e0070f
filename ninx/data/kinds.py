"""Crop, flip, pad and resize for every kind of image, and the axes of its rows and columns.

What goes in comes out as the same kind: a Pillow image; a tensor (..., C, H, W); an array of bytes (H, W) or (H, W, C), of floats
(C, H, W). Crop and flip of a tensor are differentiable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps

from ..engine import Tensor
from ..looks import brief
from .dataset import Image

BILINEAR = PillowImage.Resampling.BILINEAR
PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


def is_picture(image: Any) -> bool:
    """Whether it is Pillow's."""
    return isinstance(image, PillowImage.Image)


def pixels(picture: Any) -> Image:
    """The values of a Pillow image, which cannot be written: (H, W) or (H, W, C); black and white as bytes 0 and 255."""
    mode = picture.mode
    if mode in ("L", "P"):  # the same as np.asarray gives, in a third of the time
        return np.frombuffer(picture.tobytes(), np.uint8).reshape(picture.height, picture.width)
    if mode == "RGB":
        return np.frombuffer(picture.tobytes(), np.uint8).reshape(picture.height, picture.width, 3)
    return np.asarray(picture.convert("L") if mode == "1" else picture)


def as_array(image: Any) -> Any:
    """A Pillow image as an array of what it shows; all else as it is."""
    if not is_picture(image):
        return image
    if image.mode == "P":  # the numbers of colours
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return pixels(image)


def axes_of(operation: str, image: Any) -> tuple[int, int]:
    """The axes of the rows and of the columns of an array or a tensor.

    Raises TypeError for what is no image, and ValueError for an array whose channels are not where its dtype has them.
    """
    if isinstance(image, Tensor):
        if image.ndim < 2:
            raise ValueError(f"{operation}: an image is a tensor (C, H, W), not {tuple(image.shape)}")
        return image.ndim - 2, image.ndim - 1
    if not isinstance(image, np.ndarray):
        raise TypeError(
            f"{operation}: an image is a Pillow image, an array or a tensor, not {brief(image)} ({type(image).__name__})"
        )
    if image.ndim == 2:
        return 0, 1
    if image.ndim != 3:
        raise ValueError(f"{operation}: takes one image, an array of 2 or 3 dimensions, not {image.shape}")
    first, last = image.shape[0], image.shape[2]
    if image.dtype in (np.uint8, np.uint16, np.bool_):
        if first <= 4 < last:
            raise ValueError(
                f"{operation}: an array of {image.dtype} is (H, W, C), but {image.shape} has its channels first; "
                "write image.transpose(1, 2, 0)"
            )
        return 0, 1
    if last <= 4 < first:
        raise ValueError(
            f"{operation}: an array of {image.dtype} is (C, H, W), but {image.shape} has its channels last; "
            "write image.transpose(2, 0, 1), or give it to ToTensor first"
        )
    return 1, 2


def floats_of(operation: str, image: Any) -> Image:
    """``image``, an array (C, H, W), for a transform that belongs after `ToTensor`; TypeError for anything else."""
    if not isinstance(image, np.ndarray) or image.ndim != 3 or axes_of(operation, image) != (1, 2):
        what = f"{image.shape} {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        raise TypeError(f"{operation}: takes an array (C, H, W) of floats, as ToTensor makes it, not {what}")
    return image


def size_of(operation: str, image: Any) -> tuple[int, int]:
    """(height, width)."""
    if is_picture(image):
        return image.height, image.width
    y, x = axes_of(operation, image)
    return image.shape[y], image.shape[x]


def window(operation: str, image: Any, top: int, left: int, height: int, width: int) -> Any:
    """What lies inside a rectangle."""
    if is_picture(image):
        return image.crop((left, top, left + width, top + height))
    y, _ = axes_of(operation, image)
    return image[(slice(None),) * y + (slice(top, top + height), slice(left, left + width))]


def mirrored(operation: str, image: Any, down: bool = False) -> Any:
    """Left becomes right; or with ``down``, top becomes bottom."""
    if is_picture(image):
        turn = PillowImage.Transpose
        return image.transpose(turn.FLIP_TOP_BOTTOM if down else turn.FLIP_LEFT_RIGHT)
    y, x = axes_of(operation, image)
    axis = y if down else x
    back = slice(None, None, -1) if isinstance(image, np.ndarray) else np.arange(image.shape[axis])[::-1].copy()
    return image[(slice(None),) * axis + (back,)]


def padded(operation: str, image: Any, sides: tuple[int, int, int, int], fill: Any, mode: str) -> Any:
    """The image with pixels around it: (left, top, right, bottom) of them."""
    left, top, right, bottom = sides
    if not any(sides):
        return image
    if is_picture(image):
        if mode == "constant":
            return ImageOps.expand(image, sides, colour(image, fill))
        values = np.asarray(image)
        wide = PillowImage.fromarray(np.pad(values, ((top, bottom), (left, right)) + ((0, 0),) * (values.ndim - 2), mode=mode))  # type: ignore[call-overload]
        if image.mode == "P":
            wide.putpalette(image.getpalette())
        return wide
    if isinstance(fill, Sequence):
        if len(set(fill)) != 1:
            raise ValueError(
                f"{operation}: colours to fill with are for Pillow images; for arrays and tensors give one number, not {fill}"
            )
        fill = fill[0]
    y, x = axes_of(operation, image)
    widths = [(0, 0)] * image.ndim
    widths[y], widths[x] = (top, bottom), (left, right)
    settings = {"constant_values": fill} if mode == "constant" else {}
    if isinstance(image, np.ndarray):
        return np.pad(image, widths, mode=mode, **settings)  # type: ignore[call-overload]
    return Tensor(np.pad(plain(operation, image), widths, mode=mode, **settings))  # type: ignore[call-overload]


def colour(image: Any, fill: Any) -> Any:
    """``fill`` as Pillow wants it: a number is that of every channel, and whole where the values are bytes."""
    if not isinstance(fill, int | float | np.number):
        return tuple(fill) if isinstance(fill, list) else fill
    bands = len(image.getbands())
    value = float(fill) if image.mode == "F" else int(fill)
    return value if bands == 1 else (value,) * bands


def plain(operation: str, image: Tensor) -> Image:
    """The array of a tensor, for what has no derivative here."""
    if image.requires_grad:
        raise ValueError(f"{operation}: has no derivative in ninx, but the image requires grad; give image.detach()")
    return np.asarray(image.numpy())


def resized(operation: str, image: Any, size: tuple[int, int], resample: Any = BILINEAR) -> Any:
    """The image in another (height, width); of floats each channel by itself."""
    height, width = size
    if is_picture(image):
        return image.resize((width, height), resample)
    y, x = axes_of(operation, image)
    values = plain(operation, image) if isinstance(image, Tensor) else image
    if values.dtype.kind not in "fiu":
        raise TypeError(
            f"{operation}: there is nothing between two values of {values.dtype}; give np.where(mask, 255, 0).astype(np.uint8), "
            "or NEAREST and a Pillow image"
        )
    if isinstance(image, np.ndarray) and values.dtype == np.uint8 and (values.ndim == 2 or values.shape[2] in (3, 4)):
        return np.asarray(PillowImage.fromarray(values).resize((width, height), resample))
    first = values if (y, x) != (0, 1) else values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
    out = planes_resized(first.reshape(-1, *first.shape[-2:]), size, resample).reshape(*first.shape[:-2], height, width)
    if (y, x) == (0, 1):
        out = out[0] if values.ndim == 2 else out.transpose(1, 2, 0)
    return Tensor(out) if isinstance(image, Tensor) else out


def planes_resized(planes: Image, size: tuple[int, int], resample: Any) -> Image:
    """(C, H, W) in another (height, width), in float32; bytes are rounded to bytes."""
    height, width = size
    bytes_ = planes.dtype == np.uint8
    given = planes if bytes_ else planes.astype(np.float32)
    found = [np.asarray(PillowImage.fromarray(p).resize((width, height), resample)) for p in given]
    if planes.dtype.kind in "iu" and not bytes_:
        limits = np.iinfo(planes.dtype)
        found = [np.clip(np.rint(p), limits.min, limits.max) for p in found]
    return np.stack([np.asarray(p, planes.dtype) for p in found])
