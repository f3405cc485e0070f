"""A vjp keeps its tensors in many ways, and `backward` notices in each of them when such a tensor was changed in place since.

The oracle is the derivative itself: y = x * w with w = 3; a vjp that reads w after it became 100 would return 100 for 3.
"""

from __future__ import annotations

import functools
import operator
from collections import deque
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

import ninx
from ninx import Tensor, nn, record


class Scale:
    """An object with a tensor, to be called, or with a method that is."""

    def __init__(self, w: Tensor):
        self.w, self.other = w, None

    def __call__(self, g: Tensor) -> Tensor:
        return g * self.w

    def back(self, g: Tensor) -> Tensor:
        return self.times(g)

    def times(self, g: Tensor) -> Tensor:
        return g * self.w


class Held:
    def __init__(self, w: Tensor):
        self.w = w

    def back(self, g: Tensor) -> Tensor:
        return g * self.w


class Slotted:
    __slots__ = ("w",)

    def __init__(self, w: Tensor):
        self.w = w

    def __call__(self, g: Tensor) -> Tensor:
        return g * self.w


class Layer(nn.Module):
    def __init__(self, w: Tensor):
        super().__init__()
        self.register_buffer("w", w)

    def forward(self, x: Tensor) -> Tensor:
        return record(x.array * self.w.array, (x, lambda g: g * self.w))


@dataclass
class Field:
    w: Tensor


class Shared:
    w: ClassVar[Tensor]


KEPT: Any = None  # a global that vjps read


def _reads_a_global(g: Tensor) -> Tensor:
    return g * KEPT


def _makes_what_reads_a_global(g: Tensor) -> Tensor:
    return (lambda: g * KEPT)()


def _calls_what_reads_a_global(g: Tensor) -> Tensor:
    return _reads_a_global(g)


def _in_a_global(vjp: Any) -> Any:
    def made(w: Tensor) -> Any:
        global KEPT
        KEPT = w
        return vjp

    return made


def _in_a_class(w: Tensor) -> Any:
    Shared.w = w
    return lambda g: g * Shared.w


def _nested(w: Tensor) -> Any:
    def times(g: Tensor) -> Tensor:
        return g * w

    return lambda g: times(g)


def _makes_a_function(w: Tensor) -> Any:
    def vjp(g: Tensor) -> Tensor:
        return (lambda: g * w)()

    return vjp


def _array(w: Tensor) -> Any:
    array = w.array
    return lambda g: g * Tensor(array)


def _multiplied(w: Tensor, g: Tensor) -> Tensor:
    return g * w


FORMS: dict[str, Any] = {
    "closure": lambda w: lambda g: g * w,
    "list": lambda w, kept=None: (lambda kept: lambda g: g * kept[0])([w]),
    "tuple": lambda w: (lambda kept: lambda g: g * kept[0][1])(((None, w),)),
    "dict": lambda w: (lambda kept: lambda g: g * kept["w"])({"w": w}),
    "list in a dict": lambda w: (lambda kept: lambda g: g * kept["w"][0])({"w": [w]}),
    "set": lambda w: (lambda kept: lambda g: g * next(iter(kept)))({w}),
    "deque": lambda w: (lambda kept: lambda g: g * kept[0])(deque([w])),
    "iterator": lambda w: (lambda kept: lambda g: g * next(kept))(iter([w])),
    "default": lambda w: lambda g, *, w=w: g * w,
    "default of a position": lambda w: lambda g, w=w: g * w,
    "partial": lambda w: functools.partial(_multiplied, w),
    "partial with a keyword": lambda w: functools.partial(lambda g, *, w: g * w, w=w),
    "partial of a method": lambda w: functools.partial(Scale(w).back),
    "cached": lambda w: functools.lru_cache(lambda g: g * w),
    "bound method": lambda w: Scale(w).back,
    "bound method of what cannot be called": lambda w: Held(w).back,
    "bound method of the tensor": lambda w: w.__mul__,
    "method of C": lambda w: (lambda get: lambda g: g * get("w"))({"w": w}.get),
    "callable object": lambda w: Scale(w),
    "callable object with slots": lambda w: Slotted(w),
    "called object": lambda w: (lambda scale: lambda g: scale(g))(Scale(w)),
    "attribute": lambda w: (lambda kept: lambda g: g * kept.w)(SimpleNamespace(w=w)),
    "field": lambda w: (lambda kept: lambda g: g * kept.w)(Field(w)),
    "attribute of an attribute": lambda w: (lambda kept: lambda g: g * kept.inner.w)(SimpleNamespace(inner=Field(w))),
    "attribute of a class": _in_a_class,
    "global": _in_a_global(_reads_a_global),
    "global of a function that is made": _in_a_global(_makes_what_reads_a_global),
    "global of a function": _in_a_global(_calls_what_reads_a_global),
    "nested function": _nested,
    "function that is made": _makes_a_function,
    "array": _array,
}


