"""An ONNX file as plain data: its nodes in order, its tensors, its inputs and outputs. Everything is checked that can be
without knowing what the operators do.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ...files import open_regular
from .counting import check_size
from .stored import TYPES, Stored, said, stored, text

OPSETS = range(7, 29)  # the versions of ONNX's operators that are known here
NODES = 100_000

Attribute = int | float | str | tuple[Any, ...] | Stored | None


class Node(NamedTuple):
    """An operator at work: the names of the values that it reads ("": an optional one is absent) and makes, and its settings.

    ``metadata``: what else the file says of it.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute]
    metadata: dict[str, str]

    def __str__(self) -> str:
        """How a sentence names it."""
        kind = said(self.kind)[1:-1]
        return f"the node {said(self.name)} ({kind})" if self.name else f"a node {kind} without a name"


class Told(NamedTuple):
    """What is known of a value before it is computed: how many dimensions it has, and NumPy's code of its type."""

    rank: int | None = None
    type: str | None = None


class Graph(NamedTuple):
    """What is in a file. ``told``: what it says of values, and cannot be relied on."""

    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    tensors: dict[str, Stored]
    told: dict[str, Told]


def read(path: Path, where: str) -> Graph:
    """The graph of an ONNX file. Raises ValueError, which begins with ``where``, for anything else."""
    try:
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it has no types
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"ninx.onnx needs the package onnx; pip install 'ninx[onnx]' ({error})") from None
    with open_regular(path, "onnx ") as (file, size):
        content = file.read(size)
    model = onnx.ModelProto()
    try:
        check_size(content, onnx.ModelProto)
        model.ParseFromString(content)
        del content  # the message has all of it
        return _graph(model, path.parent)
    except DecodeError:
        raise ValueError(f"{where}: is damaged, or no ONNX file") from None
    except UnicodeDecodeError:
        raise ValueError(f"{where}: is damaged, a name in it is no text") from None
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _graph(model: Any, folder: Path) -> Graph:
    """The graph of a ModelProto."""
    if not model.HasField("graph"):
        raise ValueError("it has no graph; it is empty, or no ONNX file")
    opset: int = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset not in OPSETS:
        raise ValueError(f"it is of opset {opset}, and {OPSETS.start} to {OPSETS.stop - 1} are read; export it for one of these")
    graph = model.graph
    if len(graph.node) > NODES:
        raise ValueError(f"it has {len(graph.node):,} nodes, and {NODES:,} are the limit")
    if graph.sparse_initializer:
        raise ValueError("it has sparse tensors, which are not read; store them densely")
    tensors: dict[str, Stored] = {}
    for tensor in graph.initializer:
        if not text(tensor.name) or tensor.name in tensors:
            raise ValueError(f"it has two tensors {said(tensor.name)}" if tensor.name else "it has a tensor without a name")
        tensors[tensor.name] = stored(tensor, folder, learnt=True)
    _check_outside(tensors.values())
    inputs = tuple(text(value.name) for value in graph.input if value.name not in tensors)
    found = Graph(
        opset,
        inputs,
        tuple(text(value.name) for value in graph.output),
        tuple(_node(node, folder) for node in graph.node),
        tensors,
        {value.name: _told(value.type.tensor_type) for value in (*graph.value_info, *graph.input)},
    )
    _check_names(found)
    return found


def _told(kind: Any) -> Told:
    return Told(len(kind.shape.dim) if kind.HasField("shape") else None, TYPES.get(kind.elem_type))


def _node(node: Any, folder: Path) -> Node:
    names = tuple(map(text, node.input)), tuple(map(text, node.output))
    metadata = {text(entry.key): text(entry.value) for entry in node.metadata_props}
    found = Node(text(node.op_type), text(node.name), *names, {}, metadata)
    if node.domain not in ("", "ai.onnx"):
        raise ValueError(f"{found} is of the domain {said(text(node.domain))}, whose operators are not known here")
    for attribute in node.attribute:
        if text(attribute.name) in found.attributes:
            raise ValueError(f"{found} has the setting {said(attribute.name)} twice")
        found.attributes[attribute.name] = _attribute(attribute, folder)
    return found


def _attribute(attribute: Any, folder: Path) -> Attribute:
    """A setting as a number, a text, a tuple of numbers or a tensor; None for what no operator here takes."""
    match attribute.type:
        case 1:
            return number_meant(attribute.f)
        case 2:
            return int(attribute.i)
        case 3:
            return bytes(attribute.s).decode()
        case 4:
            return stored(attribute.t, folder, learnt=False)
        case 6:
            return tuple(number_meant(f) for f in attribute.floats)
        case 7:
            return tuple(attribute.ints)
        case _:
            return None


def number_meant(stored: float) -> float:
    """The number that was written, of which the file holds the nearest float32: 0.1, where that is 0.10000000149.

    >>> from ninx.onnx.loading.reading import number_meant
    >>> number_meant(0.10000000149011612)
    0.1
    """
    import numpy as np

    return float(str(np.float32(stored)))


def _check_outside(tensors: Iterable[Stored]) -> None:
    """No more may be read of files beside this one than is in them, however many tensors name the same place."""
    taken: dict[str, int] = {}
    for tensor in tensors:
        if tensor.tensor.data_location == 1:
            location = next((text(entry.value) for entry in tensor.tensor.external_data if entry.key == "location"), "")
            taken[location] = taken.get(location, 0) + tensor.nbytes
            path = tensor.folder / location
            if "\0" not in location and path.is_file() and taken[location] > path.stat().st_size:
                raise ValueError(f"its tensors would take more bytes of {said(location)} than it has")


def _check_names(graph: Graph) -> None:
    """Every value is made once, and before it is read."""
    known = {*graph.inputs, *graph.tensors}
    if len(set(graph.inputs)) < len(graph.inputs):
        raise ValueError("two of its inputs have one name")
    for node in graph.nodes:
        if not node.outputs or not node.outputs[0]:
            raise ValueError(f"{node} makes nothing")
        for name in node.inputs:
            if name and name not in known:
                raise ValueError(
                    f"{node} reads {said(name)}, which nothing before it makes: a tensor is missing, or nodes read each other"
                )
        for name in node.outputs:
            if name and name in known:
                raise ValueError(f"{node} makes {said(name)}, which is there already")
            known.add(name)
    if not graph.outputs or not all(name in known for name in graph.outputs):
        raise ValueError("it has no outputs" if not graph.outputs else f"nothing makes its output {said(graph.outputs[0])}")
