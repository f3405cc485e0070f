"""The engine: tensors that remember how they were made, and the walk back through that memory.

An operation is a plain function from tensors to a tensor. It computes its value from arrays and tells `record`, for each
input, the vector-Jacobian product (vjp): the function that carries a cotangent g, the derivative of some loss by the
operation's value, back to that input. So the derivative of ``mul`` is the two lines

    (a, lambda g: g * b)        (b, lambda g: g * a)

A vjp takes and returns tensors and is written with differentiable operations itself; that is all it takes for derivatives
of any order. If it has a second parameter (``lambda g, y: g * y``, as for ``exp``) it also gets the operation's own value,
which is then kept; nothing else is kept but what the vjps close over.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .array import Array, device_of, empty_like, plain_array, xp_of
from .graph import Node, Source, Version, Vjp, prepare, takes_value
from .methods import Operators
from .modes import check_anomaly, enable_grad, is_anomaly_enabled, no_grad, records, unwatched

Entry: TypeAlias = "tuple[Tensor | tuple[Tensor | None, ...], Vjp]"


class Tensor(Operators):
    """An array, and how it was made if its gradient is wanted. `ninx.tensor` makes one; its methods stand in methods/.
    >>> ninx.tensor([1.0, 2.0], requires_grad=True) * 2
    tensor([2., 4.], grad_fn=<mul>)
    """

    __slots__ = ("__weakref__", "array", "grad", "hooks", "is_view", "node", "requires_grad", "seen", "version")
    entries: Sequence[Any] = ()  # to the walk a leaf is a node that leads nowhere

    def __init__(self, data: Any, requires_grad: bool = False):
        self.array: Array = data if type(data) is np.ndarray else plain_array(data)
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self.node: Node | None = None
        self.hooks: list[Callable[[Tensor], Tensor | None]] | None = None
        self.version, self.seen, self.is_view = Version(), 0, False

    @property
    def data(self) -> Tensor:
        """A tensor on the same memory without history, as in PyTorch; `backward` does not notice what is written into it.

        >>> w = ninx.ones(2, requires_grad=True)
        >>> w.data[:] = 3  # without .data a leaf that requires grad refuses it
        """
        return Tensor(self.array)

    @data.setter
    def data(self, other: Tensor) -> None:
        if not isinstance(other, Tensor):
            raise TypeError(f".data takes a Tensor, not {type(other).__name__}; ninx.from_numpy(array) makes one of an array")
        self.array = other.array

    def source(self) -> Source | None:
        """Where this tensor's gradient flows to (None: nowhere). Refuses a tensor whose history no longer fits its value.
        >>> ninx.ones(2).source()  # None: no gradient is wanted
        """
        if self.seen != self.version.tracked and (self.node is not None or self.is_view):
            raise RuntimeError(
                f"a tensor of shape {self.array.shape} shares memory with one that was changed in place after it was made, "
                "so its gradient is lost; take the view again after the change"
            )
        return self.node or (self if self.requires_grad else None)


def record(
    value: Array, *entries: Entry, view_of: Tensor | None = None, name: str | None = None, first: Vjp | None = None
) -> Tensor:
    """The tensor of ``value``, which the calling operation computed, with the way back for each ``(input, vjp)``.

    The left side of an entry may be a tuple of inputs (None for an absent one); its vjp then returns one cotangent for each.
    Only what is wanted is kept: nothing under `no_grad`, and no entry whose inputs need no gradient. ``view_of``: the
    input with which the value shares memory. ``name``: of the operation, if it is not that of the calling function.
    ``first``: a vjp (g, value) -> g with which all others begin, for an operation that ends in a step of its own.
    >>> def double(x): return ninx.record(2 * x.array, (x, lambda g: 2 * g))
    >>> double(ninx.tensor(3.0, requires_grad=True))
    tensor(6., grad_fn=<double>)
    """
    out = Tensor(value)
    if view_of is not None:
        out.version, out.seen, out.is_view = view_of.version, view_of.version.tracked, True
    name = name or sys._getframe(1).f_code.co_name  # the operation that calls
    if records():
        kept = []
        for inputs, vjp in entries:
            group = inputs if isinstance(inputs, tuple) else (inputs,)
            sources = tuple(None if t is None else t.source() for t in group)
            if any(s is not None for s in sources):
                kept.append((sources, vjp))
        if kept:
            out.node, out.requires_grad = Node(name, out, kept, first), True
    if is_anomaly_enabled():
        groups = [i if isinstance(i, tuple) else (i,) for i, _ in entries]
        check_anomaly(f"forward of {name}", [out.array], None, [t.array for group in groups for t in group if t is not None])
    return out


def _postorder(roots: Sequence[Source]) -> list[Source]:
    """Every source below the roots, each after all that it leads to. A loop, not a recursion: chains may be very long."""
    order: list[Source] = []
    seen: set[int] = set()
    stack: list[tuple[Source, bool]] = [(root, False) for root in roots]
    while stack:
        source, done = stack.pop()
        if done:
            order.append(source)
        elif id(source) not in seen:
            if source.entries is None:
                raise RuntimeError(
                    "backward through a graph that was freed by an earlier backward; give that one retain_graph=True"
                )
            seen.add(id(source))
            stack.append((source, True))
            stack.extend((s, False) for sources, _ in source.entries for s in sources if s is not None and id(s) not in seen)
    return order


def _walk(
    outputs: Sequence[Tensor], cotangents: Sequence[Tensor], targets: set[int] | None, create_graph: bool, retain_graph: bool
) -> list[tuple[Source, Tensor]]:
    """The gradients of the targets (ids of sources; None: all leaves) that are reached from the outputs."""
    roots = [s for t in outputs if (s := t.source()) is not None]
    order, found = _postorder(roots), []
    grads: dict[int, Tensor] = {}
    needed = prepare(order, roots, targets, retain_graph)

    def add(source: Source, g: Tensor, name: str) -> None:
        _fit(g, source, name)
        grads[id(source)] = grads[id(source)] + g if id(source) in grads else g

    hunting = is_anomaly_enabled()  # in a vjp's result, not in its single steps
    with enable_grad() if create_graph else no_grad(), unwatched():
        for root, g in zip(roots, cotangents, strict=True):
            add(root, g, "the output")
        while order:
            source = order.pop()
            if id(source) not in needed or id(source) not in grads:
                continue
            g = grads.pop(id(source))
            for hook in tuple(source.hooks or ()):
                changed = hook(g)
                g = g if changed is None else _fit(changed, source, "a hook")
            if (targets is None and isinstance(source, Tensor)) or (targets is not None and id(source) in targets):
                found.append((source, g))
            if isinstance(source, Tensor):
                continue
            if source.retained is not None and (t := source.retained()) is not None:
                _add_to_grad(t, g, create_graph)
            source.check_versions()
            if source.first is not None:
                g = source.first(g, _value_of(source))
                if not retain_graph:
                    source.output = None  # no other vjp of such an operation reads it: its memory serves for what they make
            for sources, vjp in source.entries or ():
                if not any(id(s) in needed for s in sources if s is not None):
                    continue
                result = vjp(g, _value_of(source)) if takes_value(vjp) else vjp(g)
                results = result if isinstance(result, tuple) else (result,)
                if len(results) != len(sources) or not all(r is None or isinstance(r, Tensor) for r in results):
                    got = ", ".join(type(r).__name__ for r in results)
                    raise RuntimeError(
                        f"backward of {source.name}: the vjp must return {len(sources)} tensor(s), but returned {got}"
                    )
                if hunting:
                    check_anomaly(
                        f"backward of {source.name}", [r.array for r in results if r is not None], source.line, [g.array]
                    )
                for s, r in zip(sources, results, strict=True):
                    if s is not None and r is not None and id(s) in needed:
                        add(s, r, source.name)
            if not retain_graph:
                source.entries, source.output, source.first, source.saved = None, None, None, []
    return found


def _value_of(node: Node) -> Tensor:
    """An operation's own value for a vjp that asks for it; tied to the node, so that it can be differentiated."""
    y = Tensor(node.output, requires_grad=True)
    y.node = node
    return y


