"""Pictures of every kind as plain ones of 8 bits: files, arrays and Pillow's, of any depth, transparent, turned, in colours."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps, UnidentifiedImageError

from ... import limits
from ...files import open_regular
from ..dataset import Image

Source = str | Path | Image | PillowImage.Image

# Only these are opened: others (EPS) would start programs. They are told by their content; the name of a file means nothing.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
# Pillow's parsers raise all of these for damaged files.
DAMAGED = (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, OverflowError, EOFError)
ORIENTATION = 0x0112  # the tag that says how the camera was held
STRIP = 256  # rows of a picture that are looked at together
SCAN = b"\xff\xda"  # what begins a scan of a JPEG; among its values 0xff is always followed by 0
WHITES = (255, 1023, 4095, 65535)  # of 8, 10, 12 and 16 bits


def open_image(source: Source, what: str = "") -> PillowImage.Image:
    """The picture of a file, an array or Pillow, upright as its camera wished, of 8 bits: grey or colours, maybe with an alpha.

    An array is (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); `eight_bits` says how its values are understood. Of an animation it is
    the first picture. Raises ValueError, naming the file, if it cannot be read, and TypeError for what is no picture at all.
    """
    if isinstance(source, np.ndarray):
        return _of_array(source, what)
    name = name_of(source)
    if not isinstance(source, PillowImage.Image):
        with open_regular(source, what) as (file, size):
            return _of_file(file, size, what + name)
    try:
        return _upright(source, what + name)
    except DAMAGED as error:
        raise _unreadable(what + name, error) from None


def _of_file(file: BinaryIO, size: int, name: str) -> PillowImage.Image:
    """Not by its path: Pillow 13 would map a plain TIFF into memory, and confuse its sides if it is to be turned."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a telephone's 108 megapixels are no bomb, and odd tags no matter
            with PillowImage.open(file, formats=FORMATS) as opened:
                if (pixels := opened.width * opened.height) > (most := limits.pixels(size)):
                    raise ValueError(
                        f"{name} is too large: it has {opened.width:,}x{opened.height:,} = {pixels:,} pixels, "
                        f"and {most:,} are the limit for a file of {size:,} bytes"
                    )
                kind = opened.format
                opened.verify()  # the sums of a PNG's chunks; after that it must be opened anew
            file.seek(0)
            if kind == "JPEG" and (scans := file.read().count(SCAN)) > limits.SCANS:
                raise ValueError(f"{name} has {scans:,} scans, and {limits.SCANS} are the limit")
            file.seek(0)
            with PillowImage.open(file, formats=FORMATS) as opened:
                return _upright(opened, name, copied=False)
    except UnidentifiedImageError:
        raise ValueError(f"{name} cannot be read as an image (it is none of {', '.join(FORMATS)})") from None
    except PillowImage.DecompressionBombError as error:
        raise ValueError(f"{name} is too large ({str(error).split(',')[0]})") from None
    except DAMAGED as error:
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: Exception) -> Exception:
    """The sentence for what Pillow says of a damaged picture; unless it is one already."""
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return error if reason.startswith(name[:100]) else ValueError(f"{name} cannot be read as an image ({reason})")


def name_of(source: Source) -> str:
    """What an error calls it: the path of a file, else "the image"."""
    if isinstance(source, str | Path):
        return str(source)
    if isinstance(source, np.ndarray | PillowImage.Image):
        return "the image"
    raise TypeError(
        f"an image is a path, an array (H, W) or (H, W, 3), or a Pillow image; got {type(source).__name__}"
        + ("; its .numpy() is an array" if hasattr(source, "numpy") else "")
    )


