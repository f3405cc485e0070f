"""The ReLU, and how its derivative is shared with the operations around it.

The derivative of y = max(x, 0) is a mask: g where y > 0, else 0. Applying it is a pass over the memory of its own, unless
somebody else does it on the way, in registers. So it is the epilogue of whatever ends in a ReLU (`ReluMask`: the first step of
its backward pass), and who computes the gradient of y may apply the mask too and say so (`Masked`): then the epilogue has
nothing left to do.

Applying the mask twice would change nothing, so this is always safe where nobody sees the gradient in between:
`ReluMask.claim` refuses where a hook, retain_grad or `ninx.grad` wants the gradient of y itself, and where the backward pass
is itself recorded.
"""

from __future__ import annotations

from ninx import kernels

from ..array import Array, as_it_lies, as_it_was
from ..engine import Node, Tensor, is_grad_enabled, record


class Masked(Tensor):
    """A cotangent that is 0 already where the ReLU whose mask is ``by`` was not positive."""

    __slots__ = ("by",)

    def __init__(self, data: Array, by: ReluMask):
        super().__init__(data)
        self.by = by


class ReluMask:
    """The epilogue of an operation that ends in a ReLU: its backward pass begins with g where the value y > 0, else 0."""

    def __call__(self, g: Tensor, y: Tensor) -> Tensor:
        """g behind the mask; g itself if it is masked already."""
        return g if isinstance(g, Masked) and g.by is self else masked(g, y.array)

    @staticmethod
    def of(node: Node | None) -> ReluMask | None:
        """The mask of the operation that made a value; None if it does not end in a ReLU."""
        return node.epilogue if node is not None and isinstance(node.epilogue, ReluMask) else None

    @staticmethod
    def claim(node: Node | None) -> ReluMask | None:
        """The same in a backward pass, for one who gives the gradient of the value masked; None if it must be given as it is.

        If no other gradient of the value comes, it has been read for the last time, and its memory serves for what is made next.
        """
        if node is None or (mask := ReluMask.of(node)) is None or is_grad_enabled():
            return None
        if node.is_target or node.hooks or node.retained is not None:
            return None
        if node.uses_left == 1:
            node.output = None
        return mask


def relu(x: Tensor) -> Tensor:
    """max(x, 0), element by element. Adjoint: g where x > 0, else 0; so the derivative at 0 is 0.

    >>> ninx.relu(ninx.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    value = as_it_was(kernels.tier().relu(as_it_lies(x.array)))
    return record(value, (x, lambda g: g), epilogue=ReluMask())


def masked(x: Tensor, mask: Array) -> Tensor:
    """x where the array ``mask`` is positive (or True), else 0; its own adjoint."""
    value = as_it_was(kernels.tier().relu_mask(as_it_lies(x.array), as_it_lies(mask)))
    return record(value, (x, lambda g: masked(g, mask)))
