"""PyTorch's names for what the engine does, for programs that import them from ``autograd``; nothing here is new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import engine
from .engine import Tensor, detect_anomaly, enable_grad, grad, inference_mode, no_grad, set_grad_enabled
from .hints import hinted
from .kernels.listing import only_public
from .ops import detach
from .ops.operands import operand
from .study.gradcheck import GradientError, gradcheck, gradgradcheck

__all__ = [
    "Function",
    "GradientError",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "no_grad",
    "set_grad_enabled",
]

__dir__ = only_public(globals())
if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__)


class _IsTensor(type):
    def __instancecheck__(cls, thing: object) -> bool:
        return isinstance(thing, Tensor)


class Variable(metaclass=_IsTensor):
    """A tensor, as it was called before PyTorch 0.4: ``Variable(x)`` is ``x`` without its history, on the same memory.

    Raises TypeError for what is no tensor, and for ``volatile``, which `no_grad` took the place of.

    >>> from ninx.autograd import Variable
    >>> w = Variable(ninx.ones(2), requires_grad=True)
    >>> w, isinstance(w, Variable)
    (tensor([1., 1.], requires_grad=True), True)
    """

    def __new__(cls, data: Any, requires_grad: bool = False, volatile: Any = None) -> Any:
        """The tensor itself, detached: no object of this class is made."""
        if volatile is not None:
            raise TypeError("Variable: volatile is gone (from PyTorch too); compute under `with ninx.no_grad():`")
        if not isinstance(data, Tensor):
            hint = "ninx.from_numpy(array) makes one" if isinstance(data, np.ndarray) else "ninx.tensor(data) makes one"
            raise TypeError(f"Variable: takes a Tensor, not a {type(data).__name__}; {hint}")
        return detach(data).requires_grad_(requires_grad)


class Function:
    """Not there: an operation with a derivative of its own is a plain function that ends in `ninx.record`.

    >>> def cube(x):
    ...     return ninx.record(x.array**3, (x, lambda g: g * 3 * x**2))
    >>> x = ninx.tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    tensor(12.)
    """

    def __init_subclass__(cls, **_: Any):
        """Say what to write instead."""
        raise TypeError(
            f"autograd.Function: {cls.__name__} needs no class here; write a function that ends in "
            "ninx.record(value, (x, lambda g: ...)), with one vector-Jacobian product for each input"
        )


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> None:
    """Add the gradients of several tensors, each weighted by its entry of ``grad_tensors`` (None: 1, for a scalar), at once.

    >>> w = ninx.tensor(2.0, requires_grad=True)
    >>> ninx.autograd.backward([w * 3, w * w])
    >>> w.grad
    tensor(7.)
    """
    outputs = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    single = isinstance(grad_tensors, Tensor) or grad_tensors is None
    given = [grad_tensors] * len(outputs) if grad_tensors is None else [grad_tensors] if single else list(grad_tensors)
    if len(given) != len(outputs):
        raise ValueError(f"backward: {len(outputs)} tensors, but {len(given)} gradients were given")
    weights = [None if g is None else operand("backward", g, t) for g, t in zip(given, outputs, strict=True)]
    engine.backward(outputs, weights, retain_graph, create_graph)
