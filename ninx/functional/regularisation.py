"""Dropout (Srivastava, Hinton et al., 2014): the regulariser of every published Network in Network."""

from __future__ import annotations

from ninx import kernels

from ..array import as_it_was, nchw, nhwc, xp_of
from ..engine import Tensor, record
from ..ops import masked
from ..ops.inplace import become
from ..random import next_dropout
from .inputs import need_floats, need_tensors


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each entry becomes 0 with probability p, the others are divided by 1 - p. Outside training: the input itself.

    The mask is a hash of the seed, the number of this call and the entry's place in memory order (N, H, W, C for images),
    so it is the same on every device; see `dropout_keep` in the kernels.

    ``inplace``: the input itself is changed, as in PyTorch and as `relu` does.

    Adjoint: g through the same mask. Raises ValueError for p outside 0 to 1.

    >>> y = F.dropout(ninx.ones(1000), p=0.2)
    >>> sorted(set(y.tolist())), bool((y == 0).sum() > 100)
    ([0.0, 1.25], True)
    """
    if type(input) is not Tensor:
        need_tensors("dropout", input=input)
    _check("dropout", p)
    if not training or not p:
        return input
    if not input.is_floating_point():
        need_floats("dropout", input)
    if inplace:
        return become("dropout_", input, lambda x: _dropped(x, p, *next_dropout()))
    return _dropped(input, p, *next_dropout())


def _dropped(x: Tensor, p: float, seed: int, call: int) -> Tensor:
    """Linear in x, and its own adjoint; so the mask is never kept, but made again."""
    rows = nhwc(x.array) if x.ndim == 4 else xp_of(x.array).ascontiguousarray(x.array).reshape(x.shape)
    value = as_it_was(kernels.tier().dropout(rows, p, seed, call))
    return record(value, (x, lambda g: _dropped(g, p, seed, call)), name="dropout")


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole maps become 0 with probability p: one decision for each image and channel of (N, C, H, W). ``inplace``: as `dropout`.

    >>> y = F.dropout2d(ninx.ones(8, 16, 4, 4), p=0.5).sum(dim=(2, 3))
    >>> sorted(set(y.flatten().tolist()))  # 16 pixels of 2, or of 0
    [0.0, 32.0]
    """
    need_tensors("dropout2d", input=input)
    if input.ndim != 4:
        raise ValueError(f"dropout2d: input must have shape (N, C, H, W), got {input.shape}")
    _check("dropout2d", p)
    if not training or p == 0:
        return input
    need_floats("dropout2d", input)
    n, c, _, _ = input.shape
    keep = kernels.tier().dropout_keep((n, 1, 1, c), p, *next_dropout(), xp=xp_of(input.array))
    scale = 0.0 if p == 1 else 1 / (1 - p)
    if inplace:
        return become("dropout2d_", input, lambda x: masked(x, nchw(keep)) * scale)
    return masked(input, nchw(keep)) * scale


def _check(operation: str, p: float) -> None:
    if isinstance(p, str) or not 0 <= p <= 1:
        raise ValueError(f"{operation}: p must be from 0 to 1, got {p}")
