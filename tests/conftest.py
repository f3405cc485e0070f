"""Shared fixtures. Every test starts from the same random state and leaves none behind."""

import gc
from collections.abc import Iterator

import pytest

import ninx


@pytest.fixture(autouse=True)
def _fresh_randomness() -> Iterator[None]:
    state = ninx.get_rng_state()
    ninx.manual_seed(0)
    yield
    ninx.set_rng_state(state)


@pytest.fixture
def no_gc() -> Iterator[None]:
    """What dies here dies by its reference count."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
