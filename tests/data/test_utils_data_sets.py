"""ninx.utils.data next to torch.utils.data: data sets, their parts and sums, samplers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from loaders import SAMPLES, order, same
from torch.utils import data as theirs

import ninx
from ninx import data
from ninx.utils import data as ours

# -------------------------------------------------------------------- data sets


def test_tensor_datasets() -> None:
    x, y = np.arange(12, dtype=np.float32).reshape(4, 3), np.array([0, 1, 1, 0])
    a = ours.TensorDataset(ninx.tensor(x), ninx.tensor(y))
    b = theirs.TensorDataset(torch.tensor(x), torch.tensor(y))
    arrays = ours.TensorDataset(x, y)
    assert len(a) == len(b) == len(arrays) == 4
    for i in (0, 3, -1):
        same(a[i], b[i])
        same(arrays[i], b[i])
    same(a[1:3], b[1:3])
    for loader in (ours.DataLoader(a, 3), ours.DataLoader(arrays, 3)):
        for p, q in zip(loader, theirs.DataLoader(b, 3), strict=True):
            same(p, q)
    assert a.tensors[0].shape == (4, 3)
    with pytest.raises(ValueError, match=r"equal length, got the lengths \[4, 3\]"):
        ours.TensorDataset(x, y[:3])
    with pytest.raises(ValueError, match="of none"):
        ours.TensorDataset()
    for wrong in ([1, 2], ninx.tensor(1.0), "ab"):
        with pytest.raises(TypeError, match="takes tensors and arrays of samples"):
            ours.TensorDataset(wrong)


def test_parts_and_sums_of_data_sets() -> None:
    for module in (ours, theirs):
        part = module.Subset(SAMPLES, [5, 1, 3])
        assert len(part) == 3
        assert [part[i][1] for i in range(3)] == [5, 1, 3]
        both = module.ConcatDataset([part, SAMPLES[:2], range(1)])
        assert len(both) == 6
        assert both.cumulative_sizes == [3, 5, 6]
        assert both[-1] == 0
        assert both[3] is SAMPLES[0]
        assert len(part.dataset) == 7
        with pytest.raises((IndexError, ValueError)):
            both[-7]
        with pytest.raises(IndexError):
            both[6]
    joined = ours.Subset(SAMPLES, [0]) + SAMPLES
    assert isinstance(joined, ours.ConcatDataset)
    assert len(joined) == 8
    assert len(data.digits("test") + data.digits("train")) == 5000
    with pytest.raises(ValueError, match="one or more data sets"):
        ours.ConcatDataset([])
    with pytest.raises(TypeError, match="indices is a list"):
        ours.Subset(SAMPLES, 3)


@pytest.mark.filterwarnings("ignore:.*empty")
@pytest.mark.parametrize("n", [0, 1, 7, 10])
@pytest.mark.parametrize(
    "lengths", [[0.5, 0.5], [0.8, 0.2], [0.7, 0.2, 0.1], [1 / 3] * 3, [1.0], [0.5, 0.6], [1.2, -0.2], [7, 3], [6, 1], [7]]
)
def test_splits_are_as_long_as_pytorch_s(n: int, lengths: list[float]) -> None:
    def split(module: Any) -> Any:
        try:
            parts = module.random_split(range(n), lengths)
        except ValueError:
            return ValueError
        assert sorted(i for part in parts for i in part) == list(range(n))
        return [len(part) for part in parts]

    assert split(ours) == split(theirs)


def test_splits_are_drawn_from_the_generator_or_from_manual_seed() -> None:
    def drawn(generator: Any = None) -> list[int]:
        return [*ours.random_split(range(20), [15, 5], generator)[1]]

    assert drawn(ninx.Generator().manual_seed(4)) == drawn(ninx.Generator().manual_seed(4)) != drawn(5)
    ninx.manual_seed(1)
    a = drawn()
    b = drawn()
    ninx.manual_seed(1)
    assert drawn() == a != b
    with pytest.raises(TypeError, match=r"random_split: generator must be .*got torch"):
        drawn(torch.Generator())
    with pytest.warns(UserWarning, match="part 1 is empty"):
        ours.random_split(range(3), [0.9, 0.1])


def test_a_data_set_without_its_methods_says_which() -> None:
    class Empty(ours.Dataset):
        pass

    with pytest.raises(NotImplementedError, match="Empty: a Dataset defines __getitem__"):
        Empty()[0]
    with pytest.raises(TypeError, match="Empty has no __len__"):
        ours.DataLoader(Empty())
    with pytest.raises(NotImplementedError, match="IterableDataset defines __iter__"):
        list(ours.DataLoader(ours.IterableDataset()))


# -------------------------------------------------------------------- samplers


def test_samplers_give_what_pytorch_s_give() -> None:
    for module in (ours, theirs):
        assert list(module.SequentialSampler("abc")) == [0, 1, 2]
        assert sorted(module.RandomSampler("abcd")) == [0, 1, 2, 3]
        assert len(module.RandomSampler("abcd", num_samples=2)) == 2
        more = list(module.RandomSampler("abcd", num_samples=10))
        assert len(more) == 10
        assert sorted(more[:4]) == sorted(more[4:8]) == [0, 1, 2, 3]
        again = list(module.RandomSampler("abcd", replacement=True, num_samples=100))
        assert len(again) == 100
        assert set(again) == {0, 1, 2, 3}
        assert sorted(module.SubsetRandomSampler([7, 9, 4])) == [4, 7, 9]
        assert set(module.WeightedRandomSampler([0, 1, 0, 3], 50)) == {1, 3}
        assert sorted(module.WeightedRandomSampler([1, 1, 0], 2, replacement=False)) == [0, 1]
        for last in (True, False):
            batches = module.BatchSampler(module.SequentialSampler(range(7)), 3, last)
            assert (len(batches), [len(b) for b in batches]) == ((2, [3, 3]) if last else (3, [3, 3, 1]))


def test_weights_are_the_shares_of_what_is_drawn() -> None:
    counts = np.bincount(list(ours.WeightedRandomSampler(ninx.tensor([1.0, 3.0]), 4000, generator=0)))
    assert abs(counts[1] / 4000 - 0.75) < 5 * (0.75 * 0.25 / 4000) ** 0.5


def test_samplers_draw_from_manual_seed_or_their_generator() -> None:
    for make in (
        lambda g: ours.RandomSampler(range(30), generator=g),
        lambda g: ours.SubsetRandomSampler(range(30), generator=g),
        lambda g: ours.WeightedRandomSampler([1.0] * 30, 30, generator=g),
    ):
        ninx.manual_seed(3)
        sampler = make(None)
        a, b = list(sampler), list(sampler)
        ninx.manual_seed(3)
        assert list(sampler) == a != b
        assert list(make(np.random.default_rng(1))) == list(make(np.random.default_rng(1)))
        assert order(ours.DataLoader(range(30), 7, sampler=make(1))) == list(make(1))


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: ours.RandomSampler("ab", replacement=1), TypeError, "replacement is True or False"),
        (lambda: ours.RandomSampler("ab", num_samples=0), ValueError, "num_samples must be at least 1"),
        (lambda: ours.RandomSampler("ab", generator=torch.Generator()), TypeError, "generator must be"),
        (lambda: ours.WeightedRandomSampler([-1.0, 1], 2), ValueError, "numbers from 0 on"),
        (lambda: ours.WeightedRandomSampler([0.0, 0], 2), ValueError, "not all 0"),
        (
            lambda: ours.WeightedRandomSampler([1.0, 1], 1.5),
            ValueError,
            "num_samples must be at least 1, a whole number, got 1.5",
        ),
        (lambda: ours.WeightedRandomSampler([1.0, 0], 2, replacement=False), ValueError, "cannot draw 2 of 1"),
        (lambda: ours.BatchSampler(range(3), 0, False), ValueError, "batch_size must be at least 1"),
        (lambda: ours.BatchSampler(range(3), 2, "no"), ValueError, "drop_last is True or False"),
        (lambda: next(iter(ours.Sampler())), NotImplementedError, "a Sampler defines __iter__"),
    ],
)
def test_samplers_refuse_in_a_sentence(make: Callable[[], Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()
