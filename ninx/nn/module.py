"""Module: a function with parameters, made of smaller ones.

There is no registration: the parameters, buffers and parts of a module are those of its attributes that are a `Parameter`, a
`Buffer` or a `Module`, in the order in which they were first assigned. Their dotted names are PyTorch's state_dict keys.
What is done with all of them stands in moves.py (modes, dtypes, devices) and state.py (saving and loading).
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar

from ninx.kernels.names import unknown

from ..engine import Tensor
from ..hints import leave_out, without_absent
from ..looks import unfailing
from ..notebook import tree_html
from .drawn import Drawn
from .hooks import Hooks
from .moves import Moves
from .parameter import Buffer, Parameter, as_buffer
from .parts import Parts
from .state import State

T = TypeVar("T")


@leave_out("Module")
class Module(Drawn, Hooks, Moves, State):
    """The base of all layers and networks: write ``forward``, and assign parameters and submodules as attributes.

    To assign a plain tensor where a parameter is raises TypeError: the optimiser would go on with the old one, and nobody would
    notice. A submodule cannot have the name of a method. ``super().__init__()`` may be called, and need not.

    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         self.factor = nn.Parameter(np.ones(1, np.float32))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(ninx.tensor([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the module's value; every module writes its own. Call ``module(x)``, which leads here.

        >>> class Twice(nn.Module):
        ...     def forward(self, x):
        ...         return 2 * x
        >>> Twice()(ninx.tensor([1, 2]))
        tensor([2, 4])
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """``module(x)`` is ``module.forward(x)``, with the hooks around it if there are any."""
        return self._call_with_hooks(args, kwargs) if self._module_hooks else self.forward(*args, **kwargs)

    # ---------------------------------------------------------------- what it is made of
    def __setattr__(self, name: str, value: Any) -> None:
        """``module.name = value``. TypeError if a parameter or submodule would be lost by it, ValueError for a method's name."""
        old = self.__dict__.get(name)
        if isinstance(old, _PARTS) or isinstance(value, _PARTS):
            value = self._as_part(name, old, value)
        object.__setattr__(self, name, value)

    def _as_part(self, name: str, old: Any, value: Any) -> Any:
        """What is stored for ``value`` where ``old`` is, by PyTorch's rules: a tensor assigned to a buffer becomes a buffer."""
        if isinstance(old, Buffer) and isinstance(value, Tensor) and not isinstance(value, Parameter):
            return as_buffer(value, old.persistent)
        if not isinstance(old, _PARTS):
            check_name(self, name)
            self.__dict__.pop(name, None)  # forget a None, so that the order is that in which parts were assigned
        elif value is not None and not isinstance(value, Parameter if isinstance(old, Parameter) else (Parameter, Module)):
            kind = next(kind for kind in _PARTS if isinstance(old, kind))
            raise TypeError(
                f"{type(self).__name__}.{name} is a {kind.__name__}, and {_ASSIGN[kind]}; got {type(value).__name__}, by which "
                "it would be lost"
            )
        return value

    def __dir__(self) -> list[str]:
        """What can stand after the dot: without the numbers of a Sequential's layers, since ``net.0`` is no Python."""
        return without_absent(self, (name for name in super().__dir__() if not name[:1].isdigit()))

    def _own(self, kind: type[T]) -> Iterator[tuple[str, T]]:
        return ((name, value) for name, value in vars(self).items() if isinstance(value, kind))

    @property
    def _modules(self) -> Parts[Module]:
        """The direct parts by name, for reading and writing."""
        return Parts(self, Module)

    @property
    def _parameters(self) -> Parts[Parameter]:
        """The module's own parameters by name, for reading and writing."""
        return Parts(self, Parameter)

    @property
    def _buffers(self) -> Parts[Buffer]:
        """The module's own buffers by name, for reading and writing."""
        return Parts(self, Buffer)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the direct parts, each once.

        >>> model = nn.Sequential({"hidden": nn.Linear(4, 8), "out": nn.Linear(8, 2)})
        >>> [name for name, _ in model.named_children()]
        ['hidden', 'out']
        """
        return _once(self._own(Module))

    def children(self) -> Iterator[Module]:
        """The direct parts, each once.

        >>> [type(m).__name__ for m in nn.Sequential(nn.Linear(4, 2), nn.ReLU()).children()]
        ['Linear', 'ReLU']
        """
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """(dotted name, module) of this module (named "") and all below it, each once.

        ``memo`` is a set of modules to skip, with all below them; every module that is yielded is added to it. With
        ``remove_duplicate=False`` a module that is used twice is yielded twice.

        >>> model = nn.Sequential(nn.Sequential(nn.Linear(4, 2)), nn.ReLU())
        >>> [name for name, _ in model.named_modules()]
        ['', '0', '0.0', '1']
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._own(Module):
            yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def _walk(self, prefix: str) -> Iterator[tuple[str, Module]]:
        yield prefix, self
        for name, child in self._own(Module):
            yield from child._walk(f"{prefix}.{name}" if prefix else name)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it, each once.

        >>> model = nn.Sequential(nn.Sequential(nn.Linear(4, 2)), nn.ReLU())
        >>> [type(m).__name__ for m in model.modules()]
        ['Sequential', 'Sequential', 'Linear', 'ReLU']
        """
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def _named(self, kind: type[T], prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, T]]:
        walk = self._walk(prefix) if recurse else [(prefix, self)]
        named = ((f"{path}.{name}" if path else name, v) for path, module in walk for name, v in module._own(kind))
        return _once(named) if remove_duplicate else named

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter), each once; without ``recurse`` only the module's own, not its parts'.

        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> [(name, p.shape) for name, p in model.named_parameters()]
        [('0.weight', (8, 4)), ('0.bias', (8,)), ('2.weight', (2, 8)), ('2.bias', (2,))]
        """
        return self._named(Parameter, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once.

        >>> sum(p.numel() for p in nn.Linear(4, 2).parameters())
        10
        """
        return (p for _, p in self.named_parameters("", recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Buffer]]:
        """(dotted name, buffer), each once; without ``recurse`` only the module's own, not its parts'.

        >>> [name for name, _ in nn.BatchNorm1d(2).named_buffers()]
        ['running_mean', 'running_var', 'num_batches_tracked']
        """
        return self._named(Buffer, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Buffer]:
        """All buffers, each once.

        >>> [b.tolist() for b in nn.BatchNorm1d(2).buffers()]
        [[0.0, 0.0], [1.0, 1.0], 0]
        """
        return (b for _, b in self.named_buffers("", recurse))

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make ``tensor`` a buffer of this module under ``name``; the same as assigning a `Buffer`.

        A buffer that is not ``persistent`` is left out of the `state_dict`. Raises ValueError if ``name`` is taken, or cannot be
        the name of an attribute.

        >>> layer = nn.Identity()
        >>> layer.register_buffer("mean", ninx.zeros(2))
        >>> layer.state_dict()
        {'mean': tensor([0., 0.])}
        """
        if not isinstance(tensor, Tensor | None):
            raise TypeError(f"register_buffer: {name} must be a tensor or None, not {type(tensor).__name__}")
        check_name(self, name, Buffer)
        setattr(self, name, None if tensor is None else as_buffer(tensor, persistent))

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make ``param`` a parameter of this module under ``name``; the same as assigning it.

        >>> layer = nn.Identity()
        >>> layer.register_parameter("scale", nn.Parameter(ninx.ones(1)))
        >>> layer.scale.tolist()
        [1.0]
        """
        if not isinstance(param, Parameter | None):
            raise TypeError(f"register_parameter: {name} must be an nn.Parameter or None, not {type(param).__name__}")
        check_name(self, name, Parameter)
        setattr(self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """Make ``module`` a part of this one under ``name``; the same as assigning it.

        >>> net = nn.Sequential()
        >>> net.add_module("conv", nn.Conv2d(1, 2, 3))
        >>> list(net.state_dict())
        ['conv.weight', 'conv.bias']
        """
        check_name(self, name, Module)
        setattr(self, name, None if module is None else checked(self, module))

    register_module = add_module

    def get_submodule(self, target: str) -> Module:
        """The module of this dotted name; "" is this one. Raises AttributeError where there is none.

        >>> nn.Sequential(nn.Sequential(nn.Linear(4, 2))).get_submodule("0.0")
        Linear(in_features=4, out_features=2, bias=True)
        """
        module: Any = self
        for name in target.split(".") if target else ():
            module = module._part(Module, name, target)
        return module  # type: ignore[no-any-return]  # _part gives what is of the kind

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of this dotted name. Raises AttributeError where there is none.

        >>> nn.Sequential(nn.Linear(4, 2)).get_parameter("0.weight").shape
        (2, 4)
        """
        path, _, name = target.rpartition(".")
        return self.get_submodule(path)._part(Parameter, name, target)

    def get_buffer(self, target: str) -> Buffer:
        """The buffer of this dotted name. Raises AttributeError where there is none.

        >>> nn.Sequential(nn.BatchNorm1d(2)).get_buffer("0.running_mean").shape
        (2,)
        """
        path, _, name = target.rpartition(".")
        return self.get_submodule(path)._part(Buffer, name, target)

    def _part(self, kind: type[T], name: str, target: str) -> T:
        there = dict(self._own(kind))
        if name not in there:
            raise AttributeError(unknown(f"{kind.__name__.lower()} of {type(self).__name__}", name, there) + f" (in {target!r})")
        return there[name]

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` on every module below this one, then on this one.

        >>> def bias_to_zero(module):
        ...     if isinstance(module, nn.Linear):
        ...         nn.init.zeros_(module.bias)
        >>> nn.Sequential(nn.Linear(4, 2), nn.ReLU()).apply(bias_to_zero)[0].bias.tolist()
        [0.0, 0.0]
        """
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # ---------------------------------------------------------------- text
    def extra_repr(self) -> str:
        """What stands in the brackets of the module's own line.

        >>> class Scale(nn.Module):
        ...     def extra_repr(self):
        ...         return "by=2"
        >>> Scale().extra_repr()
        'by=2'
        """
        return ""

    @reprlib.recursive_repr("...")
    @unfailing
    def __repr__(self) -> str:
        """The tree of modules, one a line, as PyTorch prints it: first a module's own settings, then its parts."""
        own = self.extra_repr().split("\n") if self.extra_repr() else []
        parts = [f"({name}): {text}".replace("\n", "\n  ") for name, text in self._shown_parts()]
        if not parts and len(own) < 2:
            return f"{type(self).__name__}({''.join(own)})"
        return f"{type(self).__name__}(\n  " + "\n  ".join([*own, *parts]) + "\n)"

    def _repr_html_(self) -> str:
        """The tree for a notebook: it opens and closes, and counts the parameters."""
        return tree_html("", self)

    def _shown_parts(self) -> Iterator[tuple[str, str]]:
        """(name, text) of the direct parts."""
        return ((name, repr(child)) for name, child in self._own(Module))


def _once(named: Iterator[tuple[str, T]]) -> Iterator[tuple[str, T]]:
    """Each object only once, under the first of its names."""
    seen: set[int] = set()
    for name, value in named:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value


_PARTS: tuple[type[Any], ...] = (Parameter, Buffer, Module)
_ASSIGN = {  # to a name under which there is one
    Parameter: "another Parameter or None can be assigned (write w.data[...] = values to change its values)",
    Buffer: "a tensor or None can be assigned",
    Module: "a Module or None can be assigned",
}


def check_name(owner: Module, name: Any, kind: type[Any] | None = None) -> None:
    """Raise ValueError if a part cannot be called ``name``: no string, empty, with a dot, or taken by what is no ``kind``.

    >>> from ninx.nn.module import check_name
    >>> check_name(nn.Identity(), "eval")
    Traceback (most recent call last):
    ValueError: Identity: 'eval' cannot name a layer or a tensor: it is the name of an attribute
    """
    if not isinstance(name, str) or not name or "." in name:
        reason = "it is no text" if not isinstance(name, str) else "it has a dot" if name else "it is empty"
    else:
        own, inherited = owner.__dict__.get(name), getattr(type(owner), name, None)
        taken = kind is not None and own is not None and not isinstance(own, kind)
        if not taken and (inherited is None or isinstance(inherited, _PARTS) or inherited is Drawn.graph):
            return  # PyTorch's modules have no graph, so its programs may have a layer of that name
        reason = "it is the name of an attribute"
    raise ValueError(f"{type(owner).__name__}: {name!r} cannot name a layer or a tensor: {reason}")


def checked(owner: Module, module: Any) -> Module:
    """``module``, if it is a Module; else TypeError with what to write instead: its parameters would not be found.

    >>> from ninx.nn.module import checked
    >>> checked(nn.ModuleList(), nn.ReLU)
    Traceback (most recent call last):
    TypeError: ModuleList: ReLU is a class, make a layer of it: ReLU(...)
    """
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
    raise TypeError(f"{type(owner).__name__}: {hint}")
