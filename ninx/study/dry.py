"""What a training step takes in memory, worked out by a step without arithmetic; see `uncomputed`.

At every place where memory is taken, a `_Ledger` asks which layer is at work (the Python stack knows), and how much is in use.
"""

from __future__ import annotations

import sys
import tracemalloc
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from ninx import kernels
from ninx.kernels import memory

from .. import nn, optim
from ..engine import Tensor, graph
from .uncomputed import ROOT, batch_of, layer_at, loss_of, swapped, uncomputed, without_values

OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "sgd": lambda parameters: optim.SGD(parameters, lr=0.01, momentum=0.9),
    "adam": lambda parameters: optim.Adam(parameters),
}
STEPS = 2  # in the second one the optimiser's state is there from the start, as in all that follow
OUTSIDE = "elsewhere"  # than in a layer


class Place(NamedTuple):
    """Where a step is: "forward", "backward", "gradient" (it becomes ``.grad``) or "optimizer"; and the name of the layer."""

    phase: str
    layer: str


class Work(NamedTuple):
    """Of one layer in one step, in bytes: what its forward pass leaves for the backward pass, and what it needs besides."""

    kept: int
    workspace: int


class Footprint(NamedTuple):
    """The memory of a training step, in bytes. What was there before, images and weights, is not in it.

    peak        by how much the process grows: the pages of the pool that are touched, and what NumPy itself holds
    used        the most that arrays and Python's objects take at one time; it is less, for freed places are not given back
    pool        the most that the pool lends: what ``ninx.memory_stats().peak`` grows by
    place       where ``used`` is reached
    weights     of each layer, by its name; the gradients take as much
    optimizer   the state that the optimiser holds from the first step on
    layers      what each keeps, and works in
    """

    batch: int
    optimizer_name: str
    peak: int
    used: int
    pool: int
    place: Place
    weights: dict[str, int]
    optimizer: dict[str, int]
    layers: dict[str, Work]

    @property
    def weight_bytes(self) -> int:
        """All weights."""
        return sum(self.weights.values())

    @property
    def kept(self) -> int:
        """What all layers keep for the backward pass."""
        return sum(work.kept for work in self.layers.values())

    def as_json(self) -> dict[str, Any]:
        """As dictionaries.

        >>> ninx.study.dry.dry_steps(nn.Linear(3, 2), (3,), 8).as_json()["weights"]
        {'the network': 32}
        """
        return self._asdict() | {
            "place": self.place._asdict(), "layers": {name: work._asdict() for name, work in self.layers.items()},
        }  # fmt: skip


class _Ledger(memory.Pool):
    """The pool of a dry run, which writes down what is in use, and who took it."""

    def __init__(self, names: dict[int, str]) -> None:
        super().__init__()
        self.names = names  # of modules and parameters, by their id
        self.phase = "forward"
        self.place = Place("forward", OUTSIDE)
        self.reserved = 0  # what tracemalloc takes for memory in use: address space of arenas
        self.start = self.first_pages = self.first_pool = 0
        self.peak = self.used = self.most_lent = 0
        self.peak_place = self.place
        self.pieces: list[tuple[weakref.ref[Any], int, str]] = []
        self.own: dict[str, int] = {}  # what NumPy and Python hold of a layer
        self.workspace: dict[str, int] = {}
        self.interval = (0, 0, 0)  # usage at the start of the place, the most since, and NumPy's part at the start

    # ---------------------------------------------------------------- what is in use

    def begin(self) -> None:
        """From here on all that is taken counts."""
        stats = self.stats()
        self.first_pages, self.first_pool = self.resident(), stats.lent
        self.start = tracemalloc.get_traced_memory()[0] - self.reserved
        tracemalloc.reset_peak()
        self.pieces.clear()
        self.own.clear()
        self.workspace.clear()
        self.peak = self.used = self.most_lent = 0
        self.interval = (0, 0, 0)

    def _now(self) -> tuple[int, int, int]:
        """(lent by the pool, held by NumPy and Python, the most that these held since the last look), since `begin`."""
        held, high = (n - self.reserved - self.start for n in tracemalloc.get_traced_memory())
        tracemalloc.reset_peak()
        return self.stats().lent - self.first_pool, held, high

    def look(self, place: Place) -> None:
        """Something has happened in ``place``: all since the last look was its doing."""
        lent, held, high = self._now()
        self.peak = max(self.peak, self.resident() - self.first_pages + high)
        if lent + high > self.used:
            self.used, self.peak_place = lent + high, place
        self.most_lent = max(self.most_lent, lent)
        start, most, own = self.interval
        if place != self.place:
            self._close(lent + held, held)
            self.place = place
        else:
            self.interval = start, max(most, lent + high), own

    def _close(self, usage: int, held: int) -> None:
        """The place is left: what it needed besides what it found and what it leaves; and what it leaves, in the forward pass."""
        start, most, own = self.interval
        layer = self.place.layer
        self.workspace[layer] = max(self.workspace.get(layer, 0), most - max(start, usage))
        if self.place.phase == "forward":
            self._leave(layer, held - own)
        self.interval = usage, usage, held

    def _leave(self, layer: str, size: int) -> None:
        """``layer`` leaves ``size`` bytes to NumPy or Python; where it frees some, they were those of the layers just before."""
        self.own[layer] = self.own.get(layer, 0) + size
        for name in reversed(list(self.own)):
            missing = min(self.own[layer], 0)
            if missing == 0:
                break
            taken = min(max(self.own[name], 0), -missing)
            self.own[name] -= taken
            self.own[layer] += taken

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """See `memory.Pool.empty`."""
        place = self.where()
        self.look(place)
        before = tracemalloc.get_traced_memory()[0]
        array = super().empty(shape, dtype)
        if type(array.base) is memory._Piece:
            self.reserved += tracemalloc.get_traced_memory()[0] - before
            self.pieces.append((weakref.ref(array.base), array.nbytes, place.layer if place.phase == "forward" else ""))
        tracemalloc.reset_peak()
        self.look(place)
        return array

    def kept(self) -> dict[str, int]:
        """What every layer's forward pass has left, in bytes."""
        found = dict(self.own)
        for piece, size, layer in self.pieces:
            if layer and piece() is not None:
                found[layer] = found.get(layer, 0) + size
        return found

    # ---------------------------------------------------------------- who is at work

    def where(self) -> Place:
        """The innermost layer, or node of the graph, that is at work on the stack."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame.f_code is not _step.__code__:
            if (name := self._of(frame)) is not None:
                return Place(self.phase, name)
            frame = frame.f_back
        return Place(self.phase, OUTSIDE)

    def _of(self, frame: FrameType) -> str | None:
        """The layer that a frame belongs to."""
        own = frame.f_locals.get("self")
        if isinstance(own, _Marked):
            return own.layer
        if isinstance(own, graph.Leaf):
            return self.names.get(id(own.tensor()))
        return layer_at(frame, self.names)


class _Marked(graph.Node):
    """A node that knows the layer that made it, and tells the ledger when it is at work."""

    __slots__ = ("layer", "ledger")

    def __init__(self, ledger: _Ledger, *arguments: Any) -> None:
        place = ledger.where()
        self.ledger = ledger
        self.layer = place.layer
        super().__init__(*arguments)
        self.ledger.look(place)

    def shares(self, *arguments: Any) -> Iterator[tuple[graph.Node, Tensor]]:
        """As every node's; what comes out of it, and what it frees at its end, is the layer's."""
        place = Place("backward", self.layer)
        for share in super().shares(*arguments):
            self.ledger.look(place)
            yield share
        self.ledger.look(place)


def _watched_fill(ledger: _Ledger) -> Callable[..., None]:
    """`Leaf.fill`, which puts a gradient in its place, and tells the ledger whose it was."""
    fill = graph.Leaf.fill

    def filled(leaf: graph.Leaf, g: Tensor, create_graph: bool) -> None:
        fill(leaf, g, create_graph)
        ledger.look(Place("gradient", ledger.names.get(id(leaf.tensor()), OUTSIDE)))

    return filled


# -------------------------------------------------------------------- the run


@contextmanager
def _watched(ledger: _Ledger) -> Iterator[None]:
    """The engine without arithmetic, on the ledger's memory, with marked nodes, and with tracemalloc."""
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        with uncomputed(ledger.empty, partial(_Marked, ledger)), swapped(graph.Leaf, "fill", _watched_fill(ledger)):
            yield
    finally:
        if not was_tracing:
            tracemalloc.stop()


