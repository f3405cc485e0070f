"""A training step without its arithmetic: everything is taken, recorded, kept and freed as in a real one; nothing is computed.

The engine itself is run, on a copy of the network whose weights have no values. Its large arrays are pieces of a pool of their
own, of which no page is ever touched, because the compiled kernels do nothing meanwhile; so a step takes milliseconds, and
address space where a real one would take memory. What NumPy does is done, on numbers that mean nothing.

Who wants to know something of such a step puts nodes of a class of its own in the place of the engine's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from types import FrameType
from typing import Any

import numpy as np

from ninx.kernels import memory
from ninx.kernels.layout import empty, nchw
from ninx.kernels.silent import silence

from .. import functional as F
from .. import nn, random
from ..engine import Tensor, enable_grad, graph
from ..nn import fusion

ROOT = "the network"  # the name of a network that is one layer


def without_values(model: nn.Module, operation: str = "summary") -> nn.Module:
    """A copy of the network in which the parameters are memory that was never written. They lie as `nn.init` lays them.

    Raises TypeError for a network that cannot be copied; ``operation`` begins its sentence.

    >>> twin = ninx.study.uncomputed.without_values(nn.Linear(3, 2))
    >>> twin.weight.shape
    (2, 3)
    """
    memo: dict[int, Any] = {}
    for p in model.parameters():
        array = empty(p.shape, p.dtype, np)
        empty(p.shape, p.dtype, np)  # filling it took another for a moment, and so the places are those of a real network
        memo[id(p)] = nn.Parameter(array, requires_grad=p.requires_grad)
    try:
        return copy.deepcopy(model, memo)
    except (TypeError, RuntimeError) as error:
        raise TypeError(f"{operation}: this network cannot be copied, so no step of it can be tried: {error}") from error


def batch_of(model: nn.Module, input_shape: Sequence[int], batch: int) -> Tensor:
    """``batch`` images of ``input_shape`` (C, H, W) without values, as they lie in memory, in the dtype of the weights.

    >>> ninx.study.uncomputed.batch_of(nn.Linear(3, 2), (3,), 8).shape
    (8, 3)
    """
    dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float32))
    c, *size = input_shape
    return Tensor(nchw(np.empty((batch, *size, c), dtype)) if len(size) == 2 else np.empty((batch, *input_shape), dtype))


def loss_of(y: Any, labels: Tensor) -> Tensor:
    """Cross-entropy where the network gives a row of logits for each image; else the sum of all that it gives.

    >>> ninx.study.uncomputed.loss_of([ninx.ones(2), ninx.ones(3)], ninx.tensor([0, 1]))
    tensor(5.)
    """
    if isinstance(y, Tensor):
        return F.cross_entropy(y, labels) if y.ndim == 2 and len(y) == len(labels) else y.sum()
    parts = [loss_of(part, labels) for part in (y.values() if isinstance(y, dict) else y)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


@contextmanager
def uncomputed(take: Callable[..., Any], node: Callable[..., graph.Node]) -> Iterator[None]:
    """``with uncomputed(...):`` the engine on memory from ``take``, with nodes made by ``node``, without arithmetic.

    Afterwards it is as random as before.

    >>> from ninx.engine import Node
    >>> from ninx.kernels import memory
    >>> with ninx.study.uncomputed.uncomputed(memory.Pool().empty, Node):
    ...     F.conv2d(ninx.zeros(1, 3, 8, 8), ninx.zeros(4, 3, 3, 3)).shape
    (1, 4, 6, 6)
    """
    state = random.get_rng_state()
    try:
        with (
            swapped(memory, "empty", take),
            swapped(graph, "Node", node),
            swapped(np, "matmul", _unmultiplied(get_ident())),
            silence(),
            np.errstate(all="ignore"),
            enable_grad(),
        ):
            yield
    finally:
        random.set_rng_state(state)


@contextmanager
def swapped(owner: Any, name: str, value: Any) -> Iterator[None]:
    """``owner.name`` is ``value`` for a while.

    >>> from ninx.study import dry, uncomputed
    >>> with uncomputed.swapped(dry, "STEPS", 3):
    ...     dry.STEPS
    3
    """
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _unmultiplied(thread: int) -> Callable[..., Any]:
    """NumPy's matmul, whose result in this thread is memory that was never written."""
    matmul = np.matmul

    def product(a: Any, b: Any, out: Any = None) -> Any:
        if get_ident() != thread:
            return matmul(a, b, out=out)
        shape = *np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]
        return np.empty(shape, a.dtype) if out is None else out

    return product


def layer_at(frame: FrameType, names: dict[int, str]) -> str | None:
    """The layer at work in a frame of Python's stack; ``names``: of the modules, by their id. None: no layer.

    >>> import sys
    >>> print(ninx.study.uncomputed.layer_at(sys._getframe(), {}))
    None
    """
    own = frame.f_locals.get("self")
    if isinstance(own, nn.Module):
        return names.get(id(own))
    if frame.f_code.co_filename == fusion.__file__:  # a step for two layers has no self, but knows both
        parts = (names.get(id(part)) for part in frame.f_locals.values() if isinstance(part, nn.Module))
        return next((name for name in parts if name is not None), None)
    return None
