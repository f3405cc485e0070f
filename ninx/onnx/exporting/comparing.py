"""Two passes over different numbers of different images, compared: what is the same in both is the network's, and a size that
grows with the images is a multiple of their number. All else depends on what the images show, and a file cannot say it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...array import Array
from .watching import Call, Constant, Pass, Place, Ref, Unexportable

IMAGES = 2, 3  # in the two passes


class Batch(NamedTuple):
    """So many times the number of images."""

    times: int


Size = int | Batch


class Filled(NamedTuple):
    """A constant whose size grows with the images: one value everywhere."""

    value: Array
    shape: tuple[Size, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """As that of a value."""
        found: np.dtype[Any] = self.value.dtype
        return found


class Shaped(NamedTuple):
    """What a value is in every pass."""

    shape: tuple[Size, ...]
    dtype: np.dtype[Any]


class Both(NamedTuple):
    """What two passes have in common; as a `Pass`, but with `Batch` in the place of numbers of images."""

    calls: list[Call]
    values: list[Shaped]
    state: dict[str, int]
    outputs: Any


def common(a: Pass, b: Pass) -> Both:
    """The two passes as one. Raises `Unexportable` where they differ by more than the number of images."""
    for one, other in zip(a.calls, b.calls, strict=False):
        if one.function != other.function or one.made != other.made:
            _differ(other)
    if len(a.calls) != len(b.calls):
        _differ(max(a.calls, b.calls, key=len)[min(len(a.calls), len(b.calls))])
    here = Place("", 0, "")
    makers = {number: call for call in a.calls for number in call.made}
    calls, values = [], []
    for one, other in zip(a.calls, b.calls, strict=True):
        arguments = _same(one.arguments, other.arguments, f"what {one.function} is given", one.place)
        calls.append(one._replace(arguments=arguments))
    for number, (mine, theirs) in enumerate(zip(a.values, b.values, strict=True)):
        maker = makers.get(number)
        what, place = ("the input", here) if maker is None else (f"the size of what {maker.function} makes", maker.place)
        values.append(Shaped(_same(mine.shape, theirs.shape, what, place), mine.dtype))
    return Both(calls, values, a.state, _same(a.outputs, b.outputs, "the output", here))


def _differ(call: Call) -> None:
    raise Unexportable(
        "onnx.export: the network does not do the same with every batch, by an if or a loop that asks for values or for the "
        f"number of images; the first difference is {call.function} ({call.place})"
    )


def _same(a: Any, b: Any, what: str, place: Place) -> Any:
    if isinstance(a, Constant) and isinstance(b, Constant):
        return _constant(a.array, b.array, what, place)
    if isinstance(a, tuple) and type(a) is type(b) and len(a) == len(b) and not isinstance(a, Ref):
        return tuple(_same(x, y, what, place) for x, y in zip(a, b, strict=True))
    if isinstance(a, list) and isinstance(b, list):
        return list(_same(tuple(a), tuple(b), what, place))
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return {key: _same(a[key], b[key], what, place) for key in a}
    if isinstance(a, slice) and isinstance(b, slice):
        return slice(*_same((a.start, a.stop, a.step), (b.start, b.stop, b.step), what, place))
    if type(a) is int and type(b) is int and a != b and a * IMAGES[1] == b * IMAGES[0] and a % IMAGES[0] == 0:
        return Batch(a // IMAGES[0])
    if type(a) is type(b) and (a == b or a != a):
        return a
    raise Unexportable(f"onnx.export: {what} depends on what the images show, or on their number by more than a factor ({place})")


def _constant(a: Array, b: Array, what: str, place: Place) -> Constant | Filled:
    if a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
        return Constant(a)
    if a.size and a.shape != b.shape and a.ndim == b.ndim and (a == a.flat[0]).all() and (b == a.flat[0]).all():
        return Filled(np.asarray(a.flat[0]), _same(a.shape, b.shape, what, place))
    raise Unexportable(f"onnx.export: {what} depends on what the images show, or on their number by more than a factor ({place})")
