"""Losses. ``reduction`` is "mean", "sum" or "none"."""

from __future__ import annotations

import numpy as np

from ninx import kernels

from ..array import Array, xp_of
from ..engine import Tensor, record
from ..modes import is_grad_enabled
from ..ops import abs, getitem, mean, reshape, sum, unsqueeze, where
from ..ops.indexing import along
from .activation import log_softmax, softmax


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log(softmax(input)[target]): logits (N, C), or (N, C, d1, ...), or (C), against classes 0 to C-1 (or probabilities).

    target holds class numbers, shape (N), (N, d1, ...) or (); or probabilities, with the shape of the input. ``weight`` (C)
    weighs the classes, and the mean is then a weighted one. ``ignore_index`` is a class number that does not count.
    ``label_smoothing`` e mixes the target with the uniform distribution: (1 - e) * target + e / C.

    Raises IndexError for a class number that is not there, ValueError for shapes that do not fit. On a GPU such a number makes
    the loss NaN, and the IndexError comes when the loss is read with ``item()``: until then nobody waits for the GPU.

    >>> logits = ninx.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    >>> F.cross_entropy(logits, ninx.tensor([0, 1]), reduction="none")  # without any knowledge of 3 classes: log(3)
    tensor([0.2395, 1.0986])
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be from 0 to 1, got {label_smoothing}")
    if input.ndim == 0:
        raise ValueError("cross_entropy: input must have a class axis: (C), (N, C) or (N, C, ...)")
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    if _has_kernel(input) and weight is None and not label_smoothing and not target.is_floating_point():
        loss, counted = _by_kernel(input, target, ignore_index, axis)
        return _mean_over(counted, loss) if reduction == "mean" else _reduce(loss, reduction)
    logp = log_softmax(input, axis)
    if target.is_floating_point():
        if target.shape != input.shape:
            raise ValueError(f"cross_entropy: probabilities must have the input's shape {input.shape}, got {target.shape}")
        smooth = target * (1 - label_smoothing) + label_smoothing / classes
        loss = -sum(_weighted(logp, weight, axis) * smooth, axis)
        return _reduce(loss, reduction)
    loss, counted, kept = _pick("cross_entropy", logp, target, weight, ignore_index)
    if label_smoothing:
        uniform = where(Tensor(kept), -sum(_weighted(logp, weight, axis), axis), 0.0)
        loss = loss * (1 - label_smoothing) + uniform * (label_smoothing / classes)
    return _mean_over(counted, loss) if reduction == "mean" else _reduce(loss, reduction)


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """-input[target]: the cross-entropy of log-probabilities (N, C), (N, C, d1, ...) or (C); the rest as `cross_entropy`.

    >>> logits, target = ninx.tensor([[2.0, 0.0, 0.0]]), ninx.tensor([0])
    >>> F.nll_loss(F.log_softmax(logits, dim=1), target), F.cross_entropy(logits, target)
    (tensor(0.2395), tensor(0.2395))
    """
    loss, counted, _ = _pick("nll_loss", input, target, weight, ignore_index)
    return _mean_over(counted, loss) if reduction == "mean" else _reduce(loss, reduction)


def _pick(operation: str, logp: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int) -> tuple[Tensor, Tensor, Array]:
    """(-weight[t] * logp[t], weight[t], is t counted?) for every target t; both are 0 where it is not."""
    xp, axis = xp_of(logp.array), 0 if logp.ndim == 1 else 1
    classes = logp.shape[axis]
    if weight is not None and weight.shape != (classes,):
        raise ValueError(f"{operation}: weight must have shape ({classes},), got {weight.shape}")
    _check_target(operation, logp, target, axis)
    kept = target.array != ignore_index
    labels = xp.where(kept, target.array, 0)
    if xp is not np:
        bad = (labels < 0) | (labels >= classes)
        from ninx.kernels import cuda

        cuda.flag_labels(bad, classes)
        labels = xp.where(bad, 0, labels)
    else:
        kernels.loops.check_labels(target.array, classes, ignore_index, operation)
    picked = reshape(getitem(logp, along(xp.expand_dims(labels, axis), axis)), target.shape)
    counted = kept.astype(logp.dtype) if weight is None else kept * weight.array[labels]
    if xp is not np:
        counted = xp.where(bad, np.nan, counted)
    return where(Tensor(kept), -picked, 0.0) * Tensor(counted), Tensor(counted), kept


