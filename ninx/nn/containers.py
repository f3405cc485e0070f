"""Modules made of modules."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator
from typing import Any

from .fusion import fused
from .module import Module


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
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> None:
        """Add a module at the end; its name is its number.

        >>> layers = nn.ModuleList()
        >>> layers.append(nn.Linear(4, 2))
        >>> [name for name, _ in layers.named_parameters()]
        ['0.weight', '0.bias']
        """
        setattr(self, str(len(self)), module)

    def __len__(self) -> int:
        """The number of modules."""
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        """The modules in order."""
        return self.children()

    def __getitem__(self, index: Any) -> Any:
        """One module; or, for a slice, the same kind of container of several."""
        if not isinstance(index, slice):
            return list(self.children())[operator.index(index)]
        part = ModuleList.__new__(Sequential if isinstance(self, Sequential) else ModuleList)
        for name, module in list(self.named_children())[index]:
            setattr(part, name, module)
        return part

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
                setattr(self, name, module)
        else:
            super().__init__(modules)  # type: ignore[arg-type]  # a dict comes alone

    _shown_parts = Module._shown_parts  # all of them, as PyTorch does: their order is what matters here

    def forward(self, x: Any) -> Any:
        """x through every module in turn."""
        for step in fused(list(self.children())):
            x = step(x)
        return x
