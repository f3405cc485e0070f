"""Nets that tutorials call a Network in Network: a staged one for MNIST, and one with batch normalisation and a linear head."""

from __future__ import annotations

from collections.abc import Sequence

from .. import nn
from .nin import POOLINGS, checked


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

    >>> model, image = ninx.models.nin_mnist_v0(), ninx.zeros(1, 1, 224, 224)
    >>> model(image).shape, ninx.models.nin_mnist_v0(head="as-published")(image).shape
    ((1, 10), (1, 40))
    """
    return _staged((False, False, False), in_channels, num_classes, head, last_relu)


def nin_mnist_v1(*, in_channels: int = 1, num_classes: int = 10, head: str = "global", last_relu: bool = True) -> nn.Sequential:
    """v0 with a second 1x1 convolution in blocks 1 and 3; 4,590 parameters. ``head`` as in `nin_mnist_v0`.

    >>> sum(p.numel() for p in ninx.models.nin_mnist_v1().parameters())
    4590
    """
    return _staged((True, False, True), in_channels, num_classes, head, last_relu)


def nin_mnist_v2(*, in_channels: int = 1, num_classes: int = 10, head: str = "global", last_relu: bool = True) -> nn.Sequential:
    """v0 with a second 1x1 convolution in every block; 5,010 parameters. ``head`` as in `nin_mnist_v0`.

    >>> sum(p.numel() for p in ninx.models.nin_mnist_v2().parameters())
    5010
    """
    return _staged((True, True, True), in_channels, num_classes, head, last_relu)


def nin_bn_fc(
    *, in_channels: int = 3, num_classes: int = 10, pooling: str = "floor", dropout: float = 0.5, batch_norm: bool = True
) -> nn.Sequential:
    """An introduction on CSDN, 32x32 or larger: 1x1 pairs without ReLU after, and a linear head; 935,690 parameters.

    An 11x11 convolution with stride 4, ReLU; then three times 1x1 (no bias), batch normalisation, ReLU, 1x1 (no bias) with 128
    and 256, 192 and 384, 512 and 1,024 channels, max pooling 3x3 with stride 2 between them; dropout, global average pooling and
    Linear. No k x k convolution has 1x1 layers after it, so this is not what the paper calls mlpconv. In training a batch of
    one 32x32 image raises: it leaves one value per channel to the last batch normalisation.

    >>> sum(p.numel() for p in ninx.models.nin_bn_fc().parameters())
    935690
    """
    border = checked("nin-bn-fc", "pooling", pooling, POOLINGS)

    def mlp(c: int, hidden: int, o: int) -> nn.Sequential:
        norm = [nn.BatchNorm2d(hidden)] if batch_norm else []
        return nn.Sequential(nn.Conv2d(c, hidden, 1, bias=False), *norm, nn.ReLU(), nn.Conv2d(hidden, o, 1, bias=False))

    return nn.Sequential(
        nn.Conv2d(in_channels, 96, 11, 4, 2),
        nn.ReLU(),
        mlp(96, 128, 256),
        nn.MaxPool2d(3, 2, **border),
        mlp(256, 192, 384),
        nn.MaxPool2d(3, 2, **border),
        mlp(384, 512, 1024),
        *([nn.Dropout(dropout)] if dropout else []),
        nn.GlobalAvgPool2d(),
        nn.Flatten(),
        nn.Linear(1024, num_classes),
    )