def _fit(g: Tensor, source: Source, name: str) -> Tensor:
    """The one place that holds every vjp to its promise: a gradient looks like what it is the gradient of, and lies there."""
    like = source.array if isinstance(source, Tensor) else source
    if g.array.device != like.device:
        raise RuntimeError(f"backward of {name}: a gradient on {g.device} for an input on {device_of(like)}")
    if g.array.shape != like.shape or g.array.dtype != like.dtype:
        raise RuntimeError(
            f"backward of {name}: a gradient of shape {g.array.shape} and dtype {g.array.dtype} "
            f"for an input of shape {tuple(like.shape)} and dtype {like.dtype}"
        )
    return g


def _cotangents(operation: str, outputs: Sequence[Tensor], given: Sequence[Any]) -> list[Tensor]:
    """The cotangents to start from: those given, and 1 for a scalar output."""
    if len(given) != len(outputs):
        raise ValueError(f"{operation}: {len(outputs)} outputs, but {len(given)} gradients were given")
    started = []
    for t, g in zip(outputs, given, strict=True):
        if not t.requires_grad:
            raise RuntimeError(f"{operation}: a tensor of shape {t.array.shape} does not require grad and has no history")
        if g is None and t.array.size != 1:
            raise RuntimeError(
                f"{operation}: only a scalar starts with gradient 1; give one for the output of shape {t.array.shape}"
            )
        g = Tensor(xp_of(t.array).ones_like(t.array)) if g is None else g
        started.append(g if isinstance(g, Tensor) else Tensor(g))
    return started


