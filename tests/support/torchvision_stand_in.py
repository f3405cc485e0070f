"""As much of torchvision as the programs of tests/train need, after its documentation: it is not among the test libraries.

`MNIST` reads root/MNIST/raw and gives (Pillow image, int); `ToTensor` turns an image of bytes into floats between 0 and 1.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import torch
from PIL import Image


class MNIST(torch.utils.data.Dataset):
    def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
        kind = "train" if train else "t10k"
        raw = Path(root) / "MNIST" / "raw"
        pixels = np.frombuffer((raw / f"{kind}-images-idx3-ubyte").read_bytes(), np.uint8, offset=16)
        self.data = pixels.reshape(-1, 28, 28)
        self.targets = np.frombuffer((raw / f"{kind}-labels-idx1-ubyte").read_bytes(), np.uint8, offset=8)
        self.transform = transform

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        image = Image.fromarray(self.data[i])
        return image if self.transform is None else self.transform(image), int(self.targets[i])


class ToTensor:
    def __call__(self, image):
        pixels = np.asarray(image)
        return torch.from_numpy((pixels if pixels.ndim == 3 else pixels[..., None]).transpose(2, 0, 1).copy()).float() / 255


class Normalize:
    def __init__(self, mean, std):
        self.mean, self.std = torch.tensor(mean).view(-1, 1, 1), torch.tensor(std).view(-1, 1, 1)

    def __call__(self, image):
        return (image - self.mean) / self.std


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, image):
        for transform in self.transforms:
            image = transform(image)
        return image


def install(monkeypatch) -> None:
    """Let ``from torchvision import datasets, transforms`` find the classes of this file."""
    datasets, transforms = types.ModuleType("torchvision.datasets"), types.ModuleType("torchvision.transforms")
    datasets.MNIST = MNIST
    transforms.ToTensor, transforms.Normalize, transforms.Compose = ToTensor, Normalize, Compose
    package = types.ModuleType("torchvision")
    package.datasets, package.transforms = datasets, transforms
    for module in (package, datasets, transforms):
        monkeypatch.setitem(sys.modules, module.__name__, module)
