"""What the transforms do, as functions: the same kind of image comes out as goes in, unless the name says otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from ..data import kinds
from ..data.dataset import Image
from ..data.transforms import check_mode, filter_of, sides_of
from ..data.values import Normalize, planes_of
from ..engine import Tensor
from ..looks import brief
from .modes import InterpolationMode

__all__ = [
    "affine",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "hflip",
    "normalize",
    "pad",
    "pil_to_tensor",
    "resize",
    "rgb_to_grayscale",
    "rotate",
    "to_grayscale",
    "to_pil_image",
    "to_tensor",
    "vflip",
]

NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR
_GREY = (0.2989, 0.587, 0.114)  # red, green, blue: torchvision's weights for tensors


def to_tensor(pic: Any) -> Tensor:
    """A Pillow image, or an array (H, W) or (H, W, C), as a tensor (C, H, W): bytes from 0 to 1, all else with its own values.

    >>> ninx.transforms.functional.to_tensor(np.array([[0, 255]], np.uint8))
    tensor([[[0., 1.]]])
    """
    return Tensor(planes_of(pic))


def pil_to_tensor(pic: Any) -> Tensor:
    """A Pillow image as a tensor (C, H, W) of its own values, which are not scaled.

    >>> from PIL import Image
    >>> ninx.transforms.functional.pil_to_tensor(Image.new("RGB", (1, 1), (1, 2, 3))).tolist()
    [[[1]], [[2]], [[3]]]
    """
    if not kinds.is_picture(pic):
        raise TypeError(f"pil_to_tensor: takes a Pillow image, not {type(pic).__name__}; to_tensor also takes an array")
    values = np.array(pic)
    return Tensor(values[None] if values.ndim == 2 else values.transpose(2, 0, 1))


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (C, H, W), or an array (H, W) or (H, W, C), as a Pillow image of ``mode``, by default what its channels suggest.

    Floats of a tensor are 0 to 1, and what lies outside becomes black or white; arrays are not scaled.

    >>> picture = ninx.transforms.functional.to_pil_image(ninx.ones(3, 4, 5))
    >>> picture.mode, picture.size, picture.getpixel((0, 0))
    ('RGB', (5, 4), (255, 255, 255))
    """
    if isinstance(pic, Tensor):
        values = pic.detach().numpy()
        if values.ndim == 3:
            values = values.transpose(1, 2, 0)
        if values.dtype.kind == "f" and mode != "F":
            values = (np.clip(values, 0, 1) * 255).astype(np.uint8)
    elif isinstance(pic, np.ndarray):
        values = pic
    else:
        raise TypeError(f"to_pil_image: takes a tensor (C, H, W) or an array (H, W, C), not {type(pic).__name__}")
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or not 1 <= values.shape[2] <= 4:
        raise ValueError(f"to_pil_image: an image has 1 to 4 channels, got {tuple(pic.shape)}")
    fitting = _modes_of(values)
    if not fitting:
        raise TypeError(f"to_pil_image: Pillow has no image of {values.shape[2]} channels of {values.dtype}; give uint8")
    mode = fitting[0] if mode is None else mode
    if mode not in fitting:
        raise ValueError(f"to_pil_image: mode must be one of {', '.join(fitting)} for this image, got {mode!r}")
    height, width, channels = values.shape
    if mode == "1":
        return PillowImage.fromarray(values[:, :, 0])
    return PillowImage.frombytes(
        mode, (width, height), np.ascontiguousarray(values if channels > 1 else values[:, :, 0]).tobytes()
    )


def _modes_of(values: Image) -> Sequence[str]:
    """Pillow's modes for the dtype and the channels; the first is the usual one."""
    if values.dtype == np.uint8:
        return [["L", "P"], ["LA"], ["RGB", "YCbCr", "HSV"], ["RGBA", "CMYK", "RGBX"]][values.shape[2] - 1]
    single: dict[Any, str] = {np.dtype(np.int32): "I", np.dtype(np.float32): "F", np.dtype(np.bool_): "1"}
    single |= {np.dtype(np.int16): "I;16", np.dtype(np.uint16): "I;16"}
    return [single[values.dtype]] if values.shape[2] == 1 and values.dtype in single else []


def normalize(tensor: Any, mean: Any, std: Any, inplace: bool = False) -> Any:
    """(tensor - mean) / std for each channel; see `ninx.transforms.Normalize`.

    >>> ninx.transforms.functional.normalize(ninx.ones(1, 1, 2), 0.5, 0.25)
    tensor([[[2., 2.]]])
    """
    return Normalize(mean, std, inplace)(tensor)


