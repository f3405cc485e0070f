"""A graph as a network: a module for each node, by the table of operators, and the way that the values take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ninx.kernels.names import unknown

from ... import nn
from .given import Given, Weights
from .metadata import with_metadata
from .naming import paths
from .network import Network, Step, put
from .reading import Graph, Node, Told
from .stored import Stored
from .table import OPERATORS, SAME_RANK
from .tensors import constant


def built(graph: Graph, where: str) -> nn.Module:
    """The network of a graph, in eval mode. Raises ValueError, which begins with ``where``, for what is not known here."""
    try:
        return _built(graph)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _built(graph: Graph) -> nn.Module:
    known = _known(graph)
    nodes = tuple(node for node in graph.nodes if node.outputs[0] not in known)
    weights, told = (
        Weights(sum(stored.nbytes for stored in graph.tensors.values())),
        graph.told | {name: Told(len(stored.shape), stored.code) for name, stored in known.items()},
    )
    read = Counter(name for node in nodes for name in node.inputs) + Counter(graph.outputs)
    modules: dict[str, nn.Module] = {}
    steps: list[Step] = []
    for node, path in zip(nodes, paths(nodes, known), strict=True):
        node = node._replace(outputs=_used(node, read))
        modules[path] = _module(node, graph.opset, known, told, weights)
        computed = tuple(name for name in node.inputs if name and name not in known)
        steps.append(Step((path,), computed, node.outputs))
    steps += _answers(graph, modules, weights)
    _counts(graph, modules)
    made = _row(graph, modules, steps, read) or Network(modules, _joined(steps, read), graph.inputs, graph.outputs)
    return made.eval()


def _known(graph: Graph) -> dict[str, Stored]:
    """The tensors of the file by the names under which nodes read them: Constant, and Identity of them, are no work.

    PyTorch stores equal tensors once and names the others by an Identity; here each is one of its own.
    """
    known = dict(graph.tensors)
    for node in graph.nodes:
        if not node.outputs or node.outputs[0] in graph.outputs:
            continue
        if node.kind == "Constant":
            with _of(node):
                known[node.outputs[0]] = constant(node)
        elif node.kind == "Identity" and len(node.inputs) == 1 and node.inputs[0] in known:
            known[node.outputs[0]] = known[node.inputs[0]]._replace(name=node.outputs[0])
    return known


@contextmanager
def _of(node: Node) -> Iterator[None]:
    """What goes wrong inside is told with the node's name."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())[:500]
        raise ValueError(f"{node}: {said or type(error).__name__}") from None


def _used(node: Node, read: Counter[str]) -> tuple[str, ...]:
    """The outputs of a node without those at the end that nobody reads: a mask, statistics."""
    count = max((i for i, name in enumerate(node.outputs) if name and read[name]), default=0) + 1
    return node.outputs[:count]


def _module(node: Node, opset: int, known: dict[str, Stored], told: dict[str, Told], weights: Weights) -> nn.Module:
    if node.kind not in OPERATORS:
        raise ValueError(f"{node}: {unknown('operator', node.kind[:60], OPERATORS)}")
    with _of(node):
        inputs = [known.get(name, name) if name else None for name in node.inputs]
        while inputs and inputs[-1] is None:
            inputs.pop()
        first = told.get(node.inputs[0], Told()) if node.inputs else Told()
        given = Given(node, opset, inputs, first, weights)
        module = with_metadata(OPERATORS[node.kind](given), node.metadata)
        given.check_all_read()
        if node.kind in SAME_RANK and first.rank is not None:
            told.setdefault(node.outputs[0], Told(first.rank))
        return module


def _answers(graph: Graph, modules: dict[str, nn.Module], weights: Weights) -> list[Step]:
    """Steps for the tensors of the file that are outputs of the graph."""
    steps = []
    for number, name in enumerate(graph.outputs):
        if name in graph.tensors:
            path = f"output_{number}"
            while path in modules:
                path += "_"
            node = Node("Identity", path, (name,), (name,), {}, {})
            modules[path] = _module(node, graph.opset, graph.tensors, {}, weights)
            steps.append(Step((path,), (), (name,)))
    return steps


def _counts(graph: Graph, modules: dict[str, nn.Module]) -> None:
    """The batches that a batch normalisation has seen, if the file says it: no node reads that."""
    for path, module in modules.items():
        stored = graph.tensors.get(f"{path}.num_batches_tracked")
        if stored is not None and isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and stored.shape == ():
            assert module.num_batches_tracked is not None
            module.num_batches_tracked.array[...] = stored.array()


def _row(graph: Graph, modules: dict[str, nn.Module], steps: list[Step], read: Counter[str]) -> nn.Module | None:
    """The modules as Sequentials in each other, if each gets what the one before it makes, and nothing else is done."""
    names = [*(step.outputs[0] for step in steps)]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1 or not steps or names[-1] != graph.outputs[0]:
        return None
    for name, step in zip([graph.inputs[0], *names], steps, strict=False):
        if step.inputs != (name,) or len(step.outputs) > 1 or read[name] != 1:
            return None
    root = nn.Sequential()
    for path, module in modules.items():
        put(root, path, module, nn.Sequential)
    order = [path for path, _ in root.named_modules() if path in modules]
    return root if order == list(modules) and read[names[-1]] == 1 else None


def _joined(steps: list[Step], read: Counter[str]) -> list[Step]:
    """Steps of which one reads what the one before it makes, and nobody else does, as one."""
    joined: list[Step] = []
    for step in steps:
        before = joined[-1] if joined else None
        if before is not None and len(before.outputs) == 1 and step.inputs == before.outputs and read[step.inputs[0]] == 1:
            joined[-1] = Step(before.paths + step.paths, before.inputs, step.outputs)
        else:
            joined.append(step)
    return joined
