"""Where the module of a node has its place: the dotted path by which PyTorch and `state_dict` know it, if the file tells it.

The weights tell it best ("features.0.weight"), else the node's name, which is a path here and a path of scopes in PyTorch's files
("/features/features.0/Conv"). What cannot be a path, or is taken, gets a number.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ... import nn
from .reading import Node

DEEP = 20  # names in each other
LONG = 100  # letters of a name
TAKEN = ("inputs", "outputs", "steps", "done")  # by Network
WEIGHTS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def paths(nodes: Sequence[Node], tensors: Collection[str]) -> list[str]:
    """A path for each of the nodes: no two the same, and none that leads through another. ``tensors``: names of the file's."""
    wanted = [_wanted(node, tensors) for node in nodes]
    within = {".".join(parts[:i]) for parts in (path.split(".") for path, _ in wanted) for i in range(1, len(parts))}
    taken: set[str] = set()
    counts: dict[str, int] = {}
    found = []
    for path, operator in wanted:
        if path in within:  # a function that is called in a module with parts
            path = f"{path}.{operator}" if path.count(".") < DEEP else operator
        if path in within or any(before in taken for before in _before(path)):
            path = path.replace(".", "_")
        base = path
        while path in taken or path in within:
            counts[base] = counts.get(base, 1) + 1
            path = f"{base}_{counts[base]}"
        taken.add(path)
        within.update(_before(path))
        found.append(path)
    return found


def _before(path: str) -> list[str]:
    """The paths of what a path leads through."""
    parts = path.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def _wanted(node: Node, tensors: Collection[str]) -> tuple[str, str]:
    """(the path that a node should have, its last name if that is taken by a module with parts)."""
    kind = _name(node.kind.lower())
    keys = {name.rpartition(".")[0] for name in node.inputs if name in tensors and name.rpartition(".")[2] in WEIGHTS}
    if len(keys) == 1 and (key := next(iter(keys))):
        return _path(key.split(".")), kind
    if not node.name.startswith("/"):
        return _path(re.split(r"[./]+", node.name)) or kind, kind
    *scopes, operator = node.name[1:].split("/")
    parts: list[str] = []
    for scope in scopes:  # layer1, layer1.0, conv1: the second is a part of the first, in a container
        if parts and scope.startswith(parts[-1] + "."):
            parts[-1] = scope
        else:
            parts.append(scope)
    return _path(".".join(parts).split(".")) or _path([operator]) or kind, _name(operator) or kind


def _path(parts: list[str]) -> str:
    names = [_name(part) for part in parts if part]
    return ".".join(names) if len(names) <= DEEP else ""


def _name(text: str) -> str:
    """A name that an attribute can have, as near as may be."""
    name = re.sub(r"\W", "_", text[:LONG])
    return f"{name}_" if hasattr(nn.Sequential, name) or name.startswith("__") or name in TAKEN else name