def backward(
    outputs: Sequence[Tensor], gradients: Sequence[Tensor | None], retain_graph: bool | None = None, create_graph: bool = False
) -> None:
    """Add the gradient of the outputs to ``.grad`` of every leaf that requires grad (see `Tensor.backward`)."""
    retain = create_graph if retain_graph is None else retain_graph
    for leaf, g in _walk(outputs, _cotangents("backward", outputs, gradients), None, create_graph, retain):
        if isinstance(leaf, Tensor):
            _add_to_grad(leaf, g, create_graph)


def _add_to_grad(t: Tensor, g: Tensor, create_graph: bool) -> None:
    if t.grad is not None and not create_graph and not t.grad.requires_grad:
        t.grad += g  # in place, as in PyTorch: who holds the gradient sees the sum
        return
    with enable_grad() if create_graph else no_grad():
        total = g if t.grad is None else t.grad + g
        fresh = empty_like(t.array)  # the layout of t, and nobody else's memory
        fresh[...] = total.array
        t.grad = record(fresh, (total, lambda h: h), name="backward")


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the outputs (weighted by ``grad_outputs``; 1 for a scalar) by the inputs; ``.grad`` stays as it is.

    ``create_graph=True`` records them for a second derivative. An input of no influence raises, or gives None (``allow_unused``).
    >>> x = ninx.tensor(3.0, requires_grad=True)
    >>> ninx.grad(x**3, x)
    (tensor(27.),)
    """
    outs, ins = [(t,) if isinstance(t, Tensor) else tuple(t) for t in (outputs, inputs)]
    single = grad_outputs is not None and not isinstance(grad_outputs, (tuple, list))
    given = (grad_outputs,) if single else tuple(grad_outputs or (None,) * len(outs))
    for i, t in enumerate(ins):
        if not t.requires_grad:
            raise RuntimeError(f"grad: input {i} of shape {t.array.shape} does not require grad")
    sources = [t.source() for t in ins]
    retain = create_graph if retain_graph is None else retain_graph
    found = {id(s): g for s, g in _walk(outs, _cotangents("grad", outs, given), {id(s) for s in sources}, create_graph, retain)}
    if not allow_unused and (lost := [i for i, s in enumerate(sources) if id(s) not in found]):
        raise RuntimeError(f"grad: the outputs do not depend on input(s) {lost}; allow_unused=True gives None for them")
    return tuple(found.get(id(s)) for s in sources)
