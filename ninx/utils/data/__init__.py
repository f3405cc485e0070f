"""torch.utils.data by its names: the loader, data sets, samplers and collating of `ninx.data`."""

from __future__ import annotations

from typing import NoReturn

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
from ...kernels.listing import only_public
from ...names import unknown

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

_INSTEAD = {
    "DistributedSampler": "ninx trains in one process; RandomSampler is for that",
    "distributed": "ninx trains in one process",
    "ChainDataset": "an IterableDataset whose __iter__ returns itertools.chain(a, b) goes through several",
    "StackDataset": "a Dataset of yours that returns (a[i], b[i]) does it, or TensorDataset for tensors",
    "get_worker_info": "workers are threads of one process, and a data set is read by index; nothing has to be shared out",
    "default_convert": "ninx.from_numpy makes a tensor of an array",
    "datapipes": "write an IterableDataset",
    "functional_datapipe": "write an IterableDataset",
    "IterDataPipe": "write an IterableDataset",
    "MapDataPipe": "write a Dataset",
}


def __getattr__(name: str) -> NoReturn:
    if name in _INSTEAD:
        raise AttributeError(f"ninx.utils.data has no {name}: {_INSTEAD[name]}")
    raise AttributeError(f"ninx.utils.data: {unknown('class or function', name, __all__)}")


__dir__ = only_public(globals())
