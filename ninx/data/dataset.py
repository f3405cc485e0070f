"""Data sets: anything with a length and numbered samples; ninx's own are images with labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

import numpy as np

from ..looks import brief, few, unfailing

Image = np.ndarray[Any, Any]


if TYPE_CHECKING:
    from .combining import ConcatDataset

T = TypeVar("T", covariant=True)


class Samples(Protocol[T]):
    """What a `DataLoader` reads: ``len(dataset)`` and ``dataset[i]``, by whatever class, a list for example."""

    def __len__(self) -> int:
        """The number of samples."""
        ...

    def __getitem__(self, index: int, /) -> T:
        """The sample at ``index``."""
        ...


class Dataset(Generic[T]):
    """The base class of data sets, as in PyTorch: define ``__len__`` and ``__getitem__``. ``a + b`` goes through both.

    Nobody has to derive from it: a loader reads whatever has these two, a list for example.

    >>> class Squares(ninx.data.Dataset):
    ...     def __len__(self):
    ...         return 5
    ...     def __getitem__(self, index):
    ...         return index, index**2
    >>> roots, squares = next(iter(ninx.data.DataLoader(Squares(), batch_size=3)))
    >>> squares
    tensor([0, 1, 4])
    """

    def __getitem__(self, index: Any) -> T:
        """The sample at ``index``."""
        raise NotImplementedError(f"{type(self).__name__}: a Dataset defines __getitem__(self, index) and __len__(self)")

    def __add__(self, other: Samples[Any]) -> ConcatDataset[Any]:
        """Both, one after the other."""
        from .combining import ConcatDataset

        return ConcatDataset([self, other])  # type: ignore[list-item]


class LabelledDataset(Samples[tuple[Any, int]], Protocol):
    """A data set whose classes have names, and that can be cut into parts."""

    classes: tuple[str, ...]

    @property
    def labels(self) -> Image:
        """The label of every sample."""
        ...

    def split(self, count: int) -> tuple[Self, Self]:
        """(the other samples, ``count`` of them)."""
        ...

    def take(self, which: slice | Image) -> Self:
        """Some of the samples: a slice, or their numbers."""
        ...


class ArrayDataset(Dataset[tuple[Image, int]]):
    """Images (N, H, W) or (N, H, W, C), uint8, or floats from `prepared`, with labels (N), whole numbers, and class names.

    Raises ValueError for another number of labels than images, for a label without a class, and for labels that are not a row of
    whole numbers.

    >>> dataset = ninx.data.ArrayDataset(np.zeros((4, 28, 28), np.uint8), np.array([0, 1, 1, 0]), ["cat", "dog"])
    >>> image, label = dataset[1]
    >>> len(dataset), image.shape, dataset.classes[label]
    (4, (28, 28), 'dog')
    """

    def __init__(self, images: Image, labels: Any, classes: Sequence[str]):
        labels = _whole_labels(labels)
        if len(images) != len(labels):
            raise ValueError(f"ArrayDataset: {len(images)} images, but {len(labels)} labels")
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(classes):
            raise ValueError(
                f"ArrayDataset: labels run from {labels.min()} to {labels.max()}, but there are {len(classes)} classes"
            )
        self.images, self.labels = images, labels
        self.classes: tuple[str, ...] = tuple(classes)

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Image, int]:
        """(image, label)"""
        if not isinstance(index, int | np.integer):
            raise TypeError(f"ArrayDataset: an index is one whole number, got {index!r}; take({index!r}) gives several")
        return self.images[index], int(self.labels[index])

    @unfailing
    def __repr__(self) -> str:
        """One line: how many images, of which form, of which classes."""
        form = f"{'x'.join(map(str, self.images.shape[1:]))}, {self.images.dtype}"
        return f"ArrayDataset({len(self):,} images {form}; {len(self.classes)} classes: {few(self.classes)})"

    def split(self, count: int) -> tuple[Self, Self]:
        """(all but the last ``count`` samples, the last ``count``).

        Raises ValueError unless both parts have at least one.

        >>> train, held_out = ninx.data.digits("train").split(400)
        >>> len(train), len(held_out)
        (3600, 400)
        """
        if not 0 < count < len(self):
            raise ValueError(f"split: can split off 1 to {len(self) - 1} of {len(self)} samples, not {count}")
        cut = len(self) - count
        return self.take(slice(cut)), self.take(slice(cut, None))

    def take(self, which: slice | Image) -> Self:
        """Some of the samples: a slice, or their numbers.

        >>> digits = ninx.data.digits("test")
        >>> len(digits.take(slice(10))), len(digits.take(np.flatnonzero(digits.labels == 7)))  # the first ten; all sevens
        (10, 100)
        """
        return type(self)(self.images[which], self.labels[which], self.classes)


def _whole_labels(labels: Any) -> Image:
    """A row of whole numbers, int64."""
    row = np.asarray(labels.numpy() if hasattr(labels, "numpy") else labels)
    if row.ndim != 1:
        hint = "labels[:, 0]" if row.ndim == 2 and row.shape[1] == 1 else "labels.argmax(axis=1) if they are one-hot"
        raise ValueError(f"ArrayDataset: labels are a row of whole numbers, one for each image, not {row.shape}; give {hint}")
    if row.dtype.kind not in "iub" and not (row.dtype.kind == "f" and (row == np.floor(row)).all()):
        raise ValueError(f"ArrayDataset: labels are whole numbers, the numbers of classes, not {brief(row.tolist())}")
    return row.astype(np.int64)


def stratified(labels: Image, count: int, seed: int) -> Image:
    """The numbers, in rising order, of ``count`` samples drawn with ``seed`` so that each class has its share of them.

    >>> labels = np.array([0] * 80 + [1] * 20)
    >>> chosen = ninx.data.stratified(labels, 10, seed=0)
    >>> np.bincount(labels[chosen]).tolist()
    [8, 2]
    """
    rng = np.random.default_rng(seed)
    place = np.empty(len(labels))  # of each sample among those of its class in a random order, from 0 to 1
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        place[rng.permutation(mine)] = (np.arange(len(mine)) + rng.random()) / len(mine)
    return np.sort(np.argsort(place)[:count])
