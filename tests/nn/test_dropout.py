"""Dropout: what is kept, how much of it, and that a seed decides it in every tier and layout."""

from __future__ import annotations

import math
from typing import Any

import devices
import numpy as np
import pytest
import strategies as some
import tables
import torch
from oracle import LAYOUTS, agree, lay, signed

import ninx
import ninx.functional as F

pytestmark = pytest.mark.usefixtures("device")

E = 20  # examples


@pytest.mark.parametrize("name", ["dropout", "dropout2d"])
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_dropout(name: str, p: float) -> None:
    """PyTorch draws other masks: ours is read off the output for ones, and the rest is multiplication."""
    function = getattr(F, name)

    def seeded(x: ninx.Tensor, seed: int) -> ninx.Tensor:
        ninx.manual_seed(seed)
        return function(x, p) * 1  # with p = 0 it is the input itself, which wants no gradient of its own here

    @some.examples(E, some.shape(4, 4) if name == "dropout2d" else some.shape(), some.layouts, some.seeds)
    def _(size: Any, layouts: Any, seed: int) -> None:
        ones = seeded(ninx.ones(size, dtype=np.float64), seed).numpy()
        assert np.isin(ones, [0, 1 / (1 - p) if p < 1 else 0]).all()
        if name == "dropout2d":
            assert (ones == ones[:, :, :1, :1]).all()  # a map is kept or dropped as a whole
        mask, rng = torch.tensor(ones), np.random.default_rng(seed)
        agree(lambda x: seeded(x, seed), lambda x: x * mask, [signed(rng, size)], rng, layouts)
        assert function(x := ninx.ones(size), p, training=False) is x


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_how_much_dropout_keeps(p: float) -> None:
    ninx.manual_seed(7)
    first, second = (F.dropout(ninx.ones(64, 16, 16, 16), p).numpy() != 0 for _ in range(2))
    maps = F.dropout2d(ninx.ones(256, 256, 1, 1), p).numpy() != 0
    both = (1 - p) ** 2  # of two calls, and of two neighbours along each axis: the decisions are independent
    neighbours = [first[1:] & first[:-1], first[:, 1:] & first[:, :-1], first[:, :, 1:] & first[:, :, :-1]]
    for kept, rate in [(first, 1 - p), (second, 1 - p), (maps, 1 - p), (first & second, both), *((n, both) for n in neighbours)]:
        assert abs(kept.mean() - rate) < 5 * math.sqrt(rate * (1 - rate) / kept.size)


@pytest.mark.parametrize("name", ["dropout", "dropout2d"])
def test_dropout_is_the_same_in_both_tiers_and_every_layout(name: str) -> None:
    array, outputs = signed(np.random.default_rng(0), (3, 4, 5, 6)), []
    for tier in (devices.definition(), "strided"):
        for how in LAYOUTS:
            ninx.manual_seed(2**63 + 5)
            with ninx.use_kernels(tier):
                outputs.append([getattr(F, name)(ninx.from_numpy(lay(array, how)[0]), 0.4).numpy() for _ in range(2)])
    for first, second in outputs:
        np.testing.assert_array_equal(first, outputs[0][0])
        np.testing.assert_array_equal(second, outputs[0][1])
    assert (outputs[0][0] != outputs[0][1]).any()  # the next call has another mask


zeros = ninx.zeros
X = zeros(2, 3, 5, 5)
W = zeros(4, 3, 3, 3)
ERRORS: tables.Errors = [
    (lambda: F.dropout(X, 1.5), ValueError, "dropout: p must be from 0 to 1, got 1.5"),
    (lambda: F.dropout(X, -0.1), ValueError, "p must be from 0 to 1, got -0.1"),
    (lambda: F.dropout2d(zeros(2, 3)), ValueError, r"dropout2d: input must have shape \(N, C, H, W\), got \(2, 3\)"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)
