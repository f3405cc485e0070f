"""A tensor's part in differentiation: backward, hooks, and the tensor without its history."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .base import Base
from .deferred import engine, ops

if TYPE_CHECKING:
    from ..tensor import Tensor


class Handle:
    """Takes a hook away again."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self._hooks, self._hook = hooks, hook

    def remove(self) -> None:
        """Do not call the hook any more; a second call does nothing."""
        self._hooks[:] = [h for h in self._hooks if h is not self._hook]


class Differentiation(Base):
    """A tensor's part in differentiation: backward, hooks, and the tensor without its history."""

    __slots__ = ()

    def backward(self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False) -> None:
        """Add the gradient of x, weighted by ``gradient`` (1 for a scalar), to ``.grad`` of every leaf that x depends on.

        The graph is freed on the way, unless ``retain_graph``; ``create_graph`` records the gradients themselves. Raises
        RuntimeError if x does not require grad, if its graph was freed, and if it has several entries and no ``gradient``.

        >>> w = ninx.tensor([1.0, 2.0], requires_grad=True)
        >>> (w**2).sum().backward()
        >>> w.grad
        tensor([2., 4.])
        """
        given = None if gradient is None else ops.operand("backward", gradient, self)
        engine.backward([self], [given], retain_graph, create_graph)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Say whether x, a leaf of floats, wants a gradient. (Setting ``x.requires_grad`` itself is unchecked.)

        Returns x. Raises RuntimeError for whole numbers, and for switching off what has a history.

        >>> ninx.ones(2).requires_grad_()
        tensor([1., 1.], requires_grad=True)
        """
        if not isinstance(requires_grad, bool):
            raise TypeError(f"requires_grad_: say True or False, not {requires_grad!r}")
        if self.node is not None and not requires_grad:
            raise RuntimeError("requires_grad_: only a leaf can be switched off; use detach()")
        if requires_grad and self.array.dtype.kind != "f":
            raise RuntimeError(f"only floating-point tensors can require grad, not {self.array.dtype}")
        self.requires_grad = requires_grad
        return self

    def detach(self) -> Tensor:
        return ops.detach(self)

    def retain_grad(self) -> None:
        """Let ``backward`` fill ``.grad`` of x although it is no leaf. (A leaf's is filled anyway.)

        >>> w = ninx.tensor(2.0, requires_grad=True)
        >>> y = w * 3
        >>> y.retain_grad()
        >>> (y * y).backward()
        >>> y.grad, w.grad
        (tensor(12.), tensor(36.))
        """
        if self.node is not None:
            self.node.retained = weakref.ref(self)
        elif not self.requires_grad:
            raise RuntimeError("retain_grad: this tensor does not require grad")

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Handle:
        """Call ``hook(gradient)`` whenever the gradient of x is complete; what it returns (unless None) takes its place.

        Returns a handle whose ``remove()`` takes the hook away. Raises RuntimeError if x does not require grad.

        >>> w = ninx.tensor(2.0, requires_grad=True)
        >>> handle = w.register_hook(lambda g: g * 10)
        >>> (3 * w).backward()
        >>> w.grad
        tensor(30.)
        """
        node = engine.source(self)
        if node is None:
            raise RuntimeError("register_hook: this tensor does not require grad")
        if node.hooks is None:
            node.hooks = []

        def call(g: Tensor) -> Tensor | None:  # of its own, so that one hook can be registered twice
            return hook(g)

        node.hooks.append(call)
        return Handle(node.hooks, call)

    def clone(self) -> Tensor:
        return ops.clone(self)
