"""What is remembered: the recorded operations (`Node`), and how often a piece of memory was changed (`Version`)."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeAlias

from .methods import Operators
from .modes import is_anomaly_enabled, user_line

if TYPE_CHECKING:
    from .engine import Tensor

Vjp: TypeAlias = Any  # a plain function or lambda of g, or of g and y
Source: TypeAlias = "Tensor | Node"  # where a gradient flows to: a leaf, or the operation that made a tensor


class Version:
    """Counts the in-place changes of one piece of memory; a tensor and its views share it."""

    __slots__ = ("count", "tracked")

    def __init__(self) -> None:
        self.count = 0
        self.tracked = 0  # how many of the changes were recorded: these change the history of all that lies there


class Unwritable(Version):
    """Of a copy where a view was asked for: a change of it would be expected to change another tensor, and does not."""

    __slots__ = ()


class Node:
    """One recorded operation. It keeps no input's value, only the vjps (with what they close over) and where they lead."""

    __slots__ = (
        *("__weakref__", "device", "dtype", "entries", "first", "hooks", "line", "name", "output", "retained", "saved", "shape"),
        *("readers", "wanted"),
    )

    def __init__(self, name: str, out: Tensor, entries: list[tuple[tuple[Source | None, ...], Vjp]], first: Vjp | None = None):
        self.name, self.shape, self.dtype, self.device = name, out.array.shape, out.array.dtype, out.array.device
        self.entries: Sequence[tuple[tuple[Source | None, ...], Vjp]] | None = entries
        self.hooks: list[Callable[[Tensor], Tensor | None]] | None = None
        self.retained: weakref.ref[Tensor] | None = None  # the tensor whose .grad is to be filled although it is no leaf
        self.wanted = False  # is its own gradient asked for in the walk that is on?
        self.readers = 0  # how many gradients of its value there are to come in that walk, and one if another walk may follow
        self.first = first  # what all vjps begin with: g becomes first(g, value)
        self.output = out.array if first is not None or any(takes_value(vjp) for _, vjp in entries) else None
        kept = [out] if self.output is not None else []
        kept += [t for _, vjp in entries for t in _closed_over(vjp)]
        self.saved = [(t.version, t.version.count, t.array.shape) for t in kept]
        self.line = user_line() if is_anomaly_enabled() else None

    def __repr__(self) -> str:
        """The name that a tensor's ``grad_fn`` goes by."""
        return f"<{self.name}>"

    @property
    def is_watched(self) -> bool:
        """Does anybody look at the gradient of this value itself? Then it must not be mixed with what comes before it."""
        return self.wanted or bool(self.hooks) or self.retained is not None

    def check_versions(self) -> None:
        """Refuse to go on if a value that a vjp needs was changed in place since."""
        for version, count, shape in self.saved:
            if version.count != count:
                raise RuntimeError(
                    f"backward of {self.name}: the tensor of shape {tuple(shape)} that it needs was changed in place since "
                    f"(saved at version {count}, now at version {version.count}); change a copy instead"
                )


def prepare(order: Sequence[Source], roots: Sequence[Source], targets: set[int] | None, again: bool) -> set[int]:
    """Before a walk: tell each operation what will be asked of it; the ids of the sources whose gradients lead to a target.

    ``order``: the sources, each after all that it leads to. ``targets``: ids (None: all leaves). ``again``: may another follow?
    """
    needed = {id(s) for s in order} if targets is None else set(targets)
    for source in order:
        below = [s for sources, _ in source.entries or () for s in sources if s is not None]
        if any(id(s) in needed for s in below):
            needed.add(id(source))
        if isinstance(source, Node):
            source.wanted = targets is not None and id(source) in targets
            source.readers = sum(root is source for root in roots) + again
        for s in below:
            if isinstance(s, Node):
                s.readers += 1
    return needed


def takes_value(vjp: Vjp) -> bool:
    """Does the vjp have a second parameter (without a default), for the operation's own value?"""
    return bool(vjp.__code__.co_argcount - len(vjp.__defaults__ or ()) > 1)


def _closed_over(vjp: Vjp) -> list[Any]:
    """The tensors that a vjp keeps, itself or in a function that it calls."""
    functions, tensors = [vjp], []
    for function in functions:
        for cell in function.__closure__ or ():
            try:
                kept = cell.cell_contents
            except ValueError:  # a name that is only defined later
                continue
            if isinstance(kept, FunctionType) and kept not in functions:
                functions.append(kept)
            tensors += [t for t in (kept if isinstance(kept, (list, tuple)) else (kept,)) if isinstance(t, Operators)]
    return tensors
