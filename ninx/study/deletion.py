"""Do the maps tell the truth? Hide the strongest cells of a class's map, and its score should fall more than by chance.

A cell is hidden where it lies in the image: its pixels get the image's median colour, which is the background of a digit. What a
cell depends on reaches farther, so hiding is a test of the map as a picture of where to look, not a proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import nn
from ..array import to_numpy
from ..engine import Tensor
from ..looks import unfailing
from ..train.runs import Run
from .maps import TOP, Floats, class_maps

DRAWS = 10  # choices of random cells for each image


@dataclass(eq=False, repr=False)
class Deletion:
    """What became of the score of one class of each of N images.

    ``before`` (N): of the whole image; ``strongest``, ``weakest`` (N): with the strongest or the weakest cells hidden; ``random``
    (N, draws): with as many random ones. ``hidden``: how many cells of how many. ``classes`` (N): whose score it is.
    ``changed`` (N), ``random_changed`` (N, draws): how many values of the image were changed by hiding.

    >>> scores = np.array([5.0]), np.array([1.0]), np.array([5.0]), np.array([[4.0, 5.0]])
    >>> ninx.study.deletion.Deletion(*scores, np.array([90]), np.array([[10, 20]]), (5, 49), np.array([7]))
    Deletion(1 image, 5 of 49 cells: the score falls by 4.00, by 0.50 for random cells; more than these for 100.0 %)
    """

    before: Floats
    strongest: Floats
    weakest: Floats
    random: Floats
    changed: Floats
    random_changed: Floats
    hidden: tuple[int, int]
    classes: Floats

    @property
    def falls(self) -> Floats:
        """(N,): by how much the score falls if the strongest cells are hidden."""
        return np.asarray(self.before - self.strongest)

    @property
    def random_falls(self) -> Floats:
        """(N,): by how much it falls on average over the draws of random cells."""
        return np.asarray(self.before - self.random.mean(1))

    @property
    def wins(self) -> Floats:
        """(N,), bool: do the strongest cells matter more than random ones do on average?"""
        return np.asarray(self.falls > self.random_falls)

    @property
    def visible(self) -> Floats:
        """(N,), bool: does hiding the strongest cells change at least as much of the image as hiding random ones does?

        Not where they lie on the background, which looks the same when it is hidden.
        """
        return np.asarray(self.changed >= self.random_changed.mean(1))

    @unfailing
    def __repr__(self) -> str:
        """One line."""
        n, (hidden, cells) = len(self.before), self.hidden
        return (
            f"Deletion({n:,} image{'s' * (n != 1)}, {hidden} of {cells} cells: the score falls by {self.falls.mean():.2f}, by "
            f"{self.random_falls.mean():.2f} for random cells; more than these for {100 * self.wins.mean():.1f} %)"
        )


def deletion(
    model: nn.Module | Run,
    images: Any,
    classes: Sequence[int] | Floats | None = None,
    share: float = TOP,
    draws: int = DRAWS,
    seed: int = 0,
) -> Deletion:
    """Hide the strongest ``share`` of the cells of a class's map in each image; the weakest; and random ones, ``draws`` times.

    ``images`` as the network takes them: a Tensor or an array (N, C, H, W). ``classes``: for each image the number of the class
    (its true one, say); None: the one with the highest score. Raises ValueError as `ninx.maps` does.

    >>> ninx.manual_seed(0)
    >>> net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.GlobalAvgPool2d(), nn.Flatten())
    >>> found = ninx.study.deletion.deletion(net, ninx.randn(4, 1, 9, 9), draws=2)
    >>> found.before.shape, found.random.shape, found.hidden
    ((4,), (4, 2), (5, 49))
    """
    network = model.model if isinstance(model, Run) else model
    batch = to_numpy(images.array) if isinstance(images, Tensor) else np.asarray(images)
    maps = class_maps(network, batch)
    everyone = range(len(batch))
    chosen = maps.scores.argmax(1) if classes is None else np.asarray(classes)
    if chosen.shape != (len(batch),):
        raise ValueError(f"deletion: one class for each of {len(batch)} images, got {chosen.shape}")
    rng, shape, cells = np.random.default_rng(seed), maps.values.shape[2:], maps.values[0, 0].size
    count = max(1, round(share * cells))
    ranked = [np.argsort(-maps.values[n, chosen[n]].ravel(), kind="stable") for n in everyone]
    choices = [[order[:count] for order in ranked], [order[-count:] for order in ranked]]
    choices += [[rng.choice(cells, count, replace=False) for _ in everyone] for _ in range(draws)]
    scores, changed = [], []
    for choice in choices:
        masks = [np.isin(np.arange(cells), some).reshape(shape) for some in choice]
        hidden = np.stack([hide(batch[n], masks[n], *maps.edges(n)) for n in everyone])
        scores.append(class_maps(network, hidden).scores[everyone, chosen])
        changed.append((hidden != batch).sum((1, 2, 3)))
    before, (strongest, weakest, *random) = maps.scores[everyone, chosen], scores
    rest = np.stack(random, 1), changed[0], np.stack(changed[2:], 1)
    return Deletion(before, strongest, weakest, *rest, (count, cells), chosen)


def hide(image: Floats, cells: Floats, rows: Floats, columns: Floats) -> Floats:
    """The image (C, H, W) with these cells (h, w) in its median colour; cell (i, j) covers rows[i] to rows[i + 1], and so on.

    >>> image = np.array([[[1.0, 2.0], [3.0, 9.0]]])
    >>> ninx.study.deletion.hide(image, np.array([[True, False]]), np.array([0, 2]), np.array([0, 1, 2])).tolist()
    [[[2.5, 2.0], [2.5, 9.0]]]
    """
    hidden = cells.repeat(np.diff(rows), 0).repeat(np.diff(columns), 1)
    return np.where(hidden, np.median(image, axis=(1, 2), keepdims=True), image).astype(image.dtype)
