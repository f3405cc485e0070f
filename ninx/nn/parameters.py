"""Lists and dictionaries of parameters, which a module that holds one finds."""

from __future__ import annotations

import operator
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self

from ..engine import Tensor
from .module import Module, check_name
from .parameter import Parameter


def _as_parameter(owner: Module, value: Any) -> Parameter:
    """The value; a tensor becomes a parameter, as in PyTorch. TypeError for what is none: it would not be learnt."""
    if isinstance(value, Tensor):
        return value if isinstance(value, Parameter) else Parameter(value)
    raise TypeError(f"{type(owner).__name__}: holds parameters, not {type(value).__name__}; write nn.Parameter(...)")


class ParameterList(Module):
    """A list of parameters that a module's `parameters` finds, named by their numbers. Tensors become parameters.

    >>> scales = nn.ParameterList([nn.Parameter(ninx.ones(2)), nn.Parameter(ninx.zeros(1))])
    >>> [name for name, _ in scales.named_parameters()], scales[-1].tolist()
    (['0', '1'], [0.0])
    """

    def __init__(self, values: Iterable[Any] | None = None):
        self.extend(() if values is None else values)

    def append(self, value: Any) -> Self:
        """Add a parameter at the end.

        >>> len(nn.ParameterList().append(nn.Parameter(ninx.ones(2))))
        1
        """
        setattr(self, str(len(self)), _as_parameter(self, value))
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add several parameters at the end.

        >>> len(nn.ParameterList().extend(nn.Linear(4, 2).parameters()))
        2
        """
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> Self:
        """``scales += [more]``: the same as `extend`."""
        return self.extend(values)

    def __len__(self) -> int:
        """The number of parameters."""
        return len(self._parameters)

    def __iter__(self) -> Iterator[Parameter]:
        """The parameters in order."""
        return iter(self._parameters.values())

    def __getitem__(self, index: Any) -> Any:
        """One parameter; or, for a slice, another list of several."""
        return ParameterList(list(self)[index]) if isinstance(index, slice) else list(self)[operator.index(index)]

    def __setitem__(self, index: int, value: Any) -> None:
        """Put another parameter in the place of one."""
        setattr(self, str(range(len(self))[index]), _as_parameter(self, value))

    def extra_repr(self) -> str:
        """The parameters, one a line."""
        return _lines(self._parameters)


class ParameterDict(Module):
    """A dictionary of parameters that a module's `parameters` finds. Tensors become parameters.

    >>> scales = nn.ParameterDict({"left": nn.Parameter(ninx.ones(2))})
    >>> scales["right"] = ninx.zeros(2)
    >>> [name for name, _ in scales.named_parameters()], "left" in scales
    (['left', 'right'], True)
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None):
        self.update({} if parameters is None else parameters)

    def update(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Put in several parameters: of a dictionary, or pairs (name, parameter).

        >>> scales = nn.ParameterDict()
        >>> scales.update([("a", ninx.ones(1))])
        >>> list(scales)
        ['a']
        """
        for name, value in parameters.items() if isinstance(parameters, (Mapping, ParameterDict)) else parameters:
            self[name] = value

    def keys(self) -> KeysView[str]:
        """The names, in order.

        >>> list(nn.ParameterDict({"a": ninx.ones(1)}).keys())
        ['a']
        """
        return self._parameters.keys()

    def values(self) -> ValuesView[Parameter]:
        """The parameters, in order.

        >>> [p.tolist() for p in nn.ParameterDict({"a": ninx.ones(1)}).values()]
        [[1.0]]
        """
        return self._parameters.values()

    def items(self) -> ItemsView[str, Parameter]:
        """Pairs (name, parameter), in order.

        >>> [(name, p.shape) for name, p in nn.ParameterDict({"a": ninx.ones(1)}).items()]
        [('a', (1,))]
        """
        return self._parameters.items()

    def pop(self, key: str) -> Parameter:
        """Take the parameter of this name out and return it.

        >>> nn.ParameterDict({"a": ninx.ones(1)}).pop("a").tolist()
        [1.0]
        """
        value = self[key]
        delattr(self, key)
        return value

    def __getitem__(self, key: str) -> Parameter:
        """The parameter of this name; KeyError where there is none."""
        return self._parameters[key]

    def __setitem__(self, key: str, value: Any) -> None:
        """Put a parameter under this name."""
        check_name(self, key, Parameter)
        setattr(self, key, _as_parameter(self, value))

    def __delitem__(self, key: str) -> None:
        """Take the parameter of this name out; KeyError where there is none."""
        self.pop(key)

    def __contains__(self, key: object) -> bool:
        """Is there a parameter of this name?"""
        return key in self._parameters

    def __len__(self) -> int:
        """The number of parameters."""
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        """The names in order."""
        return iter(self._parameters)

    def extra_repr(self) -> str:
        """The parameters, one a line."""
        return _lines(self._parameters)


def _lines(parameters: Mapping[str, Parameter]) -> str:
    return "\n".join(f"({name}): Parameter of shape {p.shape}" for name, p in parameters.items())
