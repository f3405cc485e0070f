"""The ReLU, and how its derivative is shared with the operations around it.

The derivative of y = max(x, 0) is a gate: g where y > 0, else 0. It is a pass over the memory of its own, unless somebody else
does it on the way, in registers. So it is the *first* step of the backward pass of whatever ends in a ReLU (`ReluGate`), and who
computes the gradient of y may put the gate in and say so (`Gated`): then that first step has nothing left to do.

Putting the gate in twice would change nothing, so this is always safe where nobody sees the gradient in between:
`ReluGate.open` holds the gate back where a hook, retain_grad or `ninx.grad` wants the gradient of y itself, and where the
backward pass is itself recorded.
"""

from __future__ import annotations

from ninx import kernels

from ..array import Array, as_it_lies, as_it_was
from ..engine import Tensor, record
from ..graph import Node
from ..modes import is_grad_enabled


class Gated(Tensor):
    """A cotangent that is 0 already where the ReLU ``by`` lets nothing through."""

    __slots__ = ("by",)

    def __init__(self, data: Array, by: ReluGate):
        super().__init__(data)
        self.by = by


class ReluGate:
    """The first step of the backward pass of an operation that ends in a ReLU: g where its value y > 0, else 0."""

    def __call__(self, g: Tensor, y: Tensor) -> Tensor:
        """g behind the gate; g itself if it has been there."""
        return g if isinstance(g, Gated) and g.by is self else gate(g, y.array)

    @staticmethod
    def of(node: Node | None) -> ReluGate | None:
        """The gate of the operation that made a value; None if it does not end in a ReLU."""
        return node.first if node is not None and isinstance(node.first, ReluGate) else None

    @staticmethod
    def open(node: Node | None) -> ReluGate | None:
        """The same in a backward pass, if the gradient of the value may be given behind the gate. The caller then must do so.

        If no other gradient of the value comes, it has been read for the last time, and its memory serves for what is made next.
        """
        if node is None or node.is_watched or is_grad_enabled() or (gate := ReluGate.of(node)) is None:
            return None
        if node.readers == 1:
            node.output = None
        return gate


def relu(x: Tensor) -> Tensor:
    """max(x, 0), element by element. Adjoint: g where x > 0, else 0; so the derivative at 0 is 0.

    >>> ninx.relu(ninx.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    value = as_it_was(kernels.tier().relu(as_it_lies(x.array)))
    return record(value, (x, lambda g: g), first=ReluGate())


def gate(x: Tensor, y: Array) -> Tensor:
    """x where the array y > 0 (or True), else 0; its own adjoint."""
    value = as_it_was(kernels.tier().gate(as_it_lies(x.array), as_it_lies(y)))
    return record(value, (x, lambda g: gate(g, y)))
