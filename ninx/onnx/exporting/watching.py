"""A forward pass, watched: which functions of ninx are called, with what, and by which module.

Python tells a profile function of every call. So nothing of the network is replaced, whatever its ``forward`` looks like:
operators, methods and functions all end in the same few functions of `ninx.ops` and `ninx.functional`. Of calls within calls only
the outermost counts that has an operator in ONNX; a function that is made of such calls is seen through.
"""

from __future__ import annotations

import inspect
import linecache
import operator
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

from ninx import kernels

from ... import functional, nn, ops
from ...array import Array, to_numpy
from ...engine import Tensor, no_grad
from ...ops.inplace import become

OURS = tuple(
    f"{Path(file).parent}{os.sep}" for file in (Path(__file__).parents[1], kernels.__file__)
)  # the folders of ninx's source
BEFORE = "preparation"  # the path of what is called before the network is
SAME = {"astype", "clone", "contiguous", "detach", "to"}  # whose value is that of their input, unless the dtype changes
FILLED = {"empty_like", "full_like", "ones_like", "zeros_like"}  # which read the size of a tensor alone
REFUSED = {"bernoulli_", "normal_", "random_", "scatter_", "setitem_", "uniform_"}  # which write into a tensor


class Ref(NamedTuple):
    """A value of the pass: the input, a parameter or buffer, or what a call made."""

    number: int


class Constant(NamedTuple):
    """An array that no call made."""

    array: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """As that of a value."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """As that of a value."""
        found: np.dtype[Any] = self.array.dtype
        return found


class Made(NamedTuple):
    """What a value is: its shape and dtype."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Place(NamedTuple):
    """Where a call was made: in the module of this path ("": the network), in which of all calls of modules, and in which line of
    the user's own source ("": all of it is ninx's).
    """

    path: str
    visit: int
    line: str

    def __str__(self) -> str:
        """For a sentence."""
        return " at ".join(part for part in (f"in {self.path!r}" if self.path else "in the network", self.line) if part)


class Call(NamedTuple):
    """A function that was called, its arguments with `Ref` and `Constant` in the place of tensors, and what it made."""

    function: str
    arguments: dict[str, Any]
    made: tuple[int, ...]
    place: Place


class _Given(NamedTuple):
    """A call that is on: as `Call`, with the first of its arguments as it is."""

    function: str
    first: Any
    arguments: dict[str, Any]
    place: Place


class Unexportable(ValueError):
    """What cannot be said in ONNX; the sentence names the operation and where it stands."""


