"""Losses. ``reduction`` is "mean", "sum" or "none"."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ninx import kernels

from ..array import Array, xp_of
from ..engine import Tensor, kernel_or_formula, record
from ..ops import abs, clip, getitem, log, mean, reshape, sum, unsqueeze, where
from ..ops.indexing import along
from .activation import log_softmax, softmax, softplus
from .inputs import check_reduction, need_tensors, refuse_old_settings


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log(softmax(input)[target]): logits (N, C), or (N, C, d1, ...), or (C), against classes 0 to C-1 (or probabilities).

    target holds class numbers, shape (N), (N, d1, ...) or (); or probabilities, with the shape of the input. ``weight`` (C)
    weighs the classes, and the mean is then a weighted one. ``ignore_index`` is a class number that does not count.
    ``label_smoothing`` e mixes the target with the uniform distribution: (1 - e) * target + e / C. ``size_average`` and
    ``reduce`` only keep PyTorch's places: `reduction` says what they said.

    Raises IndexError for a class number that is not there, ValueError for shapes that do not fit. On a GPU such a number makes
    the loss NaN, and the IndexError comes when the loss is read with ``item()``: until then nobody waits for the GPU.

    >>> logits = ninx.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    >>> F.cross_entropy(logits, ninx.tensor([0, 1]), reduction="none")  # without any knowledge of 3 classes: log(3)
    tensor([0.2395, 1.0986])
    """
    _need("cross_entropy", input, target, weight, size_average, reduce, reduction)
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
            raise ValueError(
                f"cross_entropy: probabilities must have the input's shape {input.shape}, got {target.shape}; class numbers are "
                "whole numbers, write target.long()"
            )
        smooth = target * (1 - label_smoothing) + label_smoothing / classes
        loss = -sum(_weighted(logp, weight, axis) * smooth, axis)
        return _reduce(loss, reduction)
    loss, counted, kept = _pick("cross_entropy", logp, target, weight, ignore_index)
    if label_smoothing:
        uniform = where(Tensor(kept), -sum(_weighted(logp, weight, axis), axis), 0.0)
        loss = loss * (1 - label_smoothing) + uniform * (label_smoothing / classes)
    return _mean_over(counted, loss) if reduction == "mean" else _reduce(loss, reduction)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """-input[target]: the cross-entropy of log-probabilities (N, C), (N, C, d1, ...) or (C); the rest as `cross_entropy`.

    >>> logits, target = ninx.tensor([[2.0, 0.0, 0.0]]), ninx.tensor([0])
    >>> F.nll_loss(F.log_softmax(logits, dim=1), target), F.cross_entropy(logits, target)
    (tensor(0.2395), tensor(0.2395))
    """
    _need("nll_loss", input, target, weight, size_average, reduce, reduction)
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
        hint = "target.argmax(1) or target.float() if it is one-hot" if target.shape == input.shape else "one class number each"
        if target.ndim == len(wanted) + 1 and target.shape[axis] == 1:
            hint = f"target.squeeze({axis})"
        raise ValueError(f"{operation}: input {input.shape} wants a target of shape {wanted}, got {target.shape}; write {hint}")
    if target.array.device != input.array.device:
        raise ValueError(f"{operation}: input is on {input.device}, target on {target.device}; move one with .to()")


def _has_kernel(input: Tensor) -> bool:
    """Is there a kernel for the whole loss?"""
    return input.dtype in (np.float32, np.float64) and input.array.size > 0


def _by_kernel(input: Tensor, target: Tensor, ignore_index: int, axis: int) -> tuple[Tensor, Tensor]:
    """(-log(softmax(input)[t]), 1 if t is counted) for every target t; the kernel computes the gradient on the way."""
    _check_target("cross_entropy", input, target, axis)
    xp, classes = xp_of(input.array), input.shape[axis]
    rows = xp.moveaxis(input.array, axis, -1)  # classes last: of a channels-last image a view
    loss, slope = kernels.tier().softmax_cross_entropy(rows.reshape(-1, classes), target.array.reshape(-1), ignore_index)
    kept = target.array != ignore_index

    def formula(g: Tensor) -> Tensor:
        one_hot = xp.moveaxis((target.array[..., None] == xp.arange(classes)).astype(input.dtype), -1, axis)
        return where(Tensor(xp.expand_dims(kept, axis)), softmax(input, axis) - Tensor(one_hot), 0.0) * unsqueeze(g, axis)

    def kernel(g: Tensor) -> Tensor:
        dx = xp.where(kept.reshape(-1, 1), slope * g.array.reshape(-1, 1), input.dtype.type(0))  # g is NaN where no label counts
        return Tensor(xp.moveaxis(dx.reshape(rows.shape), -1, axis))

    back = kernel_or_formula(kernel, formula)
    return record(loss.reshape(target.shape), (input, back), name="cross_entropy"), Tensor(kept.astype(input.dtype))


def _mean_over(counted: Tensor, loss: Tensor) -> Tensor:
    """sum(loss) / sum(counted); where nothing counts that is NaN, with gradients of 0 for what does not count."""
    total = sum(counted)
    return sum(loss) / where(total == 0, np.nan, total)


def _weighted(logp: Tensor, weight: Tensor | None, axis: int) -> Tensor:
    return logp if weight is None else logp * reshape(weight, (-1, *(1,) * (logp.ndim - axis - 1)))


