"""Gradient clipping (PyTorch has it as torch.nn.utils.clip_grad_norm_)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..array import xp_of
from ..engine import Tensor


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients by one factor, so that the norm of all together is at most ``max_norm``; returns the norm before.

    The factor is max_norm / (norm + 1e-6) where that is below 1. Raises RuntimeError for a norm that is NaN or infinite,
    if ``error_if_nonfinite``.

    >>> w = ninx.tensor([3.0, 4.0], requires_grad=True)
    >>> (w**2 / 2).sum().backward()
    >>> nn.clip_grad_norm_([w], max_norm=1.0), w.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    grads = [p.grad for p in ([parameters] if isinstance(parameters, Tensor) else parameters) if p.grad is not None]
    if not grads:
        return Tensor(0.0)
    xp = xp_of(grads[0].array)
    # A gradient is dense, so ravel in memory order ("K") copies nothing.
    norms = xp.stack([xp.linalg.norm(g.array.ravel(order="K"), norm_type) for g in grads])
    total = xp.linalg.norm(norms, norm_type)
    if error_if_nonfinite and not math.isfinite(float(total)):
        raise RuntimeError(f"clip_grad_norm_: the norm of the gradients is {float(total)}")
    factor = xp.minimum(max_norm / (total + 1e-6), 1)  # not read here: a GPU would have to be waited for
    for g in grads:
        g *= Tensor(factor)
    return Tensor(total)
