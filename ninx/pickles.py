"""Pickles read as data: a small stack machine that imports nothing and calls nothing but what its caller hands it.

A pickle is a program, and the standard library runs it. Here the standard library only splits it into its instructions
(`pickletools.genops`); those that build plain values are followed, and everything else ends in one sentence.
"""

from __future__ import annotations

import io
import pickletools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Protocol, cast

from . import limits


@dataclass(frozen=True)
class Known:
    """What stands in for a class or function of the pickle: ``value`` is ours, and is called only if it is a function."""

    name: str
    value: Any


class Buildable(Protocol):
    """An object of ours that a pickle may give a state."""

    def set_state(self, state: Any) -> None:
        """Take the state, or raise ValueError."""
        ...


class OrderedState(dict[Any, Any]):
    """Stands in for the dictionaries of collections; the attributes that a pickle gives it (PyTorch's _metadata) are dropped."""

    def set_state(self, state: Any) -> None:
        """Attributes are no weights."""


def ordered_dict(*pairs: Any) -> OrderedState:
    """What a pickle gets for ``OrderedDict()``; PyTorch always makes it empty and fills it afterwards."""
    if pairs and pairs != ([],):
        raise ValueError("an OrderedDict that is made from arguments")
    return OrderedState()


class _Bounded:
    """A file that is never asked for more than it has: pickletools reads as many bytes as the pickle says, and a file takes the
    memory for them before it looks."""

    def __init__(self, file: BinaryIO):
        at = file.tell()
        self.size = file.seek(0, 2)
        file.seek(at)
        self.file, self.readline, self.tell = file, file.readline, file.tell

    def read(self, count: int) -> bytes:
        return self.file.read(min(count, self.size))


_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Machine:
    """The stack, the memo, and what each instruction does to them.

    A short pickle may name one thing a thousand times in another, and that a thousand times in a third. So nothing here looks
    into a value of which it does not know that it is a plain one: not to print, to compare or to hash it.
    """

    def __init__(self, known: Mapping[str, Any], persistent: Callable[[Any], Any] | None, room: int):
        self.known, self.persistent = known, persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.room = self.limit = room  # bytes that the calls may copy

    def run(self, pickle: _Bounded) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(cast(IO[bytes], pickle))):
            if count >= limits.INSTRUCTIONS:
                raise ValueError(f"it has more than {limits.INSTRUCTIONS:,} instructions")
            if opcode.name == "STOP":
                value = self.pop()
                if self.stack:
                    raise ValueError("it ends with more than one value")
                return value
            self.step(opcode.name, argument)
        raise ValueError("it has no end")

    def top(self) -> Any:
        if self.stack[-1] is _MARK:
            raise ValueError("a value is missing")
        return self.stack[-1]

    def pop(self) -> Any:
        value = self.top()
        self.stack.pop()
        return value

    def to_mark(self) -> list[Any]:
        """All values since the last mark."""
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:
            at -= 1
        values = self.stack[at + 1 :]
        del self.stack[at:]
        return values

    def step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in _LITERALS:
            stack.append(argument)
        elif name == "BYTEARRAY8":
            stack.append(bytes(argument))
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"):
            stack.append({"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}[name]())
        elif name == "TUPLE":
            stack.append(tuple(self.to_mark()))
        elif name in _TUPLES:
            stack.append(tuple(reversed([self.pop() for _ in range(_TUPLES[name])])))
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.top()
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.top()
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name in ("APPEND", "APPENDS"):
            values = [self.pop()] if name == "APPEND" else self.to_mark()
            self.of_kind(list).extend(values)
        elif name in ("SETITEM", "SETITEMS"):
            self.set_items(list(reversed([self.pop(), self.pop()])) if name == "SETITEM" else self.to_mark())
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            names = argument.split(" ") if name == "GLOBAL" else list(reversed([self.pop(), self.pop()]))
            if not all(isinstance(n, str) for n in names):
                raise ValueError("the name of a function that is no text")
            stack.append(self.find(".".join(names)))
        elif name == "REDUCE":
            arguments, function = self.pop(), self.pop()
            if not isinstance(function, Known) or not callable(function.value) or not isinstance(arguments, tuple):
                raise ValueError("it calls something that is no function")
            self.spend(arguments)
            stack.append(function.value(*arguments))
        elif name == "BUILD":
            state, target = self.pop(), stack[-1]
            if not hasattr(target, "set_state"):
                raise ValueError("it changes something that has no state")
            self.spend(state)
            target.set_state(state)
        elif name == "BINPERSID" and self.persistent is not None:
            stack.append(self.persistent(self.pop()))
        elif name not in ("PROTO", "FRAME"):
            raise ValueError(f"it has the instruction {name}, which plain data does not need")

    def spend(self, given: Any) -> None:
        """Count what a call may copy of its arguments: each may be the same long text again."""
        for value in given if isinstance(given, tuple) else (given,):
            if isinstance(value, (str, bytes, list, tuple, dict)):
                self.room -= len(value) * (1 if isinstance(value, (str, bytes)) else 100)
        if self.room < 0:
            raise ValueError(f"its calls copy more than {self.limit:,} bytes")

    def of_kind(self, kind: type[Any]) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise ValueError(f"it fills something that is no {kind.__name__}")
        return self.stack[-1]

    def set_items(self, values: list[Any]) -> None:
        target = self.of_kind(dict)
        for key, value in zip(values[::2], values[1::2], strict=True):
            # A nested tuple as a key could exhaust the stack when it is hashed.
            if not isinstance(key, str | bytes | int | float | None):
                raise ValueError(f"a key of the kind {type(key).__name__}")
            target[key] = value

    def find(self, name: str) -> Known:
        if name not in self.known:
            raise ValueError(f"it wants {name[:100]!r}, which is not plain data; nothing of it was run")
        return Known(name, self.known[name])


def read_pickle(
    content: bytes | BinaryIO, where: str, known: Mapping[str, Any], persistent: Callable[[Any], Any] | None = None
) -> Any:
    """The value of a pickle that is made of plain values and of what ``known`` names ("module.name" -> ours).

    Of an open file the pickle is read that begins where it stands; then it stands behind. ``persistent`` gives the value of a
    persistent id. Raises ValueError, which begins with ``where``, for anything else, and for more instructions or bytes than
    `ninx.limits` allows. How deep the value nests is for its reader to look at.
    """
    pickle = _Bounded(io.BytesIO(content) if isinstance(content, bytes) else content)
    try:
        return _Machine(known, persistent, limits.unfolded(pickle.size)).run(pickle)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, struct.error) as error:
        detail = str(error).split("\n")[0][:200] if isinstance(error, ValueError) else f"damaged, {type(error).__name__}"
        raise ValueError(f"{where}: cannot be read as plain data ({detail})") from None
