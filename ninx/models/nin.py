"""Network in Network: the nets of the paper (Lin, Chen and Yan, ICLR 2014, arXiv 1312.4400) and those built like them.

The sources differ in five switches. Every function here takes them; where it names none, the default is that of `network`:

    pool2       the kind of the second pooling: "max" or "avg"
    last_relu   whether a ReLU follows the last 1x1 convolution, as in the paper
    pooling     how the 3x3 windows with stride 2 meet the border: "ceil" (a last window may hang over), "pad1" or "floor"
    dropout     its probability (0: none)
    batch_norm  whether each convolution is followed by a batch normalisation

The layers are written as kernel/stride/padding and channels; "max 3/2" is a pooling of 3x3 windows with stride 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from .. import nn

T = TypeVar("T")

POOLS: dict[str, Callable[..., nn.Module]] = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}
POOLINGS: dict[str, dict[str, Any]] = {"ceil": {"ceil_mode": True}, "pad1": {"padding": 1}, "floor": {}}


class Block(NamedTuple):
    """An mlpconv: its output channels, and the kernel size, stride and padding of its first convolution."""

    channels: tuple[int, ...]
    kernel_size: int
    stride: int = 1
    padding: int = 0


# The blocks before the last, which makes the classes: of the networks for 32x32 colour images, and for 224x224.
CIFAR = Block((192, 160, 96), 5, 1, 2), Block((192, 192, 192), 5, 1, 2)
LARGE = Block((96, 96, 96), 11, 4), Block((256, 256, 256), 5, 1, 2), Block((384, 384, 384), 3, 1, 1)


def checked(model: str, switch: str, value: str, known: Mapping[str, T]) -> T:
    """What ``value`` of a switch stands for; ValueError if it stands for nothing."""
    if value not in known:
        raise ValueError(f"{model}: {switch} must be {' or '.join(map(repr, known))}, got {value!r}")
    return known[value]


def network(
    name: str,
    in_channels: int,
    blocks: Sequence[Block],
    dropped: Sequence[int],
    *,
    pool2: str = "max",
    last_relu: bool = True,
    pooling: str = "ceil",
    dropout: float = 0.5,
    batch_norm: bool = False,
) -> nn.Sequential:
    """The blocks with a pooling after each but the last, a dropout after the poolings ``dropped``, and global average pooling."""
    second, border = checked(name, "pool2", pool2, POOLS), checked(name, "pooling", pooling, POOLINGS)
    layers: list[nn.Module] = []
    for number, block in enumerate(blocks, 1):
        last = number == len(blocks)
        layers.append(nn.MLPConv(in_channels, *block, last_relu=last_relu or not last, batch_norm=batch_norm))
        if not last:
            layers.append((second if number == 2 else nn.MaxPool2d)(3, 2, **border))
            layers += [nn.Dropout(dropout)] if dropout and number in dropped else []
        in_channels = block.channels[-1]
    return nn.Sequential(*layers, nn.GlobalAvgPool2d(), nn.Flatten())


def nin_cifar10(*, in_channels: int = 3, num_classes: int = 10, pool2: str = "avg", **switches: Any) -> nn.Sequential:
    """The authors' net for CIFAR-10, 32x32, as in their Caffe definition; 966,986 parameters.

    5/1/2 192, 160, 96; max 3/2; 5/1/2 192, 192, 192; avg 3/2; 3/1/1 192, 192, 10; global average pooling; dropout after each
    pooling. Their cuda-convnet definition has ``pool2="max"``.

    >>> model = ninx.models.nin_cifar10()
    >>> model.eval()(ninx.zeros(1, 3, 32, 32)).shape, sum(p.numel() for p in model.parameters())
    ((1, 10), 966986)
    """
    blocks = *CIFAR, Block((192, 192, num_classes), 3, 1, 1)
    return network("nin-cifar10", in_channels, blocks, (1, 2), pool2=pool2, **switches)


def nin_cifar100(*, in_channels: int = 3, num_classes: int = 100, **switches: Any) -> nn.Sequential:
    """The authors' net for CIFAR-100, 32x32, as in their cuda-convnet definition; 984,356 parameters.

    The layers of `nin_cifar10` with 100 outputs, and the maximum in the second pooling.

    >>> with nn.shapes_only():
    ...     model = ninx.models.nin_cifar100()
    >>> sum(p.numel() for p in model.parameters())
    984356
    """
    blocks = *CIFAR, Block((192, 192, num_classes), 3, 1, 1)
    return network("nin-cifar100", in_channels, blocks, (1, 2), **switches)


def nin_mnist(*, in_channels: int = 1, num_classes: int = 10, **switches: Any) -> nn.Sequential:
    """The authors' net for MNIST, 28x28, as in their cuda-convnet definition; 349,674 parameters.

    5/1/2 96, 64, 48; max 3/2; 5/1/2 128, 96, 48; max 3/2; 5/1/2 128, 96, 10; global average pooling; dropout after each pooling.

    >>> model = ninx.models.nin_mnist()
    >>> model.eval()(ninx.zeros(1, 1, 28, 28)).shape, sum(p.numel() for p in model.parameters())
    ((1, 10), 349674)
    """
    blocks = Block((96, 64, 48), 5, 1, 2), Block((128, 96, 48), 5, 1, 2), Block((128, 96, num_classes), 5, 1, 2)
    return network("nin-mnist", in_channels, blocks, (1, 2), **switches)


def nin_svhn(*, in_channels: int = 3, num_classes: int = 10, **switches: Any) -> nn.Sequential:
    """The authors' net for SVHN, 32x32, as in their cuda-convnet definition; 1,986,026 parameters.

    5/1/2 128, 96, 64; max 3/2; 5/1/2 320, 256, 128; max 3/2; 5/1/2 384, 256, 10; global average pooling; dropout after each
    pooling.

    >>> with nn.shapes_only():
    ...     model = ninx.models.nin_svhn()
    >>> sum(p.numel() for p in model.parameters())
    1986026
    """
    blocks = Block((128, 96, 64), 5, 1, 2), Block((320, 256, 128), 5, 1, 2), Block((384, 256, num_classes), 5, 1, 2)
    return network("nin-svhn", in_channels, blocks, (1, 2), **switches)


def nin_imagenet(*, in_channels: int = 3, num_classes: int = 1000, **switches: Any) -> nn.Sequential:
    """The ImageNet net of the Caffe model zoo, 224x224 (the paper itself has none); 7,595,176 parameters.

    11/4/0 96, 96, 96; 5/1/2 256, 256, 256; 3/1/1 384, 384, 384; max 3/2 after each of these; dropout;
    3/1/1 1024, 1024, 1000; global average pooling.

    >>> with nn.shapes_only():
    ...     model = ninx.models.nin_imagenet()
    >>> sum(p.numel() for p in model.parameters())
    7595176
    """
    blocks = *LARGE, Block((1024, 1024, num_classes), 3, 1, 1)
    return network("nin-imagenet", in_channels, blocks, (3,), **switches)


def nin_d2l(*, in_channels: int = 1, num_classes: int = 10, pooling: str = "floor", **switches: Any) -> nn.Sequential:
    """The net of the book Dive into Deep Learning for Fashion-MNIST, 224x224; 1,992,166 parameters.

    11/4/0 96, 96, 96; 5/1/2 256, 256, 256; 3/1/1 384, 384, 384; max 3/2 after each of these; dropout; 3/1/1 10, 10, 10;
    global average pooling. The poolings leave out what no whole window reaches.

    >>> with nn.shapes_only():
    ...     model = ninx.models.nin_d2l()
    >>> sum(p.numel() for p in model.parameters())
    1992166
    """
    blocks = *LARGE, Block((num_classes,) * 3, 3, 1, 1)
    return network("nin-d2l", in_channels, blocks, (3,), pooling=pooling, **switches)


def nin_cifar10_bn(
    *,
    in_channels: int = 3,
    num_classes: int = 10,
    pool2: str = "avg",
    pooling: str = "pad1",
    dropout: float = 0.2,
    batch_norm: bool = True,
    **switches: Any,
) -> nn.Sequential:
    """`nin_cifar10` as a listing on the web has it: batch normalisation, padded poolings, little dropout; 969,822 parameters.

    The listing breaks off after 5/1/2 192, 192, 192 with a normalisation after each convolution, an average pooling 3/2 with
    padding 1 and dropout .2; the other blocks are completed in its way, with the channels of `nin_cifar10`.

    >>> with nn.shapes_only():
    ...     model = ninx.models.nin_cifar10_bn()
    >>> sum(p.numel() for p in model.parameters())
    969822
    """
    blocks = *CIFAR, Block((192, 192, num_classes), 3, 1, 1)
    return network(
        "nin-cifar10-bn",
        in_channels,
        blocks,
        (1, 2),
        pool2=pool2,
        pooling=pooling,
        dropout=dropout,
        batch_norm=batch_norm,
        **switches,
    )
