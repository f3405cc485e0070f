"""What is remembered of a computation: a `Node` for each recorded operation, a `Leaf` where the way back ends, and `record`."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any, TypeAlias

from ninx.kernels.threads import held_at_fork

from ..array import Array, empty_like
from .checks import check_fit, check_history, check_results, check_versions
from .kept import takes_value, versions
from .modes import check_anomaly, enable_grad, is_anomaly_enabled, no_grad, records, user_line
from .tensor import Tensor, Version

Vjp: TypeAlias = Any  # a function of g, or of g and the operation's own value
Entry: TypeAlias = "tuple[Tensor | tuple[Tensor | None, ...], Vjp]"


_one_leaf = held_at_fork(threading.Lock())  # two threads may be the first to use a tensor: it has one leaf


class Node:
    """A recorded operation: its vjps, and the nodes that these carry a gradient to. It keeps no value of an input itself."""

    __slots__ = (
        *("__weakref__", "device", "dtype", "entries", "epilogue", "hooks", "is_target", "line", "name", "output", "retained"),
        *("saved", "shape", "uses_left"),
    )
    is_leaf = False

    def __init__(self, name: str, out: Tensor, inputs: Sequence[Tensor | None], entries: Sequence[Any], epilogue: Vjp | None):
        self.name, self.shape, self.dtype, self.device = name, out.array.shape, out.array.dtype, out.array.device
        self.entries: Sequence[tuple[tuple[Node | None, ...], Vjp, bool]] | None = entries
        self.epilogue = epilogue  # what all vjps begin with: g becomes epilogue(g, value)
        self.hooks: list[Callable[[Tensor], Tensor | None]] | None = None
        self.retained: weakref.ref[Tensor] | None = None  # the tensor whose .grad is to be filled although it is no leaf
        self.is_target = False  # is its own gradient asked for in the walk that is on?
        self.uses_left = 0  # how many gradients of its value are to come in that walk, and one if another walk may follow
        self.output = out.array if epilogue is not None or any(with_value for _, _, with_value in entries) else None
        self.saved = versions(entries, self.output is not None, out, inputs)  # of the tensors that the vjps need unchanged
        self.line = user_line() if is_anomaly_enabled() else None

    def __repr__(self) -> str:
        """The name that a tensor's ``grad_fn`` goes by."""
        return f"<{self.name}>"

    def fit(self, g: Tensor, name: str) -> Tensor:
        """g, if it has the shape, dtype and device of the value."""
        return check_fit(g, self, name)

    def hooked(self, g: Tensor, create_graph: bool) -> Tensor:
        """What the hooks make of the gradient, now that all its parts are added; a tensor that retains it gets a copy."""
        for hook in tuple(self.hooks or ()):
            changed = hook(g)
            g = g if changed is None else self.fit(changed, "a hook")
        if self.retained is not None and (t := self.retained()) is not None:
            add_to_grad(t, g, create_graph)
        return g

    def shares(self, g: Tensor, needed: Set[Node | None], retain_graph: bool, hunting: bool) -> Iterator[tuple[Node, Tensor]]:
        """The vector-Jacobian products: what each source that is needed gets of g. Then what they kept is freed."""
        check_versions(self)
        if self.epilogue is not None:
            g = self.epilogue(g, value_of(self))
            if not retain_graph:
                self.output = None  # no other vjp of such an operation reads it: its memory serves for what they make
        for sources, vjp, with_value in self.entries or ():
            if needed.isdisjoint(sources):
                continue
            result = vjp(g, value_of(self)) if with_value else vjp(g)
            results = check_results(self, result if isinstance(result, tuple) else (result,), len(sources))
            if hunting:
                check_anomaly(f"backward of {self.name}", [r.array for r in results if r is not None], self.line, [g.array])
            for source, share in zip(sources, results, strict=True):
                if source is not None and source in needed and share is not None:
                    yield source, source.fit(share, self.name)
        if not retain_graph:
            self.entries, self.output, self.epilogue, self.saved = None, None, None, []


