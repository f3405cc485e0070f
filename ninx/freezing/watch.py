"""Whether a network has changed since: its weights, its layers, its hooks."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..array import xp_of
from ..engine import Tensor


class Watch:
    """A network as it is when this is made.

    >>> from ninx.freezing.watch import Watch
    >>> layer = nn.Linear(2, 1)
    >>> watch = Watch(layer)
    >>> watch.has_changed(), nn.init.zeros_(layer.weight).sum().item(), watch.has_changed()
    (False, 0.0, True)
    """

    def __init__(self, model: nn.Module):
        attributes = [vars(module) for module in model.modules()]
        parts = [{name: v for name, v in own.items() if isinstance(v, (Tensor, nn.Module))} for own in attributes]
        tensors = [v for own in parts for v in own.values() if isinstance(v, Tensor)]
        self._attributes = list(zip(attributes, map(_count, attributes), parts, strict=True))
        self._tensors: list[tuple[Tensor, Any, int]] = [(t, t.array, t.version.count) for t in tensors]
        self.on_gpu = xp_of(*(t.array for t in tensors)).__name__ == "cupy"

    def has_changed(self) -> bool:
        """Was a tensor changed in place, moved or replaced since, was a layer replaced, or a hook registered?"""
        for tensor, array, count in self._tensors:
            if tensor.version.count != count or tensor.array is not array:
                return True
        for attributes, size, parts in self._attributes:
            if _count(attributes) != size:
                return True
            for name, part in parts.items():
                if attributes.get(name) is not part:
                    return True
        return False


def _count(attributes: dict[str, Any]) -> int:
    """How many attributes a module has; without its mode, which is one from the first time on that it is set."""
    return len(attributes) - ("training" in attributes)
