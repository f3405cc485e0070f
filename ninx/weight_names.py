"""Weights under the names of others: which of their layers is which of ours.

Here each network of others is the row of its layers with weights, from the image to the scores. Ours has them in the same order,
so the two rows side by side are the table of names. That also holds with other switches, such as ``dropout=0``, which move
the numbers in our names. AlexNet and VGG need no table: ours have torchvision's names, and "alexnet-caffe" Caffe's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from .engine import Tensor
from .nn import Module

T = TypeVar("T")

_CAFFE = "conv1 cccp1 cccp2 conv2 cccp3 cccp4 conv3 cccp5 cccp6"
_PYTORCHCV = [f"features.stage{stage}.unit{unit}.conv" for stage in (1, 2, 3) for unit in (1, 2, 3)]

LAYERS: dict[str, tuple[str, ...]] = {
    "Caffe's NIN for CIFAR-10": tuple(_CAFFE.split()),
    "Caffe's NIN for ImageNet": tuple(f"{_CAFFE} conv4-1024 cccp7-1024 cccp8-1024".split()),
    "pytorchcv's nin_cifar10, nin_cifar100 and nin_svhn": (*_PYTORCHCV[:-1], "output.final_conv.conv"),
}


def layers_of(names: Mapping[str, object]) -> list[str]:
    """The layers that these weights belong to, in their order.

    >>> from ninx.weight_names import layers_of
    >>> layers_of({"0.weight": 1, "0.bias": 2, "3.weight": 3})
    ['0', '3']
    """
    return list(dict.fromkeys(name.rpartition(".")[0] for name in names))


def translated(weights: Mapping[str, T], model: Module) -> dict[str, T]:
    """The weights under the names of the model, if theirs are one of the rows of `LAYERS`; else as they are.

    >>> from ninx.weight_names import LAYERS, translated
    >>> model = ninx.models.create("nin-cifar10")
    >>> row = LAYERS["Caffe's NIN for CIFAR-10"]
    >>> list(translated({f"{layer}.weight": 0 for layer in row}, model))[:3]
    ['0.0.weight', '0.2.weight', '0.4.weight']
    """
    ours, theirs = layers_of(model.state_dict()), set(layers_of(weights))
    for row in LAYERS.values():
        if theirs == set(row) and len(ours) == len(row):
            names = dict(zip(row, ours, strict=True))
            return {f"{names[layer]}.{kind}": weights[name] for name in weights for layer, _, kind in [name.rpartition(".")]}
    return dict(weights)


def put_into(model: Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Load the weights into the model, under whichever names they have; gives them back under those of the model."""
    found = translated(weights, model)
    model.load_state_dict(found)
    return found
