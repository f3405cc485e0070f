"""Randomness, explicit and saveable: one generator for weights and shuffles, and a seed and a counter for dropout.

Everything random is drawn on the host, so that a run is the same on every device. Dropout has no state but the number of
its call: its mask is a hash of (seed, call, position); see `dropout_keep` in the kernels.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


class _State:
    def __init__(self, seed: int) -> None:
        self.seed, self.calls = seed, 0

    @functools.cached_property  # NumPy loads its random part on first use too
    def generator(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)


_state = _State(0)
_seedings = 0  # how often `manual_seed` was called


def manual_seed(seed: int) -> None:
    """Start all randomness anew from ``seed`` (0 to 2**64 - 1). Without a call the seed is 0.

    >>> ninx.manual_seed(7)
    >>> a = ninx.rand(3)
    >>> ninx.manual_seed(7)
    >>> (a == ninx.rand(3)).all()
    tensor(True)
    """
    global _state, _seedings
    _state, _seedings = _State(checked_seed(seed)), _seedings + 1


def checked_seed(seed: int) -> int:
    """``seed`` as a whole number from 0 to 2**64 - 1; else TypeError or ValueError."""
    seed = operator.index(seed)
    if not 0 <= seed < 2**64:
        raise ValueError(f"manual_seed: the seed must be from 0 to 2**64 - 1, got {seed}")
    return seed


def generator() -> np.random.Generator:
    """The generator of initial weights, `randn` and the like."""
    return _state.generator


def seeding() -> tuple[int, int]:
    """(the seed of `manual_seed`, how often it was called), for what keeps a count of its own and begins it anew."""
    return _state.seed, _seedings


def next_dropout() -> tuple[int, int]:
    """(seed, number of this call) for one dropout mask."""
    if _block is not None:
        return _state.seed, _block()
    _state.calls += 1
    return _state.seed, _state.calls


_block: Callable[[], int] | None = None  # gives the number of the next call, within `dropouts_of`


@contextlib.contextmanager
def dropouts_of(step: int, part: int) -> Iterator[None]:
    """Inside, the number of a dropout's call is a hash of (step, part, how many calls there were inside), and none is counted.

    So the masks of a part of a batch do not depend on what else this process has computed.

    >>> masks = []
    >>> for step, part in ((0, 0), (0, 1), (0, 1)):
    ...     with ninx.random.dropouts_of(step, part):
    ...         masks.append(F.dropout(ninx.ones(1000)))
    >>> bool((masks[0] == masks[1]).all()), bool((masks[1] == masks[2]).all())
    (False, True)
    """
    from ninx.kernels.loops import mix

    global _block
    before, calls, place = _block, itertools.count(1), mix(mix(step) ^ part)
    _block = lambda: mix(place ^ next(calls))  # noqa: E731
    try:
        yield
    finally:
        _block = before


def get_rng_state() -> str:
    """All random state (the seed, the generator, the number of dropouts so far) as a line of JSON, for `set_rng_state`.

    >>> state = ninx.get_rng_state()
    >>> a = ninx.rand(3)
    >>> ninx.set_rng_state(state)
    >>> (a == ninx.rand(3)).all()
    tensor(True)
    """
    import json  # here, because few need it

    return json.dumps({"seed": _state.seed, "calls": _state.calls, "generator": _state.generator.bit_generator.state})


def set_rng_state(state: str) -> None:
    """Put back what `get_rng_state` gave; raises ValueError for anything else.

    >>> ninx.set_rng_state("lost")
    Traceback (most recent call last):
    ValueError: set_rng_state: this is no saved random state (...)
    """
    import json

    try:
        fields: dict[str, Any] = json.loads(state)
        fresh = _State(checked_seed(fields["seed"]))
        fresh.calls = operator.index(fields["calls"])
        fresh.generator.bit_generator.state = fields["generator"]
        if fresh.calls < 0:
            raise ValueError(f"{fresh.calls} calls")
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"set_rng_state: this is no saved random state ({error})") from None
    global _state
    _state = fresh