def resize(img: Any, size: Any, interpolation: Any = BILINEAR, max_size: int | None = None, antialias: Any = True) -> Any:
    """The image scaled to ``size``: (height, width), or the length of the shorter side.

    >>> ninx.transforms.functional.resize(ninx.zeros(3, 8, 4), 2).shape
    (3, 4, 2)
    """
    from . import Resize

    return Resize(size, interpolation, max_size, antialias)(img)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The window of (height, width) whose upper left corner is at (top, left). Raises ValueError if it leaves the image.

    >>> ninx.transforms.functional.crop(ninx.zeros(3, 8, 8), 1, 2, 3, 4).shape
    (3, 3, 4)
    """
    h, w = kinds.size_of("crop", img)
    if min(top, left) < 0 or min(height, width) < 1 or top + height > h or left + width > w:
        raise ValueError(f"crop: {height}x{width} at ({top}, {left}) does not lie inside an image of {h}x{w}; pad it first")
    return kinds.window("crop", img, top, left, height, width)


def center_crop(img: Any, output_size: Any) -> Any:
    """The window of ``output_size`` in the middle.

    >>> ninx.transforms.functional.center_crop(ninx.zeros(3, 8, 8), 4).shape
    (3, 4, 4)
    """
    from . import CenterCrop

    return CenterCrop(output_size)(img)


def hflip(img: Any) -> Any:
    """The image mirrored, left to right.

    >>> ninx.transforms.functional.hflip(ninx.tensor([[[1, 2, 3]]]))
    tensor([[[3, 2, 1]]])
    """
    return kinds.mirrored("hflip", img)


def vflip(img: Any) -> Any:
    """The image mirrored, top to bottom.

    >>> ninx.transforms.functional.vflip(ninx.tensor([[[1], [2]]])).tolist()
    [[[2], [1]]]
    """
    return kinds.mirrored("vflip", img, down=True)


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """The image with pixels around it: one number, (left and right, top and bottom), or (left, top, right, bottom) of them.

    >>> ninx.transforms.functional.pad(ninx.zeros(3, 8, 8), [1, 2]).shape
    (3, 12, 10)
    """
    check_mode("pad", padding_mode)
    return kinds.padded("pad", img, sides_of("pad", padding), fill, padding_mode)


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """A Pillow image in grey; with 3 channels all three are the same.

    >>> from PIL import Image
    >>> ninx.transforms.functional.to_grayscale(Image.new("RGB", (1, 1), (255, 0, 0))).getpixel((0, 0))
    76
    """
    if not kinds.is_picture(img):
        raise TypeError(f"to_grayscale: takes a Pillow image, not {type(img).__name__}; rgb_to_grayscale also takes a tensor")
    return rgb_to_grayscale(img, num_output_channels)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """The image in grey: 0.2989 red + 0.587 green + 0.114 blue, or Pillow's rounded sum of its pictures.

    >>> ninx.transforms.functional.rgb_to_grayscale(ninx.ones(3, 1, 1)).shape
    (1, 1, 1)
    """
    if num_output_channels not in (1, 3):
        raise ValueError(f"rgb_to_grayscale: num_output_channels is 1 or 3, got {num_output_channels!r}")
    if kinds.is_picture(img):
        grey = img.convert("L")
        return grey if num_output_channels == 1 else PillowImage.merge("RGB", [grey] * 3)
    y, _ = kinds.axes_of("rgb_to_grayscale", img)
    if img.ndim < 3:
        raise ValueError(f"rgb_to_grayscale: the image has no colours, its shape is {tuple(img.shape)}")
    axis = 2 if y == 0 else y - 1
    if img.shape[axis] not in (1, 3):
        raise ValueError(f"rgb_to_grayscale: an image has 1 or 3 channels, got {img.shape[axis]}")
    before = (slice(None),) * axis
    parts = [img[(*before, slice(c, c + 1))] for c in range(img.shape[axis])]
    grey = parts[0]
    if len(parts) == 3:
        red, green, blue = (weight * _floats(part) for weight, part in zip(_GREY, parts, strict=True))
        total = red + green + blue
        grey = total.astype(img.dtype) if isinstance(img, np.ndarray) else total.to(img.dtype)
    return grey[(*before, [0] * num_output_channels)]


def _floats(part: Any) -> Any:
    if part.dtype.kind == "f":
        return part
    return part.astype(np.float32) if isinstance(part, np.ndarray) else part.to(np.float32)


def convert_image_dtype(image: Tensor, dtype: Any = np.float32) -> Tensor:
    """A tensor of floats from 0 to 1, or of bytes from 0 to 255, as the other of the two, or with other floats.

    >>> ninx.transforms.functional.convert_image_dtype(ninx.tensor([0.0, 0.5, 1.0]), np.uint8)
    tensor([  0, 127, 255], dtype=uint8)
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"convert_image_dtype: takes a tensor, not {type(image).__name__}; put ToTensor() before it")
    wanted = np.dtype(dtype)
    if image.dtype == wanted or (image.dtype.kind == "f" and wanted.kind == "f"):
        return image.to(wanted)
    if image.dtype == np.uint8 and wanted.kind == "f":
        return image.to(wanted) / 255
    if image.dtype.kind == "f" and wanted == np.uint8:
        values = kinds.plain("convert_image_dtype", image)
        if values.size and not 0 <= values.min() <= values.max() <= 1:
            raise ValueError(f"convert_image_dtype: floats are 0 to 1, but these run from {values.min():g} to {values.max():g}")
        return Tensor((values * (256 - 1e-3)).astype(np.uint8))  # each byte has an equal share of 0 to 1
    raise TypeError(
        f"convert_image_dtype: converts between floats and uint8, not {image.dtype} to {wanted}; image.to(dtype) does not scale"
    )


