"""A clock that only goes on when somebody works, so that every figure of a benchmark is known beforehand."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import pytest

from ninx.benchmarks import measure


class Clock:
    """``now`` in seconds; ``log`` holds what happened, by name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now = 0.0
        self.done = 0.0  # when a GPU will have done what it was told
        self.log: list[str] = []
        self.busy = self.spinning = 0.0  # what all threads have worked, and how long some will spin after their work
        clock = types.SimpleNamespace(perf_counter=self.read, sleep=self.sleep, process_time=lambda: self.busy)
        monkeypatch.setattr(measure, "time", clock)

    def read(self) -> float:
        self.log.append("clock")
        return self.now

    def sleep(self, seconds: float) -> None:
        self.log.append("pause")
        self.now += seconds
        spun = min(seconds, self.spinning)
        self.busy, self.spinning = self.busy + spun, self.spinning - spun

    def work(self, name: str, seconds: float | Sequence[float], result: Any = None) -> Callable[[], Any]:
        """A function that takes so long (of several times one after the other) and returns the result."""
        times = cycle([seconds] if isinstance(seconds, (int, float)) else seconds)

        def function() -> Any:
            self.log.append(name)
            self.now += next(times)
            return result

        return function

    def told(self, name: str, seconds: float) -> Callable[[], Any]:
        """A function that returns in a millisecond: a GPU works for so long, after what it was told before."""

        def function() -> None:
            self.log.append(name)
            self.done = max(self.done, self.now) + seconds
            self.now += 0.001

        return function

    def wait(self, device: str) -> None:
        """What `synchronize` is on a GPU."""
        self.log.append("wait")
        if device != "cpu":
            self.now = max(self.now, self.done)
