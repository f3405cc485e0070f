"""Which generator a random transform draws from: that of the sample which a loader prepares, or else ninx's own.

Before it asks for a sample, a loader sets the key that seeds this sample's generator. So a random transform inside a data set
draws the same numbers for a sample of an epoch, however many threads prepare the batches. Outside a loader ninx's own generator
is used, which `manual_seed` sets.
"""

from __future__ import annotations

import operator
import threading
from typing import Any

import numpy as np

from .. import random

Key = tuple[int, ...]


class _Now(threading.local):  # every thread of a loader prepares a sample of its own
    key: Key | None = None
    made: np.random.Generator | None = None


_now = _Now()


def begin(key: Key | None) -> None:
    """From here on this thread draws from the generator of ``key``; None: from ninx's own again."""
    _now.key, _now.made = key, None


def current() -> np.random.Generator:
    """The generator to draw from. That of a sample is made when it is first asked for, since few samples need one."""
    if _now.key is None:
        return random.generator()
    if _now.made is None:
        _now.made = np.random.default_rng(_now.key)
    return _now.made


def given(operation: str, generator: Any) -> np.random.Generator:
    """What a ``generator=`` means: None is ninx's own, a whole number is a seed, and a NumPy generator is itself.

    Raises TypeError for anything else, such as PyTorch's, and ValueError for a negative seed.
    """
    if generator is None:
        return random.generator()
    if isinstance(generator, np.random.Generator):
        return generator
    return np.random.default_rng(seed_of(operation, "generator", generator))


def seed_of(operation: str, name: str, seed: Any) -> int:
    """A seed as a whole number from 0 on; ``name`` is the argument that an error speaks of."""
    try:
        number = operator.index(seed)
    except TypeError:
        kinds = "a whole number" if name == "seed" else "a whole number, ninx.Generator() or np.random.default_rng(seed)"
        raise TypeError(f"{operation}: {name} must be {kinds}, got {type(seed).__module__}.{type(seed).__qualname__}") from None
    if number < 0:
        raise ValueError(f"{operation}: {name} must be non-negative, got {number}")
    return number
