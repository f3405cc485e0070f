"""Which tensors a vjp keeps, so that `backward` notices when one of them was changed in place since.

A vjp is an ordinary function, and keeps what it reaches: the variables that it closes over, its defaults, what a partial or
a bound method carries, the globals that it reads, the attributes that it names of objects, and what lists, tuples,
dictionaries and the like hold. All of it is looked through when the operation is recorded, so nobody has to say it and
nobody can forget it. Not seen is what the code finds by a text (``getattr(self, "w")``) or in the body of another library.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping, Sequence
from types import BuiltinFunctionType, CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from ninx.kernels.geometry import Geometry

from .methods import Operators

if TYPE_CHECKING:
    from .tensor import Tensor, Version

# Nothing is kept in these, and most of what a vjp closes over is one of them.
PLAIN = {bool, int, float, complex, str, bytes, type(None), type(Ellipsis), slice, range, CodeType, np.ufunc, np.dtype, Geometry}
PLAIN |= {np.bool_, np.float32, np.float64, np.int32, np.int64, *(type(np.dtype(kind)) for kind in "?bhilqBHILQefdg")}
WRITTEN_IN_C = {"builtins", "collections", "functools", "itertools", "operator"}  # modules of partials, iterators and the like
_OURS: set[int] = set()  # ids of the globals of ninx's own modules, which hold no tensors
_READS: dict[int, tuple[CodeType, list[str]]] = {}  # by id of a code, which is kept, so that the id stays its own


def takes_value(vjp: Any) -> bool:
    """Does the vjp have a second parameter (without a default), for the operation's own value?"""
    if type(vjp) is FunctionType:
        return vjp.__code__.co_argcount - len(vjp.__defaults__ or ()) > 1
    if not callable(vjp):
        raise TypeError(f"record: a vjp is a function of the cotangent g, not a {type(vjp).__name__}")
    import inspect  # here, because it takes long to load and few need it

    try:
        parameters = inspect.signature(vjp).parameters.values()
    except ValueError:  # one written in C, which does not say
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters) > 1


def versions(
    entries: Sequence[tuple[Any, Any, bool]], keeps_value: bool, out: Tensor, inputs: Sequence[Tensor | None]
) -> list[tuple[Version, int, tuple[int, ...]]]:
    """The versions, as they are now, of all tensors that the vjps keep, and of the value if it is kept for them."""
    kept = [out] if keeps_value else []
    for _, vjp, _ in entries:
        kept += kept_by(vjp, out, inputs)
    return [(t.version, t.version.count, t.array.shape) for t in kept]


def kept_by(vjp: Any, out: Tensor, inputs: Iterable[Tensor | None]) -> list[Tensor]:
    """The tensors that the vjp reaches; for an array that it reaches, those of the operation that lie on the same memory."""
    tensors: list[Any] | None = _closed_over(vjp)
    return _reached(vjp, out, inputs) if tensors is None else tensors


def _closed_over(vjp: Any) -> list[Any] | None:
    """The short way, for what ninx itself writes: lambdas over tensors, numbers and each other. None: not so simple."""
    tensors, functions = [], [vjp]
    for function in functions:
        if type(function) is not FunctionType or id(function.__globals__) not in _OURS:
            return None
        if function.__defaults__ or function.__kwdefaults__:
            return None
        for cell in function.__closure__ or ():
            try:
                kept = cell.cell_contents
            except ValueError:  # a name that is only defined later
                continue
            kind = type(kept)
            if kind is FunctionType:
                if kept not in functions:
                    functions.append(kept)
            elif isinstance(kept, Operators):
                tensors.append(kept)
            elif kind not in PLAIN and not (kind is tuple and PLAIN.issuperset(map(type, kept))):
                return None
    return tensors


def _reached(vjp: Any, out: Tensor, inputs: Iterable[Tensor | None]) -> list[Any]:
    """The long way: whatever the vjp holds, and what that holds."""
    tensors: list[Any] = []
    seen: set[int] = set()
    waiting: list[tuple[Any, CodeType | None]] = [(vjp, None)]  # a thing, and the code that names attributes of it
    while waiting:
        thing, code = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Operators):
            tensors.append(thing)
        elif isinstance(thing, np.ndarray):
            own = [t for t in (out, *inputs) if t is not None and type(t.array) is np.ndarray]
            tensors += [t for t in own if np.may_share_memory(thing, t.array)]
        else:
            for part, named_by in parts(thing, code):
                if type(part) not in PLAIN:
                    waiting.append((part, named_by))
    return tensors


