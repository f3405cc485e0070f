"""Nested dictionaries, lists and tuples as a description in JSON, with the arrays in them set aside under names.

The description of {"epoch": 3, "w": tensor} is {"dict": [["epoch", 3], ["w", {"tensor": "w"}]]}: JSON's own numbers, texts and
nothings stand for themselves, and all else is an object whose one key says what it is. So a tuple comes back as a tuple, and a
key that is a number as a number.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from .array import Array, to_numpy, xp_of
from .engine import Tensor
from .looks import brief

MAX_DEPTH = 100
TYPES = ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1")
WHAT = "numbers, texts, tensors, arrays, and dictionaries, lists and tuples of them can be saved"

Place = tuple[Any, ...]  # the keys and positions that lead to a value


class Describer:
    """Describes values; ``arrays`` are those that were found, C-contiguous, by the names that they have in the description."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self._around: set[int] = set()  # the containers that are being described

    def describe(self, value: Any, place: Place = ()) -> Any:
        """The description of ``value``. Raises TypeError, which names the place, for what is no plain data."""
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, Tensor):
            entry = {"tensor": self._aside(value.array, place)}
            return entry | {"requires_grad": True} if value.requires_grad else entry
        if isinstance(value, str) and not isinstance(value, Enum):
            return "".join(value)  # a device, say
        if isinstance(value, np.generic):
            return {"number": self._aside(np.asarray(value), place)}
        if isinstance(value, np.ndarray) or xp_of(value) is not np:
            return {"array": self._aside(value, place)}
        if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
            return {"dtype": _named(np.dtype(value), place)}
        if isinstance(value, dict) or type(value) in (list, tuple):
            return self._container(value, place)
        raise TypeError(f"save: {where(place)} is {_kind(value)}")

    def _container(self, value: Any, place: Place) -> dict[str, Any]:
        if id(value) in self._around:
            raise ValueError(f"save: {where(place)} contains itself")
        if len(place) > MAX_DEPTH:
            raise ValueError(f"save: {where(place[:3])}... is nested more than {MAX_DEPTH} deep")
        self._around.add(id(value))
        if isinstance(value, dict):
            found: Any = [[self._key(k, place), self.describe(v, (*place, k))] for k, v in value.items()]
        else:
            found = [self.describe(v, (*place, i)) for i, v in enumerate(value)]
        self._around.discard(id(value))
        return {"dict" if isinstance(value, dict) else type(value).__name__: found}

    def _key(self, key: Any, place: Place) -> Any:
        if not _is_key(key):
            raise TypeError(f"save: a key of {where(place)} is {_kind(key)}; a key is a text, a number, or a tuple of them")
        return self.describe(key, (*place, key))

    def _aside(self, array: Array, place: Place) -> str:
        host = np.asarray(to_numpy(array), order="C")  # (ascontiguousarray would turn 0-d into 1-d)
        if host.dtype.str[1:] not in TYPES:
            raise TypeError(f"save: {where(place)} is an array of {host.dtype}; those of numbers of up to 64 bits can be saved")
        name = name_ = "/".join(str(key) for key in place).encode("utf-8", "replace").decode() or "value"
        while name in self.arrays or name == "__metadata__":
            name = f"{name_}~{len(self.arrays)}"
        self.arrays[name] = host
        return name


def _named(dtype: np.dtype[Any], place: Place) -> str:
    if dtype.str[1:] not in TYPES:
        raise TypeError(f"save: {where(place)} is the type {dtype}; those of numbers of up to 64 bits can be saved")
    return dtype.name


def rebuild(described: Any, arrays: dict[str, Any], of_tensor: Callable[[Any, bool], Any]) -> Any:
    """The value of a description. ``of_tensor(array, requires_grad)`` makes the tensors.

    Raises ValueError if it is no description, or not one of just these arrays.
    """
    left = dict(arrays)
    value = _rebuilt(described, left, of_tensor, 0)
    if left:
        raise ValueError(f"nothing says where {next(iter(left))[:100]!r} belongs")
    return value


def _rebuilt(node: Any, left: dict[str, Any], of_tensor: Callable[[Any, bool], Any], depth: int) -> Any:
    if node is None or isinstance(node, (bool, int, float, str)):
        return node
    if not isinstance(node, dict) or not node or depth > MAX_DEPTH + 3:
        raise ValueError("it is no description of a value")
    kind, content = next(iter(node.items()))
    if kind in ("tensor", "array", "number") and isinstance(content, str):
        if content not in left:
            raise ValueError(f"there is no array {content[:100]!r}, or it is wanted twice")
        array = left.pop(content)
        if kind == "tensor":
            return of_tensor(array, node.get("requires_grad") is True and array.dtype.kind == "f")
        if kind == "number" and array.shape:
            raise ValueError(f"the array {content[:100]!r} is no number")
        return array[()] if kind == "number" else array
    if kind == "dtype" and isinstance(content, str) and content in {np.dtype(code).name for code in TYPES}:
        return np.dtype(content)
    if kind in ("list", "tuple") and isinstance(content, list):
        values = [_rebuilt(v, left, of_tensor, depth + 1) for v in content]
        return values if kind == "list" else tuple(values)
    if kind == "dict" and isinstance(content, list) and all(isinstance(item, list) and len(item) == 2 for item in content):
        made = {}
        for k, v in content:
            key = _rebuilt(k, left, of_tensor, depth + 1)
            if not _is_key(key):
                raise ValueError("it has a key that can be none")
            made[key] = _rebuilt(v, left, of_tensor, depth + 1)
        return made
    raise ValueError(f"it says {brief(kind)}, which is nothing that is saved")


def _is_key(key: Any) -> bool:
    if type(key) is tuple:
        return all(map(_is_key, key))
    return key is None or (isinstance(key, (bool, int, float, str, np.generic)) and not isinstance(key, Enum))


def where(place: Place) -> str:
    """ "['optimizer']['lr']"; of the whole, "the object"."""
    return "".join(f"[{brief(key)}]" for key in place) or "the object"


def _kind(value: Any) -> str:
    """What a value is that cannot be saved, and what to save instead."""
    name = type(value).__name__
    if isinstance(value, type):
        return f"a class ({value.__name__}); {WHAT}"
    if callable(getattr(value, "state_dict", None)):
        return f"a {name}, whose state alone can be saved: .state_dict()"
    if callable(value):
        return f"a function ({getattr(value, '__name__', name)}), which is no data; {WHAT}"
    if isinstance(value, (set, frozenset)):
        return f"a {name}, which has no order; make it a list"
    if isinstance(value, tuple):
        return f"a {name}; make it a plain tuple, tuple(x), or a dictionary"
    return f"of the kind {name}; {WHAT}"
