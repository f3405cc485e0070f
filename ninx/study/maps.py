"""Class maps: where in the image a network sees what speaks for each class.

Before its global average pooling a Network in Network has one map for each class, and the mean of a map is the class's score:
its largest cells say which places made the score. With a fully connected layer behind the pooling the same holds of the maps
that this layer adds up for each class: class activation maps (Zhou et al., 2016, arXiv 1512.04150).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..array import to_numpy
from ..engine import Tensor
from ..looks import few, unfailing
from ..tables import Column, Sheet
from ..train import runs
from . import heat
from .head import head_of
from .seen import Seen

Floats = np.ndarray[Any, Any]

BATCH = 25  # images that go through the network at once: every value on the way is kept
SIDE = 168  # pixels that the larger side of a drawn map has at least
TOP = 0.1  # the share of the cells that the paper's figure shows
SHOWN = 5  # images, at most, in a notebook

WHAT = {
    "gap": "the maps before global average pooling: the mean of a map is its class's score",
    "gap after relu": "the maps before global average pooling, behind a ReLU: their means are the scores; of what the ReLU cut "
    "off at 0 ({cut:.0%} of the cells) nothing is left, neither here nor in the scores",
    "gmp": "the maps before global max pooling: the strongest cell of a map is its class's score, the others have no part in it",
    "gmp after relu": "the maps before global max pooling, behind a ReLU ({cut:.0%} of the cells are 0): the strongest cell of a "
    "map is its class's score, the others have no part in it",
    "cam": "class activation maps (Zhou et al., 2016): the maps before global average pooling, weighed by the last layer; with "
    "its bias the mean of a map is its class's score",
}


@dataclass(eq=False, repr=False)
class Maps:
    """The class maps of N images, and how they look: `ninx.maps` makes them.

    ``values`` (N, K, h, w): a map for each of K classes; ``scores`` (N, K): what the network says, before any softmax, which is
    the mean of the map (its maximum where ``kind`` is "gmp"). ``pictures``: the N images, uint8 (H, W) or (H, W, 3). ``classes``:
    K names. ``seen``: what a cell depends on (None: not one patch).

    >>> net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.GlobalAvgPool2d(), nn.Flatten())
    >>> maps = ninx.maps(net, np.arange(50.0).reshape(2, 1, 5, 5))
    >>> maps
    Maps(2 images, 3 classes, maps of 3x3 cells, gap)
    >>> bool(np.allclose(maps.values.mean((2, 3)), maps.scores)), maps.receptive_field(0, 0)[2:]
    (True, (5, 5))
    """

    values: Floats
    scores: Floats
    kind: str
    pictures: list[Floats]
    classes: tuple[str, ...]
    seen: Seen | None = None

    # ---------------------------------------------------------------- places
    def strongest(self, n: int, k: int | str) -> tuple[int, int]:
        """(row, column) of the largest cell in the map of class k for image n; k is a number or a name."""
        values = self.values[n, self.number(k)]
        i, j = np.unravel_index(int(values.argmax()), values.shape)
        return int(i), int(j)

    def receptive_field(self, n: int, k: int | str) -> heat.Box:
        """(top, left, bottom, right): the pixels that the strongest cell depends on, cut off at the border of the image.

        All of the image where a cell does not depend on one patch.
        """
        height, width = self.pictures[n].shape[:2]
        if self.seen is None:
            return 0, 0, height, width
        top, left, bottom, right = self.seen.patch(*self.strongest(n, k))
        return max(top, 0), max(left, 0), min(bottom, height), min(right, width)

    def edges(self, n: int) -> tuple[Floats, Floats]:
        """Where the cells lie on image n: cell (i, j) covers rows[i] to rows[i + 1] and columns[j] to columns[j + 1].

        A cell lies around the middle of what it sees; the outermost reach to the border.
        """
        found = []
        for axis in (0, 1):
            cells, size = self.values.shape[2 + axis], self.pictures[n].shape[axis]
            if self.seen is None:
                between = np.arange(1, cells) * size / cells
            else:
                (field, step, start) = (pair[axis] for pair in self.seen)
                between = start + (field - step) / 2 + step * np.arange(1, cells)
            found.append(np.array([0, *np.clip(np.floor(between), 0, size).astype(int), size]))
        return found[0], found[1]

    def number(self, k: int | str) -> int:
        """The number of a class, given by its number or its name. Raises ValueError for another."""
        if isinstance(k, str):
            if k not in self.classes:
                raise ValueError(f"maps: there is no class {k!r}; there are {few(self.classes)}")
            return self.classes.index(k)
        if not -len(self.classes) <= k < len(self.classes):
            raise ValueError(f"maps: there is no class {k}, there are {len(self.classes)}")
        return int(k) % len(self.classes)

    def best(self, n: int, count: int = 3) -> list[int]:
        """The classes with the highest scores for image n, the highest first."""
        return [int(k) for k in np.argsort(-self.scores[n], kind="stable")[:count]]

    def highest(self, n: int, k: int | str, share: float = TOP) -> Floats:
        """(h, w), bool: the largest ``share`` of the cells of a map, at least one; of equal ones the first."""
        values = self.values[n, self.number(k)]
        chosen = np.zeros(values.size, bool)
        chosen[np.argsort(-values.ravel(), kind="stable")[: max(1, round(share * values.size))]] = True
        return chosen.reshape(values.shape)

    # ---------------------------------------------------------------- pictures
    @property
    def what(self) -> str:
        """What is shown, in a sentence."""
        return WHAT[self.kind].format(cut=float((self.values == 0).mean()))

    def image(self, n: int, k: int | str, top: float = 1.0, frame: bool = True, side: int = SIDE) -> Floats:
        """The map of class k over image n: RGB, uint8, a whole number of times as large as the image.

        Dark is the smallest value of all the maps of this image, bright the largest. ``top``: only so large a share of the cells
        is coloured, the strongest (0.1: as in the paper's figure). ``frame``: around what the strongest cell sees.

        >>> net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.GlobalAvgPool2d(), nn.Flatten())
        >>> ninx.maps(net, np.ones((1, 1, 28, 28))).image(0, 2).shape
        (168, 168, 3)
        """
        all_maps, k = self.values[n], self.number(k)
        low, high = float(all_maps.min()), float(all_maps.max())
        cells = (all_maps[k] - low) / ((high - low) or 1)
        shown = self.highest(n, k, top) if top < 1 else np.ones(cells.shape, bool)
        scale = max(1, -(-side // max(self.pictures[n].shape[:2])))
        box = self.seen.patch(*self.strongest(n, k)) if frame and self.seen is not None else None
        return heat.over(self.pictures[n], cells, shown, *self.edges(n), scale, box)

    def save(self, folder: str | Path, names: Sequence[str] = (), count: int = 3) -> list[Path]:
        """A PNG file for each image, called by its number or its name: the image and the maps of its ``count`` best classes."""
        from .figure import draw_maps

        folder = Path(folder)
        return [draw_maps(self, n, folder / f"{names[n] if names else n}.png", count) for n in range(len(self.values))]

    # ---------------------------------------------------------------- text
    def sheet(self, n: int, count: int = 3) -> Sheet:
        """The best classes of image n: score, strongest cell, where it is and what it sees of the image."""
        heads = [Column("class", text=True), Column("score"), Column("strongest"), Column("row, column")]
        table = Sheet([*heads, Column("sees rows", spare=1), Column("sees columns", spare=1)])
        for k in self.best(n, count):
            i, j = self.strongest(n, k)
            top, left, bottom, right = self.receptive_field(n, k)
            cell = f"{self.values[n, k, i, j]:.2f}", f"{i}, {j}", f"{top} to {bottom - 1}", f"{left} to {right - 1}"
            table.add(self.classes[k], f"{self.scores[n, k]:.2f}", *cell)
        return table

    @unfailing
    def __repr__(self) -> str:
        """One line: how many, how large, and what."""
        n, k, h, w = self.values.shape
        return f"Maps({n} image{'s' * (n != 1)}, {k} classes, maps of {h}x{w} cells, {self.kind})"

    def _repr_html_(self) -> str:
        """For a notebook: each image beside the maps of its three best classes, in full and the strongest tenth of the cells."""
        from .figure import as_html

        return as_html(self)


def class_maps(model: nn.Module | runs.Run, images: Any) -> Maps:
    """The class maps of a network for some images; also as ``ninx.maps``.

    ``model``: a `Run`, which takes pictures as they are (paths, arrays, Pillow images; one or a list) and knows the names of its
    classes; or a module, for a batch (N, C, H, W) of images as it was trained on. Neither is changed; eval mode is used.

    The maps are those before global average pooling, or before global max pooling; behind a linear head, the class activation
    maps. Raises ValueError, in a sentence that says why, for a network that has none.

    >>> net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    >>> maps = ninx.maps(net, ninx.ones(4, 1, 9, 9))
    >>> maps.kind, maps.values.shape, float(abs(maps.values.mean((2, 3)) - maps.scores).max()) < 1e-5
    ('cam', (4, 2, 7, 7), True)
    >>> ninx.maps(nn.Sequential(nn.Conv2d(1, 8, 3), nn.Flatten(), nn.Linear(8 * 49, 2)), ninx.ones(1, 1, 9, 9))
    Traceback (most recent call last):
    ValueError: maps: its fully connected head weighs each of the 8 x 7 x 7 values of its last maps by itself; ...
    """
    if isinstance(model, runs.Run) and not isinstance(images, Tensor):
        several = isinstance(images, (list, tuple))
        pictures = [runs.read(model.checkpoint, source) for source in (images if several else [images])]
        return of_pictures(model, pictures)
    network = model.model if isinstance(model, runs.Run) else model
    if not isinstance(network, nn.Module):
        raise TypeError(f"maps: wants a run or a network, not {type(network).__name__}")
    batch = to_numpy(images.array) if isinstance(images, Tensor) else np.asarray(images)
    batch = batch[None] if batch.ndim == 3 else batch
    if batch.ndim != 4 or batch.dtype.kind not in "fiu" or not len(batch):
        raise ValueError(f"maps: a network takes images (N, C, H, W) as it was trained on, got {batch.dtype} {batch.shape}")
    return _maps(network, batch, [_visible(image) for image in batch], model.classes if isinstance(model, runs.Run) else ())


def of_pictures(run: runs.Run, pictures: Sequence[Floats]) -> Maps:
    """The maps of pictures that are in the form of the run's data set already, uint8 (H, W) or (H, W, 3), all of one size."""
    inputs = [run.preparation.one(picture) for picture in pictures]
    if len({x.shape for x in inputs}) != 1:
        raise ValueError(f"maps: images of one size go together, these have {few(sorted({x.shape[1:] for x in inputs}))}")
    visible = [p if p.shape[:2] == x.shape[1:] else _visible(x) for p, x in zip(pictures, inputs, strict=True)]
    return _maps(run.model, np.stack(inputs), visible, run.classes)


