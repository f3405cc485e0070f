"""One batch through a network and back, with an eye on every layer: what a check looks at."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ... import functional as F
from ... import nn
from ...array import Array, to_numpy
from ...engine import Tensor, enable_grad
from ...random import get_rng_state, set_rng_state

Loss = Callable[[Tensor, Tensor], Tensor]

WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)

# Operations that keep a chain of layers linear: they average, reorder, leave out, or (batch normalisation, once trained) scale.
LINEAR = {"reshape", "permute", "dropout", "global_avg_pool2d", "avg_pool2d", "mean", "batch_norm", "crop", "getitem"}
AVERAGES = {"global_avg_pool2d", "avg_pool2d", "mean"}
REORDERED = {"reshape", "permute", "getitem"}


class Call(NamedTuple):
    """One use of a layer: its first input and its output, and the nodes that made them (None: no gradient flows there)."""

    name: str
    module: nn.Module
    x: Tensor
    y: Tensor
    x_node: Any
    y_node: Any


class Trace:
    """A copy of ``model`` has computed the loss of a batch and its gradients; the model itself and the chance are untouched.

    ``calls``: every use of a layer, in order. ``error``: what forward or backward raised, and ``culprit`` the layer in which.
    ``model`` is the copy, with its gradients. If the forward pass did not end, ``logits`` and ``loss`` are None.
    """

    def __init__(self, model: nn.Module, images: Array, labels: Array | None, loss: Loss | None = None):
        self.calls: list[Call] = []
        self.images, self.labels, self.loss_function = images, labels, loss
        self.error: Exception | None = None
        self.culprit: tuple[str, nn.Module, Tensor | None] | None = None
        self.logits: Tensor | None = None
        self.loss: float | None = None
        self.model = copy.deepcopy(model).train()
        state = get_rng_state()
        try:
            self._run()
        finally:
            set_rng_state(state)
        self._makers = {id(call.y_node): call for call in self.calls if call.y_node is not None}
        self._uses = self._count_uses()

    def _run(self) -> None:
        handles = []
        for name, module in self.model.named_modules():
            if not module._modules:
                handles += [module.register_forward_pre_hook(self._before(name)), module.register_forward_hook(self._after(name))]
        device = next((p.device for p in self.model.parameters()), "cpu")
        try:
            with enable_grad():
                self.logits = self.model(Tensor(self.images).to(device))
                self.culprit = None
                if self.labels is not None or self.loss_function is not None:
                    value = (self.loss_function or F.cross_entropy)(self.logits, Tensor(self.labels).to(device))
                    self.loss = float(value.item())
                    if value.requires_grad:
                        value.backward(retain_graph=True)
                elif self.logits.requires_grad:  # no labels: any direction will do, to see whether gradients arrive
                    self.logits.square().sum().backward(retain_graph=True)
        except (ValueError, TypeError, RuntimeError, IndexError) as error:
            self.error = error
        finally:
            for handle in handles:
                handle.remove()

    def _before(self, name: str) -> Callable[[nn.Module, Any], None]:
        def hook(module: nn.Module, args: Any) -> None:
            self.culprit = name, module, next((a for a in args if isinstance(a, Tensor)), None)

        return hook

    def _after(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, args: Any, y: Any) -> None:
            x = next((a for a in args if isinstance(a, Tensor)), None)
            if x is not None and isinstance(y, Tensor):
                if y.requires_grad:
                    y.retain_grad()
                self.calls.append(Call(name, module, x, y, x.node, y.node))

        return hook

    def _count_uses(self) -> dict[int, int]:
        """How many operations read the value of each node."""
        uses: dict[int, int] = {}
        seen, waiting = set(), [] if self.logits is None else [self.logits.node]
        while waiting:
            node = waiting.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            for below in {id(s): s for s in sources(node)}.values():
                uses[id(below)] = uses.get(id(below), 0) + 1
                waiting.append(below)
        return uses

    def made_by(self, node: Any) -> Call | None:
        """The use of a layer whose output it is."""
        return self._makers.get(id(node))

    def back(self, node: Any, through: set[str]) -> Iterator[Any]:
        """``node`` and what it was made from, as long as the operations are of those named and nobody else reads the value."""
        while node is not None:
            yield node
            below = [s for s in sources(node) if not s.is_leaf]
            if node.name not in through or len(below) != 1 or self._uses.get(id(below[0]), 0) > 1:
                return
            node = below[0]

    def of(self, *kinds: type[nn.Module]) -> Iterator[Call]:
        """The uses of layers of these kinds."""
        return (call for call in self.calls if isinstance(call.module, kinds))

    @property
    def outputs(self) -> int | None:
        """How many numbers the network says of one image."""
        return None if self.logits is None else int(np.prod(self.logits.shape[1:]))


def sources(node: Any) -> list[Any]:
    """The nodes from which a node was made."""
    return [s for group, _, _ in node.entries or () for s in group if s is not None]


def rms(a: Any) -> float:
    """The root mean square of an array or tensor; 0 of nothing."""
    array = to_numpy(a.array if isinstance(a, Tensor) else a)
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64)))) if array.size else 0.0