def eight_bits(values: Image, name: str = "the image") -> Image:
    """Grey values or colours of any depth as uint8.

    uint8 stays, False and True are 0 and 255. Other whole numbers have the fewest of 8, 10, 12 and 16 bits that hold the largest
    of them, since many cameras write 12 bits into 16; larger ones are measured by the largest. Floats run from 0 to 1; if one is
    larger, they are understood like whole numbers. Raises ValueError for negative values and for those that are not finite.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return np.where(values, np.uint8(255), np.uint8(0))
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{name} has values of {values.dtype}; give uint8, uint16, bool, or floats from 0 to 1")
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"{name} has values that are not finite (nan or infinite); give floats from 0 to 1")
    floats = values.dtype.kind == "f"
    if low < (-0.1 if floats and high <= 1.1 else 0):
        raise ValueError(f"{name} has values from {low:g} to {high:g}; give uint8, or floats from 0 to 1")
    white = 1 if floats and high <= 1.1 else next((w for w in WHITES if high <= w), high)
    found = np.empty(values.shape, np.uint8)
    for rows in _strips(len(values)):
        found[rows] = np.clip(values[rows].astype(np.float64) / white, 0, 1) * 255 + 0.5
    return found


def _strips(height: int) -> Iterator[slice]:
    """Some rows at a time: what is computed for a picture takes a few times its memory."""
    return (slice(y, min(y + STRIP, height)) for y in range(0, height, STRIP))


def opaque(image: PillowImage.Image) -> PillowImage.Image:
    """Transparent parts become paper: black, or white if what is drawn on them is dark."""
    if not image.mode.endswith("A"):
        return image
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    light = covered = 0
    for rows in _strips(layer.height):
        strip = layer.crop((0, rows.start, layer.width, rows.stop))
        grey, cover = np.asarray(strip.convert("L"), np.int64), np.asarray(strip.getchannel("A"), np.int64)
        light, covered = light + int((grey * cover).sum()), covered + int(cover.sum())
    paper = 0 if 2 * light >= 255 * covered else 255
    return PillowImage.alpha_composite(PillowImage.new("RGBA", layer.size, (paper, paper, paper, 255)), layer).convert("RGB")


def _of_array(values: Image, what: str) -> PillowImage.Image:
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if not (values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (3, 4))) or 0 in values.shape:
        hints = []
        if values.ndim == 3 and values.shape[0] in (1, 3, 4) and 0 not in values.shape:
            hints.append("its channels come last: image.transpose(1, 2, 0)")
        if values.ndim in (3, 4) and len(values) > 1:
            hints.append(f"{len(values)} pictures are a list: list(images)")
        hint = "".join(f"; {text}" for text in hints)
        raise ValueError(f"{what}the image is {values.shape}, not (H, W), (H, W, 1), (H, W, 3) or (H, W, 4){hint}")
    return PillowImage.fromarray(np.ascontiguousarray(eight_bits(values, what + "the image")))


def _upright(image: PillowImage.Image, name: str, copied: bool = True) -> PillowImage.Image:
    """Turned as its tags say, and of a mode that everything converts to and from: L, LA, RGB or RGBA."""
    image.load()  # which turns a TIFF already, and only that; so before the tags are asked
    turned = ImageOps.exif_transpose(image) if copied or image.getexif().get(ORIENTATION, 1) != 1 else image
    if turned.mode[0] in "IF":  # 16-bit grey, whole numbers and floats of 32; Pillow itself would cut off what is above 255
        values = np.asarray(turned)
        grey = PillowImage.fromarray(eight_bits(values, name))
        clear = turned.info.get("transparency")  # one of the greys
        if isinstance(clear, int):
            grey.putalpha(PillowImage.fromarray(np.where(values == clear, np.uint8(0), np.uint8(255))))
        return grey
    if turned.mode == "LAB":  # Pillow converts it only with colour profiles; its first plane is the brightness
        return turned.getchannel("L")
    if turned.mode in ("La", "RGBa"):  # the colours multiplied by the alpha: what it hides is lost, not what it shows
        return turned.convert(turned.mode.upper())
    if turned.mode in ("1", "L", "LA") and "transparency" not in turned.info:
        return turned if turned.mode != "1" else turned.convert("L")
    return turned.convert("RGBA" if turned.has_transparency_data else "RGB")
