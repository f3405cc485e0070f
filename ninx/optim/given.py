"""Checks of what an optimiser is given: the parameters in their many forms, and the settings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any

import numpy as np

from ..engine import Tensor
from ..looks import brief

Group = dict[str, Any]

# Keys of a group that are settings of no optimiser here: PyTorch's own, and what schedules leave there.
KNOWN = {
    *("params", "param_names", "initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum"),
    *("foreach", "fused", "capturable", "differentiable", "maximize"),
}
OTHER_NAMES = {"learning_rate": "lr", "rate": "lr", "wd": "weight_decay", "decay": "weight_decay", "beta": "betas"}


def groups_of(optimizer: str, params: Any) -> list[Any]:
    """The groups in ``params``: tensors, (name, tensor) pairs, or dictionaries. Refuses what only looks like them."""
    if isinstance(params, Tensor):
        return [{"params": [params]}]
    if isinstance(params, Mapping):
        known = "params" in params
        raise TypeError(
            f"{optimizer}: a dictionary was given; write "
            + (f"{optimizer}([group]) for a single group" if known else f"{optimizer}(dictionary.values()) for its tensors")
        )
    given = _listed(optimizer, params)
    if not given:
        raise ValueError(
            f"{optimizer}: there are no parameters to learn (a generator such as net.parameters() is empty once it was read; "
            "call it again)"
        )
    return given if isinstance(given[0], dict) else [{"params": given}]


def _listed(optimizer: str, params: Any) -> list[Any]:
    """The members of a list, a generator or another collection with an order."""
    if hasattr(params, "parameters") and callable(params.parameters):
        raise TypeError(f"{optimizer}: a {type(params).__name__} was given; write {optimizer}(net.parameters())")
    if callable(params):
        name = getattr(params, "__name__", "it")
        raise TypeError(f"{optimizer}: the method {name} itself was given; call it: {optimizer}(net.{name}())")
    if isinstance(params, (set, frozenset)):
        raise TypeError(f"{optimizer}: a set has no order, so its parameters could not be numbered; give a list")
    if isinstance(params, (str, bytes, np.ndarray)) or not hasattr(params, "__iter__"):
        raise TypeError(f"{optimizer}: parameters are tensors in a list, such as net.parameters(), not {brief(params)}")
    return list(params)


def checked_group(optimizer: str, group: Any, defaults: Group, others: list[Group]) -> Group:
    """A group with all its settings and a list of parameters that can be learnt and that no other group has."""
    if not isinstance(group, dict):
        raise TypeError(f"{optimizer}: a group is a dictionary with 'params' and settings, not {brief(group)}")
    if "params" not in group:
        raise ValueError(f"{optimizer}: a group needs 'params', its parameters; there are {sorted(map(str, group))}")
    params = group["params"]
    members = [params] if isinstance(params, Tensor) else _listed(optimizer, params)
    if not members and isinstance(params, Iterator):
        raise ValueError(f"{optimizer}: the generator of a group's parameters is empty: it was read before; call it again")
    names = [m[0] for m in members if isinstance(m, tuple) and len(m) == 2]
    if names and len(names) != len(members):
        raise ValueError(f"{optimizer}: all parameters of a group are given with their names, or none")
    members = [m[1] for m in members] if names else members
    known = {id(p) for g in others for p in g["params"]}
    for p in members:
        _check_parameter(optimizer, p, known)
        known.add(id(p))
    for other in others:
        if ("param_names" in other) != bool(names or "param_names" in group):
            raise ValueError(f"{optimizer}: the parameters of all groups are given with their names, or those of none")
    _check_keys(optimizer, group, defaults)
    return {**defaults, **group, "params": members} | ({"param_names": names} if names else {})


def _check_parameter(optimizer: str, p: Any, known: set[int]) -> None:
    if not isinstance(p, Tensor):
        raise TypeError(f"{optimizer}: parameters must be leaf tensors, got {type(p).__name__}")
    if not p.is_leaf:
        raise ValueError(
            f"{optimizer}: parameters must be leaf tensors, but one of shape {p.shape} is the value of {p.node!r}; "
            "give what it was made of, or detach().requires_grad_() it"
        )
    if id(p) in known:
        raise ValueError(f"{optimizer}: a parameter of shape {p.shape} is given twice")


def _check_keys(optimizer: str, group: Group, defaults: Group) -> None:
    """A group may have keys of its own, such as a name; but a misspelt setting would silently have no effect, so it raises."""
    for key, value in group.items():
        if key in defaults:
            if not alike(value, defaults[key]):
                raise ValueError(f"{optimizer}: setting {key} = {brief(value)} is not like {defaults[key]!r}")
        elif key not in KNOWN and (meant := _meant(key, defaults)):
            raise ValueError(f"{optimizer}: unknown setting {key!r} in a group; did you mean {meant!r}?")


def _meant(key: Any, defaults: Group) -> str | None:
    """The setting that a key was likely to be."""
    import difflib  # here, because few groups have keys of their own

    lower = str(key).lower()
    if OTHER_NAMES.get(lower) in defaults:
        return OTHER_NAMES[lower]
    near = difflib.get_close_matches(lower.replace("-", "_").replace(" ", "_"), defaults, 1, cutoff=0.8)
    return near[0] if near else None


def alike(value: Any, default: Any) -> bool:
    """Is a setting of the kind of its default: true or false, a number (or a tensor of one), or so many numbers?"""
    if isinstance(default, tuple):
        return isinstance(value, (tuple, list)) and len(value) == len(default) and all(map(alike, value, default))
    if isinstance(default, bool):
        return isinstance(value, (bool, np.bool_))
    return is_number(value)


def is_number(value: Any) -> bool:
    """A real number of Python's or NumPy's, or an array or tensor that holds just one."""
    if isinstance(value, (bool, np.bool_)):
        return False
    return isinstance(value, Real) or (isinstance(value, (Tensor, np.ndarray)) and value.shape in ((), (1,)))


def check_settings(optimizer: str, **settings: Any) -> None:
    """Raise TypeError for what is no number, ValueError for a negative or NaN setting."""
    for name, value in settings.items():
        if not is_number(value):
            raise TypeError(f"{optimizer}: {name} must be a number, got {brief(value)}")
        if not float(value) >= 0:
            raise ValueError(f"{optimizer}: {name} must be at least 0, got {value}")


def check_betas(optimizer: str, betas: Any) -> tuple[float, float]:
    """The two betas as numbers of Python's; ValueError if they are not two from 0 to below 1."""
    if not isinstance(betas, (tuple, list)) or len(betas) != 2 or not all(map(is_number, betas)):
        raise ValueError(f"{optimizer}: betas must be two numbers, got {brief(betas)}")
    for index, beta in enumerate(betas):
        if not 0 <= float(beta) < 1:
            raise ValueError(f"{optimizer}: betas must be from 0 to below 1, got {beta} at index {index}")
    return float(betas[0]), float(betas[1])


def plain(value: Any) -> Any:
    """A setting as it is kept: a number of NumPy's as one of Python's, which never changes a dtype. A tensor stays one, live."""
    return value.item() if isinstance(value, (np.generic, np.ndarray)) else value


def refuse(optimizer: str, **switches: Any) -> None:
    """Raise ValueError for an option of PyTorch's that chooses among its implementations: ninx has only one."""
    for name, value in switches.items():
        if value:
            why = "a step is no part of a graph" if name == "differentiable" else "there is one implementation, and it is fused"
            raise ValueError(f"{optimizer}: {name}={value!r} is not there: {why}; leave it out")


def count(where: str, value: Any) -> int:
    """The number of steps in a state, which is the exponent of a beta: whole, and not below 0."""
    number = float(value) if is_number(value) else math.nan
    if not (number >= 0 and number.is_integer()):
        raise ValueError(f"{where}: state step = {brief(value)} is no number of steps")
    return int(number)
