"""`freeze`: a network that only answers, as a list of kernel calls."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from ninx import kernels

from .. import nn
from ..array import Array, empty, nchw, xp_of
from ..engine import Tensor, no_grad
from ..kernels.geometry import whole
from .layers import is_row, layers_of

Shape = tuple[int, ...]


def freeze(model: nn.Module, input_shape: Shape, batch: int = 8) -> Frozen:
    """The network for answers alone."""
    return Frozen(model, input_shape, batch)


class Frozen:
    """What `freeze` returns."""

    def __init__(self, model: nn.Module, input_shape: Shape, batch: int):
        self.model, self.input_shape, self.batch = model, tuple(input_shape), batch
        self._lock = threading.Lock()
        self.refreeze()

    def refreeze(self) -> None:
        """Take the weights as they are now."""
        from .steps import Room

        self._programs: dict[int, Any] = {}
        self._room = Room()
        self._layers = layers_of(self.model)

    def _program(self, n: int) -> Any:
        from .program import Program

        if n not in self._programs:
            self._programs[n] = Program(self._layers, n, self.input_shape, np.dtype(np.float32), self._room)
        return self._programs[n]

    def __call__(self, input: Any) -> Tensor:
        x = input.array if isinstance(input, Tensor) else np.asarray(input)
        rows = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
        made = None
        with self._lock:
            for first in range(0, len(rows), self.batch):
                some = rows[first : first + self.batch]
                y = self._program(len(some)).run(some)
                if made is None:
                    made = np.empty((len(rows), *y.shape[1:]), y.dtype)
                made[first : first + self.batch] = y
        return Tensor(nchw(made) if made.ndim == 4 else made)
