"""How far it is from a call to its end: ``python tests/house/ways.py`` counts files, functions, Python calls and climbs.

For five ways through the house: F.conv2d to the innermost loop, its backward pass, a fused Sequential with its backward pass,
``ninx train`` to the first step of its optimiser, and the same on a GPU (or on the stand-in for one). What was imported or kept
before is there already: each way is gone twice, and counted the second time. A climb is a call of a function on a higher floor
than the one that was called just before; `test_house` says which floors there are.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import cupy_stand_in
from test_house import floor_of

import ninx
import ninx.functional as F
from ninx import nn


class Way:
    """The calls of ninx's own functions while it is watched."""

    def __init__(self) -> None:
        self.called: list[tuple[str, CodeType]] = []

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        name, code = frame.f_globals.get("__name__", ""), frame.f_code
        if event == "call" and name.partition(".")[0] == "ninx" and code.co_name != "<module>":
            self.called.append((name, code))

    def __str__(self) -> str:
        """Files, functions and their lines, calls, and climbs of all changes of floor."""
        codes = {code for _, code in self.called}
        lines = {(c.co_filename, line) for c in codes for *_, line in c.co_lines() if line is not None}
        floors = [floor_of(name) for name, _ in self.called]
        moves = [b - a for a, b in pairwise(floors) if a != b]
        climbs = sum(move > 0 for move in moves)
        return (
            f"{len({c.co_filename for c in codes}):4} files {len(codes):4} functions {len(lines):5} lines "
            f"{len(self.called):6} calls {climbs:5} climbs of {len(moves):5} moves"
        )


def watched(walk: Callable[[], Any]) -> Way:
    """Where ``walk`` comes through."""
    way = Way()
    sys.setprofile(way)
    try:
        walk()
    finally:
        sys.setprofile(None)
    return way


class Arrived(BaseException):
    """The end of a way."""


@contextmanager
def until_the_first_step() -> Iterator[None]:
    """Inside, the first step of an optimiser is the last thing that happens."""
    real = ninx.optim.SGD.step

    def step(self: Any, *given: Any) -> None:
        real(self, *given)
        raise Arrived

    ninx.optim.SGD.step = step  # type: ignore[method-assign]
    try:
        yield
    except Arrived:
        pass
    finally:
        ninx.optim.SGD.step = real  # type: ignore[method-assign]


def training(device: str) -> None:
    """``ninx train`` to its first step."""
    from ninx.cli import main

    sys.argv = [
        "ninx",
        "train",
        "--limit",
        "200",
        "--out",
        tempfile.mkdtemp(),
        *(["--device", device] if device != "cpu" else []),
    ]
    with until_the_first_step(), open(os.devnull, "w") as quiet:
        stdout, sys.stdout = sys.stdout, quiet
        try:
            main()
        finally:
            sys.stdout = stdout


def main() -> None:
    """All five ways."""
    x, w = ninx.randn(2, 16, 8, 8, requires_grad=True), ninx.randn(16, 16, 3, 3, requires_grad=True)
    b, g = ninx.zeros(16, requires_grad=True), ninx.ones(2, 16, 8, 8)
    made: list[ninx.Tensor] = []
    net = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5), nn.Conv2d(16, 10, 1))

    def whole() -> None:
        net(x).mean().backward()

    walks: dict[str, Callable[[], Any]] = {
        "F.conv2d": lambda: made.append(F.conv2d(x, w, b, padding=1)),
        "its backward": lambda: made.pop().backward(g),
        "a fused Sequential": whole,
        "ninx train to a step": lambda: training("cpu"),
        "the same on cuda": lambda: training("cuda"),
    }
    os.chdir(tempfile.mkdtemp())
    os.environ.setdefault("COLUMNS", "80")
    with ExitStack() as stack:
        for name, walk in walks.items():
            if "cuda" in name and ninx.gpu_status() is not None:
                stack.enter_context(cupy_stand_in.installed())
            for _ in range(2):
                if name == "its backward":
                    walks["F.conv2d"]()
                way = watched(walk)
            print(f"{name:22}{way}")


if __name__ == "__main__":
    main()
