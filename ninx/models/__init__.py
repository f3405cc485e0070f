"""Networks by name: ``create("nin-mnist")``. Every switch is a keyword of the function behind the name."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable
from typing import Any, NamedTuple

from ninx.kernels.listing import only_public
from ninx.kernels.names import unknown

from .. import nn
from .caffe import from_prototxt
from .classics import alexnet, alexnet_caffe, vgg11, vgg16
from .nin import network, nin_cifar10, nin_cifar10_bn, nin_cifar100, nin_d2l, nin_imagenet, nin_mnist, nin_svhn
from .tutorials import nin_bn_fc, nin_mnist_v0, nin_mnist_v1, nin_mnist_v2

__all__ = [
    "PRESETS",
    "Preset",
    "alexnet",
    "alexnet_caffe",
    "create",
    "from_prototxt",
    "names",
    "nin_bn_fc",
    "nin_cifar10",
    "nin_cifar10_bn",
    "nin_cifar100",
    "nin_d2l",
    "nin_imagenet",
    "nin_mnist",
    "nin_mnist_v0",
    "nin_mnist_v1",
    "nin_mnist_v2",
    "nin_svhn",
    "preset",
    "switches_of",
    "vgg11",
    "vgg16",
]

__dir__ = only_public(globals())


class Preset(NamedTuple):
    """A network that can be made by name: its function, the input (C, H, W) that it was published for, and its source.

    "authors" are those of the paper.
    """

    make: Callable[..., nn.Module]
    input_shape: tuple[int, int, int]
    source: str


PRESETS: dict[str, Preset] = {
    "nin-cifar10": Preset(nin_cifar10, (3, 32, 32), "authors, Caffe"),
    "nin-cifar100": Preset(nin_cifar100, (3, 32, 32), "authors, cuda-convnet"),
    "nin-mnist": Preset(nin_mnist, (1, 28, 28), "authors, cuda-convnet"),
    "nin-svhn": Preset(nin_svhn, (3, 32, 32), "authors, cuda-convnet"),
    "nin-imagenet": Preset(nin_imagenet, (3, 224, 224), "Caffe model zoo"),
    "nin-d2l": Preset(nin_d2l, (1, 224, 224), "Dive into Deep Learning"),
    "nin-mnist-v0": Preset(nin_mnist_v0, (1, 224, 224), "MNIST tutorial"),
    "nin-mnist-v1": Preset(nin_mnist_v1, (1, 224, 224), "MNIST tutorial"),
    "nin-mnist-v2": Preset(nin_mnist_v2, (1, 224, 224), "MNIST tutorial"),
    "nin-bn-fc": Preset(nin_bn_fc, (3, 32, 32), "CSDN introduction"),
    "nin-cifar10-bn": Preset(nin_cifar10_bn, (3, 32, 32), "blog, completed"),
    "alexnet-caffe": Preset(alexnet_caffe, (3, 227, 227), "Caffe model zoo"),
    "alexnet": Preset(alexnet, (3, 224, 224), "torchvision"),
    "vgg11": Preset(vgg11, (3, 224, 224), "torchvision"),
    "vgg16": Preset(vgg16, (3, 224, 224), "torchvision"),
}


def names() -> list[str]:
    """The names that `create` knows.

    >>> ninx.models.names()[:3]
    ['nin-cifar10', 'nin-cifar100', 'nin-mnist']
    """
    return list(PRESETS)


def preset(name: str) -> Preset:
    """What is known of a network. Raises ValueError for an unknown name.

    >>> ninx.models.preset("nin-cifar10").input_shape
    (3, 32, 32)
    """
    if name not in PRESETS:
        raise ValueError(unknown("model", name, PRESETS))
    return PRESETS[name]


def switches_of(name: str) -> dict[str, Any]:
    """What `create` takes for this network: its switches with their defaults. Raises ValueError for an unknown name.

    >>> ninx.models.switches_of("nin-mnist-v1")
    {'in_channels': 1, 'num_classes': 10, 'head': 'global', 'last_relu': True}
    """
    known = dict(inspect.signature(preset(name).make).parameters)
    if known.pop("switches", None):  # it hands those on that it does not name
        known = {**inspect.signature(network).parameters, **known}
    return {switch: p.default for switch, p in known.items() if p.kind is p.KEYWORD_ONLY}


_KINDS: dict[type, tuple[type, str]] = {
    bool: (bool, "true or false"),
    int: (numbers.Integral, "a whole number"),
    float: (numbers.Real, "a number"),
    str: (str, "a word"),
}


def create(name: str, **switches: Any) -> nn.Module:
    """A new network with fresh weights from the random generator.

    Raises ValueError for an unknown name or switch, or a switch of another type: the text "False" would count as true.

    >>> model = ninx.models.create("nin-mnist", num_classes=5, dropout=0.0)
    >>> model.eval()(ninx.zeros(1, 1, 28, 28)).shape
    (1, 5)
    >>> ninx.models.create("nin-mnist", classes=5)
    Traceback (most recent call last):
    ValueError: model nin-mnist: there is no switch 'classes'; did you mean 'num_classes'?
    """
    make = preset(name).make  # raises for a name that is not there
    known = switches_of(name)
    for switch, value in switches.items():
        if switch not in known:
            raise ValueError(f"model {name}: " + unknown("switch", switch, known))
        kind, what = _KINDS[type(known[switch])]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"model {name}: {switch} must be {what}, got {value!r}")
    return make(**switches)
