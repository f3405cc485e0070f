"""The networks of ninx.models written down again in PyTorch, straight from their sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

import ninx
import ninx.functional as F


class Dropout(nn.Module):
    """Drops what ninx drops: a mask depends on the seed, the call and the place alone, so after the same `manual_seed` it is
    drawn once more here, from ones. What is done with it, and its derivative, are PyTorch's.
    """

    def __init__(self, p: float = 0.5):
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.from_numpy(F.dropout(ninx.ones(*x.shape), self.p).numpy()).to(x.dtype) if self.training else x


def mlpconv(c: int, widths: Sequence[int], k: int, stride: int = 1, padding: int = 0, norm: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, o in enumerate(widths):
        layers.append(nn.Conv2d(c, o, 1) if i else nn.Conv2d(c, o, k, stride, padding))
        layers += [nn.BatchNorm2d(o), nn.ReLU()] if norm else [nn.ReLU()]
        c = o
    return nn.Sequential(*layers)


def head() -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]


def nin_cifar(classes: int, second: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        mlpconv(3, (192, 160, 96), 5, padding=2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Dropout(),
        mlpconv(96, (192, 192, 192), 5, padding=2),
        second,
        Dropout(),
        mlpconv(192, (192, 192, classes), 3, padding=1),
        *head(),
    )


def nin_cifar10_bn() -> nn.Sequential:
    return nn.Sequential(
        mlpconv(3, (192, 160, 96), 5, padding=2, norm=True),
        nn.MaxPool2d(3, 2, padding=1),
        Dropout(0.2),
        mlpconv(96, (192, 192, 192), 5, padding=2, norm=True),
        nn.AvgPool2d(3, 2, padding=1),
        Dropout(0.2),
        mlpconv(192, (192, 192, 10), 3, padding=1, norm=True),
        *head(),
    )


def nin_mnist() -> nn.Sequential:
    return nn.Sequential(
        mlpconv(1, (96, 64, 48), 5, padding=2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Dropout(),
        mlpconv(48, (128, 96, 48), 5, padding=2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Dropout(),
        mlpconv(48, (128, 96, 10), 5, padding=2),
        *head(),
    )


def nin_svhn() -> nn.Sequential:
    return nn.Sequential(
        mlpconv(3, (128, 96, 64), 5, padding=2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Dropout(),
        mlpconv(64, (320, 256, 128), 5, padding=2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Dropout(),
        mlpconv(128, (384, 256, 10), 5, padding=2),
        *head(),
    )


def nin_imagenet() -> nn.Sequential:
    return nn.Sequential(
        mlpconv(3, (96, 96, 96), 11, 4),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        mlpconv(96, (256, 256, 256), 5, padding=2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        mlpconv(256, (384, 384, 384), 3, padding=1),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Dropout(),
        mlpconv(384, (1024, 1024, 1000), 3, padding=1),
        *head(),
    )


def nin_d2l() -> nn.Sequential:
    return nn.Sequential(
        mlpconv(1, (96, 96, 96), 11, 4),
        nn.MaxPool2d(3, 2),
        mlpconv(96, (256, 256, 256), 5, padding=2),
        nn.MaxPool2d(3, 2),
        mlpconv(256, (384, 384, 384), 3, padding=1),
        nn.MaxPool2d(3, 2),
        Dropout(),
        mlpconv(384, (10, 10, 10), 3, padding=1),
        *head(),
    )


def staged(second: tuple[bool, bool, bool]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for c, o, more in zip((1, 10, 20), (10, 20, 10), second, strict=True):
        layers += [mlpconv(c, (o,) * (3 if more else 2), 3, padding=1), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, *head())


def nin_bn_fc() -> nn.Sequential:
    def mlp(c: int, hidden: int, o: int) -> nn.Sequential:
        first, second = nn.Conv2d(c, hidden, 1, bias=False), nn.Conv2d(hidden, o, 1, bias=False)
        return nn.Sequential(first, nn.BatchNorm2d(hidden), nn.ReLU(), second)

    return nn.Sequential(
        nn.Conv2d(3, 96, 11, 4, 2),
        nn.ReLU(),
        mlp(96, 128, 256),
        nn.MaxPool2d(3, 2),
        mlp(256, 192, 384),
        nn.MaxPool2d(3, 2),
        mlp(384, 512, 1024),
        Dropout(),
        *head(),
        nn.Linear(1024, 10),
    )


NETS: dict[str, Callable[[], nn.Sequential]] = {
    "nin-cifar10": lambda: nin_cifar(10, nn.AvgPool2d(3, 2, ceil_mode=True)),
    "nin-cifar100": lambda: nin_cifar(100, nn.MaxPool2d(3, 2, ceil_mode=True)),
    "nin-mnist": nin_mnist,
    "nin-svhn": nin_svhn,
    "nin-imagenet": nin_imagenet,
    "nin-d2l": nin_d2l,
    "nin-mnist-v0": lambda: staged((False, False, False)),
    "nin-mnist-v1": lambda: staged((True, False, True)),
    "nin-mnist-v2": lambda: staged((True, True, True)),
    "nin-bn-fc": nin_bn_fc,
    "nin-cifar10-bn": nin_cifar10_bn,
}


# -------------------------------------------------------------------- AlexNet and VGG: before the first Linear, and the rest


def alexnet_caffe_maps() -> nn.Sequential:
    return nn.Sequential(
        *[nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2, ceil_mode=True)],
        *[nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2, ceil_mode=True)],
        *[nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()],
        *[nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()],
        *[nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)],
    )


def alexnet_maps() -> nn.Sequential:
    return nn.Sequential(
        *[nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)],
        *[nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)],
        *[nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()],
        *[nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()],
        *[nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)],
    )


def vgg_maps(plan: str) -> nn.Sequential:
    """Channels of the 3x3 convolutions, and M for a pooling, as in table 1 of the paper."""
    layers: list[nn.Module] = []
    c = 3
    for item in plan.split():
        layers += [nn.MaxPool2d(2, 2)] if item == "M" else [nn.Conv2d(c, int(item), 3, padding=1), nn.ReLU()]
        c = c if item == "M" else int(item)
    return nn.Sequential(*layers)


def scores(side: int, channels: int, before: bool = False) -> nn.Sequential:
    """``before``: the two dropouts come before the first two Linear, as torchvision's AlexNet has them; else after their ReLU."""
    first, second = [nn.Linear(channels * side * side, 4096), nn.ReLU()], [nn.Linear(4096, 4096), nn.ReLU()]
    hidden = [Dropout(), *first, Dropout(), *second] if before else [*first, Dropout(), *second, Dropout()]
    return nn.Sequential(nn.AdaptiveAvgPool2d(side), nn.Flatten(), *hidden, nn.Linear(4096, 1000))


