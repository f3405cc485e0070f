"""Whether the weights of a network have changed since."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import nn
from ..array import Array, xp_of
from ..engine import Tensor


class _Seen(NamedTuple):
    """A parameter or buffer: the attributes in which it stands, its name there, its array, and how often that was changed."""

    attributes: dict[str, Any]
    name: str
    tensor: Tensor
    array: Array
    count: int


class Watch:
    """The parameters and buffers of a network as they are when it is made.

    >>> from ninx.freezing.watch import Watch
    >>> layer = nn.Linear(2, 1)
    >>> watch = Watch(layer)
    >>> watch.has_changed(), nn.init.zeros_(layer.weight).sum().item(), watch.has_changed()
    (False, 0.0, True)
    """

    def __init__(self, model: nn.Module):
        self._seen = [
            _Seen(vars(module), name, value, value.array, value.version.count)
            for module in model.modules()
            for name, value in vars(module).items()
            if isinstance(value, (nn.Parameter, nn.Buffer))
        ]
        self.on_gpu = xp_of(*(seen.array for seen in self._seen)).__name__ == "cupy"

    def has_changed(self) -> bool:
        """Was one of them replaced, moved, or changed in place since?"""
        for attributes, name, tensor, array, count in self._seen:
            if tensor.version.count != count or tensor.array is not array or attributes.get(name) is not tensor:
                return True
        return False
