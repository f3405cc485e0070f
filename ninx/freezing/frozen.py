"""`freeze`: a network that only answers."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ninx import kernels

from .. import nn
from ..array import Array, as_it_lies, as_it_was, empty, plain_array, xp_of
from ..engine import Tensor, no_grad
from ..kernels.geometry import whole
from ..looks import unfailing
from .layers import evaluating, is_row, layers_of
from .watch import Watch

if TYPE_CHECKING:
    from .program import Program
    from .steps import Step

KEPT = 4  # programs for other numbers of images than the last ones are made anew


def freeze(model: nn.Module, input_shape: Sequence[int], batch: int | None = None) -> Frozen:
    """A function that answers as ``model`` does in eval mode, and does everything that no image changes but once, now.

    Weights are packed for the kernels (and transformed, for Winograd's), batch normalisation becomes part of the weights of the
    convolution before it, ReLU of the kernel, and dropout is left out. What remains is one list of kernel calls over memory of
    its own. ``input_shape`` is that of one image, (C, H, W). Of N images ``batch`` go through the network at once, by default as
    many as have 24 MB of values, so memory does not grow with N. A layer that is not known is called as it is.

    Raises ValueError for a network that is no `nn.Sequential` of layers (of Sequentials), whose forward is Python of its own.

    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten())
    >>> answer = ninx.freeze(model, (3, 16, 16))
    >>> images = ninx.rand(20, 3, 16, 16)
    >>> answer(images).shape, ninx.allclose(answer(images), model.eval()(images), atol=1e-5)
    ((20, 8), True)
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"freeze: takes an nn.Module, not {type(model).__name__}")
    if not is_row(model):
        inside = [name for name, part in model.named_modules() if name and is_row(part)]
        which = f", such as its part {inside[0]!r}" if inside else ""
        raise ValueError(
            f"freeze: the forward of {type(model).__name__} is Python of its own, which cannot be looked into; freeze an "
            f"nn.Sequential{which}"
        )
    shape = tuple(whole(size, "freeze", "every size in input_shape") for size in input_shape)
    if min(shape, default=0) < 1:
        raise ValueError(f"freeze: input_shape is that of one image, such as (3, 32, 32), without the batch; got {input_shape}")
    if batch is not None and whole(batch, "freeze", "batch") < 1:
        raise ValueError(f"freeze: batch must be at least 1, got {batch}")
    return Frozen(model, shape, batch)