class Pass:
    """One forward pass: ``calls`` in order, ``values`` by number, ``state``: the numbers of parameters and buffers by name.

    ``outputs``: what the network returned, as `Ref`.
    """

    def __init__(self, model: nn.Module, names: Sequence[str]):
        self.model = model
        self.calls: list[Call] = []
        self.values: list[Made] = []
        self.state: dict[str, int] = {}
        self.outputs: Any = None
        self._names = set(names)
        self._known: dict[int, tuple[Tensor, int, int]] = {}  # tensor, number, version, by the tensor's id
        self._inside: list[tuple[str, int]] = []  # the modules at work, the innermost last
        self._visits = 0
        self._at: FrameType | None = None  # the call that is on, and what it was given
        self._given: _Given | None = None
        self._seen_through: list[tuple[FrameType, Place | None]] = []
        self._idle: tuple[Tensor, int, int] | None = None  # what a dropout returned, its number before, and now
        self._codes = _codes()
        for name, t in [*model.named_parameters(), *model.named_buffers()]:
            self.state[name] = self._note(t)

    def run(self, x: Tensor, prepare: Callable[[Tensor], Tensor] | None = None) -> None:
        """The pass, of what ``prepare`` makes of x. Raises `Unexportable` for what has no operator in ONNX."""
        self._note(x)
        before = sys.getprofile()
        with self._watched(), no_grad():
            sys.setprofile(self._event)
            try:
                y = self.model(x if prepare is None else prepare(x))
            finally:
                sys.setprofile(before)
        self.outputs = self._replaced(y, Place("", 0, ""))

    # ---------------------------------------------------------------- modules
    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Hooks at every module, which also keep neighbours from being computed together."""
        handles = []
        for path, module in self.model.named_modules():
            handles.append(module.register_forward_pre_hook(self._entering(path), prepend=True))
            handles.append(module.register_forward_hook(self._left))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _entering(self, path: str) -> Callable[..., None]:
        def enter(*_: Any) -> None:
            self._visits += 1
            self._inside.append((path, self._visits))

        return enter

    def _left(self, module: nn.Module, args: Any, output: Any) -> Any:
        self._inside.pop()
        if self._idle is None or output is not self._idle[0]:
            return None
        t, before, now = self._idle
        self._idle = None
        if self._known[id(t)][1] != now:
            return None
        # From here on x, and what dropout makes of x, are two values, as in training.
        self._note(t, before)
        fresh = Tensor(t.array.copy(order="K"))
        self._note(fresh, now)
        return fresh

    # ---------------------------------------------------------------- calls
    def _event(self, frame: FrameType, event: str, arg: Any) -> None:
        """What Python calls at the begin and end of every function."""
        if event == "call" and self._at is None and frame.f_code in self._codes:
            self._begin(self._codes[frame.f_code], frame)
        elif event == "return" and frame is self._at:
            self._at = None
            if self._given is not None and arg is not None:  # None: an error is on its way
                self._end(self._given, arg)
        elif event == "return" and self._seen_through and frame is self._seen_through[-1][0]:
            _, place = self._seen_through.pop()
            if place is not None and any(id(t) not in self._known for t in _tensors(arg)):
                raise Unexportable(f"onnx.export: {self._codes[frame.f_code]} has no operator in ONNX here ({place})")

    def _begin(self, name: str, frame: FrameType) -> None:
        """A function of ours is called."""
        given = _arguments(frame)
        read = next(iter(given.values()), None) if name in SAME else None if name in FILLED else given
        asked = any(id(t) in self._known for t in _tensors(read))  # else it depends on no image and no parameter: a constant
        place = self._place(frame) if asked else None
        if name in REFUSED and asked:
            what = "x[...] = value" if name == "setitem_" else name
            raise Unexportable(f"onnx.export: {what} writes into a tensor, which ONNX cannot say; write where or cat ({place})")
        if not (name in self._names or name in SAME or name == "become"):
            self._seen_through.append((frame, place))
            return
        self._at, self._given = frame, None
        if place is not None:
            first = next(iter(given.values()))
            if name == "become":
                first = given["x"]
                name, given = self._in_place(given, place)
            self._given = _Given(name, first, {key: self._replaced(value, place) for key, value in given.items()}, place)

    def _in_place(self, given: dict[str, Any], place: Place) -> tuple[str, dict[str, Any]]:
        """x += y and its like: the name of the ordinary function, and its arguments."""
        function = given["function"]
        name = next((n for code, n in self._codes.items() if code is getattr(function, "__code__", None)), "")
        if name not in self._names:
            raise Unexportable(f"onnx.export: {given['operation']} has no operator in ONNX here ({place})")
        bound = inspect.signature(function).bind(given["x"], *given["values"], **given["options"])
        bound.apply_defaults()
        return name, dict(bound.arguments)

    def _end(self, given: _Given, result: Any) -> None:
        """It has returned."""
        name, first, arguments, place = given
        if name in SAME and result.array.dtype == first.array.dtype:
            self._note(result, self._known[id(first)][1])
            return
        before = self._known.get(id(first))
        made = tuple(self._note(t) for t in _tensors(result))
        self.calls.append(Call("astype" if name == "to" else name, arguments, made, place))
        if result is first and before is not None:
            if before[2] == first.version.count:
                self._idle = first, before[1], made[0]
            elif first.is_view:
                raise Unexportable(f"onnx.export: {name} changes a view in place, which ONNX cannot say ({place})")

    def _place(self, frame: FrameType | None) -> Place:
        path, visit = self._inside[-1] if self._inside else (BEFORE, 0)
        while frame is not None and frame.f_code is not Pass.run.__code__:
            file = frame.f_code.co_filename
            if not file.startswith(OURS):
                return Place(path, visit, f"{file}:{frame.f_lineno}: {linecache.getline(file, frame.f_lineno).strip()}")
            frame = frame.f_back
        return Place(path, visit, "")

    # ---------------------------------------------------------------- values
    def _note(self, t: Tensor, number: int | None = None) -> int:
        """From now on this tensor is the value of that number; None: a new one."""
        if number is None:
            number = len(self.values)
            self.values.append(Made(t.shape, t.dtype))
        self._known[id(t)] = t, number, t.version.count
        return number

    def _replaced(self, value: Any, place: Place) -> Any:
        """The value with `Ref` or `Constant` for each tensor and array in it."""
        if isinstance(value, Tensor):
            if id(value) not in self._known:
                return Constant(to_numpy(value.array).copy())
            _, number, version = self._known[id(value)]
            if value.version.count != version:
                raise Unexportable(
                    f"onnx.export: a tensor was changed in place through another one that shares its memory ({place})"
                )
            return Ref(number)
        if isinstance(value, (tuple, list)):
            return (list if isinstance(value, list) else tuple)(self._replaced(v, place) for v in value)
        if isinstance(value, Mapping):
            return {k: self._replaced(v, place) for k, v in value.items()}
        if isinstance(value, slice):
            return slice(*(self._replaced(v, place) for v in (value.start, value.stop, value.step)))
        if isinstance(value, type):
            return value
        if hasattr(value, "dtype") and hasattr(value, "shape"):
            array = to_numpy(value)
            return array.item() if not array.ndim else Constant(array.copy())
        return operator.index(value) if hasattr(value, "__index__") and not isinstance(value, bool) else value


def _codes() -> dict[CodeType, str]:
    """The functions that are looked for, by their code."""
    found = {become.__code__: "become"}
    for module in (ops, functional):
        for name, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__.startswith(module.__name__) and not name.startswith("_"):
                found.setdefault(value.__code__, value.__name__)
    for helper in (ops.operand, ops.unwritable, ops.sequence):  # which make no value of their own
        found.pop(helper.__code__, None)
    return found


def _arguments(frame: FrameType) -> dict[str, Any]:
    """What a function is given, by the names of its parameters; a call has just begun, so its variables are these."""
    code, here = frame.f_code, frame.f_locals
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return {name: here[name] for name in code.co_varnames[:count]}


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in an argument or a result."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tensors(part)
