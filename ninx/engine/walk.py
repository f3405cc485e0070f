"""The way back: every node passes what it received on to its sources, each once, after all that use its value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..array import xp_of
from .graph import Leaf, Node, source
from .modes import enable_grad, is_anomaly_enabled, no_grad, unwatched
from .tensor import Tensor


def postorder(roots: Sequence[Node]) -> list[Node]:
    """Every node below the roots, each after all that it leads to. A loop, not a recursion: chains may be very long."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack = [(root, False) for root in roots]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            if node.entries is None:
                raise RuntimeError(
                    "backward through a graph that was freed by an earlier backward; give that one retain_graph=True"
                )
            seen.add(node)
            stack.append((node, True))
            stack += [(s, False) for sources, *_ in node.entries for s in sources if s is not None and s not in seen]
    return order


def mark_needed(order: Sequence[Node], roots: Sequence[Node], targets: set[Node], again: bool) -> set[Node]:
    """The nodes whose gradients lead to a target; and every node learns what will be asked of it in this walk.

    ``order``: the nodes, each after all that it leads to. ``again``: may another walk follow?
    """
    needed = set(targets)
    for node in order:
        below = [s for sources, *_ in node.entries or () for s in sources if s is not None]
        if not needed.isdisjoint(below):
            needed.add(node)
        node.is_target = node in targets
        node.uses_left = roots.count(node) + again
        for s in below:
            s.uses_left += 1
    return needed


def walk(
    outputs: Sequence[Tensor], cotangents: Sequence[Tensor], targets: set[Node] | None, create_graph: bool, retain_graph: bool
) -> dict[Node, Tensor]:
    """The gradients of the targets (None: of all leaves) that are reached from the outputs."""
    roots = [node for t in outputs if (node := source(t)) is not None]
    order = postorder(roots)
    targets = {node for node in order if node.is_leaf} if targets is None else targets
    needed = mark_needed(order, roots, targets, retain_graph)
    received: dict[Node, Tensor] = {}
    found: dict[Node, Tensor] = {}

    def add(node: Node, g: Tensor) -> None:
        received[node] = received[node] + g if node in received else g

    hunting = is_anomaly_enabled()  # in what a vjp returns, not in its single steps
    with enable_grad() if create_graph else no_grad(), unwatched():
        for root, g in zip(roots, cotangents, strict=True):
            if root in needed:
                add(root, root.fit(g, "the output"))
        while order:
            node = order.pop()
            if node in received:
                g = node.hooked(received.pop(node), create_graph)
                if node in targets:
                    found[node] = g
                for below, share in node.shares(g, needed, retain_graph, hunting):
                    add(below, share)
    return found


def backward(
    outputs: Sequence[Tensor], gradients: Sequence[Tensor | None], retain_graph: bool | None = None, create_graph: bool = False
) -> None:
    """Add the gradient of the outputs to ``.grad`` of every leaf that requires grad (see `Tensor.backward`)."""
    retain = create_graph if retain_graph is None else retain_graph
    found = walk(outputs, _cotangents("backward", outputs, gradients), None, create_graph, retain)
    for leaf in list(found):
        g = found.pop(leaf)  # and not held on to: it is copied into memory of the tensor's own
        if isinstance(leaf, Leaf):
            leaf.fill(g, create_graph)


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
    nodes = [node for t in ins if (node := source(t)) is not None]
    retain = create_graph if retain_graph is None else retain_graph
    found = walk(outs, _cotangents("grad", outs, given), set(nodes), create_graph, retain)
    if not allow_unused and (lost := [i for i, node in enumerate(nodes) if node not in found]):
        raise RuntimeError(f"grad: the outputs do not depend on input(s) {lost}; allow_unused=True gives None for them")
    return tuple(found.get(node) for node in nodes)


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
