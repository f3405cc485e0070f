"""Trainings that cannot learn, or badly: each a set-up of the digits with one fault planted, and the rule that should name it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import ninx
from ninx import nn, optim

PLANTED: dict[str, tuple[str, Callable[[], Setup]]] = {}


@dataclass
class Setup:
    """What a check is given."""

    model: nn.Module
    data: Any
    optimizer: Any = None
    more: dict[str, Any] = field(default_factory=dict)

    def check(self, **more: Any) -> ninx.study.checking.Report:
        return ninx.check(self.model, self.data, self.optimizer, **self.more | more)


def digits(n: int = 400, split: str = "train") -> tuple[Any, Any]:
    """Normalised digits, (N, 1, 28, 28), mixed."""
    found = ninx.data.digits(split)
    chosen = np.random.default_rng(0).permutation(len(found.labels))[:n]
    images = (found.images[chosen, None].astype(np.float32) / 255 - 0.13) / 0.31
    return images, found.labels[chosen].astype(np.int64)


def block(c: int, o: int, k: int = 3) -> list[nn.Module]:
    """A convolution with its normalisation and ReLU."""
    return [nn.Conv2d(c, o, k, padding=k // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU()]


def sound(head: list[nn.Module] | None = None, body: list[nn.Module] | None = None) -> nn.Sequential:
    """A small network that learns: two blocks, a 1x1 convolution to ten classes, the average."""
    body = [*block(1, 16), nn.MaxPool2d(2), *block(16, 16), nn.MaxPool2d(2), *block(16, 16)] if body is None else body
    head = [nn.Conv2d(16, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten()] if head is None else head
    return nn.Sequential(*body, *head)


def sgd(model: nn.Module, lr: float = 0.05, **more: Any) -> optim.SGD:
    return optim.SGD(model.parameters(), lr=lr, momentum=0.9, **more)


def plant(rule: str) -> Callable[[Callable[[], Setup]], Callable[[], Setup]]:
    """The set-up should be found to break this rule."""

    def entered(make: Callable[[], Setup]) -> Callable[[], Setup]:
        PLANTED[make.__name__] = rule, make
        return make

    return entered


def of(model: nn.Module, data: Any = None, lr: float | None = 0.05, **more: Any) -> Setup:
    return Setup(model, digits() if data is None else data, None if lr is None else sgd(model, lr), more)


# -------------------------------------------------------------------- structure


@plant("collapses")
def two_linear_layers() -> Setup:
    return of(nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.Linear(256, 10)))


@plant("collapses")
def two_pointwise_convolutions() -> Setup:
    return of(sound([nn.Conv2d(16, 64, 1), nn.Conv2d(64, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten()]))


@plant("collapses")
def a_linear_layer_after_the_average() -> Setup:
    return of(sound([nn.Conv2d(16, 128, 1), nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(128, 10)]))


@plant("logits-not-classes")
def an_average_too_small() -> Setup:
    return of(sound([nn.Conv2d(16, 10, 1), nn.AvgPool2d(3), nn.Flatten()]))


@plant("logits-not-classes")
def a_thousand_classes() -> Setup:
    return of(sound([nn.Conv2d(16, 1000, 1), nn.GlobalAvgPool2d(), nn.Flatten()]))


@plant("logits-not-classes")
def one_class_too_few() -> Setup:
    return of(sound([nn.Conv2d(16, 9, 1), nn.GlobalAvgPool2d(), nn.Flatten()]), classes=10)


@plant("softmax-before-loss")
def a_softmax_at_the_end() -> Setup:
    return of(sound([nn.Conv2d(16, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten(), nn.Softmax(1)]))


@plant("softmax-before-loss")
def a_sigmoid_at_the_end() -> Setup:
    return of(sound([nn.Conv2d(16, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten(), nn.Sigmoid()]))


class FunctionalSoftmax(nn.Module):
    """A softmax that is no module."""

    def __init__(self) -> None:
        super().__init__()
        self.body = sound()

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        return ninx.softmax(self.body(x), 1)


@plant("softmax-before-loss")
def a_softmax_in_forward() -> Setup:
    return of(FunctionalSoftmax())


@plant("relu-logits")
def a_relu_at_the_end() -> Setup:
    return of(nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10), nn.ReLU()))


@plant("relu-logits")
def a_relu_after_the_average() -> Setup:
    return of(sound([nn.Conv2d(16, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten(), nn.ReLU()]))


@plant("relu-logits")
def an_output_that_is_all_zero() -> Setup:
    net = sound([nn.Conv2d(16, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten(), nn.ReLU()])
    net[-4].bias.data.fill_(-50.0)
    return of(net)


@plant("relu-before-gap")
def a_relu_before_the_average() -> Setup:
    net = sound([nn.Conv2d(16, 10, 1), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten()])
    net[-4].bias.data[:4] = -50.0
    return of(net)


@plant("dead-maps")
def all_class_maps_dead() -> Setup:
    net = sound([nn.Conv2d(16, 10, 1), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten()])
    net[-4].bias.data.fill_(-50.0)
    return of(net)


@plant("dead-maps")
def a_network_in_network_whose_maps_died() -> Setup:
    blocks = nn.MLPConv(1, (16, 16, 16), 5, padding=2), nn.MaxPool2d(4), nn.MLPConv(16, (16, 10), 3)
    net = nn.Sequential(*blocks, nn.GlobalAvgPool2d(), nn.Flatten())
    next(p for name, p in reversed(list(net.named_parameters())) if name.endswith("bias")).data.fill_(-9.0)
    return of(net)


@plant("batch-norm-one-value")
def batches_of_one_image() -> Setup:
    x, y = digits(40)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
    return of(net, ninx.data.DataLoader(ninx.data.TensorDataset(ninx.tensor(x), ninx.tensor(y)), 1))


@plant("batch-norm-one-value")
def a_last_batch_of_one_image() -> Setup:
    x, y = digits(65)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
    return of(net, ninx.data.DataLoader(ninx.data.TensorDataset(ninx.tensor(x), ninx.tensor(y)), 16))


@plant("raises")
def channels_that_do_not_fit() -> Setup:
    return of(sound(body=[*block(3, 16)]))


@plant("raises")
def a_map_for_an_answer() -> Setup:
    return of(sound([nn.Conv2d(16, 10, 1)]))


@plant("raises")
def a_linear_layer_of_the_wrong_size() -> Setup:
    return of(sound([nn.Flatten(), nn.Linear(16, 10)]))


@plant("same-channels")
def constant_weights() -> Setup:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10))
    nn.init.constant_(net[1].weight, 0.01)
    nn.init.constant_(net[1].bias, 0.0)
    nn.init.constant_(net[3].weight, 0.1)
    return of(net)


@plant("same-channels")
def new_layers_filled_with_one() -> Setup:
    net = sound()
    nn.init.constant_(net[4].weight, 0.01)
    return of(net)


@plant("shared-parameter")
def one_layer_three_times() -> Setup:
    return of(sound(body=[*block(1, 16), nn.MaxPool2d(2), *([nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()] * 3)]))


@plant("shared-parameter")
def one_weight_in_two_layers() -> Setup:
    net = sound(body=[*block(1, 16), nn.MaxPool2d(2), *block(16, 16), *block(16, 16)])
    net[7].weight = net[4].weight
    return of(net)


class Unused(nn.Module):
    """A layer that forward forgets."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.extra = sound(), nn.Linear(64, 64)

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        return self.body(x)