def scaled(x: Tensor, w: Tensor, form: str) -> Tensor:
    return record(x.array * w.array, (x, FORMS[form](w)), (w, lambda g: g))


@pytest.mark.parametrize("form", FORMS)
def test_what_a_vjp_keeps_may_not_be_changed(form: str) -> None:
    x, w = ninx.tensor([2.0], requires_grad=True), ninx.tensor([3.0])
    y = scaled(x, w, form)
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3]
    y = scaled(x, w, form)
    w.add_(97)
    with pytest.raises(RuntimeError, match=r"backward of scaled: the tensor of shape \(1,\) that it needs was changed in place"):
        y.backward()


def test_a_layer_may_keep_its_buffer_by_itself() -> None:
    x, layer = ninx.tensor([2.0], requires_grad=True), Layer(ninx.tensor([3.0]))
    y = layer(x)
    layer.w.add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_what_the_vjp_does_not_name_may_change() -> None:
    x, kept = ninx.tensor([2.0], requires_grad=True), SimpleNamespace(w=ninx.tensor([3.0]), other=ninx.tensor([5.0]))
    y = record(x.array * kept.w.array, (x, lambda g: g * kept.w))
    kept.other.add_(1)
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3]


def test_the_value_itself_may_be_kept_as_an_array() -> None:
    x = ninx.tensor([2.0], requires_grad=True)
    value = np.exp(x.array)
    y = record(value, (x, lambda g: g * Tensor(value)), name="exp")
    with ninx.no_grad():
        y.mul_(2)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_an_array_of_its_own_is_not_taken_for_a_tensor_s() -> None:
    x = ninx.tensor([2.0], requires_grad=True)
    slope = 3 * x.array**2
    y = record(x.array**3, (x, lambda g: g * Tensor(slope)))
    with ninx.no_grad():
        y.mul_(2)
        x.mul_(2)
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [12]


VALUED: dict[str, Any] = {  # forms that ask for the operation's own value
    "function": lambda g, y: g * y,
    "default": lambda g, y, k=1: g * y * k,
    "partial": functools.partial(lambda k, g, y: g * y * k, 1),
    "bound method": type("Bound", (), {"back": lambda self, g, y: g * y})().back,
    "callable object": type("Called", (), {"__call__": lambda self, g, y: g * y})(),
    "written in C": operator.mul,
}


@pytest.mark.parametrize("form", VALUED)
def test_a_second_parameter_gets_the_value(form: str) -> None:
    x = ninx.tensor([2.0], requires_grad=True)
    y = record(np.exp(x.array), (x, VALUED[form]), name="exp")
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == y.tolist()
    y = record(np.exp(x.array), (x, VALUED[form]), name="exp")
    with ninx.no_grad():
        y.mul_(2)
    with pytest.raises(RuntimeError, match=r"backward of exp: .* changed in place"):
        y.backward()


SINGLE: dict[str, Any] = {
    "bound method": type("Bound", (), {"back": lambda self, g: -g})().back,
    "callable object": type("Called", (), {"__call__": lambda self, g: -g})(),
    "partial": functools.partial(lambda k, g: -g * k, 1),
    "written in C": operator.neg,
}


@pytest.mark.parametrize("form", SINGLE)
def test_a_single_parameter_gets_the_cotangent_alone(form: str) -> None:
    x = ninx.tensor([2.0], requires_grad=True)
    record(-x.array, (x, SINGLE[form]), name="neg").backward()
    assert x.grad is not None
    assert x.grad.tolist() == [-1]


def test_what_is_no_function_is_refused_when_it_is_recorded() -> None:
    x = ninx.tensor([2.0], requires_grad=True)
    with pytest.raises(TypeError, match="record: a vjp is a function of the cotangent g, not a Tensor"):
        record(x.array, (x, x))
