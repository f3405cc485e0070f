"""Data sets made of tensors, of parts of others, and of several: PyTorch's names and rules."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from ..engine import Tensor
from ..looks import brief, unfailing
from . import chance
from .dataset import Dataset, Samples

T = TypeVar("T", covariant=True)


class IterableDataset(Dataset[T], Generic[T]):
    """The base class of data that only comes one after the other: define ``__iter__``. It has no order to shuffle.

    >>> class Squares(ninx.data.IterableDataset):
    ...     def __iter__(self):
    ...         return (n * n for n in range(5))
    >>> [batch.tolist() for batch in ninx.data.DataLoader(Squares(), batch_size=2)]
    [[0, 1], [4, 9], [16]]
    """

    def __iter__(self) -> Iterator[T]:
        """The samples."""
        raise NotImplementedError(f"{type(self).__name__}: an IterableDataset defines __iter__(self), which yields the samples")


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors, or arrays, of equal length; sample i is the tuple of their i-th entries. An array shares its memory.

    Raises ValueError if the lengths differ, TypeError for what is neither tensor nor array.

    >>> dataset = ninx.data.TensorDataset(ninx.zeros(4, 2), ninx.tensor([0, 1, 1, 0]))
    >>> len(dataset), dataset[1]
    (4, (tensor([0., 0.]), tensor(1)))
    """

    def __init__(self, *tensors: Any):
        found = []
        for given in tensors:
            if not (isinstance(given, Tensor) or hasattr(given, "__array_interface__")) or not given.ndim:
                what = "a number" if getattr(given, "ndim", None) == 0 else type(given).__name__
                raise TypeError(f"TensorDataset: takes tensors and arrays of samples, not {what}; ninx.tensor(...) makes one")
            found.append(given if isinstance(given, Tensor) else Tensor(given))
        if len(lengths := {len(tensor) for tensor in found}) != 1:
            raise ValueError(
                f"TensorDataset: takes tensors of equal length, got the lengths {[len(t) for t in found] or 'of none'}"
            )
        self.tensors = tuple(found)
        self._length = lengths.pop()

    def __len__(self) -> int:
        """The number of samples."""
        return self._length

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        """The ``index``-th entry of each tensor."""
        return tuple(tensor[index] for tensor in self.tensors)

    @unfailing
    def __repr__(self) -> str:
        """One line: how many samples, of which tensors."""
        parts = ", ".join(f"{tuple(t.shape)} {t.dtype}" for t in self.tensors)
        return f"TensorDataset({len(self):,} samples of {parts})"


class Subset(Dataset[T], Generic[T]):
    """The samples of ``dataset`` with the numbers in ``indices``, in that order.

    >>> ninx.data.Subset(["a", "b", "c"], [2, 0])[0]
    'c'
    """

    def __init__(self, dataset: Samples[T], indices: Sequence[int]):
        if not (hasattr(indices, "__len__") and hasattr(indices, "__getitem__")):
            raise TypeError(f"Subset: indices is a list of numbers of samples, got {brief(indices)}")
        self.dataset, self.indices = dataset, indices

    def __len__(self) -> int:
        """The number of samples in this part."""
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        """The sample; of a list of indices, what ``dataset`` gives for their numbers."""
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]  # type: ignore[index]
        return self.dataset[self.indices[index]]

    @unfailing
    def __repr__(self) -> str:
        """One line: how many, of what."""
        return f"Subset({len(self):,} of {brief(self.dataset)})"


class ConcatDataset(Dataset[T], Generic[T]):
    """Data sets one after the other; ``a + b`` makes one too.

    >>> both = ninx.data.ConcatDataset([["a", "b"], ["c"]])
    >>> len(both), both[2], both.cumulative_sizes
    (3, 'c', [2, 3])
    """

    def __init__(self, datasets: Iterable[Samples[T]]):
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: takes a list of one or more data sets, got none")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise TypeError("ConcatDataset: an IterableDataset has no length; itertools.chain(a, b) goes through several")
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        """The number of samples in all of them."""
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> T:
        """The sample; a negative index counts from the end."""
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"ConcatDataset: index {index} is out of range for {len(self)} samples")
        which = bisect.bisect_right(self.cumulative_sizes, place)
        return self.datasets[which][place - (self.cumulative_sizes[which - 1] if which else 0)]

    @unfailing
    def __repr__(self) -> str:
        """One line: how many, of what."""
        return f"ConcatDataset({len(self):,} samples of {brief(self.datasets)})"


def random_split(dataset: Samples[T], lengths: Sequence[float], generator: Any = None) -> list[Subset[T]]:
    """Parts of ``dataset`` drawn without replacement, of these ``lengths``, or of these fractions, which add up to 1.

    A part of a fraction has floor(fraction * n) samples; what is left goes to the first parts, one each. ``generator`` is a NumPy
    generator, a `ninx.Generator` or a seed; None is ninx's own.

    Raises ValueError if the lengths do not add up to ``len(dataset)``; warns of an empty part.

    >>> train, test = ninx.data.random_split(ninx.data.digits("train"), [0.8, 0.2], generator=0)
    >>> len(train), len(test)
    (3200, 800)
    """
    n, given = len(dataset), [*lengths]
    if math.isclose(sum(given), 1) and sum(given) <= 1:
        if wrong := [f for f in given if not 0 <= f <= 1]:
            raise ValueError(f"random_split: a fraction is from 0 to 1, got {wrong[0]}")
        sizes = [math.floor(n * fraction) for fraction in given]
        for i in range(n - sum(sizes)):
            sizes[i % len(sizes)] += 1
        for i, size in enumerate(sizes):
            if size == 0:
                warnings.warn(f"random_split: part {i} is empty, since its fraction of {n} samples is none", stacklevel=2)
    else:
        sizes = [int(size) for size in given]
    if sum(sizes) != n or any(size < 0 for size in sizes) or (sum(given) > 1 and sizes != given):
        raise ValueError(
            f"random_split: whole lengths that add up to the {n} samples, or fractions that add up to 1, got {given}, "
            f"which add up to {sum(given):g}"
        )
    order = chance.given("random_split", generator).permutation(n).tolist()
    ends = list(itertools.accumulate(sizes))
    return [Subset(dataset, order[end - size : end]) for size, end in zip(sizes, ends, strict=True)]
