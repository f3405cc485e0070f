"""A class map of a network that ends in a mean and a dense layer, and its score."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, small_numbers

NAMES = ("class_map",)
PARTS = ("map", "score")


def cases() -> list[tuple[Any, ...]]:
    """One feature, several, maps that are not square, every class."""
    sizes = [(2, 2, 1, 2, 0), (2, 2, 2, 2, 1), (2, 3, 2, 3, 2), (3, 2, 4, 3, 0), (4, 5, 3, 4, 3)]
    return [(*small_numbers(i, (h, w, c), (k, c), (k,)), label) for i, (h, w, c, k, label) in enumerate(sizes)]


def oracle(features: Array, weight: Array, bias: Array, label: int) -> tuple[Array, float]:
    """The weights of the class at every pixel; the mean of that plus the bias is the score."""
    seen = features @ weight[label]
    return seen, float(seen.mean() + bias[label])


def changed(which: str) -> Any:
    """The answer with one mistake."""

    def answer(features: Array, weight: Array, bias: Array, label: int) -> tuple[Array, float]:
        seen, score = oracle(features, weight, bias, label)
        others: dict[str, tuple[Array, float]] = {
            "bias_in_the_map": (seen + bias[label], score),
            "no_bias": (seen, float(seen.mean())),
            "sum": (seen, float(seen.sum() + bias[label])),
            "relu": (np.maximum(seen, 0), score),
            "relu_before_the_mean": (seen, float(np.maximum(seen, 0).mean() + bias[label])),
            "not_weighted": (features.sum(2), score),
            "mean_over_features": (seen / features.shape[2], score),
            "scaled": ((seen - seen.min()) / (np.ptp(seen) or 1), score),
        }
        return others[which]

    return answer


MISTAKES = {
    key: changed(key)
    for key in (
        "bias_in_the_map",
        "no_bias",
        "sum",
        "relu",
        "relu_before_the_mean",
        "not_weighted",
        "mean_over_features",
        "scaled",
    )
}
