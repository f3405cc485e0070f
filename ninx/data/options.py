"""What a loader refuses: options that exclude each other, and those that mean nothing where the workers are threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..looks import brief
from .combining import IterableDataset
from .samplers import whole


def check_dataset(dataset: Any, ordered: bool) -> None:
    """A data set has __len__ and __getitem__, or is an `IterableDataset`; ``ordered``: a sampler knows the numbers."""
    if isinstance(dataset, str):
        raise TypeError(
            f"DataLoader: takes a data set, not its name; write DataLoader(ninx.data.load({dataset!r}, 'train'), ...)"
        )
    if isinstance(dataset, type):
        raise TypeError(f"DataLoader: {dataset.__name__} is a class; write DataLoader({dataset.__name__}(...), ...)")
    if isinstance(dataset, IterableDataset):
        return
    kind = type(dataset).__name__
    if not hasattr(dataset, "__getitem__"):
        hint = "ninx.utils.data.TensorDataset, a list" + (
            ", or ninx.utils.data.IterableDataset" if hasattr(dataset, "__iter__") else ""
        )
        raise TypeError(f"DataLoader: a data set has __len__ and __getitem__, which {kind} lacks; make it {hint}")
    if not hasattr(dataset, "__len__") and not ordered:
        raise TypeError(
            f"DataLoader: the data set {kind} has no __len__, so its samples cannot be numbered; define it, or give sampler=..."
        )


def check_numbers(batch_size: Any, num_workers: Any, timeout: Any) -> tuple[int, int, float]:
    """(batch_size, num_workers, timeout), each in its range."""
    if batch_size is None:
        raise ValueError(
            "DataLoader: batch_size must be a whole number, got None; for single samples go through the data set itself"
        )
    size = whole("DataLoader", "batch_size", batch_size)
    if isinstance(num_workers, bool) or not isinstance(num_workers, int | np.integer) or num_workers < 0:
        raise ValueError(f"DataLoader: num_workers must be at least 0, a whole number, got {num_workers!r}")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout < 0:
        raise ValueError(f"DataLoader: timeout must be at least 0 seconds, got {timeout!r}")
    return size, int(num_workers), timeout


def check_order(dataset: Any, batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: Any) -> None:
    """Who decides about the order and the batches; two at once exclude each other, as in PyTorch."""
    for name, flag in (("shuffle", shuffle), ("drop_last", drop_last)):
        if not isinstance(flag, bool | np.bool_ | None) or (flag is None and name == "drop_last"):
            raise TypeError(f"DataLoader: {name} is True or False, got {brief(flag)}")
    for name, order in (("sampler", sampler), ("batch_sampler", batch_sampler)):
        if order is not None and not hasattr(order, "__iter__") and not hasattr(order, "__getitem__"):
            raise TypeError(f"DataLoader: {name} yields numbers of samples, a list for example, got {brief(order)}")
    if isinstance(dataset, IterableDataset):
        for name, value in (("shuffle", shuffle), ("sampler", sampler), ("batch_sampler", batch_sampler)):
            if value:
                raise ValueError(f"DataLoader: an IterableDataset has an order of its own; leave {name} out")
    if batch_sampler is not None:
        others = {"batch_size": batch_size != 1, "shuffle": shuffle, "sampler": sampler is not None, "drop_last": drop_last}
        if doubled := [name for name, there in others.items() if there]:
            raise ValueError(f"DataLoader: batch_sampler decides about the batches; leave {' and '.join(doubled)} out")
    if sampler is not None and shuffle:
        raise ValueError("DataLoader: sampler decides about the order; leave shuffle out, or take RandomSampler")


def check_workers(
    num_workers: int, worker_init_fn: Any, multiprocessing_context: Any, prefetch_factor: Any, persistent_workers: Any
) -> None:
    """What makes sense with workers only; and what cannot mean in a thread what it means in a process."""
    if not num_workers:
        given = {"prefetch_factor": prefetch_factor, "persistent_workers": persistent_workers or None}
        for name, value in (given | {"multiprocessing_context": multiprocessing_context}).items():
            if value is not None:
                raise ValueError(f"DataLoader: {name} is for workers; set num_workers too, or leave {name} out")
    elif worker_init_fn is not None:
        raise ValueError(
            "DataLoader: worker_init_fn is for processes, but ninx's workers are threads of one; leave it out: each sample's "
            "chance depends on the seed, the epoch and the sample alone"
        )
    if prefetch_factor is not None:
        whole("DataLoader", "prefetch_factor", prefetch_factor)
