"""A mistake of the user ends in a short traceback: below the user's own line only a few frames are ninx's."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ninx
import ninx.functional as F
from ninx import nn, optim

PACKAGE = str(Path(ninx.__file__).parent)


class Own(nn.Module):
    """A network with a forward of its own."""

    def __init__(self) -> None:
        self.body = nn.Sequential(nn.MLPConv(1, (4, 4), 3), nn.Flatten(), nn.Linear(10, 2))

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        y: ninx.Tensor = self.body(x)
        return y


def twice() -> None:
    y = (ninx.ones(3, requires_grad=True) ** 2).sum()
    y.backward()
    y.backward()


MISTAKES: dict[str, tuple[int, Callable[[], object]]] = {  # at most so many frames
    "view": (2, lambda: ninx.zeros(2, 3).view(5, 5)),
    "add": (3, lambda: ninx.zeros(3) + ninx.zeros(4)),
    "matmul": (2, lambda: ninx.zeros(3, 4) @ ninx.zeros(3, 4)),
    "sum": (4, lambda: ninx.zeros(3).sum(dim=4)),
    "index": (2, lambda: ninx.zeros(3)[5]),
    "item": (1, lambda: ninx.zeros(3).item()),
    "numpy": (2, lambda: np.asarray(ninx.zeros(3, requires_grad=True))),
    "tensor": (2, lambda: ninx.tensor("abc")),
    "cross_entropy": (1, lambda: F.cross_entropy(ninx.zeros(4, 10), ninx.zeros(5))),
    "conv2d": (2, lambda: F.conv2d(ninx.zeros(1, 3, 8, 8), ninx.zeros(4, 4, 3, 3))),
    "max_pool2d": (4, lambda: F.max_pool2d(ninx.zeros(1, 1, 8, 8), 40)),
    "backward of a vector": (4, lambda: ninx.zeros(3, requires_grad=True).backward()),
    "backward twice": (5, twice),
    "a layer": (3, lambda: nn.Linear(3, 4)(ninx.zeros(2, 5))),
    "a network": (7, lambda: nn.Sequential(nn.MLPConv(1, (4, 4), 3))(ninx.zeros(2, 3, 8, 8))),
    "a network of one's own": (6, lambda: Own()(ninx.zeros(2, 1, 8, 8))),
    "load_state_dict": (1, lambda: nn.Linear(3, 4).load_state_dict({})),
    "SGD": (2, lambda: optim.SGD(nn.Linear(3, 4).parameters(), lr=-1)),
    "models.create": (2, lambda: ninx.models.create("nin")),
    "data.load": (1, lambda: ninx.data.load("digit", "train")),
    "load_run": (2, lambda: ninx.load_run("nowhere")),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_few_frames_are_those_of_ninx(mistake: str) -> None:
    most, make = MISTAKES[mistake]
    with pytest.raises((ValueError, IndexError, RuntimeError, TypeError)) as caught:
        make()
    frames = [frame.name for frame in traceback.extract_tb(caught.tb) if frame.filename.startswith(PACKAGE)]
    frames += [frame.name for frame in traceback.extract_tb(caught.tb) if "/kernels/" in frame.filename]
    assert len(frames) <= most, frames
    shown = "".join(traceback.format_exception(caught.value))
    assert "During handling of the above exception" not in shown  # what NumPy thought of it is no matter
