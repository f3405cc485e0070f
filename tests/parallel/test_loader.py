"""A rank's loader: all ranks together see what one process sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ninx import data
from ninx.parallel import MicroBatchLoader


def options(workers: int) -> dict[str, Any]:
    prepare = data.Compose([data.ToTensor(), data.RandomTranslate(2)])
    digits = data.load("digits", "train").take(slice(53))
    return {"dataset": digits, "batch_size": 20, "shuffle": True, "seed": 3, "num_workers": workers, "transform": prepare}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_ranks_micro_batches_are_the_batches_with_the_same_random_changes(workers: int, size: int) -> None:
    whole = data.DataLoader(**options(0))
    for epoch in range(2):
        ranks = [MicroBatchLoader(4, range(4 // size * r, 4 // size * (r + 1)), **options(workers)) for r in range(size)]
        for first in (0, 1):
            whole.epoch = epoch
            for loader in ranks:
                loader.epoch = epoch
            parts = [list(loader.from_batch(first)) for loader in ranks]
            for number, (images, labels) in enumerate(whole.from_batch(first)):
                found = [part for own in parts for part in own[4 // size * number : 4 // size * (number + 1)]]
                assert len(found) == 4
                assert np.array_equal(np.concatenate([x.numpy() for x, _ in found]), images.numpy())
                assert np.array_equal(np.concatenate([y.numpy() for _, y in found]), labels.numpy())


def test_an_empty_micro_batch_is_none_and_takes_its_turn() -> None:
    loader = MicroBatchLoader(4, range(2, 4), dataset=range(9), batch_size=8)
    assert [None if part is None else part.tolist() for part in loader] == [[4, 5], [6, 7], None, None]
    assert list(loader.from_batch(1)) == [None, None]
