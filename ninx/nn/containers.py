"""Modules made of modules."""

from __future__ import annotations

import itertools
import operator
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self

from .fusion import fused
from .module import Module, check_name, checked


class _Layers(Module):
    """What a ModuleList and a Sequential have in common: modules in a row."""

    def append(self, module: Module) -> Self:
        """Add a module at the end; its name is its number. Raises TypeError for what is no module: nobody would find it.

        >>> layers = nn.ModuleList()
        >>> [name for name, _ in layers.append(nn.Linear(4, 2)).named_parameters()]
        ['0.weight', '0.bias']
        """
        number = len(self)
        while str(number) in vars(self):  # what a slice of a Sequential keeps are its names
            number += 1
        setattr(self, str(number), checked(self, module))
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several modules at the end.

        >>> len(nn.ModuleList().extend([nn.Linear(4, 2), nn.ReLU()]))
        2
        """
        if not isinstance(modules, Iterable):
            raise TypeError(f"{type(self).__name__}: wants several modules, such as a list, not {type(modules).__name__}")
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before that at ``index``; all are numbered anew. (PyTorch's ModuleList returns None.)

        >>> nn.Sequential(nn.Linear(4, 2)).insert(0, nn.Flatten())[0]
        Flatten(start_dim=1, end_dim=-1)
        """
        modules = list(self)
        modules.insert(index, checked(self, module))
        self._number(modules)
        return self

    def pop(self, key: int | slice) -> Any:
        """Take the module at ``key`` out and return it; those that are left are numbered anew.

        >>> layers = nn.ModuleList([nn.ReLU(), nn.Tanh()])
        >>> layers.pop(0), len(layers)
        (ReLU(), 1)
        """
        module = self[key]
        del self[key]
        return module

    def __len__(self) -> int:
        """The number of modules."""
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Module]:
        """The modules in order; one that was put in twice comes twice."""
        return (value for value in vars(self).values() if isinstance(value, Module))

    def __getitem__(self, index: Any) -> Any:
        """One module; or, for a slice, the same kind of container of several."""
        return self._sliced(index) if isinstance(index, slice) else list(self)[self._place(index)]

    def _sliced(self, index: slice) -> _Layers:
        raise NotImplementedError

    def __setitem__(self, index: int, module: Module) -> None:
        """Put another module in the place of one; its name stays."""
        setattr(self, list(self._modules)[self._place(index)], checked(self, module))

    def __delitem__(self, index: int | slice) -> None:
        """Take modules out; those that are left are numbered anew."""
        modules = list(self)
        del modules[index if isinstance(index, slice) else self._place(index)]
        self._number(modules)

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        """``layers += [more]``: the same as `extend`."""
        return self.extend(modules)

    def _place(self, index: Any) -> int:
        """The index; IndexError if there is no such module, TypeError if it is none."""
        try:
            place, length = operator.index(index), len(self)
        except TypeError:
            raise TypeError(f"{type(self).__name__}: an index is a whole number or a slice, not {index!r}") from None
        if not -length <= place < length:
            raise IndexError(f"{type(self).__name__}: there is no module {place}, it has {length}")
        return place

    def _number(self, modules: list[Module]) -> None:
        """Hold these modules, under their numbers."""
        for name in self._modules:
            delattr(self, name)
        for number, module in enumerate(modules):
            setattr(self, str(number), module)


class ModuleList(_Layers):
    """A list of submodules: `parameters` and `state_dict` find them, unlike those in a plain list. It has no forward.

    >>> layers = nn.ModuleList([nn.Linear(4, 8), nn.Linear(8, 2)])
    >>> x = ninx.zeros(1, 4)
    >>> for layer in layers:
    ...     x = layer(x)
    >>> x.shape, len(layers)
    ((1, 2), 2)
    """

    def __init__(self, modules: Iterable[Module] | None = None):
        self.extend(() if modules is None else modules)

    def _sliced(self, index: slice) -> ModuleList:
        return ModuleList(list(self)[index])

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        """``layers + more``: a new list with the modules of both."""
        return ModuleList(self).extend(other)

    def _shown_parts(self) -> Iterator[tuple[str, str]]:
        """Neighbours that are printed alike share a line: "(0-2): 3 x ReLU()"."""
        for text, group in itertools.groupby(super()._shown_parts(), lambda part: part[1]):
            names = [name for name, _ in group]
            yield (names[0], text) if len(names) == 1 else (f"{names[0]}-{names[-1]}", f"{len(names)} x {text}")


