"""What a node gives to the function that makes a module of it: its settings, one by one, and which of its inputs are known."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from ... import limits, nn
from ...array import Array
from .reading import Attribute, Node, Told, number_meant
from .stored import Stored, said

T = TypeVar("T")
_WORDS = {int: "a whole number", float: "a number", str: "a text", Stored: "a tensor"}


class Weights:
    """The parameters made so far. Nodes that read one tensor of the file share one parameter."""

    def __init__(self, on_disk: int = 0) -> None:
        self._made: dict[tuple[str, bool], nn.Parameter] = {}
        self._left = self._most = limits.unfolded(on_disk)

    def array(self, stored: Stored) -> Array:
        """The values of a tensor. ValueError if so many nodes read so large ones that they would not fit in memory."""
        self._left -= stored.nbytes
        if self._left < 0:
            raise ValueError(f"its nodes read tensors so often that they would take more than {self._most:,} bytes")
        return stored.array()

    def parameter(self, stored: Stored, turned: bool = False) -> nn.Parameter:
        """The parameter of a tensor; ``turned``: of a matrix, its transpose."""
        key = stored.name, turned
        if key not in self._made:
            array = self.array(stored).T if turned else self.array(stored)
            parameter = nn.init.parameter(array.shape, array.dtype)  # an image's, or a convolution's, lies channels-last
            parameter.array[...] = array
            self._made[key] = parameter
        return self._made[key]


class Given:
    """A node's settings and inputs. The methods raise ValueError for what has another kind than the operator says."""

    def __init__(self, node: Node, opset: int, inputs: list[Stored | str | None], first: Told, weights: Weights):
        self.node, self.opset, self.rank, self.weights = node, opset, first.rank, weights
        self.may_be_floats = first.type in (None, "f2", "f4", "f8")
        self.inputs = inputs  # a tensor of the file, the name of a value that is computed, or None where it is absent
        self._left = set(node.attributes)

    # ---------------------------------------------------------------- settings
    def whole(self, name: str, default: int = 0) -> int:
        """A whole number."""
        return self._one(name, int, default)

    def real(self, name: str, default: float) -> float:
        """A number."""
        return self._one(name, float, default)

    def text(self, name: str, default: str) -> str:
        """A text."""
        return self._one(name, str, default)

    def flag(self, name: str, default: bool = False) -> bool:
        """A whole number that is 0 or 1."""
        value = self.whole(name, int(default))
        if value not in (0, 1):
            raise ValueError(f"{name} is 0 or 1, not {value}")
        return bool(value)

    def wholes(self, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Several whole numbers."""
        self._left.discard(name)
        value = self.node.attributes.get(name, default)
        if not isinstance(value, tuple) or not all(type(n) is int for n in value):
            raise ValueError(f"{name} must be whole numbers")
        return value

    def has(self, name: str) -> bool:
        """Is this setting there?"""
        return name in self.node.attributes

    def _one(self, name: str, kind: type[T], default: T) -> T:
        self._left.discard(name)
        value: Attribute = self.node.attributes.get(name, default)  # type: ignore[arg-type]  # the default is of the kind
        if type(value) is not kind:
            raise ValueError(f"{name} must be {_WORDS[kind]}")
        return value

    def tensor(self, name: str) -> Stored:
        """A tensor."""
        self._left.discard(name)
        value = self.node.attributes.get(name)
        if not isinstance(value, Stored):
            raise ValueError(f"{name} must be a tensor")
        return value

    def ignore(self, *names: str) -> None:
        """These settings change nothing here."""
        self._left -= set(names)

    def check_all_read(self) -> None:
        """ValueError if a setting is left that nobody asked for: it would be ignored."""
        if self._left:
            raise ValueError(f"has the setting {said(min(self._left))}, which is not known here")

    # ---------------------------------------------------------------- inputs
    def check_inputs(self, least: int, most: int | None = None) -> None:
        """ValueError unless so many inputs are there; those from ``least`` on may be absent."""
        count = len(self.inputs)
        if count < least or count > (least if most is None else most) or None in self.inputs[:least]:
            wanted = f"{least}" if most in (None, least) else f"{least} to {most}"
            raise ValueError(f"takes {wanted} inputs, got {sum(i is not None for i in self.inputs)}")

    def stored(self, position: int) -> Stored | None:
        """The tensor of the file that is an input; None if it is computed, or absent."""
        found = self.inputs[position] if position < len(self.inputs) else None
        return found if isinstance(found, Stored) else None

    def is_absent(self, position: int) -> bool:
        """Is this input left out?"""
        return position >= len(self.inputs) or self.inputs[position] is None

    def known(self, *positions: int) -> bool:
        """Is each of these inputs in the file, or absent?"""
        return all(self.is_absent(p) or self.stored(p) is not None for p in positions)

    def matrix(self, position: int, axes: int) -> Stored | None:
        """An input that is floats of the file with so many axes, and can be the weight of a layer; else None."""
        found = self.stored(position)
        is_weight = found is not None and len(found.shape) == axes and found.code in ("f2", "f4", "f8")
        return found if is_weight and isinstance(self.inputs[0], str) else None

    def array(self, position: int) -> Array:
        """The values of an input that is in the file."""
        found = self.stored(position)
        assert found is not None
        return self.weights.array(found)

    def number(self, position: int, default: float) -> float:
        """The one number that an input in the file holds, as it was meant; ``default`` where it is absent."""
        if self.is_absent(position):
            return default
        array = self.array(position)
        if array.size != 1:
            raise ValueError(f"input {position} must be one number, got shape {array.shape}")
        value = array.reshape(-1)[0]
        return number_meant(value) if value.dtype == np.float32 else float(value)

    def parameter(self, position: int, turned: bool = False) -> nn.Parameter:
        """An input in the file as a parameter."""
        found = self.stored(position)
        assert found is not None
        return self.weights.parameter(found, turned)
