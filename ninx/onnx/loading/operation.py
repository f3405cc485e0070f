"""The module of a node for which ninx has no layer: a differentiable function, and those of its inputs that are in the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import nn
from ...engine import Tensor
from .given import Given


class Operation(nn.Module):
    """A node as a module. It is called with the inputs that are computed; it has the others itself.

    What is floats of at least one dimension it learns, unless it is a constant of the file.
    """

    def __init__(self, given: Given, function: Callable[..., Any], **settings: Any):
        self.kind, self.function, self.settings = given.node.kind, function, settings
        self.slots: list[str | None] = []  # of each input: None: absent, "": computed, or the attribute that holds it
        for position, found in enumerate(given.inputs):
            if found is None or isinstance(found, str):
                self.slots.append(found and "")
                continue
            leaf = found.name.rpartition(".")[2]
            name = leaf if leaf.isidentifier() and leaf in ("weight", "bias") else f"input{position}"
            if found.learnt and found.shape and found.code in ("f2", "f4", "f8"):
                setattr(self, name, given.parameter(position))
            elif found.code in ("f2", "f4", "f8"):
                self.register_buffer(name, Tensor(given.weights.array(found).copy()), persistent=False)
            else:  # sizes and places, which the host reads wherever the network is
                setattr(self, name, Tensor(given.weights.array(found).copy()))
            self.slots.append(name)

    def forward(self, *inputs: Tensor) -> Any:
        """What the operator makes of its inputs: a tensor, or several."""
        computed = iter(inputs)
        arguments = [None if s is None else getattr(self, s) if s else next(computed) for s in self.slots]
        return self.function(*arguments, **self.settings)

    def extra_repr(self) -> str:
        """The operator and its settings."""
        return ", ".join([self.kind, *(f"{key}={value}" for key, value in self.settings.items())])
