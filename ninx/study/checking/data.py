"""What is wrong with the data, whatever the network: rules that look at samples alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...array import Array
from .findings import Finding
from .samples import Samples

LARGE = 20.0  # pixels of this size have not been divided by 255
MUCH = 4.0  # standard deviations above guessing that neighbours of one class must reach


def not_finite(s: Samples) -> Iterator[Finding]:
    """NaN or infinity among the pixels."""
    if s.images.dtype.kind == "f" and not np.isfinite(s.images).all():
        bad = ~np.isfinite(s.images.reshape(len(s.images), -1)).all(axis=1)
        yield Finding(
            "stops learning", "not-finite-input", "data", "some images hold values that are no numbers",
            f"{int(bad.sum())} of {len(bad)} images, the first is number {int(np.flatnonzero(bad)[0])} of those looked at",
            "a normalisation by a deviation of 0, or damaged files: mend or leave out these images",
        )  # fmt: skip


def labels_out_of_range(s: Samples, outputs: int | None) -> Iterator[Finding]:
    """Labels that are no class, or no whole numbers."""
    y = s.all_labels if s.all_labels is not None else s.labels
    if y is None or y.ndim != 1 or not len(y):
        return
    if y.dtype.kind not in "iu":
        yield Finding(
            "stops learning", "labels-out-of-range", "data", "the labels are no whole numbers", f"they are {y.dtype}",
            "labels of type int64, 0 to K - 1",
        )  # fmt: skip
        return
    k = s.classes if s.named or outputs is None else outputs
    low, high = int(y.min()), int(y.max())
    if k is not None and (low < 0 or high >= k):
        wrong = int(((y < 0) | (y >= k)).sum())
        shift = " (they count from 1)" if low == 1 and high == k else ""
        yield Finding(
            "stops learning", "labels-out-of-range", "data", f"labels lie outside the classes 0 to {k - 1}{shift}",
            f"{wrong:,} of {len(y):,}; the smallest is {low}, the largest {high}",
            "subtract 1 from all labels" if shift else "labels from 0 on, or as many outputs as classes",
        )  # fmt: skip


def pixels(s: Samples) -> Iterator[Finding]:
    """Pixels from 0 to 255, or far from 0."""
    if not s.images.size or not np.isfinite(s.images).all():
        return
    x = s.images.astype(np.float64)
    high, mean, std = float(np.abs(x).max()), float(x.mean()), float(x.std())
    if high > LARGE:
        kind = f"of type {s.images.dtype}, " if s.images.dtype.kind != "f" else ""
        yield Finding(
            "risk", "pixels-not-normalised", "data", "the pixels are large numbers: first weights are made for values about 1",
            f"they are {kind}from {float(x.min()):.4g} to {float(x.max()):.4g}, mean {mean:.3g}, deviation {std:.3g}",
            "divide by 255 (transforms.ToTensor), better also subtract the mean and divide by the deviation",
        )  # fmt: skip
    elif std < 0.01 or abs(mean) > 10 * std:
        yield Finding(
            "risk", "pixels-not-normalised", "data", "the images hardly differ from one another for their size",
            f"mean {mean:.3g}, deviation {std:.3g}", "subtract the mean and divide by the deviation (transforms.Normalize)",
        )  # fmt: skip


def labels_shuffled(s: Samples) -> Iterator[Finding]:
    """Do images that look alike have the same label? If only by chance, labels and images do not belong together."""
    y = s.labels
    if y is None or y.ndim != 1 or y.dtype.kind not in "iu" or not np.isfinite(s.images).all():
        return
    counts = np.unique(y, return_counts=True)[1]
    n = len(y)
    if n < 200 or len(counts) < 2 or n < 10 * len(counts):
        return
    right, chance = _neighbours(s.images.reshape(n, -1), y), float(((counts / n) ** 2).sum())
    z = (right - chance) / np.sqrt(chance * (1 - chance) / n)
    if z < MUCH:
        yield Finding(
            "stops learning", "labels-shuffled", "data",
            "an image and the one that is most like it have the same label no more often than by chance",
            f"{right:.1%} of {n}, and {chance:.1%} by chance ({z:.1f} standard deviations)",
            "look at some images beside their labels: were only the images shuffled, or sorted, or read in another order?",
        )  # fmt: skip


def _neighbours(x: Array, y: Array) -> float:
    """The share of samples whose nearest neighbour, by the angle between them, has their label."""
    x = x.astype(np.float32)
    x = x - x.mean(0)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    near = x @ x.T
    near[np.arange(len(x)), np.arange(len(x))] = -2
    near[near > 0.999999] = -2  # copies of an image say nothing
    return float((y[near.argmax(1)] == y).mean())


def classes_there(s: Samples) -> Iterator[Finding]:
    """A class without a single sample."""
    y = s.all_labels
    if y is None or s.classes is None or not len(y) or y.min() < 0:
        return
    counts = np.bincount(y, minlength=s.classes)[: s.classes]
    absent = np.flatnonzero(counts == 0).tolist()
    if absent:
        names = ", ".join(map(str, absent[:5])) + (" ..." if len(absent) > 5 else "")
        yield Finding(
            "risk", "missing-class", "data", f"no training image is of class {names}",
            f"{len(absent)} of {s.classes} classes are missing among {len(y):,} labels",
            "add images of them, or take out their outputs: what is never shown is never answered",
        )  # fmt: skip


def sorted_batches(s: Samples) -> Iterator[Finding]:
    """Batches of one class, or of few: the set is sorted and the loader does not shuffle."""
    batches = [y for y in s.order if y.ndim == 1 and len(y) >= 8]
    if not batches or s.classes is None or s.classes < 3:
        return
    in_batch = float(np.mean([len(np.unique(y)) for y in batches]))
    expected = float(np.mean([s.classes * (1 - (1 - 1 / s.classes) ** len(y)) for y in batches]))
    if in_batch < 0.4 * expected:
        yield Finding(
            "risk", "sorted-batches", "data", "the batches are sorted by class: each teaches to answer that one class",
            f"{in_batch:.1f} classes in a batch of {len(batches[0])}; mixed, it would be {expected:.1f}",
            "shuffle=True in the loader",
        )  # fmt: skip


def other_preparation(s: Samples, test: Samples | None) -> Iterator[Finding]:
    """Test images that come to the network in another form than the training images."""
    if test is None or not test.images.size or not s.images.size:
        return
    if s.images.shape[1:] != test.images.shape[1:]:
        a, b = ("x".join(map(str, x.images.shape[1:])) for x in (s, test))
        yield Finding(
            "risk", "other-preparation", "data", "test images have another size than training images", f"{b} against {a}",
            "the same transforms for both, but for what is random",
        )  # fmt: skip
        return
    a, b = (x.images.astype(np.float64) for x in (s, test))
    apart, ratio = abs(a.mean() - b.mean()) / (a.std() or 1.0), b.std() / (a.std() or 1.0)
    if apart > 0.5 or not 0.67 < ratio < 1.5:
        yield Finding(
            "risk", "other-preparation", "data", "test images are prepared otherwise than training images",
            f"mean {a.mean():.3g} and deviation {a.std():.3g} in training, {b.mean():.3g} and {b.std():.3g} in testing",
            "the same transforms for both, with the training set's mean and deviation",
        )  # fmt: skip


def duplicates(s: Samples, test: Samples | None) -> Iterator[Finding]:
    """Test images that were trained on."""
    if test is None:
        return
    whole = s.stored is not None and test.stored is not None
    train_images, test_images = (s.stored, test.stored) if whole else (s.images, test.images)
    known = {hash(np.ascontiguousarray(image).tobytes()) for image in train_images}
    twice = sum(hash(np.ascontiguousarray(image).tobytes()) in known for image in test_images)
    if twice:
        share = twice / len(test_images)
        yield Finding(
            "risk" if share > 0.01 else "note", "duplicates", "data", "images of the test set are in the training set too",
            f"{twice:,} of {len(test_images):,} test images, {share:.1%}, equal one of {len(train_images):,} training images",
            "take them out of one of the two sets: what was trained on tests nothing",
        )  # fmt: skip
