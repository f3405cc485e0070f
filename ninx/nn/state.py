"""A module's state: what `state_dict` says, and how it is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..array import Array
from ..engine import Tensor, no_grad
from ..looks import few
from ..ops import copy_
from ..ops.creation import leaf
from .parameter import Buffer, Parameter

if TYPE_CHECKING:
    from .module import Module

_INSIDE = ("state_dict", "model_state_dict", "model", "net", "network", "weights")  # where checkpoints keep the weights


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` did not find, and what it found but did not want."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        """As PyTorch prints it: at a prompt most often the good news."""
        keys = f"missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys}"
        return f"IncompatibleKeys({keys})" if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"


class State:
    """The part of `Module` that is about its state."""

    if TYPE_CHECKING:

        def _walk(self, prefix: str) -> Iterator[tuple[str, Module]]: ...

    def state_dict(
        self, destination: dict[str, Tensor] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Tensor]:
        """Every parameter and persistent buffer by its dotted name, without history; they share memory with the module.

        ``prefix`` comes before every name; ``keep_vars`` gives the parameters themselves; ``destination``: a dictionary to fill.

        >>> {name: t.shape for name, t in nn.Sequential(nn.Linear(4, 2)).state_dict().items()}
        {'0.weight': (2, 4), '0.bias': (2,)}
        """
        state = {} if destination is None else destination
        for path, module in self._walk(""):
            before = f"{prefix}{path}." if path else prefix
            for kind in (Parameter, Buffer):
                for name, value in module._own(kind):
                    if getattr(value, "persistent", True):
                        state[before + name] = value if keep_vars else value.detach()
        return state

    def load_state_dict(
        self, state_dict: Mapping[str, Tensor | Array], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values of ``state_dict`` (tensors or arrays) into the parameters and buffers of the same names.

        They are cast and moved to where those are. Counts of batches (num_batches_tracked), which old files do not have, may be
        missing. Raises RuntimeError, before anything is changed, for a wrong shape, and with ``strict`` also for names that are
        missing or unknown; TypeError for what is no dictionary of tensors.

        >>> a, b = nn.Linear(4, 2), nn.Linear(4, 2)
        >>> keys = a.load_state_dict(b.state_dict())
        >>> (a.weight == b.weight).all(), keys.missing_keys
        (tensor(True), [])
        """
        title = f"load_state_dict of {type(self).__name__}"
        if assign:
            raise ValueError(f"{title}: assign=True is not supported: values are copied into the tensors that are there")
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"{title}: {_no_dictionary(state_dict)}")
        own = self.state_dict()
        given = {k: _tensor_of(f"{title}: {k}", state_dict[k], own[k]) for k in own if k in state_dict}
        missing = [k for k in own if k not in state_dict and k.rpartition(".")[2] != "num_batches_tracked"]
        unexpected = [k for k in state_dict if k not in own]
        wrong = [k for k, v in given.items() if v.shape != own[k].shape]
        problems = [f"size mismatch for {k}: {given[k].shape} given, {own[k].shape} wanted" for k in wrong[:8]]
        problems += [f"{len(wrong) - 8} more of another size"] * (len(wrong) > 8)
        if strict:
            problems[:0] = _misnamed(state_dict, own, missing, unexpected)
            problems += [f"missing key(s): {few(missing)}"] * bool(missing)
            problems += [f"unexpected key(s): {few(unexpected)}"] * bool(unexpected)
        if problems:
            raise RuntimeError(f"{title}: " + "; ".join(problems))
        with no_grad():
            for k, v in given.items():
                copy_(own[k], v.detach())
        return IncompatibleKeys(missing, unexpected)


def _no_dictionary(given: Any) -> str:
    """What to write instead of ``given``."""
    if isinstance(given, (str, os.PathLike)):
        return f"takes a dictionary of tensors, not a file name; write load_state_dict(ninx.load_weights({str(given)!r}))"
    if isinstance(given, State):
        return "takes a dictionary of tensors, not a module; write load_state_dict(other.state_dict())"
    return f"takes a dictionary of tensors, such as state_dict() gives, not {type(given).__name__}"


def _tensor_of(where: str, value: Any, like: Tensor) -> Tensor:
    """A value of a state dictionary as a tensor. One entry fits a number, as in files of PyTorch before 0.4."""
    if isinstance(value, Tensor):
        t = value
    else:
        if not hasattr(value, "shape") or not hasattr(value, "dtype"):
            raise TypeError(f"{where} must be a tensor or an array, got {type(value).__name__}")
        t = leaf(value if hasattr(value, "__cuda_array_interface__") else np.asarray(value))
    return t.reshape(()) if like.shape == () and t.shape == (1,) else t


def _misnamed(state_dict: Mapping[str, Any], own: Mapping[str, Tensor], missing: list[str], unexpected: list[str]) -> list[str]:
    """What the names have in common that do not match, as a hint: a whole checkpoint, a prefix "module.", or the first pair."""
    if not missing or not unexpected:
        return []
    for name in _INSIDE:
        if isinstance(state_dict.get(name), (Mapping, State)):
            what = "its weights are" if isinstance(state_dict[name], Mapping) else "a whole module is"
            end = "" if isinstance(state_dict[name], Mapping) else ".state_dict()"
            return [f"this is a checkpoint, {what} in it under {name!r}: load_state_dict(checkpoint[{name!r}]{end})"]
    if all(k.removeprefix("module.") in own for k in unexpected):
        return ["the names begin with 'module.'; strip it: {k.removeprefix('module.'): v for k, v in state_dict.items()}"]
    shape = getattr(state_dict[unexpected[0]], "shape", None)  # most often one and the same weight, under another name
    given = f"{unexpected[0]} {'' if shape is None else tuple(shape)}".rstrip()
    return [f"first difference: {missing[0]} {own[missing[0]].shape} wanted, {given} given"]
