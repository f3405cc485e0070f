"""A rank's loader: of each batch only the micro-batches that are its own are read and transformed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..data import DataLoader
from ..data.loader import Plan
from .tree import cut


class MicroBatchLoader(DataLoader[Any]):
    """A `DataLoader` that yields the micro-batches ``own`` of the ``parts`` of each batch, one after another.

    They hold the images that the batch of the whole loader has, with the same random transforms; an empty one is None. Options
    as those of `DataLoader`, by name.

    >>> loader = ninx.parallel.loader.MicroBatchLoader(4, range(2, 4), dataset=range(10), batch_size=8)
    >>> [None if part is None else part.tolist() for part in loader]
    [[4, 5], [6, 7], None, None]
    """

    def __init__(self, parts: int, own: range, **options: Any):
        super().__init__(**options)
        self.parts, self.own = parts, own

    def _plan(self, seed: int, epoch: int) -> Plan:
        for indices, numbers in super()._plan(seed, epoch):
            for part in self.own:
                chosen = cut(len(indices), self.parts, part)
                yield indices[chosen], numbers[chosen]

    def _batch(self, seed: int, epoch: int, indices: list[Any], numbers: list[int]) -> Any:
        return super()._batch(seed, epoch, indices, numbers) if indices else None

    def from_batch(self, first: int) -> Iterator[Any]:
        """From the first own micro-batch of batch number ``first`` on."""
        return super().from_batch(first * len(self.own))
