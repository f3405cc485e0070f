"""Data sets by name, the loader and the transforms."""

from __future__ import annotations

from ninx.kernels.listing import only_public

from .collate import default_collate
from .combining import ConcatDataset, IterableDataset, Subset, TensorDataset, random_split
from .composing import Compose, Transform
from .contrast import ZCA, GlobalContrastNorm, LocalContrastNorm, prepared
from .dataset import ArrayDataset, Dataset, Image, LabelledDataset, stratified
from .embedded import MEAN, STD, digits
from .fetching import download
from .folder import ImageFolder
from .idx import read_idx
from .loader import DataLoader
from .named import load, names
from .pictures import read_digit, read_digits, read_image
from .samplers import BatchSampler, RandomSampler, Sampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler
from .sources import data_folder
from .transforms import (
    CenterCrop,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomTranslate,
    Resize,
)
from .values import Normalize, ToTensor

__all__ = [
    "MEAN",
    "STD",
    "ZCA",
    "ArrayDataset",
    "BatchSampler",
    "CenterCrop",
    "Compose",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "GlobalContrastNorm",
    "Image",
    "ImageFolder",
    "IterableDataset",
    "LabelledDataset",
    "LocalContrastNorm",
    "Normalize",
    "RandomAffine",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomSampler",
    "RandomTranslate",
    "Resize",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "ToTensor",
    "Transform",
    "WeightedRandomSampler",
    "data_folder",
    "default_collate",
    "digits",
    "download",
    "load",
    "names",
    "prepared",
    "random_split",
    "read_digit",
    "read_digits",
    "read_idx",
    "read_image",
    "stratified",
]

__dir__ = only_public(globals())