def mse_loss(input: Tensor, target: Tensor, size_average: None = None, reduce: None = None, reduction: str = "mean") -> Tensor:
    """(input - target)^2: the mean or the sum of it, or with ``reduction="none"`` each. Raises ValueError for shapes that differ.

    >>> F.mse_loss(ninx.tensor([1.0, 2.0]), ninx.tensor([1.0, 5.0]))
    tensor(4.5000)
    """
    difference = _difference("mse_loss", input, target, size_average, reduce, reduction)
    return _reduce(difference * difference, reduction)


def l1_loss(input: Tensor, target: Tensor, size_average: None = None, reduce: None = None, reduction: str = "mean") -> Tensor:
    """|input - target|: the mean or the sum of it, or with ``reduction="none"`` each. Raises ValueError for shapes that differ.

    >>> F.l1_loss(ninx.tensor([1.0, 2.0]), ninx.tensor([1.0, 5.0]))
    tensor(1.5000)
    """
    return _reduce(abs(_difference("l1_loss", input, target, size_average, reduce, reduction)), reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """With d = |input - target|: d^2 / (2 beta) where d < beta, else d - beta / 2; the mean or the sum of it, or each.

    Source: Girshick, 2015, arXiv 1504.08083. Raises ValueError for shapes that differ.

    >>> F.smooth_l1_loss(ninx.tensor([1.0, 2.0]), ninx.tensor([1.5, 5.0]), reduction="none")
    tensor([0.1250, 2.5000])
    """
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    far = abs(_difference("smooth_l1_loss", input, target, size_average, reduce, reduction))
    return _reduce(far if beta == 0 else where(far < beta, far * far * (0.5 / beta), far - 0.5 * beta), reduction)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(t * log(p) + (1 - t) * log(1 - p)) of probabilities p against targets t from 0 to 1, both of one shape.

    Logarithms are at least -100, as in PyTorch, so the loss stays finite. ``weight`` is multiplied in. Of logits take
    `binary_cross_entropy_with_logits`, which loses no digits. Raises ValueError for p outside 0 to 1.

    >>> F.binary_cross_entropy(ninx.tensor([0.5, 0.9]), ninx.tensor([1.0, 1.0]), reduction="none")
    tensor([0.6931, 0.1054])
    """
    name = "binary_cross_entropy"
    _need(name, input, target, weight, size_average, reduce, reduction)
    _same_shape(name, input, target)
    inside = (input.array >= 0) & (input.array <= 1)
    if xp_of(input.array) is np and not inside.all():
        raise ValueError(
            f"{name}: probabilities are from 0 to 1, got {input.array[~inside][0]}; of logits take {name}_with_logits"
        )
    xp, p = xp_of(input.array), input.array
    with np.errstate(divide="ignore"):
        logs = xp.maximum(xp.log(p), -100), xp.maximum(xp.log1p(-p), -100)
    value = -(target.array * logs[0] + (1 - target.array) * logs[1])

    def back(g: Tensor) -> Tensor:
        return g * (input - target) / clip((1 - input) * input, 1e-12)

    loss = record(value, (input, back), (target, lambda g: g * (_log_of(1 - input) - _log_of(input))), name=name)
    return _reduce(loss if weight is None else loss * weight, reduction)


def _log_of(p: Tensor) -> Tensor:
    """log(p), at least -100."""
    return clip(log(p), -100.0)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-(t * log(s) + (1 - t) * log(1 - s)) with s = sigmoid(input), against targets t from 0 to 1 of the same shape.

    It is computed as (1 - t) * x + softplus(-x), which cannot overflow. ``pos_weight`` (C) multiplies the first term,
    ``weight`` all of it.

    >>> F.binary_cross_entropy_with_logits(ninx.tensor([0.0, 2.0]), ninx.tensor([1.0, 1.0]), reduction="none")
    tensor([0.6931, 0.1269])
    """
    name = "binary_cross_entropy_with_logits"
    _need(name, input, target, weight, size_average, reduce, reduction)
    _same_shape(name, input, target)
    far = where(input > 0, 0.0, -input) + softplus(where(input > 0, -input, input), threshold=math.inf)  # log(1 + e^-x)
    if pos_weight is not None:
        need_tensors(name, pos_weight=pos_weight)
        far = far * ((pos_weight - 1) * target + 1)
    loss = (1 - target) * input + far
    return _reduce(loss if weight is None else loss * weight, reduction)


def _difference(operation: str, input: Tensor, target: Tensor, size_average: None, reduce: None, reduction: str) -> Tensor:
    _need(operation, input, target, None, size_average, reduce, reduction)
    _same_shape(operation, input, target)
    return input - target


def _same_shape(operation: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        raise ValueError(f"{operation}: input {input.shape} and target {target.shape} must have one shape")


def _need(operation: str, input: Any, target: Any, weight: Any, size_average: Any, reduce: Any, reduction: Any) -> None:
    """The arguments are tensors, PyTorch's two old settings are not used, and the reduction is one that there is."""
    if not isinstance(input, Tensor) or not isinstance(target, Tensor):
        need_tensors(operation, input=input, target=target)
    if weight is not None and not isinstance(weight, Tensor):
        need_tensors(operation, weight=weight)
    refuse_old_settings(operation, size_average, reduce)
    check_reduction(operation, reduction)


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    return loss if reduction == "none" else mean(loss) if reduction == "mean" else sum(loss)
