"""Shared fixtures: every test starts from the same random state and leaves none behind."""

from collections.abc import Iterator

import pytest

import ninx


@pytest.fixture(autouse=True)
def _fresh_randomness() -> Iterator[None]:
    state = ninx.get_rng_state()
    ninx.manual_seed(0)
    yield
    ninx.set_rng_state(state)
