"""Names of PyTorch and torchvision that ninx has not, each with the way that does: what an AttributeError then says."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .hint_texts import HINTS

_FLAT = {place: {name: hint for names, hint in hints.items() for name in names.split()} for place, hints in HINTS.items()}


def missing(place: str, name: str, owner: Any) -> AttributeError | ImportError:
    """The error for ``owner.name``, which is not there; ``place`` is a key of `HINTS`, or the name of a module without hints.

    Without a hint Python itself looks among the names of ``owner`` for one that is meant, and offers it.

    >>> from ninx.hints import missing
    >>> print(missing("ninx.nn", "Softmax2d", nn))
    ninx.nn has no Softmax2d: nn.Softmax(dim=1)
    """
    hint = _FLAT.get(place, {}).get(name)
    if hint is None:
        what = f"module {place!r}" if place.startswith("ninx") else f"{type(owner).__name__!r} object"
        return AttributeError(f"{what} has no attribute {name!r}", name=name, obj=owner)
    text = f"{place} has no {name}: {hint}"
    return ImportError(text) if _is_imported(sys._getframe(2)) else AttributeError(text)


class Absent:
    """Stands in a class for a name of PyTorch's that it has not: to ask for it raises what `missing` says.

    Not a ``__getattr__`` of the class: with one of those, Python looks up *every* attribute without its shortcuts, several times
    as slowly, and an operation looks up dozens.

    >>> from ninx.hints import Absent
    >>> class Layer:
    ...     compile = Absent("Module", "compile")
    >>> hasattr(Layer(), "compile")
    False
    """

    def __init__(self, place: str, name: str):
        self.place, self.name = place, name

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        """Raises the error."""
        raise missing(self.place, self.name, owner)


def leave_out(place: str) -> Callable[[type], type]:
    """A decorator of a class: it gets an `Absent` for each of the hints for ``place``, unless it has something of that name.

    >>> from ninx.hints import leave_out
    >>> @leave_out("Module")
    ... class Layer: pass
    >>> Layer().share_memory
    Traceback (most recent call last):
    AttributeError: Module has no share_memory: one process computes, with all cores: ninx.set_num_threads(n)
    """

    def leave(cls: type) -> type:
        for name in _FLAT[place]:
            if not hasattr(cls, name):
                setattr(cls, name, Absent(place, name))
        return cls

    return leave


def without_absent(thing: Any, names: Iterable[str]) -> list[str]:
    """For a ``__dir__``: the names without those that are `Absent`.

    >>> from ninx.hints import without_absent
    >>> without_absent(nn.ReLU(), ["forward", "compile"])
    ['forward']
    """
    absent = {name for cls in type(thing).__mro__ for name, value in vars(cls).items() if isinstance(value, Absent)}
    return [name for name in names if name not in absent or hasattr(thing, name)]


def hinted(module: str, lazy: Mapping[str, str] | None = None) -> Callable[[str], Any]:
    """A module's ``__getattr__``: it imports on first use what ``lazy`` names, and else raises what `missing` says.

    ``lazy``: for each name the module that it is, or stands in. So ``import ninx`` stays quick.

    >>> from ninx.hints import hinted
    >>> hinted("ninx.nn", {"Run": "ninx.train.runs"})("Run")
    <class 'ninx.train.runs.Run'>
    >>> hinted("ninx.nn")("Softmax2d")
    Traceback (most recent call last):
    AttributeError: ninx.nn has no Softmax2d: nn.Softmax(dim=1)
    """

    def lookup(name: str) -> Any:
        place = lazy.get(name) if lazy else None
        if place is None:
            raise missing(module, name, sys.modules[module])
        found = importlib.import_module(place)
        return found if place == f"{module}.{name}" else getattr(found, name)

    return lookup


def _is_imported(frame: Any) -> bool:
    """Is the attribute asked for by ``from ninx.nn import LSTM``? There Python drops the text of an AttributeError."""
    from dis import opmap

    return bool(frame.f_code.co_name == "_handle_fromlist" or frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"])
