"""The embedded data set: 5,000 real handwritten digits of MNIST; DIGITS.md beside this file has source and licence."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from .dataset import ArrayDataset

MEAN, STD = 0.1307, 0.3081  # of MNIST's pixels, 0 to 1: the figures that every MNIST tutorial uses


def digits(split: str) -> ArrayDataset:
    """``split``: "train" (4,000 digits, 400 of each class) or "test" (1,000, 100 of each); 28x28, light on dark.

    Raises ValueError for another split.

    >>> train = ninx.data.digits("train")
    >>> train.images.shape, train.images.dtype, np.bincount(train.labels).tolist()
    ((4000, 28, 28), dtype('uint8'), [400, 400, 400, 400, 400, 400, 400, 400, 400, 400])
    """
    if split not in ("train", "test"):
        raise ValueError(f"digits: split must be 'train' or 'test', got {split!r}")
    with files("ninx.data").joinpath("digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return ArrayDataset(arrays[f"{split}_images"], arrays[f"{split}_labels"], [str(i) for i in range(10)])
