"""What all optimisers share: groups of parameters with their settings, and state for each parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..array import Array, empty_like, on_device
from ..engine import Tensor
from ..modes import enable_grad
from ..ops import changed

Group = dict[str, Any]


class Optimizer:
    """Base class: a subclass writes ``update(parameter, gradient, state, group)``, which changes the parameter's array.

    ``params`` are tensors, or dictionaries {"params": tensors, "lr": ...} whose settings override the defaults for that group.
    """

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
        """Learn more parameters, with settings of their own."""
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

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients (or fill them with zeros)."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none or p.grad is None:
                    p.grad = None
                else:
                    p.grad.data[...] = 0

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Change every parameter that has a gradient; ``closure`` computes the loss anew and returns it."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        index = 0
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p.data, p.grad.data, self.state.setdefault(index, {}), group)
                    changed(p)
                index += 1
        return loss

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """Write the new values into ``p``; g is the gradient (not to be changed), ``state`` what is remembered."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """PyTorch's form: {"state": {number: {...}}, "param_groups": [{..., "params": [numbers]}]}; arrays are shared."""
        groups, first = [], 0
        for group in self.param_groups:
            count = len(group["params"])
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": list(range(first, first + count))})
            first += count
        return {"state": {i: dict(s) for i, s in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over settings and state (arrays are copied) of an optimiser of as many parameters of the same shapes."""
        groups = state_dict["param_groups"]
        sizes = [len(g["params"]) for g in groups], [len(g["params"]) for g in self.param_groups]
        if sizes[0] != sizes[1]:
            raise ValueError(f"{type(self).__name__}.load_state_dict: groups of {sizes[0]} parameters given, {sizes[1]} wanted")
        params = [p for group in self.param_groups for p in group["params"]]
        fresh: dict[int, dict[str, Any]] = {}
        for i, s in state_dict["state"].items():
            fresh[int(i)] = {k: _like(v, params[int(i)], k) for k, v in s.items()}
        for group, given in zip(self.param_groups, groups, strict=True):
            group.update({k: v for k, v in given.items() if k != "params"})
        self.state = fresh


def _like(value: Any, p: Tensor, name: str) -> Any:
    """A copy of a state array on the device and in the memory layout of its parameter."""
    if not hasattr(value, "shape") or value.shape == ():
        return int(value) if name == "step" else value
    if tuple(value.shape) != p.shape:
        raise ValueError(f"load_state_dict: state {name} of shape {tuple(value.shape)} for a parameter of shape {p.shape}")
    copy = empty_like(p.data)
    copy[...] = on_device(value.data if isinstance(value, Tensor) else value, p.device)
    return copy


def check_settings(optimizer: str, **settings: float) -> None:
    """Raise ValueError for a negative or NaN setting."""
    for name, value in settings.items():
        if not value >= 0:
            raise ValueError(f"{optimizer}: {name} must be at least 0, got {value}")
