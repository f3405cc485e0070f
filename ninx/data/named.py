"""Data sets by name, wherever they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, overload

from ninx.kernels.names import unknown

from .cifar import read_cifar
from .dataset import ArrayDataset, LabelledDataset
from .embedded import digits
from .folder import ImageFolder
from .idx import read_mnist
from .sources import SOURCES, data_folder, find, missing
from .svhn import read_svhn

FASHION = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def names() -> list[str]:
    """The names that `load` knows.

    >>> ninx.data.names()
    ['digits', 'mnist', 'fashion-mnist', 'cifar10', 'cifar100', 'svhn']
    """
    return ["digits", *SOURCES]


Named = Literal["digits", "mnist", "fashion-mnist", "cifar10", "cifar100", "svhn"]


@overload
def load(name: Named, split: str, data_dir: str | Path | None = None) -> ArrayDataset: ...
@overload
def load(name: str, split: str, data_dir: str | Path | None = None) -> LabelledDataset: ...
def load(name: str, split: str, data_dir: str | Path | None = None) -> LabelledDataset:
    """A data set by name, ``load("digits", "train")``, or the images in a folder, ``load("my/photos", "train")``.

    A name's files are looked for in ``data_dir``, by default NINX_DATA or the user's cache; ``ninx data`` lists and downloads
    them. A folder has a sub-folder for each split, "train" and "test", and in it one for each class; without "train" and
    "test" its sub-folders are the classes, and all is for training. Raises ValueError for what is unknown, missing or damaged.

    >>> len(ninx.data.load("digits", "test"))
    1000
    >>> ninx.data.load("cifar", "test")
    Traceback (most recent call last):
    ValueError: there is no data set 'cifar'; did you mean 'cifar10'?
    """
    if name == "digits":
        return digits(split)
    if name in SOURCES:
        return _read(name, split, data_dir)
    if Path(name).is_dir():
        return _folder(Path(name), split)
    if "/" in name or "\\" in name:
        raise ValueError(f"load: there is no folder {name}")
    raise ValueError(unknown("data set", name, names()))


def _read(name: str, split: str, data_dir: str | Path | None) -> ArrayDataset:
    files = find(name, split, data_dir)
    if files is None:
        wanted = ", ".join(file.name for file in missing(name, split, data_dir))
        raise ValueError(
            f"{name}: the files of {split!r} are not there; `ninx data {name}` downloads them, "
            f"or put {wanted} into {data_folder(data_dir) / name}"
        )
    if name == "svhn":
        return read_svhn(files)
    if name.startswith("cifar"):
        return read_cifar(files, name, split)
    return read_mnist(files, FASHION if name == "fashion-mnist" else [str(i) for i in range(10)], name)


def _folder(root: Path, split: str) -> ImageFolder:
    if split not in ("train", "test"):
        raise ValueError(f"{root}: split must be 'train' or 'test', got {split!r}")
    if not ((root / "train").is_dir() or (root / "test").is_dir()):
        if split == "test":
            raise ValueError(f"{root}: has no test images; put them into {root / 'test'}, and the others into {root / 'train'}")
        return ImageFolder(root)
    chosen = ImageFolder(root / split)
    if split == "test" and (root / "train").is_dir() and (classes := ImageFolder(root / "train").classes) != chosen.classes:
        raise ValueError(  # else a label would mean one class in training and another one in the test
            f"{root}: test has the classes {', '.join(chosen.classes)}, but train has {', '.join(classes)}"
        )
    return chosen
