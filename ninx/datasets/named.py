"""MNIST, Fashion-MNIST, CIFAR-10, CIFAR-100 and SVHN, read by ninx's own readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from .. import data
from ..data.dataset import ArrayDataset, Image
from ..data.sources import find, missing
from ..engine import Tensor
from ..looks import brief
from ..transforms import Compose, ToTensor
from .base import VisionDataset

DIGITS = [
    f"{i} - {word}" for i, word in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
]


def picture_of(image: Image) -> Any:
    """A Pillow image of bytes (H, W) or (H, W, 3), in half of `PIL.Image.fromarray`'s time. It copies before it is written to."""
    mode = "L" if image.ndim == 2 else "RGB"
    return PillowImage.frombuffer(mode, (image.shape[1], image.shape[0]), image, "raw", mode, 0, 1)


def _begins_with_to_tensor(transform: Any) -> bool:
    """Then it may have the array itself: `ToTensor` makes the same of both, and the way over Pillow takes most of the time."""
    first = transform.transforms[0] if type(transform) is Compose and transform.transforms else transform
    return type(first) is ToTensor


class _Named(VisionDataset):
    """A data set of `ninx.data.load`, with what torchvision's classes have."""

    source = ""  # its name in ninx.data

    def __init__(
        self,
        root: str | Path,
        train: bool = True,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ):
        for name, flag in (("train", train), ("download", download)):
            if not isinstance(flag, bool | np.bool_):
                raise TypeError(f"{type(self).__name__}: {name} is True or False, got {brief(flag)}")
        super().__init__(root, transform, target_transform)
        self.train = bool(train)
        self._take(self._read("train" if train else "test", download))

    def _read(self, split: str, download: bool) -> ArrayDataset:
        if download:
            data.download(self.source, split, self.root)
        elif find(self.source, split, self.root) is None:
            wanted = ", ".join(file.name for file in missing(self.source, split, self.root))
            small = "; ninx.data.digits('train') has 4,000 digits without any download" if self.source == "mnist" else ""
            raise ValueError(
                f"{type(self).__name__}: {self.root} holds no files of {split!r}; say download=True, or put {wanted} into "
                f"{self.root / self.source}{small}"
            )
        return data.load(self.source, split, self.root)  # type: ignore[return-value]

    def _take(self, found: ArrayDataset) -> None:
        """Keep images and labels in torchvision's form."""
        self.data: Any = found.images
        self.targets: Any = found.labels.tolist()
        self.classes = list(found.classes)
        self._images, self._labels = found.images, found.labels

    def __len__(self) -> int:
        """The number of images."""
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """(image, label), each after its transform"""
        if not isinstance(index, int | np.integer):
            raise TypeError(f"{type(self).__name__}: an index is one whole number, got {brief(index)}; a Subset takes several")
        image = self._images[index]
        return self._prepared(image if _begins_with_to_tensor(self.transform) else picture_of(image), int(self._labels[index]))

    def _split(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


class MNIST(_Named):
    """28x28 handwritten digits: 60,000, or with ``train=False`` 10,000. ``data`` (N, 28, 28) and ``targets`` (N) are tensors.

    The files lie in ``root``/MNIST/raw, as torchvision has them, or in ``root``/mnist, where ``download=True`` puts them.
    Raises ValueError if they are not there, or damaged.

    >>> ninx.datasets.MNIST("nowhere")
    Traceback (most recent call last):
    ValueError: MNIST: nowhere holds no files of 'train'; say download=True, or put train-images-idx3-ubyte.gz, ...
    """

    source = "mnist"

    def _take(self, found: ArrayDataset) -> None:
        super()._take(found)
        self.data, self.targets = Tensor(found.images), Tensor(found.labels)
        if self.source == "mnist":
            self.classes = DIGITS


class FashionMNIST(MNIST):
    """28x28 grey pictures of clothes, in the form of `MNIST`; in ``root``/FashionMNIST/raw or ``root``/fashion-mnist.

    >>> ninx.datasets.FashionMNIST("nowhere", train=False)
    Traceback (most recent call last):
    ValueError: FashionMNIST: nowhere holds no files of 'test'; say download=True, or put t10k-images-idx3-ubyte.gz, ...
    """

    source = "fashion-mnist"


class CIFAR10(_Named):
    """32x32 photographs in colour of 10 classes: 50,000, or 10,000. ``data`` (N, 32, 32, 3) is an array, ``targets`` a list.

    The files lie in ``root``/cifar-10-batches-py, or in an archive, as `ninx.data.load` finds them.

    >>> ninx.datasets.CIFAR10("nowhere")
    Traceback (most recent call last):
    ValueError: CIFAR10: nowhere holds no files of 'train'; say download=True, or put cifar-10-binary.tar.gz into ...
    """

    source = "cifar10"


class CIFAR100(_Named):
    """32x32 photographs in colour of 100 classes, in the form of `CIFAR10`; in ``root``/cifar-100-python, or in an archive.

    >>> ninx.datasets.CIFAR100("nowhere")
    Traceback (most recent call last):
    ValueError: CIFAR100: nowhere holds no files of 'train'; say download=True, or put cifar-100-binary.tar.gz into ...
    """

    source = "cifar100"


class SVHN(_Named):
    """32x32 house numbers in colour; ``split`` is "train", "test" or "extra". ``data`` (N, 3, 32, 32) and ``labels`` are arrays.

    The file is ``root``/train_32x32.mat, or in ``root``/svhn. Label 0 is the digit 0.

    >>> ninx.datasets.SVHN("nowhere")
    Traceback (most recent call last):
    ValueError: SVHN: nowhere holds no files of 'train'; say download=True, or put train_32x32.mat into ...
    """

    source = "svhn"

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ):
        if split not in ("train", "test", "extra"):
            raise ValueError(f"SVHN: split is 'train', 'test' or 'extra', got {brief(split)}")
        VisionDataset.__init__(self, root, transform, target_transform)
        self.split = split
        self._take(self._read(split, download))

    def _take(self, found: ArrayDataset) -> None:
        super()._take(found)
        del self.targets  # torchvision calls them labels here
        self.data, self.labels = found.images.transpose(0, 3, 1, 2), found.labels

    def _split(self) -> str:
        return f"Split: {self.split}"
