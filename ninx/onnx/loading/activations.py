"""Activations, as layers."""

from __future__ import annotations

import math
from typing import Any

from ... import functional as F
from ... import nn
from ...engine import Tensor
from ...ops import clip, reshape, where
from .given import Given
from .operation import Operation


def _one(given: Given) -> None:
    given.check_inputs(1)


def make_relu(given: Given) -> nn.Module:
    """nn.ReLU"""
    _one(given)
    return Operation(given, F.relu) if given.known(0) else nn.ReLU()


def make_leaky_relu(given: Given) -> nn.Module:
    """nn.LeakyReLU"""
    _one(given)
    slope = given.real("alpha", 0.01)
    return Operation(given, F.leaky_relu, negative_slope=slope) if given.known(0) else nn.LeakyReLU(slope)


def make_elu(given: Given) -> nn.Module:
    """nn.ELU"""
    _one(given)
    alpha = given.real("alpha", 1.0)
    return Operation(given, F.elu, alpha=alpha) if given.known(0) else nn.ELU(alpha)


def make_sigmoid(given: Given) -> nn.Module:
    """nn.Sigmoid"""
    _one(given)
    return Operation(given, F.sigmoid) if given.known(0) else nn.Sigmoid()


def make_tanh(given: Given) -> nn.Module:
    """nn.Tanh"""
    _one(given)
    return Operation(given, F.tanh) if given.known(0) else nn.Tanh()


def make_hard_sigmoid(given: Given) -> nn.Module:
    """alpha * x + beta between 0 and 1."""
    _one(given)
    return Operation(given, hard_sigmoid, alpha=given.real("alpha", 0.2), beta=given.real("beta", 0.5))


def hard_sigmoid(x: Tensor, alpha: float, beta: float) -> Tensor:
    """A sigmoid of three straight lines."""
    return F.hardtanh(x * alpha + beta, 0.0, 1.0)


def make_hard_swish(given: Given) -> nn.Module:
    """x times such a sigmoid, as MobileNetV3 has it."""
    _one(given)
    return Operation(given, hard_swish)


def hard_swish(x: Tensor) -> Tensor:
    """x * hard_sigmoid(x) with the slope 1/6."""
    return x * hard_sigmoid(x, 1 / 6, 0.5)


def make_softplus(given: Given) -> nn.Module:
    """nn.Softplus"""
    _one(given)
    return Operation(given, F.softplus) if given.known(0) else nn.Softplus()


def make_prelu(given: Given) -> nn.Module:
    """nn.PReLU, where the slopes are one for all or one for each channel of an input of known rank."""
    given.check_inputs(2)
    slope = given.stored(1)
    if slope is not None and not given.known(0) and slope.code[0] == "f":
        size, rank = math.prod(slope.shape), given.rank
        if size == 1 or (rank is not None and rank > 1 and slope.shape == (size, *(1,) * (rank - 2))):
            layer, values = nn.PReLU(size), given.array(1).reshape(-1)
            layer.weight = nn.Parameter(values.copy())
            return layer
    return Operation(given, prelu)


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    """x where it is above 0, else slope * x."""
    return where(x > 0, x, x * slope)


def make_softmax(given: Given) -> nn.Module:
    """nn.Softmax; before opset 13 all axes from ``axis`` on were one."""
    return _along(given, nn.Softmax, F.softmax)


def make_log_softmax(given: Given) -> nn.Module:
    """nn.LogSoftmax; before opset 13 all axes from ``axis`` on were one."""
    return _along(given, nn.LogSoftmax, F.log_softmax)


def _along(given: Given, layer: Any, function: Any) -> nn.Module:
    _one(given)
    axis = given.whole("axis", -1 if given.opset >= 13 else 1)
    last = given.rank is not None and axis in (-1, given.rank - 1)
    if (given.opset >= 13 or last) and not given.known(0):
        made: nn.Module = layer(axis)
        return made
    return Operation(given, softened, by=function, axis=axis, as_matrix=given.opset < 13)


def softened(x: Tensor, by: Any, axis: int, as_matrix: bool) -> Tensor:
    """A softmax along an axis; ``as_matrix``: along it and those after it, as one."""
    if not as_matrix:
        y: Tensor = by(x, axis)
        return y
    at = axis + x.ndim if axis < 0 else axis
    if not 0 <= at <= x.ndim:
        raise ValueError(f"a softmax along axis {axis} of a tensor of shape {x.shape}")
    rows = reshape(x, (math.prod(x.shape[:at]), math.prod(x.shape[at:])))
    return reshape(by(rows, 1), x.shape)


def make_clip(given: Given) -> nn.Module:
    """nn.ReLU6 or nn.Hardtanh between two numbers; the bounds are settings, since opset 11 inputs."""
    if given.opset >= 11:
        given.check_inputs(1, 3)
        if not given.known(1, 2):
            return Operation(given, clipped)
        if given.is_absent(1) or given.is_absent(2) or (s := given.stored(1)) is None or s.code[0] != "f" or given.known(0):
            return Operation(given, clipped)
        low, high = given.number(1, -math.inf), given.number(2, math.inf)
    else:
        given.check_inputs(1)
        largest = 3.4028234663852886e38  # what is left out there is the largest float32
        low, high = given.real("min", -largest), given.real("max", largest)
    if (low, high) == (0, 6):
        return nn.ReLU6()
    if given.opset >= 11:
        return nn.Hardtanh(low, high) if low < high else Operation(given, clipped)
    return Operation(given, between, low=low, high=high)


def clipped(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    """x between two bounds, of which either may be absent."""
    return x if low is None and high is None else clip(x, low, high)


def between(x: Tensor, low: float, high: float) -> Tensor:
    """x between two numbers."""
    return clip(x, low, high)
