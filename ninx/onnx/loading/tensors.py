"""Constants, casts and shapes as values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ... import nn
from ...engine import Tensor
from ...ops import astype
from .given import Given, Weights
from .operation import Operation
from .reading import Node, Told
from .stored import TYPES, Stored, stored, type_name

_KINDS: dict[str, Any] = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}


def constant(node: Node) -> Stored:
    """The value of a Constant node, under the name of what it makes."""
    given = Given(node, 0, [], Told(), Weights())
    given.check_inputs(0)
    if len(node.attributes) != 1:
        raise ValueError("has one setting, its value")
    (name, value), *_ = node.attributes.items()
    if name == "value":
        return given.tensor("value")._replace(name=node.outputs[0])
    if name not in _KINDS or isinstance(value, str | Stored | None):
        raise ValueError(f"its value is {name[:60]}, which is not read here")
    import onnx.numpy_helper

    array = np.array(value, _KINDS[name])
    return stored(onnx.numpy_helper.from_array(array, node.outputs[0]), Path(), learnt=False)


def make_constant(given: Given) -> nn.Module:
    """A Constant that is an output of the graph."""
    given.inputs = [constant(given.node)]
    given.ignore(*given.node.attributes)
    return Operation(given, identity)


def identity(x: Any) -> Any:
    """x itself."""
    return x


def make_identity(given: Given) -> nn.Module:
    """As a layer, or of a tensor of the file."""
    given.check_inputs(1)
    return nn.Identity() if isinstance(given.inputs[0], str) else Operation(given, identity)


def make_cast(given: Given) -> nn.Module:
    """``to`` is the number of a type."""
    given.check_inputs(1)
    to = given.whole("to")
    given.ignore("saturate", "round_mode")  # of types of 8 bits and fewer
    if to not in TYPES or to == 16:
        raise ValueError(f"casts to {type_name(to)}, which ninx does not have")
    return Operation(given, cast, dtype=np.dtype(TYPES[to]).name)


def cast(x: Tensor, dtype: str) -> Tensor:
    """x with another dtype; the gradient is cast back."""
    with np.errstate(invalid="ignore", over="ignore"):
        return astype(x, np.dtype(dtype))


def make_shape(given: Given) -> nn.Module:
    """The sizes from ``start`` to ``end``."""
    given.check_inputs(1)
    start, end = given.whole("start"), given.whole("end", 2**31)
    return Operation(given, shape, start=start, end=end)


def shape(x: Tensor, start: int, end: int) -> Tensor:
    """The sizes of x as a tensor."""
    return Tensor(np.array(x.shape[start:end], np.int64))
