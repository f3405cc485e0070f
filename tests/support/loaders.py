"""Samples for a loader, and whether two batches are the same."""

import collections
from typing import Any

import numpy as np
import torch

import ninx


def same(a: Any, b: Any) -> None:
    """One of ours and one of PyTorch's hold the same: structure, dtypes and values."""
    if isinstance(b, torch.Tensor):
        assert isinstance(a, ninx.Tensor)
        assert str(a.dtype) == str(b.dtype).removeprefix("torch.")
        assert np.array_equal(a.numpy(), b.numpy())
    elif isinstance(b, collections.abc.Mapping):
        assert isinstance(a, type(b))
        assert list(a) == list(b)
        for key in b:
            same(a[key], b[key])
    elif isinstance(b, str | bytes):
        assert a == b
    else:
        assert type(a) is type(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


# -------------------------------------------------------------------- the loader


SAMPLES = [(floats(i, i + 1), i) for i in range(7)]


# -------------------------------------------------------------------- chance


def order(loader: Any) -> list[int]:
    return [int(n) for batch in loader for n in batch]
