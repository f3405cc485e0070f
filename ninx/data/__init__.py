"""Data sets by name, the loader and the transforms."""

from __future__ import annotations

from ..names import unknown
from .dataset import ArrayDataset, Dataset
from .embedded import MEAN, STD, digits
from .images import read_digit
from .loader import DataLoader
from .transforms import Compose, Normalize, RandomAffine, RandomTranslate, ToTensor, Transform

__all__ = [
    "MEAN",
    "STD",
    "ArrayDataset",
    "Compose",
    "DataLoader",
    "Dataset",
    "Normalize",
    "RandomAffine",
    "RandomTranslate",
    "ToTensor",
    "Transform",
    "digits",
    "load",
    "names",
    "read_digit",
]

_SETS = {"digits": digits}


def names() -> list[str]:
    """The names that `load` knows."""
    return list(_SETS)


def load(name: str, split: str) -> ArrayDataset:
    """A data set by name: ``load("digits", "train")``. Raises ValueError for a name that is not there."""
    if name not in _SETS:
        raise ValueError(unknown("data set", name, _SETS))
    return _SETS[name](split)