@plant("unused-parameter")
def a_layer_that_forward_forgets() -> Setup:
    return of(Unused())


class Detached(nn.Module):
    """The graph is left half way."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = sound(head=[]), nn.Sequential(nn.Conv2d(16, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten())

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        return self.head(self.body(x).detach())


@plant("unused-parameter")
def a_body_that_is_detached() -> Setup:
    return of(Detached())


@plant("max-named-average")
def a_maximum_named_gap() -> Setup:
    net = nn.Sequential()
    for name, layer in sound().named_children():
        net.add_module("gap" if isinstance(layer, nn.GlobalAvgPool2d) else f"l{name}", layer)
    net.gap = nn.AdaptiveMaxPool2d(1)
    return of(net)


@plant("dropout-beside-norm")
def dropout_before_a_norm() -> Setup:
    return of(sound(body=[*block(1, 16), nn.MaxPool2d(2), *block(16, 16), nn.MaxPool2d(2), nn.Dropout(0.3), *block(16, 16)]))


@plant("bias-before-norm")
def a_bias_before_a_norm() -> Setup:
    return of(
        sound(
            body=[
                *block(1, 16),
                nn.MaxPool2d(2),
                *block(16, 16),
                nn.MaxPool2d(2),
                nn.Conv2d(16, 16, 3),
                nn.BatchNorm2d(16),
                nn.ReLU(),
            ]
        )
    )


@plant("padded-average")
def an_average_that_counts_zeros() -> Setup:
    return of(sound(body=[*block(1, 16), nn.AvgPool2d(2), *block(16, 16), nn.AvgPool2d(3, 2, padding=1), *block(16, 16)]))


@plant("dropped-pixels")
def a_pooling_that_drops_rows() -> Setup:
    return of(sound(body=[*block(1, 16), nn.MaxPool2d(2), *block(16, 16), nn.MaxPool2d(4), *block(16, 16)]))


@plant("receptive-field")
def a_network_that_sees_little() -> Setup:
    return of(sound(body=[*block(1, 16), *block(16, 16)]))


# -------------------------------------------------------------------- signal


@plant("not-finite")
def a_weight_that_is_nan() -> Setup:
    net = sound()
    net[4].weight.data[0, 0, 0, 0] = float("nan")
    return of(net)


class Logarithm(nn.Module):
    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        return x.log()


@plant("not-finite")
def a_logarithm_of_zero() -> Setup:
    return of(sound(body=[*block(1, 16), Logarithm(), *block(16, 16)]))


@plant("dead-relus")
def a_layer_of_dead_relus() -> Setup:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    nn.init.constant_(net[3].bias, -30.0)
    return of(net)


@plant("dead-relus")
def most_channels_dead() -> Setup:
    net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
                        nn.Conv2d(16, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten())  # fmt: skip
    net[0].bias.data[:12] = -30.0
    return of(net)


@plant("saturated")
def sigmoids_that_lie_flat() -> Setup:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.Sigmoid(), nn.Linear(64, 10))
    nn.init.normal_(net[1].weight, 0.0, 20.0)
    return of(net)


@plant("saturated")
def tanhs_that_lie_flat() -> Setup:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.Tanh(), nn.Linear(64, 10))
    nn.init.normal_(net[1].weight, 0.0, 10.0)
    return of(net)


class Whisper(nn.Module):
    """A branch that adds next to nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.loud, self.quiet = sound(), sound()

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        return self.loud(x) + 1e-7 * self.quiet(x)


