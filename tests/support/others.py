"""Networks of others, written down in PyTorch as they have them: Caffe's NiNs, pytorchcv's, torchvision's AlexNet and VGG."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import torch
from torch import nn as theirs

import ninx
from ninx.weight_names import LAYERS


def caffe_nin(name: str) -> theirs.Sequential:
    """The two published Networks in Network, with the names of Caffe's definitions."""
    small = [(3, 192, 5, 1, 2), (192, 160), (160, 96), "max", "drop", (96, 192, 5, 1, 2), (192, 192), (192, 192), "avg", "drop",
             (192, 192, 3, 1, 1), (192, 192), (192, 10)]  # fmt: skip
    large = [(3, 96, 11, 4, 0), (96, 96), (96, 96), "max", (96, 256, 5, 1, 2), (256, 256), (256, 256), "max",
             (256, 384, 3, 1, 1), (384, 384), (384, 384), "max", "drop", (384, 1024, 3, 1, 1), (1024, 1024),
             (1024, 1000)]  # fmt: skip
    row = iter(LAYERS[name])
    layers: OrderedDict[str, theirs.Module] = OrderedDict()
    for i, part in enumerate(small if "CIFAR" in name else large):
        if isinstance(part, str):
            pool: dict[str, Callable[[], theirs.Module]] = {
                "max": lambda: theirs.MaxPool2d(3, 2, ceil_mode=True),
                "avg": lambda: theirs.AvgPool2d(3, 2, ceil_mode=True),
                "drop": theirs.Dropout,
            }
            layers[f"{part}{i}"] = pool[part]()
        else:
            c, o, k, stride, padding = (*part, 1, 1, 0)[:5]
            layers[next(row)] = theirs.Conv2d(c, o, k, stride, padding)
            layers[f"relu{i}"] = theirs.ReLU()
    return theirs.Sequential(layers).append(theirs.AdaptiveAvgPool2d(1)).append(theirs.Flatten())


def blobs_of(net: theirs.Module) -> dict[str, tuple[str, list[np.ndarray]]]:
    """What Caffe would store of it, among layers that store nothing."""
    kinds = {theirs.Conv2d: "Convolution", theirs.Linear: "InnerProduct", theirs.ReLU: "ReLU"}
    found: dict[str, tuple[str, list[np.ndarray]]] = {"data": ("Data", [])}
    for name, layer in net.named_children():
        if type(layer) in kinds:
            found[name] = kinds[type(layer)], [p.detach().numpy() for p in layer.parameters()]
    return found


class NINConv(theirs.Module):
    """pytorchcv's unit."""

    def __init__(self, c: int, o: int, k: int):
        super().__init__()
        self.conv, self.activ = theirs.Conv2d(c, o, k, padding=(k - 1) // 2), theirs.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activ(self.conv(x))


class CIFARNIN(theirs.Module):
    """pytorchcv's network: poolings with padding, and named stages and units."""

    def __init__(self, classes: int):
        super().__init__()
        self.features, c = theirs.Sequential(), 3
        for i, (widths, kernel) in enumerate((((192, 160, 96), 5), ((192, 192, 192), 5), ((192, 192), 3)), 1):
            stage = theirs.Sequential()
            if i > 1:
                stage.add_module(f"pool{i}", (theirs.MaxPool2d if i == 2 else theirs.AvgPool2d)(3, 2, padding=1))
                stage.add_module(f"dropout{i}", theirs.Dropout())
            for j, o in enumerate(widths, 1):
                stage.add_module(f"unit{j}", NINConv(c, o, kernel if j == 1 else 1))
                c = o
            self.features.add_module(f"stage{i}", stage)
        self.output = theirs.Sequential(OrderedDict(final_conv=NINConv(c, classes, 1), final_pool=theirs.AvgPool2d(8, 1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.features(x)).flatten(1)


class AlexNet(theirs.Module):
    """torchvision's, in its three parts."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 64, 192, 384, 256, 256)
        convolutions = [theirs.Conv2d(3, 64, 11, 4, 2), theirs.Conv2d(64, 192, 5, padding=2)]
        convolutions += [theirs.Conv2d(widths[i], widths[i + 1], 3, padding=1) for i in (2, 3, 4)]
        layers: list[theirs.Module] = []
        for i, convolution in enumerate(convolutions):
            layers += [convolution, theirs.ReLU(inplace=True)] + [theirs.MaxPool2d(3, 2)] * (i in (0, 1, 4))
        self.features, self.avgpool = theirs.Sequential(*layers), theirs.AdaptiveAvgPool2d((6, 6))
        self.classifier = theirs.Sequential(
            *(theirs.Dropout(), theirs.Linear(256 * 6 * 6, 4096), theirs.ReLU(inplace=True)),
            *(theirs.Dropout(), theirs.Linear(4096, 4096), theirs.ReLU(inplace=True), theirs.Linear(4096, 1000)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class VGG(theirs.Module):
    """torchvision's, by the letters of its paper: A has 11 layers with weights, D has 16."""

    def __init__(self, letter: str):
        super().__init__()
        groups = {"A": ((64,), (128,), (256,) * 2, (512,) * 2, (512,) * 2)}
        groups["D"] = ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)
        layers, c = [], 3
        for widths in groups[letter]:
            for o in widths:
                layers += [theirs.Conv2d(c, o, 3, padding=1), theirs.ReLU(inplace=True)]
                c = o
            layers.append(theirs.MaxPool2d(2, 2))
        self.features, self.avgpool = theirs.Sequential(*layers), theirs.AdaptiveAvgPool2d((7, 7))
        self.classifier = theirs.Sequential(
            *(theirs.Linear(512 * 7 * 7, 4096), theirs.ReLU(True), theirs.Dropout()),
            *(theirs.Linear(4096, 4096), theirs.ReLU(True), theirs.Dropout(), theirs.Linear(4096, 1000)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def the_same(ours: ninx.nn.Module, net: theirs.Module, shape: tuple[int, ...]) -> None:
    """Both compute the same scores."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        wanted = net.eval()(x).numpy()
    with ninx.no_grad():
        found = ours.eval()(ninx.tensor(x.numpy())).numpy()
    assert np.ptp(wanted) > 0
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())
