"""Modules made of modules."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator
from typing import Any, Self

from .fusion import fused
from .module import Module


def _checked(container: Module, module: Any) -> Module:
    """The module; TypeError, with what to write instead, for what is none: without a name in the container it would be lost."""
    if isinstance(module, Module):
        return module
    if isinstance(module, type):
        hint = f"{module.__name__} is a class, make a layer of it: {module.__name__}(...)"
    elif isinstance(module, (list, tuple)):
        hint = f"a {type(module).__name__} is no layer, write *layers for its entries"
    elif callable(module):
        hint = f"{getattr(module, '__name__', 'this')} is a function; write a Module whose forward calls it"
    else:
        hint = f"{type(module).__name__} is no Module"
    raise TypeError(f"{type(container).__name__}: {hint}")


class ModuleList(Module):
    """A list whose modules are found; it has no forward of its own.

    >>> layers = nn.ModuleList([nn.Linear(4, 8), nn.Linear(8, 2)])
    >>> x = ninx.zeros(1, 4)
    >>> for layer in layers:
    ...     x = layer(x)
    >>> x.shape, len(layers)
    ((1, 2), 2)
    """

    def __init__(self, modules: Iterable[Module] = ()):
        self.extend(modules)

    def append(self, module: Module) -> Self:
        """Add a module at the end; its name is its number. Raises TypeError for what is no module: nobody would find it.

        >>> layers = nn.ModuleList()
        >>> [name for name, _ in layers.append(nn.Linear(4, 2)).named_parameters()]
        ['0.weight', '0.bias']
        """
        number = len(self)
        while str(number) in vars(self):  # what a slice of a Sequential keeps are its names
            number += 1
        setattr(self, str(number), _checked(self, module))
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several modules at the end.

        >>> len(nn.ModuleList().extend([nn.Linear(4, 2), nn.ReLU()]))
        2
        """
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before that at ``index``; all are numbered anew.

        >>> nn.Sequential(nn.Linear(4, 2)).insert(0, nn.Flatten())[0]
        Flatten(start_dim=1, end_dim=-1)
        """
        modules = list(self.children())
        modules.insert(index, _checked(self, module))
        self._number(modules)
        return self

    def __len__(self) -> int:
        """The number of modules."""
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        """The modules in order."""
        return self.children()

    def __getitem__(self, index: Any) -> Any:
        """One module; or, for a slice, the same kind of container of several. (A Sequential's keep their names, as PyTorch's.)"""
        if not isinstance(index, slice):
            return list(self.children())[operator.index(index)]
        if not isinstance(self, Sequential):
            return ModuleList(list(self.children())[index])
        part = Sequential()
        for name, module in list(self.named_children())[index]:
            setattr(part, name, module)
        return part

    def __setitem__(self, index: int, module: Module) -> None:
        """Put another module in the place of one; its name stays."""
        setattr(self, list(self.named_children())[operator.index(index)][0], _checked(self, module))

    def __delitem__(self, index: int | slice) -> None:
        """Take modules out; those that are left are numbered anew."""
        modules = list(self.children())
        del modules[index]
        self._number(modules)

    def _number(self, modules: list[Module]) -> None:
        """Hold these modules, under their numbers."""
        for name, _ in list(self.named_children()):
            delattr(self, name)
        for number, module in enumerate(modules):
            setattr(self, str(number), module)

    def _shown_parts(self) -> Iterator[tuple[str, str]]:
        """Neighbours that are printed alike share a line: "(0-2): 3 x ReLU()"."""
        for text, group in itertools.groupby(super()._shown_parts(), lambda part: part[1]):
            names = [name for name, _ in group]
            yield (names[0], text) if len(names) == 1 else (f"{names[0]}-{names[-1]}", f"{len(names)} x {text}")


class Sequential(ModuleList):
    """The modules one after another: each gets what the one before it returns.

    Their names are their numbers, or the keys of one dictionary {name: module}. Neighbours that one pass over the memory can do,
    such as a convolution and its ReLU, are computed together; values and gradients stay the same.

    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> model(ninx.zeros(5, 4)).shape, model[0].weight.shape
    ((5, 2), (8, 4))
    """

    def __init__(self, *modules: Module | dict[str, Module]):
        if len(modules) == 1 and isinstance(modules[0], dict):
            for name, module in modules[0].items():
                if "." in name or not name or hasattr(self, name):
                    raise ValueError(f"Sequential: {name!r} cannot name a layer: it has a dot, is empty, or an attribute")
                setattr(self, name, _checked(self, module))
        else:
            super().__init__(modules)  # type: ignore[arg-type]  # a dict comes alone

    _shown_parts = Module._shown_parts  # all of them, as PyTorch does: their order is what matters here

    def forward(self, x: Any) -> Any:
        """x through every module in turn."""
        for step in fused(list(self.children())):
            x = step(x)
        return x
