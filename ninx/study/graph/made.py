"""`of`, which makes the graph of a network: it runs a step, and turns what the nodes noted into vertices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ninx import kernels
from ninx.kernels import geometry, memory
from ninx.kernels.geometry import Geometry

from ... import nn
from ...array import Array
from ...engine import Leaf, Node, Tensor
from ...ops.rectifier import ReluMask
from ..seen import kept
from ..uncomputed import ROOT, batch_of, uncomputed, without_values
from .recorded import Noted, Step
from .vertices import Edge, Graph, Kept, Vertex
from .vjps import described

BATCH = 64


def of(model: nn.Module, *inputs: Sequence[int] | Tensor, batch: int = BATCH, name: str = "") -> Graph:
    """The graph of one forward and backward pass of ``model``, on images of such a size (C, H, W) or on given tensors.

    ``batch``: how many images of a given size. The loss is cross-entropy where the network gives a row of logits for each
    image, else the sum of all that it gives. Where something does not fit, the graph ends, and its ``error`` says why.

    Raises TypeError for a network that cannot be copied.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten())
    >>> [v.name for v in ninx.study.graph.of(net, (3, 32, 32)).vertices if v.kind == "operation"][:3]
    ['conv2d', 'global_avg_pool2d', 'reshape']
    """
    if not inputs:
        raise ValueError("graph: say how large an image is, as in net.graph((3, 32, 32)), or give a batch of them")
    kernels.tier()  # what is imported on first use is no part of the network
    step = Step({})
    with uncomputed(memory.Pool().empty, partial(Noted, step)):
        net = without_values(model, "graph").train()
        step.names.update({id(m): key or ROOT for key, m in net.named_modules()})
        given = [x if isinstance(x, Tensor) else batch_of(net, _size(x), batch) for x in inputs]
        step.run(net, given)
        vertices = _Vertices(net, step).found
    failure = step.failure
    error = "" if failure is None else f"{failure.layer}: {failure.sentence}" if failure.layer else failure.sentence
    return Graph(name or type(model).__name__, len(given[0]), tuple(vertices), error)


def _size(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(geometry.whole(n, "graph", "a size of the input") for n in shape)


def memory_of(array: Array) -> tuple[int, int]:
    """(an id of the memory that an array or a view lies in, how large it is in bytes)."""
    while type(array.base) is np.ndarray:
        array = array.base
    return id(array if array.base is None else array.base), array.nbytes


class _Vertices:
    """The vertices of a step, in order: what went in, and each operation after the parameters that it is the first to use."""

    def __init__(self, net: nn.Module, step: Step) -> None:
        self.net = net
        self.found: list[Vertex] = []
        self.number: dict[Node | int, int] = {}  # of the vertex of a node, or of a memory without one
        self.there = {memory_of(t.array)[0] for t in (*net.parameters(), *net.buffers(), *step.inputs)}  # or kept already
        self.trained: set[Node] = set()  # what leads to a parameter
        self.parameters = _all_names(net.named_parameters(remove_duplicate=False))
        self.buffers = {memory_of(b.array)[0]: name for name, b in net.named_buffers()}
        for x in step.inputs:
            self.number[memory_of(x.array)[0]] = self.add("input", "input", x)
            if x.leaf is not None:
                self.number[x.leaf] = len(self.found) - 1
        for node in step.nodes:
            if node.name == "input" and node.ways[0].sources[0] in self.number and not node.layers:
                self.number[node] = self.number[node.ways[0].sources[0]]
            else:
                self.operation(node)
        if step.failure is not None and not any(node.error for node in step.nodes):
            self.failed(step)

    def add(self, kind: str, name: str, of: Any, **more: Any) -> int:
        """A vertex for a tensor or a node."""
        dtype = str(of.dtype if of is not None else "")
        self.found.append(Vertex(len(self.found), kind, name, tuple(of.shape) if of is not None else (), dtype, **more))
        return len(self.found) - 1

    def place(self, node: Node) -> int:
        """The number of the vertex of a node that an operation comes from."""
        if node not in self.number:
            tensor = node.tensor() if isinstance(node, Leaf) else None
            names = self.parameters.get(id(tensor), ())
            self.trained.add(node)
            self.number[node] = self.add("parameter", names[0] if names else "leaf", node, names=tuple(names))
        return self.number[node]

    def constant(self, t: Tensor) -> int:
        """The number of the vertex of a tensor without a gradient."""
        key = memory_of(t.array)[0]
        if key not in self.number:
            self.number[key] = self.add("constant", self.buffers.get(key, "constant"), t)
        return self.number[key]

    def operation(self, node: Noted) -> None:
        """The vertex of a node."""
        edges = []
        for way in node.ways:
            for i, source in enumerate(way.sources):
                if source is not None:
                    vjp = described(way.vjp, i, node.shape)
                    edges.append(Edge(self.place(source), vjp, source in node.asked))
        edges += [Edge(self.constant(t)) for t, source in node.given if source is None and t.ndim]
        self.number[node] = self.add(
            "operation", node.name, node, layers=node.layers, settings=self.settings(node.layers), fused=self.fused(node),
            masked=isinstance(node.mask, ReluMask),
            edges=tuple(edges), kept=tuple(self.kept(node)), error=node.error,
            geometry=next(kept(((w.sources, w.vjp, w.with_value) for w in node.ways), Geometry), None),
        )  # fmt: skip

    def settings(self, layers: Sequence[str]) -> str:
        """The layers as they are printed; of one with parts only its class."""
        modules = [self.net.get_submodule("" if name == ROOT else name) for name in layers]
        return ", ".join(type(m).__name__ if list(m.children()) else repr(m) for m in modules)

    def fused(self, node: Noted) -> tuple[str, ...]:
        """What a node does in one pass."""
        ends = [node.name]
        ends += ["bias"] * (node.name == "conv2d" and any(len(way.sources) == 2 for way in node.ways))
        ends += ["ReLU"] * (isinstance(node.mask, ReluMask) and node.name != "relu")
        ends += [type(self.net.get_submodule(name)).__name__ for name in node.layers[1:] if "ReLU" not in ends]
        return tuple(ends) if len(ends) > 1 else ()

    def kept(self, node: Noted) -> list[Kept]:
        """The arrays that are kept for the vjps that training asks for; what no parameter needs is not kept there."""
        ways = [way for way in node.ways if not self.trained.isdisjoint(way.sources)]
        if not ways:
            return []
        self.trained.add(node)
        arrays = [pair for way in ways for pair in way.arrays]
        if node.value is not None and (node.mask is not None or any(way.with_value for way in ways)):
            arrays.append(("y", node.value))
        found: dict[int, Kept] = {}
        for name, array in arrays:
            key, size = memory_of(array)
            if key not in found and array.ndim:
                found[key] = Kept(name, array.shape, 0 if key in self.there else size)
        self.there |= set(found)
        return list(found.values())

    def failed(self, step: Step) -> None:
        """A vertex for what could not be done."""
        failure = step.failure
        assert failure is not None
        edges = []
        for t in failure.given:
            number = self.number.get(t.node) if t.node is not None else self.number.get(memory_of(t.array)[0])
            edges += [] if number is None else [Edge(number)]
        layers = (failure.layer,) if failure.layer else ()
        settings, name = self.settings(layers), failure.operation or failure.layer or "error"
        self.add("error", name, None, layers=layers, settings=settings, edges=tuple(edges), error=failure.sentence)


def _all_names(named: Any) -> dict[int, list[str]]:
    """The names of each thing by its id."""
    found: dict[int, list[str]] = {}
    for name, thing in named:
        found.setdefault(id(thing), []).append(name)
    return found