@plant("vanishing-gradient")
def a_branch_that_counts_for_nothing() -> Setup:
    return of(Whisper())


@plant("images-look-alike")
def many_sigmoids() -> Setup:
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(784, 64)]
    for _ in range(6):
        layers += [nn.Sigmoid(), nn.Linear(64, 64)]
    return of(nn.Sequential(*layers, nn.Sigmoid(), nn.Linear(64, 10)))


@plant("images-look-alike")
def first_weights_too_small() -> Setup:
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Conv2d(16, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten()
    )
    for layer in (net[0], net[2]):
        nn.init.normal_(layer.weight, 0.0, 1e-4)
    return of(net)


@plant("loss-at-start")
def last_weights_too_large() -> Setup:
    net = sound()
    nn.init.normal_(net[-3].weight, 0.0, 30.0)
    return of(net)


# -------------------------------------------------------------------- data


@plant("pixels-not-normalised")
def pixels_up_to_255() -> Setup:
    found = ninx.data.digits("train")
    return of(sound(), (found.images[:400, None].astype(np.float32), found.labels[:400].astype(np.int64)))


@plant("pixels-not-normalised")
def pixels_up_to_255_without_norms() -> Setup:
    found = ninx.data.digits("train")
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
    return of(net, (found.images[:400, None].astype(np.float32), found.labels[:400].astype(np.int64)))