def _check_target(operation: str, input: Tensor, target: Tensor, axis: int) -> None:
    """Whole numbers, one for each row of logits, on their device."""
    if not np.issubdtype(target.dtype, np.integer):
        raise TypeError(f"{operation}: class numbers must be whole numbers, got {target.dtype}")
    wanted = input.shape[:axis] + input.shape[axis + 1 :]
    if target.shape != wanted:
        raise ValueError(f"{operation}: input {input.shape} wants a target of shape {wanted}, got {target.shape}")
    if target.array.device != input.array.device:
        raise ValueError(f"{operation}: input is on {input.device}, target on {target.device}; move one with .to()")


def _has_kernel(input: Tensor) -> bool:
    """Is there a kernel for the whole loss? In the compiled tier."""
    return kernels.tier_name() == "fast" and input.dtype in (np.float32, np.float64) and input.array.size > 0


def _by_kernel(input: Tensor, target: Tensor, ignore_index: int, axis: int) -> tuple[Tensor, Tensor]:
    """(-log(softmax(input)[t]), 1 if t is counted) for every target t; the kernel computes the gradient on the way."""
    _check_target("cross_entropy", input, target, axis)
    xp, classes = xp_of(input.array), input.shape[axis]
    rows = xp.moveaxis(input.array, axis, -1)  # an image as it lies
    loss, slope = kernels.tier().softmax_cross_entropy(rows.reshape(-1, classes), target.array.reshape(-1), ignore_index)
    kept = target.array != ignore_index

    def back(g: Tensor) -> Tensor:
        if is_grad_enabled():
            one_hot = xp.moveaxis((target.array[..., None] == xp.arange(classes)).astype(input.dtype), -1, axis)
            return where(Tensor(xp.expand_dims(kept, axis)), softmax(input, axis) - Tensor(one_hot), 0.0) * unsqueeze(g, axis)
        dx = xp.where(kept.reshape(-1, 1), slope * g.array.reshape(-1, 1), input.dtype.type(0))  # g is NaN where no label counts
        return Tensor(xp.moveaxis(dx.reshape(rows.shape), -1, axis))

    return record(loss.reshape(target.shape), (input, back), name="cross_entropy"), Tensor(kept.astype(input.dtype))


def _mean_over(counted: Tensor, loss: Tensor) -> Tensor:
    """sum(loss) / sum(counted); where nothing counts that is NaN, with gradients of 0 for what does not count."""
    total = sum(counted)
    return sum(loss) / where(total == 0, np.nan, total)


def _weighted(logp: Tensor, weight: Tensor | None, axis: int) -> Tensor:
    return logp if weight is None else logp * reshape(weight, (-1, *(1,) * (logp.ndim - axis - 1)))


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """(input - target)^2: the mean or the sum of it, or with ``reduction="none"`` each. Raises ValueError for shapes that differ.

    >>> F.mse_loss(ninx.tensor([1.0, 2.0]), ninx.tensor([1.0, 5.0]))
    tensor(4.5000)
    """
    difference = _difference("mse_loss", input, target)
    return _reduce(difference * difference, reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """|input - target|: the mean or the sum of it, or with ``reduction="none"`` each. Raises ValueError for shapes that differ.

    >>> F.l1_loss(ninx.tensor([1.0, 2.0]), ninx.tensor([1.0, 5.0]))
    tensor(1.5000)
    """
    return _reduce(abs(_difference("l1_loss", input, target)), reduction)


def _difference(operation: str, input: Tensor, target: Tensor) -> Tensor:
    if input.shape != target.shape:
        raise ValueError(f"{operation}: input {input.shape} and target {target.shape} must have one shape")
    return input - target


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    return loss if reduction == "none" else mean(loss) if reduction == "mean" else sum(loss)
