"""torchvision's data sets by their names and arguments: ``MNIST(root, train, transform, target_transform, download)``.

A sample is (Pillow image, label), or what ``transform`` makes of the image. The files are read where torchvision puts them, or
where ninx does (``root``/mnist and so on); ``download=True`` fetches what is missing, and checks it.
"""

from __future__ import annotations

from typing import NoReturn

from ..kernels.listing import only_public
from ..names import unknown
from .folders import ImageFolder
from .named import CIFAR10, CIFAR100, MNIST, SVHN, FashionMNIST

__all__ = ["CIFAR10", "CIFAR100", "MNIST", "SVHN", "FashionMNIST", "ImageFolder"]

_FILES = "unpack it into one folder for each class and use ImageFolder, or write a ninx.utils.data.Dataset that reads its files"
_ABSENT = {"DatasetFolder": "ImageFolder reads images; for other files write a ninx.utils.data.Dataset"} | dict.fromkeys(
    (
        *("EMNIST", "KMNIST", "QMNIST", "ImageNet", "STL10", "CelebA", "CocoDetection", "CocoCaptions", "VOCDetection", "USPS"),
        *("VOCSegmentation", "Caltech101", "Caltech256", "Cityscapes", "Flowers102", "Food101", "OxfordIIITPet", "Places365"),
        *("StanfordCars", "LSUN", "Omniglot", "SEMEION", "GTSRB", "EuroSAT", "DTD", "INaturalist", "LFWPeople"),
    ),
    _FILES,
)
_ABSENT["FakeData"] = "ninx.utils.data.TensorDataset(ninx.rand(...), ninx.randint(...)) is one"


def __getattr__(name: str) -> NoReturn:
    if name in _ABSENT:
        raise AttributeError(f"ninx.datasets has no {name}: {_ABSENT[name]}")
    raise AttributeError(f"ninx.datasets: {unknown('data set', name, __all__)}")


__dir__ = only_public(globals())
