"""Networks of many kinds that learn the digits as they are: a check must not cry wolf."""

from __future__ import annotations

from collections.abc import Callable

from broken import block, sound

import ninx
from ninx import functional as F
from ninx import nn

SOUND: dict[str, Callable[[], nn.Module]] = {}


def learns(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    SOUND[make.__name__] = make
    return make


def end(c: int) -> list[nn.Module]:
    return [nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(c, 10)]


@learns
def with_norms() -> nn.Module:
    return sound()


@learns
def a_tiny_one() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 10, 5, stride=2), nn.BatchNorm2d(10), nn.ReLU(), nn.Conv2d(10, 10, 3), nn.GlobalAvgPool2d(), nn.Flatten()
    )


@learns
def two_fully_connected_layers() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))


@learns
def a_linear_classifier() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


@learns
def lenet_with_tanh() -> nn.Module:
    return nn.Sequential(
        *(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Flatten(),
        ),
        *(nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


@learns
def like_vgg() -> nn.Module:
    body = [*block(1, 16), *block(16, 16), nn.MaxPool2d(2), *block(16, 32), *block(32, 32), nn.MaxPool2d(2)]
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(32 * 49, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10))


@learns
def like_alexnet() -> nn.Module:
    body = [
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.ReLU(),
    ]
    return nn.Sequential(
        *body, nn.MaxPool2d(3, 2), nn.Flatten(), nn.Dropout(), nn.Linear(32 * 36, 64), nn.ReLU(), nn.Linear(64, 10)
    )


class Residual(nn.Module):
    """x + f(x), as He et al. have it; ``zero``: f begins as 0."""

    def __init__(self, c: int, zero: bool = False) -> None:
        super().__init__()
        self.f = nn.Sequential(*block(c, c), nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))
        if zero:
            nn.init.zeros_(self.f[-1].weight)

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        return F.relu(x + self.f(x))


@learns
def residual() -> nn.Module:
    return nn.Sequential(*block(1, 16), nn.MaxPool2d(2), Residual(16), Residual(16), nn.MaxPool2d(2), Residual(16), *end(16))


@learns
def residual_that_begins_as_the_identity() -> nn.Module:
    return nn.Sequential(*block(1, 16), nn.MaxPool2d(2), Residual(16, True), Residual(16, True), *end(16))


@learns
def deep() -> nn.Module:
    return nn.Sequential(*block(1, 12), nn.MaxPool2d(2), *(layer for _ in range(16) for layer in block(12, 12)), *end(12))


@learns
def float64() -> nn.Module:
    return sound().double()


@learns
def depthwise_separable() -> nn.Module:
    def pair(c: int, o: int) -> list[nn.Module]:
        return [
            nn.Conv2d(c, c, 3, padding=1, groups=c, bias=False),
            nn.BatchNorm2d(c),
            nn.Conv2d(c, o, 1, bias=False),
            nn.BatchNorm2d(o),
            nn.ReLU(),
        ]

    return nn.Sequential(*block(1, 16), nn.MaxPool2d(2), *pair(16, 32), nn.MaxPool2d(2), *pair(32, 32), *end(32))


@learns
def linear_bottlenecks() -> nn.Module:
    def inverted(c: int, wide: int) -> list[nn.Module]:
        narrow = [nn.Conv2d(wide, c, 1, bias=False), nn.BatchNorm2d(c)]
        depthwise = [nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.ReLU6()]
        return [nn.Conv2d(c, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(), *depthwise, *narrow]

    return nn.Sequential(
        *block(1, 8), nn.MaxPool2d(2), *inverted(8, 48), nn.MaxPool2d(2), *inverted(8, 48), *block(8, 32, 1), *end(32)
    )


class Inception(nn.Module):
    """Branches side by side."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.a = nn.Sequential(*block(c, 8, 1))
        self.b = nn.Sequential(*block(c, 8, 1), *block(8, 8, 3))
        self.c = nn.Sequential(*block(c, 8, 1), *block(8, 8, 5))

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        return ninx.cat([self.a(x), self.b(x), self.c(x)], 1)


@learns
def inception() -> nn.Module:
    return nn.Sequential(*block(1, 16), nn.MaxPool2d(2), Inception(16), nn.MaxPool2d(2), Inception(24), *end(24))


class Functional(nn.Module):
    """Everything but the weights in forward."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.fc = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5), nn.Linear(320, 10)

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.fc(F.dropout(x.reshape(len(x), -1), 0.3, self.training))


@learns
def functional() -> nn.Module:
    return Functional()


@learns
def leaky() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.LeakyReLU(0.1), nn.Conv2d(16, 32, 3, stride=2, padding=1),
                         nn.LeakyReLU(0.1), nn.Flatten(), nn.Linear(32 * 49, 10))  # fmt: skip


@learns
def elu_and_adaptive_pooling() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 16, 5), nn.ELU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ELU(), nn.AdaptiveAvgPool2d(2),
                         nn.Flatten(), nn.Linear(128, 10))  # fmt: skip


@learns
def in_place() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3, padding=1),
                         nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(784, 10))  # fmt: skip


@learns
def a_network_in_network_with_norms() -> nn.Module:
    first = nn.MLPConv(1, (24, 16, 16), 5, padding=2, batch_norm=True)
    last = nn.MLPConv(16, (24, 16, 10), 5, padding=2, batch_norm=True, last_relu=False)
    return nn.Sequential(first, nn.MaxPool2d(2), last, nn.GlobalAvgPool2d(), nn.Flatten())


@learns
def maxout() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 32, 5), nn.Maxout(2), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.Maxout(2), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(256, 10))  # fmt: skip


@learns
def a_last_layer_of_zeros() -> nn.Module:
    net = sound()
    nn.init.zeros_(net[-3].weight)
    return net


class Squeeze(nn.Module):
    """Channels weighted by what the whole map says (Hu et al., 2018)."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.GlobalAvgPool2d(), nn.Conv2d(c, 4, 1), nn.ReLU(), nn.Conv2d(4, c, 1), nn.Sigmoid())

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        return x * self.gate(x)


@learns
def squeeze_and_excitation() -> nn.Module:
    return nn.Sequential(*block(1, 16), Squeeze(16), nn.MaxPool2d(2), *block(16, 32), Squeeze(32), *end(32))