class Frozen:
    """A network that only answers; `freeze` makes one. Call it with a tensor or an array (N, C, H, W), for any N.

    It always gives what the model gives in eval mode, whether that is training or not, and never a gradient. When weights were
    changed by an optimiser, an operation in place or `load_state_dict`, or layers replaced, it takes the new ones by itself. It
    does not notice what was written through ``.data``, ``.array`` or ``.numpy()``, or to a setting such as a stride: then call
    `refreeze`.

    Several threads may call it: they wait for each other. On a GPU, and on other tiers than "fast", it calls the model itself.

    >>> model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Dropout(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 2))
    >>> with ninx.use_kernels("fast"):
    ...     print(ninx.freeze(model, (1, 8, 8), batch=16))
    Frozen: (N, 1, 8, 8) -> (N, 2), up to 16 images at once
      0, 1  Conv2d, ReLU  direct    (8, 6, 6)
      3     MaxPool2d     compiled  (8, 3, 3)
      4     Flatten       a copy    (72,)
      5     Linear        NumPy     (2,)
    """

    def __init__(self, model: nn.Module, input_shape: tuple[int, ...], batch: int | None = None):
        self.model, self.input_shape = model, input_shape
        self._asked = batch
        self._lock = threading.Lock()
        _all.add(self)
        self.refreeze()

    def refreeze(self) -> None:
        """Take the layers and their weights as they are now.

        >>> layer = nn.Sequential(nn.Linear(2, 1, bias=False))
        >>> answer = ninx.freeze(layer, (2,))
        >>> layer[0].weight.data[:] = 3
        >>> answer.refreeze()
        >>> answer(ninx.ones(1, 2))
        tensor([[6.]])
        """
        with self._lock:
            self._take()

    def _take(self) -> None:
        self._layers, self._watch = layers_of(self.model), Watch(self.model)
        self._threads = kernels.get_num_threads()
        self._dtype = next((p.dtype for p in self.model.parameters()), np.dtype(np.float32))
        self._programs: dict[int, Program] = {}
        self._steps: list[Step] | None = None
        if self._is_compiled(np):
            from .program import images_at_once, steps_of
            from .steps import Room

            self._room = Room()
            self._batch = self._asked or images_at_once(self._layers, self.input_shape, self._dtype, self._room)
            self._steps = steps_of(self._layers, self._batch, self.input_shape, self._dtype, self._room)

    def _is_compiled(self, xp: Any) -> bool:
        """Do these arrays go through the compiled kernels? Else the model itself is called."""
        return kernels.tier_name() == "fast" and xp is np and not self._watch.on_gpu

    def _program(self, n: int) -> Program:
        from .program import Program

        if n not in self._programs:
            while len(self._programs) >= KEPT:
                del self._programs[next(iter(self._programs))]
            self._programs[n] = Program(self._layers, n, self.input_shape, self._dtype, self._room)
        return self._programs[n]

    def __call__(self, input: Tensor | Array) -> Tensor:
        """(N, C, H, W) -> what the model makes of it. Raises ValueError for another shape, TypeError for another dtype."""
        x = input.array if isinstance(input, Tensor) else plain_array(input)
        if x.shape[1:] != self.input_shape or x.dtype != self._dtype:
            self._refuse(x)
        if not self._is_compiled(xp_of(x)):
            with self._lock, evaluating([self.model]), no_grad():
                answer: Tensor = self.model(Tensor(x))
                return answer
        with self._lock:
            if self._watch.has_changed() or self._threads != kernels.get_num_threads() or self._steps is None:
                self._take()
            return Tensor(as_it_was(self._answers(as_it_lies(x))))

    def _answers(self, x: Array) -> Array:
        """The answers to images that lie as they are to lie, group by group."""
        assert self._steps is not None
        shape = self._steps[-1].shape if self._steps else self.input_shape
        made = as_it_lies(empty((len(x), *shape), self._dtype, np))
        for first in range(0, len(x), self._batch):
            some = x[first : first + self._batch]
            made[first : first + self._batch] = self._program(len(some)).run(some)
        return made

    def _refuse(self, x: Array) -> None:
        sizes = ", ".join(map(str, self.input_shape))
        if x.dtype != self._dtype:
            raise TypeError(f"frozen network: the input must be {self._dtype}, as the weights are, got {x.dtype}")
        raise ValueError(f"frozen network: the input must have shape (N, {sizes}), as it was frozen for; got {x.shape}")

    @unfailing
    def __repr__(self) -> str:
        """A line for each step: the layers that it does, how, and the shape that it makes of one image."""
        given = ", ".join(map(str, self.input_shape))
        if self._steps is None:
            return f"Frozen: (N, {given}), by the model itself"
        made = ", ".join(map(str, self._steps[-1].shape if self._steps else self.input_shape))
        rows = [
            (", ".join(step.layer.names), ", ".join(type(m).__name__ for m in step.layer.modules), step.how, str(step.shape))
            for step in self._steps
        ]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n  ".join([f"Frozen: (N, {given}) -> (N, {made}), up to {self._batch} images at once", *lines])


_all: weakref.WeakSet[Frozen] = weakref.WeakSet()


def _forked() -> None:
    """In a child process: the thread that was in a network is not there, so it is free, and its steps may be half made."""
    for frozen in _all:
        if frozen._lock.locked():
            frozen._lock, frozen._steps = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