@plant("labels-out-of-range")
def labels_from_one_on() -> Setup:
    x, y = digits()
    return of(sound(), (x, y + 1))


@plant("labels-out-of-range")
def labels_of_minus_one() -> Setup:
    x, y = digits()
    return of(sound(), (x, y - 1))


@plant("labels-shuffled")
def labels_in_another_order() -> Setup:
    x, y = digits(1000)
    return of(sound(), (x, np.random.default_rng(1).permutation(y)))


@plant("labels-shuffled")
def labels_shifted_by_one() -> Setup:
    x, y = digits(1000)
    return of(sound(), (x, np.roll(y, 1)))


@plant("missing-class")
def a_class_that_is_missing() -> Setup:
    x, y = digits(1000)
    return of(sound(), (x[y != 4], y[y != 4]), classes=10)


@plant("sorted-batches")
def batches_sorted_by_class() -> Setup:
    x, y = digits(1000)
    order = np.argsort(y, kind="stable")
    return of(
        sound(), ninx.data.DataLoader(ninx.data.TensorDataset(ninx.tensor(x[order]), ninx.tensor(y[order])), 32), classes=10
    )


@plant("other-preparation")
def test_images_without_normalisation() -> Setup:
    x, y = digits(200, "test")
    return of(sound(), test=((x * 0.31 + 0.13) * 255, y))


@plant("other-preparation")
def test_images_inverted() -> Setup:
    x, y = digits(200, "test")
    return of(sound(), test=(2.4 - x, y))


@plant("duplicates")
def test_images_from_the_training_set() -> Setup:
    x, y = digits(400)
    return of(sound(), (x, y), test=(x[:100], y[:100]))


@plant("not-finite-input")
def an_image_that_is_nan() -> Setup:
    x, y = digits()
    x[3, 0, 5, 5] = np.nan
    return of(sound(), (x, y))


# -------------------------------------------------------------------- optimiser


@plant("rate-too-large")
def a_rate_of_a_hundred() -> Setup:
    return of(sound(), lr=100.0)


@plant("rate-too-large")
def a_rate_too_large_without_norms() -> Setup:
    return of(nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)), lr=5.0)


@plant("rate-too-small")
def a_rate_of_a_millionth() -> Setup:
    return of(sound(), lr=1e-6)


@plant("rate-too-small")
def adam_with_a_tiny_rate() -> Setup:
    net = sound()
    return Setup(net, digits(), optim.Adam(net.parameters(), lr=1e-8))


@plant("not-optimised")
def the_parameters_of_another_network() -> Setup:
    return Setup(sound(), digits(), sgd(sound()))


@plant("not-optimised")
def only_the_head_is_optimised() -> Setup:
    net = sound()
    return Setup(net, digits(), sgd(net[-3]))


@plant("not-optimised")
def a_layer_added_later() -> Setup:
    net = sound()
    optimizer = sgd(net)
    net[-3] = nn.Conv2d(16, 10, 1)
    return Setup(net, digits(), optimizer)


@plant("decay-too-large")
def a_decay_of_a_tenth() -> Setup:
    net = sound()
    return Setup(net, digits(), sgd(net, weight_decay=0.1))


@plant("schedule")
def milestones_in_epochs_stepped_by_batches() -> Setup:
    net = sound()
    optimizer = sgd(net)
    return Setup(net, digits(), optimizer, {"scheduler": optim.lr_scheduler.MultiStepLR(optimizer, [3, 6, 9, 12]), "steps": 500})


@plant("schedule")
def a_cosine_that_rises_again() -> Setup:
    net = sound()
    optimizer = sgd(net)
    return Setup(net, digits(), optimizer, {"scheduler": optim.lr_scheduler.CosineAnnealingLR(optimizer, 10), "steps": 21})


@plant("schedule")
def one_cycle_that_ends_too_early() -> Setup:
    net = sound()
    optimizer = sgd(net)
    return Setup(net, digits(), optimizer, {"scheduler": optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 10), "steps": 20})
