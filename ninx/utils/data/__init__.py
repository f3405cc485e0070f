"""torch.utils.data by its names: the loader, data sets, samplers and collating of `ninx.data`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    random_split,
)
from ...hints import hinted
from ...kernels.listing import only_public

__all__ = [
    "BatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "default_collate",
    "random_split",
]

if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__)

__dir__ = only_public(globals())
