"""The fully connected layer: what a 1x1 convolution does to every pixel."""

from __future__ import annotations

from ..engine import Tensor
from ..ops import matmul, transpose
from .inputs import need_tensors


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = x @ W.T + b; input (..., in_features), weight (out_features, in_features), bias (out_features).

    A weight (in_features) is one output without an axis of its own: y (...).

    Raises ValueError for shapes that do not fit.

    >>> F.linear(ninx.tensor([1.0, 2.0]), ninx.tensor([[1.0, 1.0], [0.0, 10.0]]), ninx.tensor([0.5, 0.0]))
    tensor([ 3.5000, 20.0000])
    """
    if type(input) is not Tensor or not isinstance(weight, Tensor):
        need_tensors("linear", input=input, weight=weight)
    if weight.ndim not in (1, 2):
        raise ValueError(f"linear: weight must have shape (out_features, in_features) or (in_features), got {weight.shape}")
    if input.ndim == 0 or input.shape[-1] != weight.shape[-1]:
        got, wanted = input.shape[-1:] or (0,), weight.shape[-1]
        raise ValueError(
            f"linear: input {input.shape} must end with in_features of weight {weight.shape}: it has {got[0]} features, and the "
            f"layer wants {wanted}; write nn.Linear({got[0]}, ...), or x.unsqueeze(0) before Flatten if the batch is missing"
        )
    if input.array.dtype != weight.array.dtype:
        raise TypeError(f"linear: input is {input.dtype}, weight {weight.dtype}; write x.to(weight.dtype), or net.double()")
    y = matmul(input, transpose(weight, 0, 1) if weight.ndim == 2 else weight)
    return y if bias is None else y + bias
