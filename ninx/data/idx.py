"""The IDX format of MNIST and Fashion-MNIST: a magic number, the sizes as big-endian 32-bit numbers, then the bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import limits
from ..files import open_regular
from .dataset import ArrayDataset, Image

UBYTE = 0x08  # the only type of value that these data sets use

# The first labels tell the two data sets apart, whose files bear the same names.
FIRST_LABELS = {
    "mnist": {(5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 3, 5, 3, 6, 1, 7), (7, 2, 1, 0, 4, 1, 4, 9, 5, 9, 0, 6, 9, 0, 1, 5)},
    "fashion-mnist": {(9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9, 5, 5, 7, 9), (9, 2, 1, 1, 6, 1, 4, 6, 5, 7, 4, 5, 7, 3, 4, 1)},
}


def read_idx(path: str | Path, ndim: int) -> Image:
    """The array of bytes, of ``ndim`` dimensions, in an IDX file, plain or compressed by gzip.

    Raises ValueError, naming the file, if the magic number, the sizes and the length do not agree.

    >>> from pathlib import Path
    >>> content = bytes([0, 0, 8, 1]) + (3).to_bytes(4) + bytes([7, 2, 1])  # bytes (8) along 1 axis, of size 3
    >>> count = Path("labels-idx1-ubyte").write_bytes(content)
    >>> ninx.data.read_idx("labels-idx1-ubyte", ndim=1)
    array([7, 2, 1], dtype=uint8)
    """
    path = Path(path)
    with open_regular(path) as (raw, size_on_disk):
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            with gzip.open(raw) if packed else raw as file:
                head = file.read(4 + 4 * ndim)
                if len(head) < 4 + 4 * ndim or head[:4] != bytes((0, 0, UBYTE, ndim)):
                    raise ValueError(
                        f"{path}: is no IDX file of {ndim} dimensions: it begins with {head[:4].hex() or 'nothing'}, "
                        f"not with 0000{UBYTE:02x}{ndim:02x}"
                    )
                shape = struct.unpack(f">{ndim}I", head[4:])
                size, limit = math.prod(shape), limits.unfolded(size_on_disk)
                if size > limit:
                    raise ValueError(
                        f"{path}: its head promises {size:,} bytes, and {limit:,} are the limit for a file of {size_on_disk:,}"
                    )
                body = file.read(size + 1)  # no more than that, whatever a packed file would unfold to
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: is damaged or cut off ({str(error) or type(error).__name__})") from None
    if len(body) != size:
        found = "more" if len(body) > size else f"{len(body):,}"
        raise ValueError(f"{path}: its head promises {'x'.join(map(str, shape))} = {size:,} bytes, but it holds {found}")
    return np.frombuffer(body, np.uint8).reshape(shape)


def read_mnist(files: Sequence[Path], classes: Sequence[str], name: str) -> ArrayDataset:
    """The data set in (the file of the images, the file of the labels); 28x28 grey values each."""
    image_file, label_file = files
    images, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    if images.shape[1:] != (28, 28):
        raise ValueError(f"{image_file}: holds images of {images.shape[1]}x{images.shape[2]} pixels, not of 28x28")
    if len(images) != len(labels) or not len(images):
        raise ValueError(f"{label_file}: holds {len(labels):,} labels for the {len(images):,} images of {image_file.name}")
    check_labels(labels, len(classes), label_file)
    for other, firsts in FIRST_LABELS.items():
        if other != name and tuple(labels[:16].tolist()) in firsts:
            raise ValueError(f"{label_file}: these are the labels of {other}, not of {name}")
    return ArrayDataset(images, labels, classes)


def check_labels(labels: Image, classes: int, where: str | Path) -> None:
    """Every label is from 0 to below ``classes``."""
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        at = int(np.flatnonzero((labels < 0) | (labels >= classes))[0])
        raise ValueError(f"{where}: label {at} is {labels[at]}, but the classes are 0 to {classes - 1}")
