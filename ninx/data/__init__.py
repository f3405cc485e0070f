"""Data sets by name, the loader and the transforms."""

from __future__ import annotations

from ninx.kernels.listing import only_public

from .contrast import ZCA, GlobalContrastNorm, LocalContrastNorm, prepared
from .dataset import ArrayDataset, Dataset, Image, LabelledDataset, stratified
from .embedded import MEAN, STD, digits
from .fetching import download
from .folder import ImageFolder
from .idx import read_idx
from .loader import DataLoader
from .named import load, names
from .pictures import read_digit, read_digits, read_image
from .sources import data_folder
from .transforms import (
    CenterCrop,
    Compose,
    Normalize,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomTranslate,
    Resize,
    ToTensor,
    Transform,
)

__all__ = [
    "MEAN",
    "STD",
    "ZCA",
    "ArrayDataset",
    "CenterCrop",
    "Compose",
    "DataLoader",
    "Dataset",
    "GlobalContrastNorm",
    "Image",
    "ImageFolder",
    "LabelledDataset",
    "LocalContrastNorm",
    "Normalize",
    "RandomAffine",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomTranslate",
    "Resize",
    "ToTensor",
    "Transform",
    "data_folder",
    "digits",
    "download",
    "load",
    "names",
    "prepared",
    "read_digit",
    "read_digits",
    "read_idx",
    "read_image",
    "stratified",
]

__dir__ = only_public(globals())
