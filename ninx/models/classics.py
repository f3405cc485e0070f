"""AlexNet and VGG, whose fully connected layers hold most of their weights: what Network in Network is compared with.

The names of the layers, and so the keys of the weights, are those of the sources: Caffe's and torchvision's.
"""

from __future__ import annotations

from .. import nn


def alexnet_caffe(*, in_channels: int = 3, num_classes: int = 1000, dropout: float = 0.5) -> nn.Sequential:
    """AlexNet (Krizhevsky, Sutskever and Hinton, 2012) as in the Caffe model zoo, 227x227; 60,965,224 parameters.

    11/4/0 96; 5/1/2 256 in two groups; 3/1/1 384; 3/1/1 384 and 256 in two groups; local response normalisation and max 3/2
    after the first two, max 3/2 after the last; Linear 4096, 4096, 1000 with a dropout before the second and the third.

    >>> with nn.shapes_only():
    ...     model = ninx.models.alexnet_caffe()
    >>> sum(p.numel() for p in model.parameters())
    60965224
    """

    def norm() -> nn.Module:
        return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    return nn.Sequential(
        {
            "conv1": nn.Conv2d(in_channels, 96, 11, 4),
            "relu1": nn.ReLU(),
            "norm1": norm(),
            "pool1": pool(),
            "conv2": nn.Conv2d(96, 256, 5, padding=2, groups=2),
            "relu2": nn.ReLU(),
            "norm2": norm(),
            "pool2": pool(),
            "conv3": nn.Conv2d(256, 384, 3, padding=1),
            "relu3": nn.ReLU(),
            "conv4": nn.Conv2d(384, 384, 3, padding=1, groups=2),
            "relu4": nn.ReLU(),
            "conv5": nn.Conv2d(384, 256, 3, padding=1, groups=2),
            "relu5": nn.ReLU(),
            "pool5": pool(),
            "flatten": nn.Flatten(),
            "fc6": nn.Linear(256 * 6 * 6, 4096),
            "relu6": nn.ReLU(),
            "drop6": nn.Dropout(dropout),
            "fc7": nn.Linear(4096, 4096),
            "relu7": nn.ReLU(),
            "drop7": nn.Dropout(dropout),
            "fc8": nn.Linear(4096, num_classes),
        }
    )


def alexnet(*, in_channels: int = 3, num_classes: int = 1000, dropout: float = 0.5) -> nn.Sequential:
    """AlexNet as torchvision has it (Krizhevsky, 2014, arXiv 1404.5997), 224x224; 61,100,840 parameters.

    11/4/2 64; 5/1/2 192; 3/1/1 384, 256, 256, without groups and normalisation; max 3/2 after the first, second and last;
    adaptive average pooling to 6x6; Linear 4096, 4096, 1000 with a dropout before the first and the second.

    >>> with nn.shapes_only():
    ...     model = ninx.models.alexnet()
    >>> sum(p.numel() for p in model.parameters())
    61100840
    """
    features = nn.Sequential(
        nn.Conv2d(in_channels, 64, 11, 4, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
    )
    classifier = nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, num_classes),
    )
    return _network(features, 6, classifier)


def vgg11(*, in_channels: int = 3, num_classes: int = 1000, dropout: float = 0.5) -> nn.Sequential:
    """VGG-11 (Simonyan and Zisserman, 2015, arXiv 1409.1556) as torchvision has it, 224x224; 132,863,336 parameters.

    Eight 3x3 convolutions with padding 1 in five groups, max 2/2 after each group; Linear 4096, 4096, 1000.

    >>> with nn.shapes_only():
    ...     model = ninx.models.vgg11()
    >>> sum(p.numel() for p in model.parameters())
    132863336
    """
    return _vgg(((64,), (128,), (256, 256), (512, 512), (512, 512)), in_channels, num_classes, dropout)


def vgg16(*, in_channels: int = 3, num_classes: int = 1000, dropout: float = 0.5) -> nn.Sequential:
    """VGG-16 (Simonyan and Zisserman, 2015, arXiv 1409.1556) as torchvision has it, 224x224; 138,357,544 parameters.

    Thirteen 3x3 convolutions with padding 1 in five groups, max 2/2 after each group; Linear 4096, 4096, 1000.

    >>> with nn.shapes_only():
    ...     model = ninx.models.vgg16()
    >>> sum(p.numel() for p in model.parameters())
    138357544
    """
    return _vgg(((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3), in_channels, num_classes, dropout)


def _vgg(groups: tuple[tuple[int, ...], ...], in_channels: int, num_classes: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for widths in groups:
        for o in widths:
            layers += [nn.Conv2d(in_channels, o, 3, padding=1), nn.ReLU()]
            in_channels = o
        layers.append(nn.MaxPool2d(2))
    classifier = nn.Sequential(
        nn.Linear(512 * 7 * 7, 4096),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(4096, num_classes),
    )
    return _network(nn.Sequential(*layers), 7, classifier)


def _network(features: nn.Module, size: int, classifier: nn.Module) -> nn.Sequential:
    """torchvision's two parts. The maps are brought to ``size``, so that any image fits the first Linear."""
    pool, flatten = nn.AdaptiveAvgPool2d(size), nn.Flatten()
    return nn.Sequential({"features": features, "avgpool": pool, "flatten": flatten, "classifier": classifier})
