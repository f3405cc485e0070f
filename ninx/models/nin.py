"""Network in Network: the nets of the paper (Lin, Chen and Yan, ICLR 2014, arXiv 1312.4400) and those built on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import nn

POOLS: dict[str, type[nn.Module]] = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}
POOLINGS: dict[str, dict[str, Any]] = {"ceil": {"ceil_mode": True}, "pad1": {"padding": 1}, "floor": {}}


class Block(NamedTuple):
    """An mlpconv: its output channels, and the kernel size, stride and padding of its first convolution."""

    channels: tuple[int, ...]
    kernel_size: int
    stride: int = 1
    padding: int = 0


def _network(
    name: str,
    in_channels: int,
    blocks: Sequence[Block],
    pools: Sequence[str],
    pooling: str,
    dropouts: Sequence[float],
    relu: bool,
) -> nn.Sequential:
    """The blocks, with a 3x3 pooling of stride 2 and a dropout between each two, and global average pooling at the end."""
    for number, kind in enumerate(pools, 1):
        if kind not in POOLS:
            raise ValueError(f"{name}: pool{number} must be 'max' or 'avg', got {kind!r}")
    if pooling not in POOLINGS:
        raise ValueError(f"{name}: pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}")
    layers: list[nn.Module] = []
    for block, kind, p in zip(blocks[:-1], pools, dropouts, strict=True):
        layers += [nn.MLPConv(in_channels, *block), POOLS[kind](3, 2, **POOLINGS[pooling])]
        layers += [nn.Dropout(p)] if p else []
        in_channels = block.channels[-1]
    layers += [nn.MLPConv(in_channels, *blocks[-1], last_relu=relu), nn.GlobalAvgPool2d(), nn.Flatten()]
    return nn.Sequential(*layers)


def nin_mnist(
    *,
    in_channels: int = 1,
    num_classes: int = 10,
    pool2: str = "max",
    last_relu: bool = True,
    pooling: str = "ceil",
    dropout: float = 0.5,
) -> nn.Sequential:
    """The authors' net for MNIST, 28x28: three mlpconv blocks and global average pooling; 349,674 parameters.

    The sources differ in four switches: ``pool2``, the kind of the second pooling ("max" or "avg"); ``last_relu``, whether a
    ReLU follows the last 1x1 convolution, as in the paper; ``pooling``, how the 3x3 windows with stride 2 meet the border
    ("ceil", "pad1" or "floor"); and ``dropout`` after each pooling (0: none).
    """
    blocks = Block((96, 64, 48), 5, 1, 2), Block((128, 96, 48), 5, 1, 2), Block((128, 96, num_classes), 5, 1, 2)
    return _network("nin-mnist", in_channels, blocks, ("max", pool2), pooling, (dropout, dropout), last_relu)


def nin_cifar10(
    *,
    in_channels: int = 3,
    num_classes: int = 10,
    pool2: str = "avg",
    last_relu: bool = True,
    pooling: str = "ceil",
    dropout: float = 0.5,
) -> nn.Sequential:
    """The authors' net for CIFAR-10, 32x32, as in their Caffe definition: 5x5, 5x5 and 3x3 mlpconv; 966,986 parameters.

    Their cuda-convnet definition has ``pool2="max"``. The switches are those of `nin_mnist`.
    """
    blocks = Block((192, 160, 96), 5, 1, 2), Block((192, 192, 192), 5, 1, 2), Block((192, 192, num_classes), 3, 1, 1)
    return _network("nin-cifar10", in_channels, blocks, ("max", pool2), pooling, (dropout, dropout), last_relu)


def nin_d2l(
    *, in_channels: int = 1, num_classes: int = 10, last_relu: bool = True, pooling: str = "floor", dropout: float = 0.5
) -> nn.Sequential:
    """The net of the book Dive into Deep Learning for Fashion-MNIST, 224x224; 1,992,166 parameters.

    Four mlpconv blocks (11x11 with stride 4, 5x5, 3x3, 3x3; the last with ``num_classes`` channels in all three layers), max
    pooling after three of them, one dropout before the last. ``last_relu`` and ``pooling`` as in `nin_mnist`.
    """
    blocks = Block((96,) * 3, 11, 4), Block((256,) * 3, 5, 1, 2), Block((384,) * 3, 3, 1, 1), Block((num_classes,) * 3, 3, 1, 1)
    return _network("nin-d2l", in_channels, blocks, ("max",) * 3, pooling, (0, 0, dropout), last_relu)


def _staged(second: Sequence[bool], in_channels: int, num_classes: int, head: str, last_relu: bool) -> nn.Sequential:
    """Three blocks of a 3x3 and a 1x1 convolution, with a second 1x1 where ``second`` says so; max pooling 2 after each."""
    if head not in ("global", "as-published"):
        raise ValueError(f"nin-mnist-v0..v2: head must be 'global' or 'as-published', got {head!r}")
    layers: list[nn.Module] = []
    widths = (10, 20, num_classes)
    for i, (c, o, more) in enumerate(zip((in_channels, *widths[:-1]), widths, second, strict=True)):
        relu = last_relu or i < 2
        layers += [nn.MLPConv(c, (o,) * (3 if more else 2), 3, padding=1, last_relu=relu), nn.MaxPool2d(2)]
    layers.append(nn.GlobalAvgPool2d() if head == "global" else nn.AvgPool2d(14))
    return nn.Sequential(*layers, nn.Flatten())


def nin_mnist_v0(*, in_channels: int = 1, num_classes: int = 10, head: str = "global", last_relu: bool = True) -> nn.Sequential:
    """The staged tutorial's first net: 3x3 and one 1x1 in each of three blocks; 4,370 parameters.

    ``head="global"`` averages whole maps, for any input size. ``head="as-published"`` is AvgPool2d(14), which on the
    published 224x224 input leaves 2x2 per map: **40 logits** for ten classes, which a cross-entropy accepts silently.
    """
    return _staged((False, False, False), in_channels, num_classes, head, last_relu)


def nin_mnist_v1(*, in_channels: int = 1, num_classes: int = 10, head: str = "global", last_relu: bool = True) -> nn.Sequential:
    """v0 with a second 1x1 convolution in blocks 1 and 3; 4,590 parameters. ``head`` as in `nin_mnist_v0`."""
    return _staged((True, False, True), in_channels, num_classes, head, last_relu)


def nin_mnist_v2(*, in_channels: int = 1, num_classes: int = 10, head: str = "global", last_relu: bool = True) -> nn.Sequential:
    """v0 with a second 1x1 convolution in every block; 5,010 parameters. ``head`` as in `nin_mnist_v0`."""
    return _staged((True, True, True), in_channels, num_classes, head, last_relu)
