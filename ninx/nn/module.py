"""Module: a function with parameters, made of smaller ones.

There is no registration: the parameters, buffers and parts of a module are those of its attributes that are a `Parameter`, a
`Buffer` or a `Module`, in the order in which they were first assigned. Their dotted names are PyTorch's state_dict keys.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np

from ..array import Array
from ..engine import Tensor
from ..looks import few, unfailing
from ..modes import no_grad
from ..ops import copy_, to
from ..ops.creation import leaf

T = TypeVar("T")


class Parameter(Tensor):
    """A tensor that a module learns: it requires grad, and `Module.parameters` finds it.

    >>> nn.Parameter(np.ones(2, np.float32))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True):
        super().__init__(leaf(data.array if isinstance(data, Tensor) else data).array, requires_grad)

    def __repr__(self) -> str:
        """As PyTorch prints it."""
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that belongs to a module's state but is not learnt, such as batch norm's running mean.

    >>> norm = nn.BatchNorm1d(2)
    >>> isinstance(norm.running_mean, nn.Buffer), norm.running_mean.requires_grad
    (True, False)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = False):
        super().__init__(leaf(data.array if isinstance(data, Tensor) else data).array, requires_grad)


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` did not find, and what it found but did not want."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        """As PyTorch prints it: at a prompt most often the good news."""
        keys = f"missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys}"
        return f"IncompatibleKeys({keys})" if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"


class Module:
    """The base of all layers and networks: write ``forward``, and assign parameters and parts as attributes.

    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         self.factor = nn.Parameter(np.ones(1, np.float32))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(ninx.tensor([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    training = True

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
        """``module(x)`` is ``module.forward(x)``."""
        return self.forward(*args, **kwargs)

    # ---------------------------------------------------------------- what it is made of
    def _own(self, kind: type[T]) -> Iterator[tuple[str, T]]:
        return ((name, value) for name, value in vars(self).items() if isinstance(value, kind))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the direct parts.

        >>> model = nn.Sequential({"hidden": nn.Linear(4, 8), "out": nn.Linear(8, 2)})
        >>> [name for name, _ in model.named_children()]
        ['hidden', 'out']
        """
        return self._own(Module)

    def children(self) -> Iterator[Module]:
        """The direct parts.

        >>> [type(m).__name__ for m in nn.Sequential(nn.Linear(4, 2), nn.ReLU()).children()]
        ['Linear', 'ReLU']
        """
        return (value for value in vars(self).values() if isinstance(value, Module))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """(dotted name, module) of this module (named "") and all below it, each once.

        >>> model = nn.Sequential(nn.Sequential(nn.Linear(4, 2)), nn.ReLU())
        >>> [name for name, _ in model.named_modules()]
        ['', '0', '0.0', '1']
        """
        return _once(self._walk(prefix))

    def _walk(self, prefix: str) -> Iterator[tuple[str, Module]]:
        yield prefix, self
        for name, child in self.named_children():
            yield from child._walk(f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once.

        >>> model = nn.Sequential(nn.Sequential(nn.Linear(4, 2)), nn.ReLU())
        >>> [type(m).__name__ for m in model.modules()]
        ['Sequential', 'Sequential', 'Linear', 'ReLU']
        """
        return (module for _, module in self.named_modules())

    def _named(self, kind: type[T]) -> Iterator[tuple[str, T]]:
        for prefix, module in self._walk(""):
            for name, value in module._own(kind):
                yield f"{prefix}.{name}" if prefix else name, value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter), each once.

        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> [(name, p.shape) for name, p in model.named_parameters()]
        [('0.weight', (8, 4)), ('0.bias', (8,)), ('2.weight', (2, 8)), ('2.bias', (2,))]
        """
        return _once(self._named(Parameter))

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, each once.

        >>> sum(p.numel() for p in nn.Linear(4, 2).parameters())
        10
        """
        return (p for _, p in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """(dotted name, buffer), each once.

        >>> [name for name, _ in nn.BatchNorm1d(2).named_buffers()]
        ['running_mean', 'running_var', 'num_batches_tracked']
        """
        return _once(self._named(Buffer))

    def buffers(self) -> Iterator[Buffer]:
        """All buffers, each once.

        >>> [b.tolist() for b in nn.BatchNorm1d(2).buffers()]
        [[0.0, 0.0], [1.0, 1.0], 0]
        """
        return (b for _, b in self.named_buffers())

    def register_buffer(self, name: str, tensor: Tensor | None) -> None:
        """Make ``tensor`` a buffer of this module under ``name``; the same as assigning a `Buffer`.

        >>> layer = nn.Identity()
        >>> layer.register_buffer("mean", ninx.zeros(2))
        >>> layer.state_dict()
        {'mean': tensor([0., 0.])}
        """
        setattr(self, name, None if tensor is None else Buffer(tensor))

    def apply(self, fn: Callable[[Module], None]) -> Self:
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

    # ---------------------------------------------------------------- modes and moves
    def train(self, mode: bool = True) -> Self:
        """Switch this module and all below it to training (dropout drops, batch norm uses the batch).

        >>> model = nn.Sequential(nn.Linear(4, 2), nn.Dropout()).eval()
        >>> model.training, model.train()[1].training
        (False, True)
        """
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation: the same as ``train(False)``.

        >>> model = nn.Dropout(0.9).eval()
        >>> model(ninx.ones(3))
        tensor([1., 1., 1.])
        """
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget all gradients.

        >>> layer = nn.Linear(4, 2)
        >>> layer(ninx.ones(1, 4)).sum().backward()
        >>> layer.zero_grad()
        >>> layer.weight.grad is None
        True
        """
        for p in self.parameters():
            p.grad = None

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say of every parameter whether it wants a gradient.

        >>> frozen = nn.Linear(4, 2).requires_grad_(False)
        >>> [p.requires_grad for p in frozen.parameters()]
        [False, False]
        """
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def to(self, target: Any) -> Self:
        """Give every floating-point parameter and buffer another dtype, or move all to another device ("cpu", "cuda").

        >>> nn.Linear(4, 2).to(ninx.float64).weight.dtype
        dtype('float64')
        """
        moves = isinstance(target, str) and target.startswith(("cpu", "cuda"))
        with no_grad():
            for t in [*self.parameters(), *self.buffers()]:
                if moves or t.is_floating_point():
                    t.array = to(t, target).array
                    t.grad = None if t.grad is None else to(t.grad, target)
        return self

    def float(self) -> Self:
        """All floating-point parameters and buffers as float32.

        >>> nn.Linear(4, 2, dtype=ninx.float64).float().weight.dtype
        dtype('float32')
        """
        return self.to(np.float32)

    def double(self) -> Self:
        """All floating-point parameters and buffers as float64.

        >>> nn.Linear(4, 2).double().weight.dtype
        dtype('float64')
        """
        return self.to(np.float64)

    # ---------------------------------------------------------------- state
    def state_dict(self) -> dict[str, Tensor]:
        """Every parameter and buffer by its dotted name, without history; they share memory with the module.

        >>> {name: t.shape for name, t in nn.Sequential(nn.Linear(4, 2)).state_dict().items()}
        {'0.weight': (2, 4), '0.bias': (2,)}
        """
        return {
            f"{prefix}.{name}" if prefix else name: value.detach()
            for prefix, module in self._walk("")
            for kind in (Parameter, Buffer)
            for name, value in module._own(kind)
        }

    def load_state_dict(self, state_dict: Mapping[str, Tensor | Array], strict: bool = True) -> IncompatibleKeys:
        """Copy the values of ``state_dict`` (tensors or arrays) into the parameters and buffers of the same names.

        Raises RuntimeError, before anything is changed, for a wrong shape, and with ``strict`` also for names that are
        missing or unknown.

        >>> a, b = nn.Linear(4, 2), nn.Linear(4, 2)
        >>> keys = a.load_state_dict(b.state_dict())
        >>> (a.weight == b.weight).all(), keys.missing_keys
        (tensor(True), [])
        """
        own = self.state_dict()
        missing = [k for k in own if k not in state_dict]
        unexpected = [k for k in state_dict if k not in own]
        wrong = [k for k in own if k in state_dict and tuple(state_dict[k].shape) != own[k].shape]
        problems = [f"size mismatch for {k}: {tuple(state_dict[k].shape)} given, {own[k].shape} wanted" for k in wrong[:8]]
        problems += [f"{len(wrong) - 8} more of another size"] * (len(wrong) > 8)
        if strict:
            if missing and unexpected:  # most often one and the same weight, under another name
                given = tuple(state_dict[unexpected[0]].shape)
                problems.insert(
                    0, f"first difference: {missing[0]} {own[missing[0]].shape} wanted, {unexpected[0]} {given} given"
                )
            problems += [f"missing key(s): {few(missing)}"] * bool(missing)
            problems += [f"unexpected key(s): {few(unexpected)}"] * bool(unexpected)
        if problems:
            raise RuntimeError(f"load_state_dict of {type(self).__name__}: " + "; ".join(problems))
        with no_grad():
            for k, v in state_dict.items():
                if k in own:
                    copy_(own[k], v.detach() if isinstance(v, Tensor) else Tensor(np.asarray(v)))
        return IncompatibleKeys(missing, unexpected)

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

    def _shown_parts(self) -> Iterator[tuple[str, str]]:
        """(name, text) of the direct parts."""
        return ((name, repr(child)) for name, child in self.named_children())


def _once(named: Iterator[tuple[str, T]]) -> Iterator[tuple[str, T]]:
    """Leave out what came before under another name."""
    seen: set[int] = set()
    for name, value in named:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value