def rotate(
    img: Any, angle: float, interpolation: Any = NEAREST, expand: bool = False, center: Any = None, fill: Any = None
) -> Any:
    """The image turned counter-clockwise by ``angle`` degrees, about its middle or ``center`` (x, y); ``expand`` shows all of it.

    >>> ninx.transforms.functional.rotate(ninx.tensor([[[1.0, 2.0], [3.0, 4.0]]]), 90).tolist()
    [[[2.0, 4.0], [1.0, 3.0]]]
    """
    resample = filter_of("rotate", interpolation)
    return _by_pillow("rotate", img, fill, lambda p, f: p.rotate(angle, resample, expand, center, fillcolor=f))


def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Any,
    interpolation: Any = NEAREST,
    fill: Any = None,
    center: Any = None,
) -> Any:
    """The image turned clockwise by ``angle`` degrees, scaled and sheared about its middle, moved by ``translate`` pixels (x, y).

    ``shear`` is one angle, along x, or two, along x and y, in degrees.

    >>> image = ninx.tensor([[[1.0, 2.0, 3.0]]])
    >>> ninx.transforms.functional.affine(image, 0, (1, 0), 1.0, 0).tolist()
    [[[0.0, 1.0, 2.0]]]
    """
    if len(translate) != 2 or scale <= 0:
        raise ValueError(f"affine: translate is (x, y) and scale is positive, got {translate} and {scale}")
    shears = (float(shear), 0.0) if isinstance(shear, int | float | np.number) else tuple(float(s) for s in (*shear, 0.0)[:2])
    resample = filter_of("affine", interpolation)
    height, width = kinds.size_of("affine", img)
    cx, cy = (width * 0.5, height * 0.5) if center is None else center
    matrix = inverse_affine((cx, cy), angle, translate, scale, shears)
    turn = PillowImage.Transform.AFFINE
    return _by_pillow("affine", img, fill, lambda p, f: p.transform(p.size, turn, matrix, resample, fillcolor=f))


def inverse_affine(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shears: Sequence[float]
) -> tuple[float, ...]:
    """Where each output pixel comes from, as Pillow wants it: (a, b, c, d, e, f) with (x, y) -> (a x + b y + c, d x + e y + f).

    The map itself, of a point seen from ``center``: shear along x, then along y, scale, turn, move.

    >>> from ninx.transforms.functional import inverse_affine
    >>> [round(v, 3) for v in inverse_affine((2, 2), 90, (0, 0), 1, (0, 0))]
    [0.0, 1.0, 0.0, -1.0, 0.0, 4.0]
    """
    turn, along_x, along_y = (math.radians(a) for a in (angle, *shears))
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    shear = np.array([[1, 0], [-math.tan(along_y), 1]]) @ np.array([[1, -math.tan(along_x)], [0, 1]])
    middle = np.asarray(center, np.float64)
    back = np.linalg.inv(scale * rotation @ shear)
    offset = middle - back @ (middle + np.asarray(translate, np.float64))
    return (*back[0].tolist(), float(offset[0]), *back[1].tolist(), float(offset[1]))


def _by_pillow(operation: str, img: Any, fill: Any, act: Callable[[Any, Any], Any]) -> Any:
    """``act(picture, fill)``, of arrays and tensors for each channel by itself."""
    if kinds.is_picture(img):
        return act(img, None if fill is None else kinds.colour(img, fill))
    if fill is not None and not isinstance(fill, int | float | np.number):
        raise TypeError(f"{operation}: fill is one number for arrays and tensors, got {brief(fill)}")
    y, _ = kinds.axes_of(operation, img)
    values = kinds.plain(operation, img) if isinstance(img, Tensor) else img
    first = values if y else values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
    planes = first.reshape(-1, *first.shape[-2:])
    given = planes if planes.dtype == np.uint8 else planes.astype(np.float32)
    turned = [np.asarray(act(PillowImage.fromarray(p), fill), values.dtype) for p in given]
    out = np.stack(turned).reshape(*first.shape[:-2], *turned[0].shape)
    if not y:
        out = out[0] if values.ndim == 2 else out.transpose(1, 2, 0)
    return Tensor(out) if isinstance(img, Tensor) else out
