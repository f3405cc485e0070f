"""How many examples a test takes, and numbers for them, without PyTorch: some tests also run where there is none."""

from __future__ import annotations

import numpy as np
import pytest


def normal_and_slow(normal: int, slow: int) -> pytest.MarkDecorator:
    """Parametrise a test over ``count``: few examples in every run, many with ``-m slow``."""
    return pytest.mark.parametrize("count", [normal, pytest.param(slow, marks=pytest.mark.slow)])


def few_digits(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """-2, -1, 0, 1, 2: many ties."""
    return rng.integers(-2, 3, shape).astype(np.float64)
