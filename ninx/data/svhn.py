"""SVHN, the cropped house numbers: a MATLAB file with X (32, 32, 3, N), bytes, and y (N, 1), where 10 is the digit 0."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .dataset import ArrayDataset, Image
from .idx import check_labels
from .mat import read_mat

CLASSES = [str(i) for i in range(10)]


def read_svhn(files: Sequence[Path]) -> ArrayDataset:
    """The data set in the .mat file; images (N, 32, 32, 3). Raises ValueError, naming the file, for anything else."""
    (path,) = files
    fields = read_mat(path, ("X", "y"))
    if missing := [name for name in ("X", "y") if name not in fields]:
        raise ValueError(f"{path}: its {missing[0]} should be an array, but there is none of that name")
    images, labels = fields["X"], fields["y"]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[:3] != (32, 32, 3) or not images.size:
        raise ValueError(f"{path}: its X should be (32, 32, 3, N) bytes, but is {images.shape} of {images.dtype}")
    if labels.shape != (images.shape[3], 1):
        raise ValueError(f"{path}: its y should be ({images.shape[3]}, 1) numbers, but is {labels.shape} of {labels.dtype}")
    with np.errstate(invalid="ignore"):  # a float that is no number fails the comparison
        numbers = labels[:, 0].astype(np.int64)
    if not (numbers == labels[:, 0]).all() or not numbers.min() >= 1:
        raise ValueError(f"{path}: its labels should be 1 to 10, with 10 for the digit 0")
    check_labels(numbers, 11, path)
    return ArrayDataset(_rows_first(images), numbers % 10, CLASSES)


def _rows_first(images: Image) -> Image:
    """(32, 32, 3, N) in column order as (N, 32, 32, 3) in the same memory, a few at a time: the extra set has 1.6 GB.

    In column order the last axis goes slowest, so each image is a run of bytes already: its planes, their columns, their pixels.
    """
    planes = images.T
    for some in (planes[i : i + 1000] for i in range(0, len(planes), 1000)):
        some[...] = some.transpose(0, 3, 2, 1).copy().reshape(some.shape)
    return planes.reshape(-1, 32, 32, 3)
