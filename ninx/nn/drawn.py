"""The part of `Module` that draws its graph, with what stands in `ninx.study`, above: imported on first use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..engine import Tensor

if TYPE_CHECKING:
    from ..study.graph import Graph


class Drawn:
    """The part of `Module` that draws its graph."""

    def graph(self, *inputs: Sequence[int] | Tensor, batch: int = 64) -> Graph:
        """What the engine records of one training step, on images of such a size (C, H, W), or on these tensors.

        In a notebook it shows itself as a picture, with the extra "graph" installed, and at a prompt as a table. Nothing is
        computed, and the network stays as it is. A layer or an attribute of one's own may also be called graph: then
        `ninx.study.graph.of` does the same. See there for errors.

        >>> nn.Sequential(nn.Linear(4, 2), nn.ReLU()).graph((4,), batch=8)
        Sequential: a step on a batch of 8
        operation      layer  output  kept   way back
        ...
        """
        from ..study.graph import of

        module: Any = self
        return of(module, *inputs, batch=batch)
