"""torchvision's data sets by their names and arguments: ``MNIST(root, train, transform, target_transform, download)``.

A sample is (Pillow image, label), or what ``transform`` makes of the image. The files are read where torchvision puts them, or
where ninx does (``root``/mnist and so on); ``download=True`` fetches what is missing, and checks it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..hints import hinted
from ..kernels.listing import only_public
from .folders import ImageFolder
from .named import CIFAR10, CIFAR100, MNIST, SVHN, FashionMNIST

__all__ = ["CIFAR10", "CIFAR100", "MNIST", "SVHN", "FashionMNIST", "ImageFolder"]

if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__)

__dir__ = only_public(globals())
