"""In which order a loader asks for samples: PyTorch's samplers. Chance comes from ninx's own generator unless one is given."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from ..engine import Tensor
from ..looks import brief, shows
from . import chance

T = TypeVar("T", covariant=True)


def whole(operation: str, name: str, value: Any) -> int:
    """``value`` as a whole number from 1 on. Raises ValueError, naming the argument, for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{operation}: {name} must be at least 1, a whole number, got {value!r}")
    return int(value)


class Sampler(Generic[T]):
    """The base class of samplers: ``__iter__`` yields the numbers of samples; with ``__len__`` a loader knows its own length.

    >>> class Backwards(ninx.data.Sampler):
    ...     def __init__(self, count):
    ...         self.count = count
    ...     def __iter__(self):
    ...         return iter(range(self.count - 1, -1, -1))
    ...     def __len__(self):
    ...         return self.count
    >>> [batch.tolist() for batch in ninx.data.DataLoader([10, 11, 12], 2, sampler=Backwards(3))]
    [[12, 11], [10]]
    """

    def __iter__(self) -> Iterator[T]:
        """The numbers."""
        raise NotImplementedError(f"{type(self).__name__}: a Sampler defines __iter__(self), which yields the numbers of samples")


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ..., as many as there are samples.

    >>> list(ninx.data.SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized):
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        """The numbers."""
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """All samples in a random order; or ``num_samples`` of them, with ``replacement`` each drawn from all.

    Without replacement and with more ``num_samples`` than there are, all are gone through again and again.

    >>> sorted(ninx.data.RandomSampler("abc", generator=0))
    [0, 1, 2]
    >>> len(list(ninx.data.RandomSampler("abc", replacement=True, num_samples=7)))
    7
    """

    def __init__(self, data_source: Sized, replacement: bool = False, num_samples: int | None = None, generator: Any = None):
        if not isinstance(replacement, bool):
            raise TypeError(f"RandomSampler: replacement is True or False, got {replacement!r}")
        if generator is not None:
            chance.given("RandomSampler", generator)
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self._num_samples = None if num_samples is None else whole("RandomSampler", "num_samples", num_samples)

    @property
    def num_samples(self) -> int:
        """How many are drawn."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __len__(self) -> int:
        """How many are drawn."""
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        """The numbers, drawn anew."""
        return iter(self.drawn(chance.given("RandomSampler", self.generator)))

    def drawn(self, rng: np.random.Generator) -> list[int]:
        """The numbers, drawn from ``rng``.

        >>> sorted(ninx.data.RandomSampler("abcd").drawn(np.random.default_rng(0)))
        [0, 1, 2, 3]
        """
        n, count = len(self.data_source), self.num_samples
        if not n:
            return []
        if self.replacement:
            return [int(i) for i in rng.integers(n, size=count)]
        rounds = (rng.permutation(n).tolist() for _ in range(math.ceil(count / n)))
        return list(itertools.chain.from_iterable(rounds))[:count]


class SubsetRandomSampler(Sampler[int]):
    """The numbers in ``indices`` in a random order.

    >>> sorted(ninx.data.SubsetRandomSampler([3, 5, 8], generator=0))
    [3, 5, 8]
    """

    def __init__(self, indices: Sequence[int], generator: Any = None):
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        """The numbers, drawn anew."""
        for place in chance.given("SubsetRandomSampler", self.generator).permutation(len(self.indices)).tolist():
            yield self.indices[place]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """``num_samples`` numbers, each i drawn with probability weights[i] / sum(weights); by default with replacement.

    Raises ValueError for weights that are not a row of numbers from 0 on, and for more draws than there are weights above 0
    without replacement.

    >>> list(ninx.data.WeightedRandomSampler([0.0, 1.0, 0.0], 4))
    [1, 1, 1, 1]
    """

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True, generator: Any = None):
        if not isinstance(replacement, bool):
            raise TypeError(f"WeightedRandomSampler: replacement is True or False, got {replacement!r}")
        if isinstance(weights, Tensor):
            weights = weights.numpy()
        self.weights = np.asarray(weights, np.float64)
        self.num_samples = whole("WeightedRandomSampler", "num_samples", num_samples)
        self.replacement, self.generator = replacement, generator
        if self.weights.ndim != 1 or not self.weights.sum() > 0 or not (self.weights >= 0).all() or np.isinf(self.weights).any():
            raise ValueError(f"WeightedRandomSampler: weights is a row of numbers from 0 on, not all 0, got {brief(weights)}")
        if not replacement and self.num_samples > (there := int(np.count_nonzero(self.weights))):
            raise ValueError(f"WeightedRandomSampler: cannot draw {num_samples} of {there} without replacement")

    def __iter__(self) -> Iterator[int]:
        """The numbers, drawn anew."""
        rng = chance.given("WeightedRandomSampler", self.generator)
        share = self.weights / self.weights.sum()
        return iter(rng.choice(len(share), self.num_samples, self.replacement, share).tolist())

    def __len__(self) -> int:
        """How many are drawn."""
        return self.num_samples


class BatchSampler(Sampler[list[Any]]):
    """Lists of ``batch_size`` numbers of ``sampler``; the last is shorter, or with ``drop_last`` left out.

    >>> list(ninx.data.BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    __repr__ = shows("sampler", "batch_size", "drop_last")

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool):
        if not isinstance(drop_last, bool | np.bool_):
            raise ValueError(f"BatchSampler: drop_last is True or False, got {drop_last!r}")
        self.sampler, self.drop_last = sampler, bool(drop_last)
        self.batch_size = whole("BatchSampler", "batch_size", batch_size)

    def __iter__(self) -> Iterator[list[Any]]:
        """The batches."""
        return batched(self.sampler, self.batch_size, self.drop_last)

    def __len__(self) -> int:
        """The number of batches. Raises TypeError if the sampler does not know how many numbers it has."""
        n = len(self.sampler)  # type: ignore[arg-type]
        return n // self.batch_size if self.drop_last else math.ceil(n / self.batch_size)


def batched(things: Iterable[Any], size: int, drop_last: bool) -> Iterator[list[Any]]:
    """Lists of ``size`` things, the last perhaps shorter."""
    left = iter(things)
    while batch := list(itertools.islice(left, size)):
        if len(batch) == size or not drop_last:
            yield batch
