"""What all optimisers share: groups of parameters with their settings, and state for each parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

from ..array import Array, empty_like, on_device
from ..engine import Tensor
from ..looks import brief, unfailing
from ..modes import enable_grad
from ..ops import changed

Group = dict[str, Any]
SHOWN = 8  # groups that are printed


class Optimizer:
    """Base class: a subclass writes ``update(parameter, gradient, state, group)``, which changes the parameter's array.

    ``params`` are tensors, or dictionaries {"params": tensors, "lr": ...} whose settings override the defaults for that group.

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

    remembered: tuple[str, ...] = ()  # what the state of a parameter has, once it was changed

    def __init__(self, params: Iterable[Any], defaults: Group):
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self.state: dict[int, dict[str, Any]] = {}  # by the position of the parameter, counted over all groups
        given: list[Any] = [params] if isinstance(params, Tensor) else list(params)
        if not given:
            raise ValueError(f"{type(self).__name__}: there are no parameters to learn")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, group: Group) -> None:
        """Learn more parameters, with settings of their own.

        Raises TypeError for what is no leaf, ValueError for a parameter that is given twice and for an unknown setting.

        >>> body, head = nn.Linear(4, 8), nn.Linear(8, 2)
        >>> optimizer = optim.SGD(body.parameters(), lr=0.1)
        >>> optimizer.add_param_group({"params": head.parameters(), "lr": 1.0})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 1.0]
        """
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        known = {id(p) for g in self.param_groups for p in g["params"]}
        for p in params:
            if not isinstance(p, Tensor) or not p.is_leaf:
                raise TypeError(f"{type(self).__name__}: parameters must be leaf tensors, got {type(p).__name__}")
            if id(p) in known:
                raise ValueError(f"{type(self).__name__}: a parameter of shape {p.shape} is given twice")
            known.add(id(p))
        unknown = set(group) - set(self.defaults) - {"params"}
        if unknown:
            raise ValueError(f"{type(self).__name__}: unknown setting(s) {sorted(unknown)}; there are {sorted(self.defaults)}")
        self.param_groups.append({**self.defaults, **group, "params": params})

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
                    p.grad.array[...] = 0

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
        index = 0
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p.array, p.grad.array, self.state.setdefault(index, {}), group)
                    changed(p)
                index += 1
        return loss

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """Write the new values into ``p``; g is the gradient (not to be changed), ``state`` what is remembered.

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
        groups, first = [], 0
        for group in self.param_groups:
            count = len(group["params"])
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": list(range(first, first + count))})
            first += count
        return {"state": {i: dict(s) for i, s in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over settings and state (arrays are copied) of an optimiser of as many parameters of the same shapes.

        Raises ValueError, and takes nothing, if something does not fit: the state may come from a damaged file, and the kernels
        believe its arrays.

        >>> w = ninx.tensor([1.0], requires_grad=True)
        >>> optimizer = optim.SGD([w], lr=0.1)
        >>> optimizer.load_state_dict(optim.SGD([w], lr=0.5).state_dict())
        >>> optimizer.param_groups[0]["lr"]
        0.5
        """
        where = f"{type(self).__name__}.load_state_dict"
        groups = state_dict["param_groups"]
        sizes = [len(g["params"]) for g in groups], [len(g["params"]) for g in self.param_groups]
        if sizes[0] != sizes[1]:
            raise ValueError(f"{where}: groups of {sizes[0]} parameters given, {sizes[1]} wanted")
        for name, default in self.defaults.items():
            for value in (group[name] for group in groups if name in group):
                if not _alike(value, default):
                    raise ValueError(f"{where}: setting {name} = {value!r} is not like {default!r}")
        params = [p for group in self.param_groups for p in group["params"]]
        fresh: dict[int, dict[str, Any]] = {}
        for i, s in ((int(i), s) for i, s in state_dict["state"].items()):
            if not 0 <= i < len(params):
                raise ValueError(f"{where}: state of a parameter {i}, but there are {len(params)}")
            begun = {k: v for k, v in s.items() if v is not None}  # older versions of PyTorch wrote None
            for k, v in begun.items():
                shape = getattr(v, "shape", None)
                if k != "step" and shape != params[i].shape:
                    raise ValueError(f"{where}: state {k} of shape {shape} for parameter {i}, of shape {params[i].shape}")
            if begun and (lacking := [k for k in self.remembered if k not in begun]):
                raise ValueError(f"{where}: the state of parameter {i} lacks {', '.join(lacking)}")
            fresh[i] = {k: int(v) if k == "step" else _copied(v, params[i]) for k, v in begun.items()}
        for group, given in zip(self.param_groups, groups, strict=True):
            group.update({k: v for k, v in given.items() if k != "params"})
        self.state = fresh


def _alike(value: Any, default: Any) -> bool:
    """Is a setting of the kind of its default: true or false, a number, or so many numbers?"""
    if isinstance(default, tuple):
        return isinstance(value, (tuple, list)) and len(value) == len(default) and all(map(_alike, value, default))
    return isinstance(value, Real) and isinstance(value, bool) == isinstance(default, bool)


def _copied(value: Any, p: Tensor) -> Array:
    """A copy of a state array on the device and in the memory layout of its parameter."""
    copy = empty_like(p.array)
    copy[...] = on_device(value.array if isinstance(value, Tensor) else value, p.device)
    return copy


def check_settings(optimizer: str, **settings: float) -> None:
    """Raise ValueError for a negative or NaN setting."""
    for name, value in settings.items():
        if not value >= 0:
            raise ValueError(f"{optimizer}: {name} must be at least 0, got {value}")