MAPS: dict[str, Callable[[], nn.Sequential]] = {
    "alexnet-caffe": alexnet_caffe_maps,
    "alexnet": alexnet_maps,
    "vgg11": lambda: vgg_maps("64 M 128 M 256 256 M 512 512 M 512 512 M"),
    "vgg16": lambda: vgg_maps("64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M"),
}
SCORES: dict[str, Callable[[], nn.Sequential]] = {
    "alexnet-caffe": lambda: scores(6, 256),
    "alexnet": lambda: scores(6, 256, before=True),
    "vgg11": lambda: scores(7, 512),
    "vgg16": lambda: scores(7, 512),
}


def whole(name: str) -> nn.Sequential:
    """The network with all its layers."""
    return NETS[name]() if name in NETS else nn.Sequential(MAPS[name](), SCORES[name]())


def alive(net: nn.Sequential, seed: int = 0) -> nn.Sequential:
    """The network with weights, the same for each seed, that keep the signal alive through all layers."""
    random = torch.Generator().manual_seed(seed)
    for p in net.parameters():
        if p.ndim > 1:
            nn.init.kaiming_normal_(p, nonlinearity="relu", generator=random)
        else:
            nn.init.uniform_(p, 0.05, 0.5, generator=random)  # biases, and scales of normalisations: no zeros, no ones
    for p in net.buffers():
        if p.ndim:  # running means and variances
            nn.init.uniform_(p, 0.5, 1.5, generator=random)
    return net
