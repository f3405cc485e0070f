"""How good a network is on a data set: loss, confusion matrix, and what it said of each image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import data, nn
from .. import functional as F
from ..engine import no_grad
from ..looks import unfailing
from ..ops import argmax
from .preparation import Preparation


@dataclass(repr=False)
class Evaluation:
    """How a network does on a data set; ``confusion[t, p]`` counts the samples of class t that were taken for p.

    A network with more outputs than there are classes may give an answer that is no class: then there is a last column for it.
    For each sample, in the order of the data set, ``labels`` (N,) holds its class, ``answers`` (N,) the likeliest output,
    ``confidence`` (N,) that output's probability and ``likelihood`` (N,) the true class's.

    >>> ninx.train.Evaluation(loss=0.3, confusion=np.array([[9, 1], [0, 10]])).accuracy
    0.95
    """

    loss: float
    confusion: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(0, np.int64))
    answers: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(0, np.int64))
    confidence: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(0, np.float32))
    likelihood: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def accuracy(self) -> float:
        """The share of right answers, 0 to 1."""
        return float(np.trace(self.confusion) / max(self.confusion.sum(), 1))

    @unfailing
    def __repr__(self) -> str:
        """One line, without the confusion matrix."""
        return (
            f"Evaluation(accuracy {100 * self.accuracy:.2f} %, loss {self.loss:.4f}; "
            f"{int(self.confusion.sum()):,} images of {len(self.confusion)} classes)"
        )


def evaluate(model: nn.Module, dataset: data.LabelledDataset, preparation: Preparation, workers: int = 0) -> Evaluation:
    """Loss and confusion matrix on a data set; the network is in eval mode during the call, and stays on its device.

    >>> run = ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20, "epochs": 1}), "run")
    >>> result = ninx.train.evaluate(run.model, run.test_set.take(slice(50)), run.preparation)
    >>> result.confusion.shape, int(result.confusion.sum()), result.answers.shape
    ((10, 10), 50, (50,))
    """
    classes, device = len(dataset.classes), next((p.device for p in model.parameters()), "cpu")
    confusion, total = np.zeros((classes, classes + 1), np.int64), 0.0  # the last column: an answer that is no class
    transform = preparation.transform(training=False)
    loader = data.DataLoader(preparation.dataset(dataset), 100, transform=transform, num_workers=workers, device=device)
    was_training, found = model.training, [(np.zeros(0, np.int64), np.zeros(0, np.int64), *[np.zeros(0, np.float32)] * 2)]
    model.eval()
    with no_grad():
        for images, labels in loader:
            logits = model(images)
            total += F.cross_entropy(logits, labels, reduction="sum").item()
            true, answers = labels.numpy(), argmax(logits, 1).numpy()
            np.add.at(confusion, (true, np.minimum(answers, classes)), 1)
            shares, each = F.softmax(logits, 1).numpy(), np.arange(len(true))
            found.append((true, answers, shares[each, answers], shares[each, true]))
    model.train(was_training)
    single = map(np.concatenate, zip(*found, strict=True))
    return Evaluation(total / max(len(dataset), 1), confusion if confusion[:, -1].any() else confusion[:, :-1], *single)
