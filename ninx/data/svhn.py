"""SVHN, the cropped house numbers: a MATLAB file with X (32, 32, 3, N), bytes, and y (N, 1), where 10 is the digit 0."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import ArrayDataset
from .idx import check_labels

CLASSES = [str(i) for i in range(10)]


def read_svhn(files: Sequence[Path]) -> ArrayDataset:
    """The data set in the .mat file; images (N, 32, 32, 3). Raises ModuleNotFoundError, saying what to install, without scipy."""
    (path,) = files
    try:
        from scipy.io import loadmat  # an extra, and slow to import
    except ModuleNotFoundError:
        raise ModuleNotFoundError('svhn: reading .mat files needs scipy: pip install "ninx[data]"', name="scipy") from None
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            if file.read(10) != b"MATLAB 5.0":  # version 7.3 is another format, and pickles or others are none
                raise ValueError("it does not begin with 'MATLAB 5.0'")
            file.seek(0)
            warnings.simplefilter("ignore")  # what scipy warns of, the checks below find
            fields: dict[str, Any] = loadmat(file, variable_names=["X", "y"])
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except Exception as error:  # whatever scipy's parser stumbles over
        detail = str(error).split("\n")[0][:200] or type(error).__name__
        raise ValueError(f"{path}: is damaged, cut off or no MATLAB file ({detail})") from None
    images, labels = (np.asarray(fields.get(key)) for key in ("X", "y"))
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[:3] != (32, 32, 3) or not images.size:
        raise ValueError(f"{path}: its X should be (32, 32, 3, N) bytes, but is {images.shape} of {images.dtype}")
    if labels.shape != (images.shape[3], 1) or labels.dtype.kind not in "uif":
        raise ValueError(f"{path}: its y should be ({images.shape[3]}, 1) numbers, but is {labels.shape} of {labels.dtype}")
    with np.errstate(invalid="ignore"):  # a float that is no number fails the comparison
        numbers = labels[:, 0].astype(np.int64)
    if not (numbers == labels[:, 0]).all() or not numbers.min() >= 1:
        raise ValueError(f"{path}: its labels should be 1 to 10, with 10 for the digit 0")
    check_labels(numbers, 11, path)
    return ArrayDataset(np.ascontiguousarray(images.transpose(3, 0, 1, 2)), numbers % 10, CLASSES)