class Leaf(Node):
    """Where the gradient of a leaf arrives: a node without entries. The tensor owns it, so it knows the tensor weakly."""

    __slots__ = ("tensor",)
    is_leaf = True

    def __init__(self, tensor: Tensor):
        super().__init__("leaf", tensor, (), (), None)
        self.tensor = weakref.ref(tensor)

    def fit(self, g: Tensor, name: str) -> Tensor:
        """g, if it fits the tensor as it is now: its dtype or device may be another than when it was recorded."""
        t = self.tensor()
        return check_fit(g, self if t is None else t.array, name)

    def shares(self, *_: Any) -> Iterator[tuple[Node, Tensor]]:
        """Nothing: here the way back ends."""
        return iter(())

    def fill(self, g: Tensor, create_graph: bool) -> None:
        """Add g to the tensor's ``.grad``."""
        if (t := self.tensor()) is not None:
            add_to_grad(t, g, create_graph)


def source(t: Tensor | None) -> Node | None:
    """Where the gradient of t flows to; None: nowhere. Refuses a tensor whose history no longer fits its value."""
    if t is None:
        return None
    if t.seen_version != t.version.tracked:
        check_history(t)
    if t.node is None and t.requires_grad and t.leaf is None:
        with _one_leaf:
            t.leaf = t.leaf or Leaf(t)
    return t.node or (t.leaf if t.requires_grad else None)


def record(
    value: Array, *entries: Entry, view_of: Tensor | None = None, name: str | None = None, epilogue: Vjp | None = None
) -> Tensor:
    """The tensor of ``value``, which the calling operation computed, with the way back for each ``(input, vjp)``.

    The left side of an entry may be a tuple of inputs (None for an absent one); its vjp then returns one cotangent for each.
    Only what is wanted is kept: nothing under `no_grad`, and no entry whose inputs need no gradient. ``view_of``: the
    input with which the value shares memory. ``name``: of the operation, if it is not that of the calling function.
    ``epilogue``: a vjp (g, value) -> g with which all others begin, for an operation that ends in a step of its own.
    Raises TypeError for a vjp that is no function.

    >>> def double(x): return ninx.record(2 * x.array, (x, lambda g: 2 * g))
    >>> double(ninx.tensor(3.0, requires_grad=True))
    tensor(6., grad_fn=<double>)
    """
    out = Tensor(value)
    if view_of is not None:
        out.version, out.seen_version, out.is_view = view_of.version, view_of.version.tracked, True
    name = name or sys._getframe(1).f_code.co_name  # the operation that calls
    if records():
        kept, inputs = [], list[Tensor | None]()
        for given, vjp in entries:
            group = given if isinstance(given, tuple) else (given,)
            inputs += group
            sources = tuple(map(source, group))
            if any(sources):
                kept.append((sources, vjp, takes_value(vjp)))
        if kept:
            out.node, out.requires_grad = Node(name, out, inputs, kept, epilogue), True
    if is_anomaly_enabled():
        check_anomaly(f"forward of {name}", [out.array], None, _arrays(entries))
    return out


def _arrays(entries: Sequence[Entry]) -> list[Array]:
    groups = [given if isinstance(given, tuple) else (given,) for given, _ in entries]
    return [t.array for group in groups for t in group if t is not None]


def value_of(node: Node) -> Tensor:
    """The operation's own value for a vjp that asks for it; tied to the node, so that it can be differentiated."""
    y = Tensor(node.output, requires_grad=True)
    y.node = node
    return y


def add_to_grad(t: Tensor, g: Tensor, create_graph: bool) -> None:
    """t.grad += g, in memory of its own."""
    if t.grad is not None and not create_graph and not t.grad.requires_grad:  # in place: who holds the gradient sees the sum
        held = t.grad.array
        alike = held.shape == g.array.shape and held.dtype == g.array.dtype and held.device == g.array.device
        if alike and type(t.grad.version) is Version and getattr(held.flags, "writeable", True):
            held += g.array
            t.grad.version.count += 1
        else:
            t.grad += g  # of whatever the user put there, as any change in place
        return
    with enable_grad() if create_graph else no_grad():
        total = g if t.grad is None else t.grad + g
        fresh = empty_like(t.array)  # the layout of t, and nobody else's memory
        fresh[...] = total.array
        t.grad = record(fresh, (total, lambda h: h), name="backward")
