"""Networks that go out as files of ONNX: small ones of the kinds that people write."""

from __future__ import annotations

from typing import Any

from onnx_runtime import images

import ninx
import ninx.functional as F
from ninx import nn

LARGE = {"alexnet", "alexnet-caffe", "nin-imagenet", "vgg11", "vgg16"}  # presets that take seconds, and a gigabyte


class Block(nn.Module):
    """Of a residual network, with torchvision's names: the sum in place."""

    def __init__(self, i: int, o: int, stride: int):
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.relu = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.downsample = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o)) if stride > 1 else None

    def forward(self, x: Any) -> Any:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self) -> None:
        self.conv1, self.bn1, self.maxpool = nn.Conv2d(3, 8, 3, 1, 1), nn.BatchNorm2d(8), nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Block(8, 8, 1), Block(8, 16, 2))
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Any) -> Any:
        x = self.layer1(self.maxpool(F.relu(self.bn1(self.conv1(x)))))
        return self.fc(ninx.flatten(F.adaptive_avg_pool2d(x, 1), 1))


def depthwise() -> nn.Module:
    """Depthwise and pointwise convolutions, as MobileNet has them."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6(), nn.Conv2d(8, 8, 3, padding="same", groups=8), nn.BatchNorm2d(8, momentum=None),
        nn.SiLU(), nn.Conv2d(8, 16, 1), nn.Dropout2d(0.1), nn.PReLU(16), nn.ConvTranspose2d(16, 4, 3, 2, 1, 1),
        nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(36, 4), nn.LogSoftmax(1),
    )  # fmt: skip


def vgg() -> nn.Module:
    features = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2), nn.LocalResponseNorm(5), nn.Dropout(0.4)
    )
    head = nn.Sequential(nn.Linear(8 * 64, 16), nn.ReLU(True), nn.Dropout(), nn.Linear(16, 3))
    return nn.Sequential({"features": features, "flatten": nn.Flatten(), "classifier": head})


def windows() -> nn.Module:
    """Windows of two sizes, padding, gaps, groups, windows beyond the edge, and means that count the padding or not."""
    return nn.Sequential(
        nn.Conv2d(3, 6, (3, 2), (2, 1), (1, 0), dilation=(1, 2), groups=3), nn.BatchNorm2d(6, eps=0.1, affine=False), nn.ReLU(),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d((2, 3), 1, (1, 0)),
        nn.Sequential(nn.Conv2d(6, 6, 1, bias=False), nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False)),
        nn.LeakyReLU(0.3), nn.Flatten(), nn.Linear(96, 2), nn.BatchNorm1d(2), nn.Tanh(),
    )  # fmt: skip


def warm(net: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """With running statistics that are not those of the beginning."""
    net.train()
    for seed in range(2):
        net(ninx.tensor(images(8, shape, seed)))
    return net.eval()


NETWORKS = {"resnet": ResNet, "depthwise": depthwise, "vgg": vgg, "windows": windows}
