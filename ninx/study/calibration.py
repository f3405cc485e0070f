"""Is a network as sure as it is right? Of the answers that it gives with 90 %, nine of ten should be right."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..train import Evaluation

Array = np.ndarray[Any, Any]
BINS = 10
DRAWS = 200  # of a calibrated network


class Calibration(NamedTuple):
    """The answers in bins of equal width by their confidence, the probability of the likeliest class.

    ``counts`` (bins,): how many answers; ``confidence`` and ``accuracy`` (bins,): the mean confidence and the share that is
    right, NaN in an empty bin. ``error``: the expected calibration error. ``chance``: (low, high) between which 95 % of the
    errors lie that a perfectly calibrated network of the same confidences would have on so many images: it is never quite 0.
    """

    counts: Array
    confidence: Array
    accuracy: Array
    error: float
    chance: tuple[float, float]


def calibration(result: Evaluation, bins: int = BINS) -> Calibration:
    """The reliability of an evaluation's answers.

    The expected calibration error (Naeini et al., 2015; Guo et al., 2017): ECE = sum_b n_b / N |accuracy_b - confidence_b|.

    Raises ValueError for confidences that are no numbers, or for no answers at all.

    >>> sure, labels = np.array([0.9, 0.9, 0.6, 0.6]), np.array([0, 0, 0, 1])
    >>> result = ninx.train.Evaluation(0.5, np.eye(2), labels, np.array([0, 0, 0, 0]), sure, sure)
    >>> round(ninx.study.calibration.calibration(result).error, 3)  # 1/2 |1 - .9| + 1/2 |1/2 - .6|
    0.1
    """
    sure, right = np.asarray(result.confidence, np.float64), result.answers == result.labels
    if not len(sure) or not np.isfinite(sure).all():
        raise ValueError("calibration: there are no answers, or their probabilities are no finite numbers")
    which = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)  # a bin holds its upper end
    counts = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence, accuracy = (np.bincount(which, x, bins) / counts for x in (sure, right))
    rng = np.random.default_rng(0)
    drawn = [_error(which, sure, rng.random(len(sure)) < sure, bins) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Calibration(counts, confidence, accuracy, _error(which, sure, right, bins), (float(low), float(high)))


def _error(which: Array, sure: Array, right: Array, bins: int) -> float:
    """n_b |accuracy_b - confidence_b| is the sum of a bin's (right - sure), without its sign."""
    return float(np.abs(np.bincount(which, right - sure, bins)).sum() / len(sure))
