"""Dropout (Srivastava, Hinton et al., 2014): the regulariser of every published Network in Network."""

from __future__ import annotations

from ninx import kernels

from ..array import as_it_was, nchw, nhwc, xp_of
from ..engine import Tensor, record
from ..ops import gate
from ..random import next_dropout


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Each entry becomes 0 with probability p, the others are divided by 1 - p. Outside training: the input itself.

    The mask is a hash of the seed, the number of this call and the entry's place in memory order (N, H, W, C for images),
    so it is the same on every device; see `dropout_keep` in the kernels.

    Adjoint: g through the same mask. Raises ValueError for p outside 0 to 1.

    >>> y = F.dropout(ninx.ones(1000), p=0.2)
    >>> sorted(set(y.tolist())), bool((y == 0).sum() > 100)
    ([0.0, 1.25], True)
    """
    _check("dropout", p)
    return _dropped(input, p, *next_dropout()) if training and p else input


def _dropped(x: Tensor, p: float, seed: int, call: int) -> Tensor:
    """Linear in x, and its own adjoint; so the mask is never kept, but made again."""
    rows = nhwc(x.array) if x.ndim == 4 else xp_of(x.array).ascontiguousarray(x.array).reshape(x.shape)
    value = as_it_was(kernels.tier().dropout(rows, p, seed, call))
    return record(value, (x, lambda g: _dropped(g, p, seed, call)), name="dropout")


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Whole maps become 0 with probability p: one decision for each image and channel of (N, C, H, W).

    >>> y = F.dropout2d(ninx.ones(8, 16, 4, 4), p=0.5).sum(dim=(2, 3))
    >>> sorted(set(y.flatten().tolist()))  # 16 pixels of 2, or of 0
    [0.0, 32.0]
    """
    if input.ndim != 4:
        raise ValueError(f"dropout2d: input must have shape (N, C, H, W), got {input.shape}")
    _check("dropout2d", p)
    if not training or p == 0:
        return input
    n, c, _, _ = input.shape
    keep = kernels.tier().dropout_keep((n, 1, 1, c), p, *next_dropout(), xp=xp_of(input.array))
    return gate(input, nchw(keep)) * (0.0 if p == 1 else 1 / (1 - p))


def _check(operation: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"{operation}: p must be from 0 to 1, got {p}")
