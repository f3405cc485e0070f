"""A graph of ONNX while it is built: nodes, the arrays that they read, and unique names for all of them.

A layer of `ninx.nn` that is one node has the module's path as its name, "features.0"; what stands in a ``forward`` of one's own,
or is one of several nodes of a layer, has the path, a slash and the function: "block.1/add". So a name with a slash is never that
of a module.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import nn
from ...array import Array, to_numpy
from .comparing import Batch, Filled, Shaped, Size
from .watching import Constant, Place, Unexportable

INPUT, OUTPUT, BATCH = "input", "output", "N"
PLAIN = (bool, int, float, str, type(None))


class Value(NamedTuple):
    """A value of the graph: its name, for the time being, and what it is."""

    name: str
    shape: tuple[Size, ...]
    dtype: np.dtype[Any]


class Node(NamedTuple):
    """An operator with the names of what it reads and makes, and the call that it is a part of."""

    kind: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any]
    function: str
    place: Place
    call: int


class Named(NamedTuple):
    """A node as the file has it; ``told``: its metadata."""

    name: str
    kind: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any]
    told: dict[str, str]


class Given(dict[str, Any]):
    """The arguments of a call by their names, with a `Value` for each tensor; ``made``: what it made."""

    made: tuple[Shaped, ...] = ()

    @property
    def x(self) -> Any:
        """The first of them, whatever its name is."""
        return next(iter(self.values()))


class Builder:
    """Collects nodes and arrays. ``function`` and ``place`` say what is being built, for the names."""

    def __init__(self, model: nn.Module):
        self.modules = dict(model.named_modules())
        self.nodes: list[Node] = []
        self.arrays: dict[str, Array] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}  # of parameters that the file holds in another shape than their own
        self.function, self.place, self._calls = "", Place("", 0, ""), 0
        self._taken = {
            INPUT,
            OUTPUT,
            *(name for name, _ in model.named_parameters()),
            *(name for name, _ in model.named_buffers()),
        }

    def begin(self, function: str, place: Place) -> None:
        """What is built from now on is this call."""
        self.function, self.place, self._calls = function, place, self._calls + 1

    # ---------------------------------------------------------------- for the operators
    def node(self, kind: str, *inputs: Any, **attributes: Any) -> str:
        """A node; its inputs are names, values or lists of whole numbers (int64). Returns the name of what it makes."""
        name = f"#{len(self.nodes)}"
        kept = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(Node(kind, [self.name(x) for x in inputs], name, kept, self.function, self.place, self._calls))
        return name

    def name(self, x: Any) -> str:
        """The name of a value; for several whole numbers, that of an array of them."""
        if isinstance(x, str):
            return x
        if not isinstance(x, Value):
            return self.array(np.asarray(x, np.int64), "sizes")
        return self.node("Reshape", x.name, list(x.shape)) if x.name in self.shapes else x.name

    def shaped(self, x: Value, shape: tuple[int, ...]) -> str:
        """The name of a parameter in another shape: so it stands in the file, if nobody else reads it."""
        if x.name.startswith("#") or (x.name not in self.shapes and any(x.name in node.inputs for node in self.nodes)):
            return self.node("Reshape", x, list(shape))
        self.shapes[x.name] = shape
        return x.name

    def array(self, array: Array, label: str) -> str:
        """The name of a new array in the file."""
        name = self.unique(f"{self.place.path}/{label}")
        self.arrays[name] = array
        return name

    def operand(self, x: Any, dtype: np.dtype[Any]) -> str:
        """The name of an operand of that dtype: a value, an array or a number."""
        if isinstance(x, Value):
            return self.cast(self.name(x), x.dtype, dtype)
        if isinstance(x, Filled):
            return self.node("Expand", self.array(x.value.astype(dtype), "value"), self.sizes(x.shape))
        return self.array(np.asarray(x.array if isinstance(x, Constant) else x, dtype), "value")

    def cast(self, name: str, old: np.dtype[Any], new: np.dtype[Any]) -> str:
        """The value in another dtype, if that is another."""
        from onnx import helper

        return name if old == new else self.node("Cast", name, to=helper.np_dtype_to_tensor_dtype(np.dtype(new)))

    def sizes(self, shape: Sequence[Size]) -> str:
        """The name of a shape, as an array of whole numbers."""
        if not any(isinstance(n, Batch) for n in shape):
            return self.array(np.asarray(shape, np.int64).reshape(-1), "sizes")
        return self.node("Concat", *[self._size(n) for n in shape], axis=0)

    def _size(self, n: Size) -> str:
        if not isinstance(n, Batch):
            return self.array(np.asarray([n], np.int64), "sizes")
        count = self.node("Shape", INPUT, start=0, end=1)
        return count if n.times == 1 else self.node("Mul", count, self.array(np.asarray([n.times], np.int64), "sizes"))

    def refuse(self, why: str) -> Unexportable:
        """The error for what the function that is being built cannot say in ONNX."""
        return Unexportable(f"onnx.export: {self.function} {why} ({self.place})")

    def unique(self, name: str) -> str:
        """The name, with a number behind it if it is taken."""
        found = _free(name, self._taken)
        self._taken.add(found)
        return found

    # ---------------------------------------------------------------- names
    def finished(self, outputs: Mapping[str, Value]) -> tuple[list[Named], dict[str, str]]:
        """The nodes that the outputs need, with their names and metadata; and the final names of the values that they make."""
        self._taken |= set(outputs)
        nodes = self._needed(outputs)
        alone, parts = _count(n.place.visit for n in nodes), _count(n.call for n in nodes)
        renamed = {value.name: name for name, value in outputs.items()}
        used: set[str] = set()
        found = []
        for node in nodes:
            layer = self.modules.get(node.place.path)
            own = "" if layer is None or node.place.visit == 0 else layer_class(layer)
            whole = own and alone[node.place.visit] == 1
            name = node.place.path if whole else f"{node.place.path}/{node.function}"
            name += f"/{node.kind}" if parts[node.call] > 1 else ""
            if not (whole and name and name not in used):
                name = _free(name or own, {*used, *self.modules})
            used.add(name)
            if node.output not in renamed:
                renamed[node.output] = self.unique(name)
            inputs = [renamed.get(i, i) for i in node.inputs]
            told = self._told(node, layer, own)
            found.append(Named(name, node.kind, inputs, renamed[node.output], node.attributes, told))
        return found, renamed

    def _needed(self, outputs: Mapping[str, Value]) -> list[Node]:
        """The nodes without those that nobody reads."""
        read = {value.name for value in outputs.values()}
        found = []
        for node in reversed(self.nodes):
            if node.output in read:
                read |= set(node.inputs)
                found.append(node)
        return found[::-1]

    def _told(self, node: Node, layer: nn.Module | None, own: str) -> dict[str, str]:
        """What a node's metadata say: whatever ONNX has no attribute for, and numbers in all their digits."""
        if layer is None or not own:
            return {"ninx.function": node.function}
        told = {"ninx.module": node.place.path, "ninx.class": own, "ninx.settings": json.dumps(settings(layer))}
        tracked = getattr(layer, "num_batches_tracked", None)
        return told if tracked is None else {**told, "ninx.num_batches_tracked": str(int(to_numpy(tracked.array)))}


def layer_class(module: nn.Module) -> str:
    """The name of a layer's class in `ninx.nn`; "" for a container or a class of one's own."""
    name = type(module).__name__
    known = getattr(nn, name, None) is type(module) and type(module).__module__.startswith("ninx.nn.")
    return name if known and not any(module.children()) and not isinstance(module, nn.Sequential) else ""


def settings(layer: nn.Module) -> dict[str, Any]:
    """The arguments that make a layer of `ninx.nn` again.

    >>> from ninx.onnx.exporting.building import settings
    >>> settings(nn.Linear(3, 2))
    {'in_features': 3, 'out_features': 2, 'bias': True}
    """
    found = {}
    for name in inspect.signature(type(layer)).parameters:
        if name in ("device", "dtype") or not hasattr(layer, name):
            continue
        value = getattr(layer, name)
        if name == "bias":
            value = value is not None
        if isinstance(value, PLAIN) or (isinstance(value, tuple) and all(isinstance(v, PLAIN) for v in value)):
            found[name] = value
    return found


def _count(keys: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for key in keys:
        found[key] = found.get(key, 0) + 1
    return found


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number behind it if it is taken."""
    found, number = name, 0
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found
