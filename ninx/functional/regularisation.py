"""Dropout (Srivastava, Hinton et al., 2014): the regulariser of every published Network in Network."""

from __future__ import annotations

from ninx import kernels

from ..array import nchw, xp_of
from ..engine import Tensor
from ..ops import gate
from ..random import next_dropout


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Each entry becomes 0 with probability p, the others are divided by 1 - p. Outside training: the input itself.

    The mask is a hash of the seed, the number of this call and the entry's place in memory order (N, H, W, C for images),
    so it is the same on every device; see `dropout_keep` in the kernels.
    """
    n, *rest = input.shape or (1,)
    return _drop("dropout", input, p, training, (n, *rest))


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Whole maps become 0 with probability p: one decision for each image and channel of (N, C, H, W)."""
    if input.ndim != 4:
        raise ValueError(f"dropout2d: input must have shape (N, C, H, W), got {input.shape}")
    return _drop("dropout2d", input, p, training, (*input.shape[:2], 1, 1))


def _drop(operation: str, x: Tensor, p: float, training: bool, shape: tuple[int, ...]) -> Tensor:
    if not 0 <= p <= 1:
        raise ValueError(f"{operation}: p must be from 0 to 1, got {p}")
    if not training or p == 0:
        return x
    lying = (shape[0], shape[2], shape[3], shape[1]) if len(shape) == 4 else shape
    keep = kernels.tier().dropout_keep(lying, p, *next_dropout(), xp=xp_of(x.data))
    keep = nchw(keep) if len(shape) == 4 else keep.reshape(x.shape)
    return gate(x, keep) * (0.0 if p == 1 else 1 / (1 - p))
