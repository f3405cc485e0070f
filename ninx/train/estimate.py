"""How long a recipe would take on this machine: one short step of its network is measured."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from .. import functional as F
from .. import models, optim
from ..engine import Tensor
from .parameters import groups
from .recipe import Recipe

# (training images, their side in pixels) of the data sets by name, which need not be there
KNOWN = {
    "digits": (4_000, 28),
    "mnist": (60_000, 28),
    "fashion-mnist": (60_000, 28),
    "cifar10": (50_000, 32),
    "cifar100": (50_000, 32),
    "svhn": (73_257, 32),
    "imagenet": (1_281_167, 256),
}
BATCH = 16  # images of the measured step: few, so that the largest network takes only a few seconds


def images_of(recipe: Recipe) -> int | None:
    """The number of training images in the recipe's data set; None if it is not one of the known ones."""
    images = KNOWN.get(Path(recipe.data).name, (None, 0))[0]
    return images if images is None or recipe.limit is None else min(images, recipe.limit)


def input_shape(recipe: Recipe) -> tuple[int, int, int]:
    """(C, H, W) of the images that its network is trained on.

    >>> ninx.train.estimate.input_shape(ninx.train.recipe.load("digits"))
    (1, 28, 28)
    """
    channels, *size = models.preset(recipe.model.name).input_shape
    side = recipe.prepare.crop or recipe.prepare.resize or KNOWN.get(Path(recipe.data).name, (0, size[0]))[1]
    return channels, side, side


def seconds_per_image(recipe: Recipe) -> float:
    """Forward, backward and the optimiser's step, measured once after one that compiles and warms up; random pixels."""
    model = models.create(recipe.model.name, **recipe.model.switches)
    optimizer = getattr(optim, recipe.optim.name)(groups(model, recipe), **recipe.optim.settings())
    rng, batch = np.random.default_rng(0), min(BATCH, recipe.batch_size)
    images, labels = Tensor(rng.random((batch, *input_shape(recipe)), np.float32)), Tensor(np.arange(batch) % 10)
    for _ in range(2):
        start = time.perf_counter()
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (time.perf_counter() - start) / batch
