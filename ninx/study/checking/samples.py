"""What a check needs of the data: a batch to run, some hundred samples to look at, and how the labels come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...array import Array, to_numpy
from ...data.loader import DataLoader
from ...engine import Tensor
from ...random import get_rng_state, set_rng_state

MOST = 1000  # samples that are looked at
BATCH = 32  # images that go through the network


@dataclass
class Samples:
    """Images (N, C, H, W) as they come to the network, and their labels; what is not known is None.

    ``order``: the labels batch by batch as training would see them. ``total``: how many samples there are; ``all_labels`` and
    ``stored``: of all of them, where a look costs nothing.
    """

    images: Array
    labels: Array | None = None
    order: list[Array] = field(default_factory=list)
    classes: int | None = None
    named: bool = True  # are the classes known, or only guessed from the labels?
    total: int | None = None
    batch_size: int | None = None
    drop_last: bool = False
    all_labels: Array | None = None
    stored: Any = None  # all images as they lie in the set, before they are prepared

    @property
    def batch(self) -> tuple[Array, Array | None]:
        """As many as go through the network."""
        n = min(len(self.images), BATCH, self.batch_size or BATCH)
        return self.images[:n], None if self.labels is None else self.labels[:n]


def samples_of(data: Any, most: int = MOST, classes: int | None = None) -> Samples:
    """``data``: a pair (images, labels), a loader, or a data set of pairs.

    Raises TypeError for anything else, ValueError if it is empty.
    """
    if isinstance(data, (tuple, list)) and len(data) == 2 and hasattr(data[0], "shape") and hasattr(data[1], "shape"):
        images, labels = _array(data[0]), _array(data[1])
        if len(images) != len(labels) or not len(images):
            raise ValueError(f"check: {len(images)} images and {len(labels)} labels do not make pairs")
        chosen = np.linspace(0, len(images) - 1, min(len(images), most)).astype(int)
        found = Samples(images[chosen], labels[chosen], total=len(images), all_labels=labels, stored=images)
    elif hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        found = _of_dataset(data, most)
    elif isinstance(data, Iterable):
        found = _of_loader(data, most)
    else:
        raise TypeError(f"check: data is a pair (images, labels), a loader or a data set, not {type(data).__name__}")
    named = getattr(getattr(data, "dataset", data), "classes", None)
    if classes is not None:
        found.classes = classes
    elif named is not None:
        found.classes = len(named)
    elif found.labels is not None and found.labels.dtype.kind in "iu" and found.labels.ndim == 1:
        known = found.all_labels if found.all_labels is not None else found.labels
        found.classes, found.named = int(known.max()) + 1 if len(known) else None, False
    return found


def _array(a: Any) -> Array:
    return to_numpy(a.array) if isinstance(a, Tensor) else np.asarray(a)


def _of_dataset(data: Any, most: int) -> Samples:
    """Samples from all over the set: it may be sorted."""
    if not len(data):
        raise ValueError("check: the data set is empty")
    chosen = np.linspace(0, len(data) - 1, min(len(data), most)).astype(int).tolist()
    pairs = [data[i] for i in chosen]
    images = np.stack([_array(pair[0]) for pair in pairs])
    labels = np.asarray([int(_array(pair[1])) for pair in pairs])
    return Samples(images, labels, total=len(data), all_labels=_labels_of(data), stored=_stored(data))


def _of_loader(data: Any, most: int) -> Samples:
    """The first batches, and the order in which they come. The loader's epoch and the chance are as before."""
    state, epoch = get_rng_state(), getattr(data, "epoch", None)
    images, labels, seen = [], [], 0
    try:
        for batch in data:
            x, y = batch[0], batch[1]
            images.append(_array(x))
            labels.append(_array(y))
            seen += len(images[-1])
            if seen >= most:
                break
    finally:
        set_rng_state(state)
        if epoch is not None and isinstance(data, DataLoader):
            data.epoch = epoch
    if not seen:
        raise ValueError("check: the loader yields no batch")
    dataset = getattr(data, "dataset", None)
    try:
        total = len(dataset) if dataset is not None else None
    except TypeError:
        total = None
    return Samples(
        np.concatenate(images)[:most],
        np.concatenate(labels)[:most],
        order=labels,
        total=total,
        batch_size=getattr(data, "batch_size", None) or len(images[0]),
        drop_last=bool(getattr(data, "drop_last", False)),
        all_labels=_labels_of(dataset),
        stored=_stored(dataset),
    )


def _labels_of(dataset: Any) -> Array | None:
    """All labels, if the data set has them as one array."""
    for name in ("labels", "targets"):
        found = getattr(dataset, name, None)
        if found is not None and not callable(found):
            labels = _array(found)
            if labels.ndim == 1 and labels.dtype.kind in "iu":
                return labels
    return None


def _stored(dataset: Any) -> Any:
    """All images, if the data set has them as one array."""
    found = getattr(dataset, "images", None)
    return found if isinstance(found, np.ndarray) else None
