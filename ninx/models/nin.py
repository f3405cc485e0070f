"""Network in Network: the nets of the paper (Lin, Chen and Yan, ICLR 2014, arXiv 1312.4400) and of a staged MNIST tutorial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import nn

POOLINGS: dict[str, dict[str, Any]] = {"ceil": {"ceil_mode": True}, "pad1": {"padding": 1}, "floor": {}}


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
    if pool2 not in ("max", "avg"):
        raise ValueError(f"nin-mnist: pool2 must be 'max' or 'avg', got {pool2!r}")
    if pooling not in POOLINGS:
        raise ValueError(f"nin-mnist: pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}")
    border = POOLINGS[pooling]
    second = nn.MaxPool2d if pool2 == "max" else nn.AvgPool2d
    return nn.Sequential(
        nn.MLPConv(in_channels, (96, 64, 48), 5, padding=2),
        nn.MaxPool2d(3, 2, **border),
        *_dropout(dropout),
        nn.MLPConv(48, (128, 96, 48), 5, padding=2),
        second(3, 2, **border),
        *_dropout(dropout),
        nn.MLPConv(48, (128, 96, num_classes), 5, padding=2, last_relu=last_relu),
        nn.GlobalAvgPool2d(),
        nn.Flatten(),
    )


def _dropout(p: float) -> list[nn.Module]:
    return [nn.Dropout(p)] if p else []


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
