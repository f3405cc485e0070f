"""What happens to the pixels of a run, in operations of tensors: so it is exported as the network itself is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ... import data, ops
from ...engine import Tensor
from .watching import Unexportable

if TYPE_CHECKING:
    from ...train.preparation import Preparation

Step = Callable[[Tensor], Tensor]


def pixels_to_input(preparation: Preparation) -> Step:
    """Pictures (N, H, W) or (N, H, W, C) of bytes to the network's input (N, C, H, W), as `Preparation.one` does it for each.

    Raises `Unexportable` for a preparation that resizes, or divides by the deviation of the neighbours.
    """
    p = preparation.recipe
    for name, value in (("resize", p.resize), ("lcn", p.lcn)):
        if value:
            raise Unexportable(
                f"onnx.export: the preparation has {name} = {str(value).lower()}, which stays outside of the file; prepare the "
                "images before, and export without the preparation"
            )
    steps: list[Step] = [planes]
    if p.gcn is not None:
        steps.append(contrast(data.GlobalContrastNorm(p.gcn)))
    if preparation.zca is not None:
        steps.append(whitening(preparation.zca.state_dict()))
    if p.crop is not None:
        steps.append(middle(p.crop))
    if p.normalize:
        mean, std = (Tensor(np.asarray(v, np.float32).reshape(-1, 1, 1)) for v in (preparation.mean, preparation.std))
        steps.append(lambda x: (x - mean) / std)

    def prepare(x: Tensor) -> Tensor:
        for step in steps:
            x = step(x)
        return x

    return prepare


def planes(x: Tensor) -> Tensor:
    """Bytes as float32 from 0 to 1, channels first."""
    return (ops.unsqueeze(x, 1) if x.ndim == 3 else ops.permute(x, (0, 3, 1, 2))).float() / 255


def contrast(norm: data.GlobalContrastNorm) -> Step:
    """`ninx.data.GlobalContrastNorm`, in float64 as there."""

    def step(x: Tensor) -> Tensor:
        wide = x.double()
        centred = wide - wide.mean((1, 2, 3), keepdim=True)
        length = (centred.square().sum((1, 2, 3), keepdim=True) + norm.bias).sqrt() / norm.scale
        return (centred / ops.where(length >= norm.epsilon, length, 1.0)).float()

    return step


def whitening(state: dict[str, data.Image]) -> Step:
    """`ninx.data.ZCA`: one product with a matrix of pixels by pixels."""
    mean, matrix = Tensor(state["mean"]), Tensor(state["matrix"])
    return lambda x: ((x.flatten(1) - mean) @ matrix).reshape(x.shape)


def middle(size: int) -> Step:
    """`ninx.data.CenterCrop`."""

    def step(x: Tensor) -> Tensor:
        top, left = (round((n - size) / 2) for n in x.shape[2:])
        return x[:, :, top : top + size, left : left + size]

    return step