def parts(thing: Any, code: CodeType | None) -> Iterable[tuple[Any, CodeType | None]]:
    """What a thing holds, each with the code that may name attributes of it."""
    kind = type(thing)
    if kind is FunctionType:
        return [(part, thing.__code__) for part in _of_function(thing)]
    if kind is MethodType:
        named_by = thing.__func__.__code__ if isinstance(thing.__func__, FunctionType) else code
        return [(thing.__func__, code), (thing.__self__, named_by)]
    if kind is BuiltinFunctionType:
        return [] if isinstance(thing.__self__, ModuleType) else [(thing.__self__, code)]
    if isinstance(thing, Mapping):
        return [(part, code) for part in thing.values()]
    if isinstance(thing, (tuple, list, set, frozenset)):
        return [(part, code) for part in thing]
    if isinstance(thing, (type, ModuleType)):
        return [(part, code) for part in _named(vars(thing), code) if not isinstance(part, (FunctionType, type, ModuleType))]
    if kind.__module__ in WRITTEN_IN_C:
        inner = [part.__code__ for part in gc.get_referents(thing) if isinstance(part, FunctionType)]
        named_by = inner[0] if inner else code
        return [(part, named_by) for part in gc.get_referents(thing) if not isinstance(part, (type, ModuleType))]
    return _of_object(thing, code)


def _of_function(function: FunctionType) -> list[Any]:
    """The variables that it closes over, its defaults, and the globals that it reads."""
    parts = []
    for cell in function.__closure__ or ():
        try:
            parts.append(cell.cell_contents)
        except ValueError:  # a name that is only defined later
            continue
    parts += function.__defaults__ or ()
    parts += (function.__kwdefaults__ or {}).values()
    space = function.__globals__
    if id(space) not in _OURS:
        if str(space.get("__name__")).partition(".")[0] == "ninx":
            _OURS.add(id(space))
        else:
            found = (space[name] for name in _reads(function.__code__) if name in space)
            parts += [part for part in found if not isinstance(part, FunctionType) or part.__globals__ is space]
    return parts


def _reads(code: CodeType) -> list[str]:
    """The globals that a code reads, and those of the functions that it makes."""
    if id(code) not in _READS:
        import dis  # here, as inspect

        if len(_READS) > 4096:  # a program that makes code for ever
            _READS.clear()
        names = [i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
        for part in code.co_consts:
            if isinstance(part, CodeType):
                names += _reads(part)
        _READS[id(code)] = code, names
    return _READS[id(code)][1]


def _names(code: CodeType | None) -> set[str]:
    """The attributes that a code names, and those of the functions that it makes."""
    if code is None:
        return set()
    return set(code.co_names).union(*(_names(part) for part in code.co_consts if isinstance(part, CodeType)))


def _named(space: Mapping[str, Any], code: CodeType | None) -> list[Any]:
    return [space[name] for name in _names(code) if name in space]


def _of_object(thing: Any, code: CodeType | None) -> list[tuple[Any, CodeType | None]]:
    """The attributes of an object that a code names; those that its methods name, if the code names (or calls) these."""
    names, parts, classes = _names(code), [], [c for c in type(thing).__mro__ if c is not object]
    waiting = [*names, "__call__"]
    while waiting:
        name = waiting.pop()
        places = [vars(c) for c in classes if name in vars(c)]
        if name in getattr(thing, "__dict__", ()):
            parts.append(thing.__dict__[name])
        elif places:
            found = places[0][name]
            found = getattr(found, "fget", getattr(found, "__func__", found))  # of a property, of a static or class method
            if isinstance(found, FunctionType):
                parts.append(found)
                more = _names(found.__code__) - names
                names |= more
                waiting += more
            elif isinstance(found, MemberDescriptorType):  # a slot
                parts.append(getattr(thing, name, None))
            else:
                parts.append(found)
    return [(part, code) for part in parts]
