"""Normalisation and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import functional as F
from ... import nn
from ...engine import Tensor
from ...functional.normalization import channel_window_sum
from ...ops import mean, ones_like, reshape
from .given import Given
from .operation import Operation


def make_batch_norm(given: Given) -> nn.Module:
    """nn.BatchNorm2d or 1d, with its running statistics; whether it uses the batch's, ``train()`` and ``eval()`` say."""
    given.check_inputs(5)
    eps, momentum = given.real("epsilon", 1e-5), given.real("momentum", 0.9)
    training = given.flag("training_mode") if given.opset >= 14 else False
    if given.opset < 9 and not given.flag("spatial", True):
        raise ValueError("normalises each pixel by itself (spatial=0), which is not known here")
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, None: nn.BatchNorm2d}.get(given.rank)
    shapes = {None if (s := given.stored(i)) is None else s.shape for i in range(1, 5)}
    (shape, *others) = shapes
    if kind is None or others or shape is None or len(shape) != 1 or given.known(0) or len(given.node.outputs) > 1:
        return Operation(given, normalised, eps=eps, momentum=momentum, training=training)
    layer = kind(shape[0], eps, _kept(momentum))
    layer.weight, layer.bias = given.parameter(1), given.parameter(2)
    layer.running_mean, layer.running_var = nn.Buffer(given.array(3).copy()), nn.Buffer(given.array(4).copy())
    return layer


def _kept(momentum: float) -> float:
    """ONNX weighs the old value, PyTorch the new one: 1 - momentum, exactly as decimal numbers."""
    from decimal import Decimal

    return float(1 - Decimal(repr(momentum)))


def normalised(
    x: Tensor, scale: Tensor, bias: Tensor, old_mean: Tensor, old_var: Tensor, *, eps: float, momentum: float, training: bool
) -> Any:
    """As the layer; in training also the new running statistics, with the variance divided by the number of values."""
    if not training:
        return F.batch_norm(x, old_mean, old_var, scale, bias, False, eps=eps)
    axes = (0, *range(2, x.ndim))
    centre = mean(x, axes, keepdim=True)
    spread = mean((x - centre) ** 2, axes, keepdim=True)
    y = F.batch_norm(x, reshape(centre, (-1,)), reshape(spread, (-1,)), scale, bias, False, eps=eps)
    statistics = ((old_mean, centre), (old_var, spread))
    return y, *(old * momentum + reshape(new, (-1,)) * (1 - momentum) for old, new in statistics)


def make_lrn(given: Given) -> nn.Module:
    """nn.LocalResponseNorm; of an even number of neighbours the one more lies on the other side here."""
    given.check_inputs(1)
    size, alpha, beta, k = given.whole("size", 0), given.real("alpha", 1e-4), given.real("beta", 0.75), given.real("bias", 1.0)
    if size < 1:
        raise ValueError(f"has the size {size}, and needs at least 1")
    if size % 2 and not given.known(0):
        return nn.LocalResponseNorm(size, alpha, beta, k)
    return Operation(given, response_normalised, size=size, alpha=alpha, beta=beta, k=k)


def response_normalised(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """x / (k + alpha/size * the sum of x^2 over (size - 1)//2 channels before and size//2 after)^beta."""
    return x / (k + alpha / size * channel_window_sum(x * x, (size - 1) // 2, size // 2)) ** beta


def make_dropout(given: Given) -> nn.Module:
    """nn.Dropout; whether it drops, ``train()`` and ``eval()`` say, and not the file's training_mode."""
    given.ignore("seed")  # ninx.manual_seed
    if given.opset < 12:
        given.check_inputs(1)
        p = given.real("ratio", 0.5)
    else:
        given.check_inputs(1, 3)
        if not given.known(1, 2):
            return Operation(given, dropped)
        p = given.number(1, 0.5)
    if len(given.node.outputs) > 1 or given.known(0):
        return Operation(given, dropped, fixed=p)
    return nn.Dropout(p)


def dropped(x: Tensor, ratio: Tensor | None = None, training: Tensor | None = None, fixed: float = 0.5) -> Any:
    """(x with entries dropped, where they were kept)."""
    p = fixed if ratio is None else float(ratio.item())
    if training is None or not training.item() or not p:
        return x, ones_like(x, dtype=np.bool_)
    kept = F.dropout(ones_like(x), p)
    return x * kept, kept != 0
