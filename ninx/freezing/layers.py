"""Which layers are left when a network only answers: those of `Sequential`s in one row, and what can be done together as one.

Dropout does nothing in evaluation, and batch normalisation there is one factor and one summand for each channel, which the
convolution before it can have in its weights:

    (w * x + b - mean) / sqrt(var + eps) * weight + bias  =  (s w) * x + s (b - mean) + bias    with s = weight / sqrt(var + eps)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..array import Array, nhwc

GONE = nn.Dropout, nn.Dropout2d, nn.Identity  # what does nothing in evaluation


class Layer(NamedTuple):
    """Modules that one step does, with their dotted names: one, or a convolution with what is done in the same pass."""

    names: tuple[str, ...]
    modules: tuple[nn.Module, ...]

    @property
    def relu(self) -> bool:
        """Does a ReLU end it that follows another module?"""
        return len(self.modules) > 1 and type(self.modules[-1]) is nn.ReLU


def is_row(module: nn.Module) -> bool:
    """Are the modules in it done one after the other, and nothing else?"""
    return type(module).forward is nn.Sequential.forward and is_plain(module)


def is_plain(module: nn.Module) -> bool:
    """Is it called as its class says? Not if it has hooks or a forward of its own."""
    return type(module).__call__ is nn.Module.__call__ and not module._module_hooks and "forward" not in vars(module)


def rows(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The modules that the data goes through, one after the other, with their dotted names."""
    if not is_row(module):
        yield name, module
        return
    for key, part in vars(module).items():
        if isinstance(part, nn.Module):
            yield from rows(part, f"{name}.{key}" if name else key)


@contextmanager
def evaluating(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Inside the block all of these, and those in them, are in eval mode."""
    training = [part for module in modules for part in module.modules() if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True


def layers_of(model: nn.Module) -> list[Layer]:
    """What is left of a network's layers. Raises ValueError for batch normalisation by the batch's own mean and variance."""
    waiting = [(name, m) for name, m in rows(model) if not (type(m) in GONE and is_plain(m))]
    waiting.reverse()
    found = []
    while waiting:
        taken = [waiting.pop()]
        name, module = taken[0]
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and module.running_mean is None:
            raise ValueError(
                f"freeze: {type(module).__name__} {name!r} has no running statistics, so an image's answer depends on the "
                "others in its batch; make it with track_running_stats=True"
            )
        for kind, follower in ((nn.Conv2d, nn.BatchNorm2d), (nn.Conv2d, nn.ReLU), (nn.Linear, nn.ReLU)):
            if type(module) is kind and is_plain(module) and waiting and _joins(module, waiting[-1][1], follower):
                taken.append(waiting.pop())
        found.append(Layer(*(tuple(part) for part in zip(*taken, strict=True))))
    return found


def _joins(module: Any, after: Any, kind: Any) -> bool:
    """Is the module ``after`` of this kind, and can the one before do its work?"""
    if type(after) is not kind or not is_plain(after):
        return False
    return kind is nn.ReLU or (after.running_mean is not None and after.num_features == module.out_channels)


def weights_of(layer: Layer) -> tuple[Array, Array | None]:
    """A convolution's weight (O, KH, KW, C), and its bias (O) or None, with the batch normalisation in them."""
    conv: Any = layer.modules[0]
    w, b = nhwc(conv.weight.array), None if conv.bias is None else conv.bias.array.copy()
    for norm in (m for m in layer.modules if isinstance(m, nn.BatchNorm2d)):
        w, b = _normalised(w, b, norm)
    return w, b


def _normalised(w: Array, b: Array | None, norm: Any) -> tuple[Array, Array]:
    """The formula of the file's head, in float64."""
    scale = 1 / np.sqrt(norm.running_var.array.astype(np.float64) + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight.array
    shift = (-norm.running_mean.array.astype(np.float64) if b is None else b - norm.running_mean.array.astype(np.float64)) * scale
    if norm.bias is not None:
        shift = shift + norm.bias.array
    return (w * scale[:, None, None, None]).astype(w.dtype), shift.astype(w.dtype)
