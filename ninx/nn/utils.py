"""What is done with all parameters, or all gradients, of a network together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ninx.kernels.listing import only_public

from ..array import xp_of
from ..engine import Tensor, no_grad
from ..hints import hinted
from ..ops import cat, clip, copy_, reshape

__all__ = ["clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "vector_to_parameters"]

__dir__ = only_public(globals())
if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [p.grad for p in ([parameters] if isinstance(parameters, Tensor) else parameters) if p.grad is not None]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients by one factor, so that the norm of all together is at most ``max_norm``; returns the norm before.

    The factor is max_norm / (norm + 1e-6) where that is below 1. Gradients whose squares overflow are measured in units of the
    largest, so they are clipped too; in PyTorch they become 0. ``foreach`` is accepted, and changes nothing. Raises RuntimeError
    for a norm that is NaN or infinite, if ``error_if_nonfinite``.

    >>> w = ninx.tensor([3.0, 4.0], requires_grad=True)
    >>> (w**2 / 2).sum().backward()
    >>> nn.clip_grad_norm_([w], max_norm=1.0), w.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    grads = _gradients(parameters)
    if not grads:
        return Tensor(0.0)
    max_norm, norm_type = float(max_norm), float(norm_type)
    xp = xp_of(grads[0].array)
    total = _norm([g.array for g in grads], norm_type, xp)
    with np.errstate(over="ignore"):
        told = total.astype(np.result_type(*(g.dtype for g in grads)))  # float32 may not hold it, where the factor can be had
    if error_if_nonfinite and not math.isfinite(float(total)):
        raise RuntimeError(f"clip_grad_norm_: the norm of the gradients is {float(total)}")
    factor = xp.minimum(max_norm / (total + 1e-6), 1)  # not read here: a GPU would have to be waited for
    with np.errstate(invalid="ignore"):  # inf * 0
        for g in grads:
            g *= Tensor(factor)
    return Tensor(told)


def _norm(arrays: list[Any], p: float, xp: Any) -> Any:
    """The p-norm of all entries together, in units of the largest where their powers overflow or vanish."""
    full = [a.ravel(order="K") for a in arrays if a.size]  # a gradient is dense, so to ravel in memory order copies nothing
    if not full:
        return xp.zeros((), arrays[0].dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        total = xp.linalg.norm(xp.stack([xp.linalg.norm(a, p) for a in full]), p)
        if xp is np and total.dtype != np.float16 and np.isfinite(total) and total > 0:
            return total
        largest = xp.stack([xp.abs(a).max() for a in full]).max().astype(np.float64)
        unit = xp.where(xp.isfinite(largest) & (largest > 0), largest, 1)
        return unit * xp.linalg.norm(xp.stack([xp.linalg.norm(a / unit, p) for a in full]), p)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Cut every entry of the gradients off at -clip_value and clip_value. ``foreach`` is accepted, and changes nothing.

    >>> w = ninx.tensor([3.0, 0.5], requires_grad=True)
    >>> (w**2).sum().backward()
    >>> nn.utils.clip_grad_value_([w], 2.0)
    >>> w.grad
    tensor([2., 1.])
    """
    bound = float(clip_value)
    for g in _gradients(parameters):
        copy_(g, clip(g.detach(), -bound, bound))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters, row by row, as one vector; gradients flow back.

    >>> nn.utils.parameters_to_vector(nn.Linear(4, 2).parameters()).shape
    (10,)
    """
    parts = [reshape(p, (-1,)) for p in ([parameters] if isinstance(parameters, Tensor) else parameters)]
    if not parts:
        raise ValueError("parameters_to_vector: there are no parameters")
    return cat(parts)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the entries of a vector into the parameters; the inverse of `parameters_to_vector`.

    Raises ValueError, before anything is changed, for a vector of another length.

    >>> layer = nn.Linear(4, 2)
    >>> nn.utils.vector_to_parameters(ninx.zeros(10), layer.parameters())
    >>> layer.bias.tolist()
    [0.0, 0.0]
    """
    targets = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    wanted = sum(p.numel() for p in targets)
    if not isinstance(vec, Tensor) or vec.shape != (wanted,):
        shape = vec.shape if isinstance(vec, Tensor) else type(vec).__name__
        raise ValueError(f"vector_to_parameters: needs a tensor of shape ({wanted},), got {shape}")
    start = 0
    with no_grad():
        for p in targets:
            copy_(p, reshape(vec.detach()[start : start + p.numel()], p.shape))
            start += p.numel()