def _maps(model: nn.Module, batch: Floats, pictures: list[Floats], classes: Sequence[str]) -> Maps:
    like = next(model.parameters(), None)
    batch = batch.astype(np.float32 if like is None else like.dtype, copy=False)
    device = "cpu" if like is None else like.device
    heads = [head_of(model, Tensor(batch[i : i + BATCH]).to(device)) for i in range(0, len(batch), BATCH)]
    values, scores = (np.concatenate([part[i] for part in heads]) for i in (0, 1))
    pooled = values.max((2, 3)) if heads[0].kind.startswith("gmp") else values.mean((2, 3))
    if not np.allclose(pooled, scores, rtol=1e-3, atol=1e-3 * float(abs(values).max()), equal_nan=True):
        raise ValueError("maps: the network pools its maps in a way of its own, so their means are not its scores")
    names = tuple(runs.answers(classes, scores.shape[1])) if classes else tuple(map(str, range(scores.shape[1])))
    return Maps(values, scores, heads[0].kind, pictures, names, heads[0].seen)


def _visible(image: Floats) -> Floats:
    """An input (C, H, W) as a picture, uint8: its smallest value black, its largest white."""
    low, high = float(image.min()), float(image.max())
    picture = ((image - low) * (255 / ((high - low) or 1))).round().astype(np.uint8)
    return np.moveaxis(picture, 0, -1) if len(picture) == 3 else picture.mean(0).round().astype(np.uint8)


maps = class_maps  # its name as ninx.maps
