"""Softmax and cross-entropy of rows of logits, with the gradient on the way: each row is read once, while it is in the cache."""

from __future__ import annotations

import math

import numpy as np

from ..threads import get_num_threads
from ..types import Array
from .jit.compiled import kernel


@kernel()
def _softmax_cross_entropy(t: int, x: Array, labels: Array, loss: Array, slope: Array, ignore: int, threads: int) -> None:
    """The sums of exponentials are float64. The largest logit is taken out first, so none of them overflows."""
    rows, classes = x.shape
    for i in range(t * rows // threads, (t + 1) * rows // threads):
        loss[i] = 0
        if labels[i] == ignore:
            slope[i] = 0
            continue
        largest = x[i, 0]
        for c in range(1, classes):
            largest = max(largest, x[i, c])
        total = 0.0
        for c in range(classes):
            value = math.exp(np.float64(x[i, c] - largest))
            slope[i, c] = value
            total += value
        for c in range(classes):
            slope[i, c] /= total
        slope[i, labels[i]] -= 1
        loss[i] = math.log(total) - np.float64(x[i, labels[i]] - largest)


def softmax_cross_entropy(logits: Array, labels: Array, ignore_index: int) -> tuple[Array, Array]:
    """See `loops.softmax_cross_entropy`; every label is ignored or a class."""
    loss, slope = np.empty(len(logits), logits.dtype), np.empty_like(logits)
    _softmax_cross_entropy(logits, labels.astype(np.int64), loss, slope, ignore_index, get_num_threads())
    return loss, slope
