"""What all optimisers share: groups of parameters with their settings, and state for each parameter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..array import Array, empty_like, on_device, xp_of
from ..engine import Tensor, enable_grad
from ..looks import brief, unfailing
from ..ops import changed, detach
from .given import Group, alike, checked_group, count, groups_of, is_number, plain

SHOWN = 8  # groups that are printed


class Optimizer:
    """Base class: a subclass writes ``update(parameter, gradient, state, group)``, which changes the parameter's array.

    ``params`` are tensors, pairs of a name and a tensor, or dictionaries {"params": tensors, "lr": ...} whose settings override
    the defaults for that group; a group may have keys of its own, such as a name. ``state`` is by parameter. (PyTorch's way, a
    subclass with a ``step`` of its own that walks through ``param_groups``, works too.)

    >>> class Signs(optim.Optimizer):
    ...     def update(self, p, g, state, group):
    ...         p -= group["lr"] * np.sign(g)
    >>> w = ninx.tensor([1.0, -1.0], requires_grad=True)
    >>> optimizer = Signs([w], {"lr": 0.5})
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.5000, -0.5000])
    """

    remembered: tuple[str, ...] = ()  # the arrays in the state of a parameter, once it was changed
    optional: tuple[str, ...] = ()  # those that only some settings need
    scalars: tuple[str, ...] = ()  # the numbers there, which are needed too
    stepped = False  # was there a step? A schedule asks before its own first one

    def __init__(self, params: Iterable[Any], defaults: Group):
        self.defaults = {name: plain(value) for name, value in defaults.items()}
        self.param_groups: list[Group] = []
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for group in groups_of(type(self).__name__, params):
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """Learn more parameters, with settings of their own.

        Raises TypeError for what is no tensor; ValueError for what is no leaf, for a parameter that is given twice, and for a
        misspelt setting.

        >>> body, head = nn.Linear(4, 8), nn.Linear(8, 2)
        >>> optimizer = optim.SGD(body.parameters(), lr=0.1)
        >>> optimizer.add_param_group({"params": head.parameters(), "lr": 1.0, "name": "head"})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 1.0]
        """
        group = checked_group(type(self).__name__, param_group, self.defaults, self.param_groups)
        self.param_groups.append({name: plain(value) for name, value in group.items()})

    @unfailing
    def __repr__(self) -> str:
        """Each group's settings, as PyTorch lists them, and how much it holds; of many groups the first."""
        lines = []
        for i, group in enumerate(self.param_groups[:SHOWN]):
            count = f"{len(group['params'])} tensors, {sum(p.numel() for p in group['params']):,} numbers"
            lines += [f"Parameter Group {i}: {count}", *(f"    {k}: {brief(group[k])}" for k in sorted(group) if k != "params")]
        more = len(self.param_groups) - SHOWN
        lines += [f"and {more} more"] * (more > 0)
        return "\n".join([f"{type(self).__name__} (", *lines, ")"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients (or fill them with zeros).

        >>> w = ninx.tensor(1.0, requires_grad=True)
        >>> (w * w).backward()
        >>> optim.SGD([w]).zero_grad()
        >>> w.grad is None
        True
        """
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none or p.grad is None:
                    p.grad = None
                else:
                    if not p.grad.is_leaf:  # of backward(create_graph=True)
                        p.grad = detach(p.grad)
                    p.grad.array[...] = 0
                    changed(p.grad)

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Change every parameter that has a gradient; ``closure`` computes the loss anew and returns it.

        >>> w = ninx.tensor([1.0], requires_grad=True)
        >>> optimizer = optim.SGD([w], lr=0.1)
        >>> for _ in range(3):
        ...     optimizer.zero_grad()
        ...     (w**2).sum().backward()
        ...     optimizer.step()
        >>> w.detach()  # 0.8**3
        tensor([0.5120])
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self.stepped = True
        for group in self.param_groups:
            uphill = group.get("maximize")
            for p in group["params"]:
                if p.grad is not None:
                    array, g = p.array, p.grad.array if isinstance(p.grad, Tensor) else None
                    if g is None or g.dtype != array.dtype or g.shape != array.shape or type(g) is not type(array):
                        raise self._no_gradient(p)  # one that was assigned by hand
                    self.update(array, -g if uphill else g, self.state[p], group)
                    changed(p)
        return loss

    def _no_gradient(self, p: Tensor) -> TypeError | ValueError:
        """Why what is in the place of p's gradient cannot be one."""
        where, grad = f"{type(self).__name__}.step", p.grad
        if not isinstance(grad, Tensor):
            return TypeError(f"{where}: a gradient is a Tensor, not {type(grad).__name__}")
        return ValueError(
            f"{where}: a gradient of shape {grad.shape} and dtype {grad.dtype} on {grad.device} for a parameter of shape "
            f"{p.shape} and dtype {p.dtype} on {p.device}"
        )

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """Write the new values into ``p``; g is the gradient (not to be changed).

        ``state`` is a dictionary of what is remembered of the parameter, empty at first: numbers, and tensors.

        >>> class Plain(optim.Optimizer):
        ...     def update(self, p, g, state, group):
        ...         p -= group["lr"] * g
        >>> w = ninx.tensor([1.0], requires_grad=True)
        >>> (w**2).sum().backward()
        >>> Plain([w], {"lr": 0.25}).step()
        >>> w.item()
        0.5
        """
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """PyTorch's form: {"state": {number: {...}}, "param_groups": [{..., "params": [numbers]}]}; arrays are shared.

        >>> w = ninx.tensor([1.0], requires_grad=True)
        >>> optim.SGD([w], lr=0.1).state_dict()["param_groups"][0]["params"]
        [0]
        """
        groups: list[Group] = []
        places: dict[Tensor, int] = {}
        for group in self.param_groups:
            first = len(places)
            places |= {p: first + i for i, p in enumerate(group["params"])}
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": list(range(first, len(places)))})
        return {"state": {places[p]: dict(s) for p, s in self.state.items() if s and p in places}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over settings and state (copied, in each parameter's dtype) of an optimiser of as many parameters.

        Raises ValueError, and takes nothing, if something does not fit: the state may come from a damaged file, and the kernels
        believe its arrays.

        >>> w = ninx.tensor([1.0], requires_grad=True)
        >>> optimizer = optim.SGD([w], lr=0.1)
        >>> optimizer.load_state_dict(optim.SGD([w], lr=0.5).state_dict())
        >>> optimizer.param_groups[0]["lr"]
        0.5
        """
        where = f"{type(self).__name__}.load_state_dict"
        if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= set(state_dict):
            there = sorted(map(str, state_dict)) if isinstance(state_dict, dict) else type(state_dict).__name__
            raise ValueError(f"{where}: wants a dictionary with 'state' and 'param_groups', got {brief(there)}")
        groups = state_dict["param_groups"]
        sizes = [len(g["params"]) for g in groups], [len(g["params"]) for g in self.param_groups]
        if sizes[0] != sizes[1]:
            raise ValueError(f"{where}: groups of {sizes[0]} parameters given, {sizes[1]} wanted")
        for name, default in self.defaults.items():
            for value in (group[name] for group in groups if name in group):
                if not alike(value, default):
                    raise ValueError(f"{where}: setting {name} = {value!r} is not like {default!r}")
        params = [p for group in self.param_groups for p in group["params"]]
        fresh: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for i, s in ((int(i), s) for i, s in state_dict["state"].items()):
            if not 0 <= i < len(params):
                raise ValueError(f"{where}: state of a parameter {i}, but there are {len(params)}")
            fresh[params[i]] = self._state(where, i, params[i], s)
        for group, given in zip(self.param_groups, groups, strict=True):
            group.update({k: _copied(v) for k, v in given.items() if k != "params"})
        self.state = fresh

    def _state(self, where: str, i: int, p: Tensor, given: dict[str, Any]) -> dict[str, Any]:
        """The state of parameter number ``i``, copied; every array that `update` believes has the parameter's shape."""
        begun = {k: v for k, v in given.items() if v is not None}  # older versions of PyTorch wrote None
        if begun and (lacking := [k for k in (*self.scalars, *self.remembered) if k not in begun]):
            raise ValueError(f"{where}: the state of parameter {i} lacks {', '.join(lacking)}")
        state: dict[str, Any] = {}
        for k, v in begun.items():
            if k == "step":
                state[k] = count(where, v)
            elif k in self.scalars:
                if not is_number(v):
                    raise ValueError(f"{where}: state {k} = {brief(v)} of parameter {i} is no number")
                state[k] = float(v)
            elif k in self.remembered or k in self.optional:
                shape = getattr(v, "shape", None)
                if shape != p.shape:
                    raise ValueError(f"{where}: state {k} of shape {shape} for parameter {i}, of shape {p.shape}")
                state[k] = _like(v, p)
            else:
                state[k] = _like(v, p) if getattr(v, "shape", None) == p.shape != () else _copied(v)
        return state


def _like(value: Any, p: Tensor) -> Tensor:
    """A copy of a state array in the dtype, on the device and in the memory layout of its parameter."""
    copy = empty_like(p.array)
    copy[...] = on_device(value.array if isinstance(value, Tensor) else value, p.device)
    return Tensor(copy)


def _copied(value: Any) -> Any:
    """A copy of an entry of the state that the optimiser does not name itself; an array becomes a tensor."""
    if isinstance(value, (Tensor, np.ndarray)):
        return Tensor((value.array if isinstance(value, Tensor) else value).copy(order="K"))
    return list(value) if isinstance(value, list) else plain(value)


def zeros(p: Array) -> Tensor:
    """How a state array begins: zeros in the shape, dtype and memory layout of the parameter."""
    return Tensor(xp_of(p).zeros_like(p))


def numbers(p: Array, *settings: Any) -> list[Any]:
    """Settings as numbers that leave an array of p's dtype in its dtype; only float16 is computed in float32, for its digits."""
    kind = np.float32 if p.dtype == np.float16 else float
    return [kind(float(s)) for s in settings]