class Sequential(_Layers):
    """The modules one after another: each gets what the one before it returns.

    Their names are their numbers, or the keys of one dictionary {name: module}. Neighbours that one pass over the memory can do,
    such as a convolution and its ReLU, are computed together; values and gradients stay the same.

    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> model(ninx.zeros(5, 4)).shape, model[0].weight.shape
    ((5, 2), (8, 4))
    """

    def __init__(self, *modules: Module | Mapping[str, Module]):
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, checked(self, module))
        else:
            self.extend(modules)  # type: ignore[arg-type]  # a dict comes alone

    def _sliced(self, index: slice) -> Sequential:
        part = Sequential()  # whose layers keep their names, as PyTorch's
        for name, module in list(self._modules.items())[index]:
            setattr(part, name, module)
        return part

    def __add__(self, other: Sequential) -> Sequential:
        """``a + b``: a new Sequential with the layers of both."""
        if not isinstance(other, Sequential):
            raise TypeError(f"Sequential: only another Sequential can be added, not {type(other).__name__}")
        return Sequential(*self, *other)

    def __mul__(self, times: int) -> Sequential:
        """``net * 3``: the same modules, sharing their weights, three times over."""
        if not isinstance(times, int) or times < 1:
            raise ValueError(f"Sequential: can be repeated a whole number of times, at least once, not {times!r}")
        return Sequential(*list(self) * times)

    __rmul__ = __mul__

    def forward(self, input: Any) -> Any:
        """The input through every module in turn."""
        for step in fused(list(self)):
            input = step(input)
        return input


class ModuleDict(Module):
    """A dictionary of submodules: `parameters` and `state_dict` find them, unlike those in a plain one. It has no forward.

    >>> heads = nn.ModuleDict({"digits": nn.Linear(8, 10), "letters": nn.Linear(8, 26)})
    >>> heads["letters"](ninx.zeros(1, 8)).shape, "digits" in heads, len(heads)
    ((1, 26), True, 2)
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None):
        self.update({} if modules is None else modules)

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Put in several modules: of a dictionary, of another ModuleDict, or pairs (name, module).

        >>> heads = nn.ModuleDict()
        >>> heads.update([("a", nn.ReLU()), ("b", nn.Tanh())])
        >>> list(heads)
        ['a', 'b']
        """
        pairs = modules.items() if isinstance(modules, (Mapping, ModuleDict)) else modules
        if not isinstance(pairs, Iterable):
            raise TypeError(f"ModuleDict: wants a dictionary or pairs (name, module), not {type(modules).__name__}")
        for name, module in pairs:
            self[name] = module

    def pop(self, key: str) -> Module:
        """Take the module of this name out and return it.

        >>> nn.ModuleDict({"a": nn.ReLU()}).pop("a")
        ReLU()
        """
        module = self[key]
        del self[key]
        return module

    def clear(self) -> None:
        """Take all modules out.

        >>> heads = nn.ModuleDict({"a": nn.ReLU()})
        >>> heads.clear()
        >>> len(heads)
        0
        """
        for name in self._modules:
            delattr(self, name)

    def keys(self) -> KeysView[str]:
        """The names, in order.

        >>> list(nn.ModuleDict({"a": nn.ReLU()}).keys())
        ['a']
        """
        return self._modules.keys()

    def values(self) -> ValuesView[Module]:
        """The modules, in order.

        >>> list(nn.ModuleDict({"a": nn.ReLU()}).values())
        [ReLU()]
        """
        return self._modules.values()

    def items(self) -> ItemsView[str, Module]:
        """Pairs (name, module), in order.

        >>> list(nn.ModuleDict({"a": nn.ReLU()}).items())
        [('a', ReLU())]
        """
        return self._modules.items()

    def __getitem__(self, key: str) -> Module:
        """The module of this name; KeyError where there is none."""
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        """Put a module under this name."""
        check_name(self, key, Module)
        setattr(self, key, checked(self, module))

    def __delitem__(self, key: str) -> None:
        """Take the module of this name out; KeyError where there is none."""
        self[key]
        delattr(self, key)

    def __contains__(self, key: object) -> bool:
        """Is there a module of this name?"""
        return key in self._modules

    def __len__(self) -> int:
        """The number of modules."""
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        """The names in order."""
        return iter(self._modules)