def _step(ledger: _Ledger, net: nn.Module, optimizer: optim.Optimizer, x: Tensor, labels: Tensor) -> dict[str, int]:
    """One training step; what the layers kept between its two passes."""
    ledger.phase = "forward"
    ledger.own.clear()
    ledger.pieces.clear()
    optimizer.zero_grad()
    loss = loss_of(net(x), labels)
    ledger.look(Place("backward", OUTSIDE))
    kept = ledger.kept()
    ledger.phase = "backward"
    loss.backward()
    del loss
    ledger.look(Place("optimizer", OUTSIDE))
    ledger.phase = "optimizer"
    optimizer.step()
    ledger.look(Place("optimizer", OUTSIDE))
    return kept


def dry_steps(model: nn.Module, input_shape: Sequence[int], batch: int, optimizer: str = "sgd") -> Footprint:
    """The memory of training steps of ``model`` on ``batch`` images of ``input_shape`` (C, H, W), on the CPU.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 30 * 30, 10))
    >>> found = ninx.study.dry.dry_steps(net, (3, 32, 32), 64)
    >>> found.layers["0"].kept // 1000  # 64 x 8 x 30 x 30 numbers of 4 bytes, and a few objects of Python's
    1843
    """
    kernels.tier()  # what is imported on first use is not the network's
    names: dict[int, str] = {}
    ledger = _Ledger(names)
    with _watched(ledger):
        net = without_values(model).train()
        names.update({id(m): name or ROOT for name, m in net.named_modules()})
        names.update({id(p): name.rpartition(".")[0] or ROOT for name, p in net.named_parameters()})
        x = batch_of(net, input_shape, batch)
        labels = Tensor(np.zeros(batch, np.int64))
        trained = OPTIMIZERS[optimizer](net.parameters())
        ledger.begin()
        try:
            for _ in range(STEPS):
                kept = _step(ledger, net, trained, x, labels)
        except MemoryError as error:
            raise MemoryError(f"summary: a step on {batch} images needs an array larger than all memory: {error}") from error
        state: dict[str, int] = {}
        for p, own in trained.state.items():
            held = sum(v.array.nbytes for v in own.values() if isinstance(v, Tensor))
            state[names[id(p)]] = state.get(names[id(p)], 0) + held
        weights: dict[str, int] = {}
        for p in net.parameters():
            weights[names[id(p)]] = weights.get(names[id(p)], 0) + p.array.nbytes
    layers = {name: Work(kept.get(name, 0), ledger.workspace.get(name, 0)) for name in ledger.workspace}
    peaks = ledger.peak, ledger.used, ledger.most_lent, ledger.peak_place
    return Footprint(batch, optimizer, *peaks, weights, state, layers)
