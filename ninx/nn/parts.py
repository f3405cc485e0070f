"""A module's own parts of one kind by name, as the dictionaries that PyTorch's modules keep (``module._modules``)."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Parts(MutableMapping[str, T], Generic[T]):
    """The attributes of a module that are of one kind. What is written here is assigned to the module, with its checks.

    >>> class Chain(nn.Module):
    ...     def __init__(self, *layers):
    ...         for i, layer in enumerate(layers):
    ...             self._modules[str(i)] = layer
    >>> list(Chain(nn.ReLU(), nn.Tanh())._modules)
    ['0', '1']
    """

    def __init__(self, module: Any, kind: type[T]) -> None:
        self._module, self._kind = module, kind

    def __getitem__(self, name: str) -> T:
        """The part of that name; KeyError if there is none."""
        part = vars(self._module)[name]
        if not isinstance(part, self._kind):
            raise KeyError(name)
        return part

    def __setitem__(self, name: str, part: T) -> None:
        """``setattr(module, name, part)``."""
        setattr(self._module, name, part)

    def __delitem__(self, name: str) -> None:
        """``delattr(module, name)``; KeyError if there is no such part."""
        self[name]
        delattr(self._module, name)

    def __iter__(self) -> Iterator[str]:
        """The names, in the order in which the parts were first assigned."""
        return iter([name for name, part in vars(self._module).items() if isinstance(part, self._kind)])

    def __len__(self) -> int:
        """How many there are."""
        return sum(isinstance(part, self._kind) for part in vars(self._module).values())

    def __repr__(self) -> str:
        """As the dictionary that it stands for."""
        return repr(dict(self))
