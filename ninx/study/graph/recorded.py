"""Runs one forward and backward pass with nodes that note what they are given, and which of their vjps are asked for.

Nothing is computed (see `uncomputed`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from ... import nn
from ...array import Array
from ...engine import Tensor, graph, record
from ...engine.walk import postorder, walk
from ...nn import fusion
from ..uncomputed import layer_at, loss_of
from .vjps import held


class Way(NamedTuple):
    """An entry of a node: the nodes that its vjp carries a gradient to, the vjp, and the arrays that it keeps."""

    sources: tuple[graph.Node | None, ...]
    vjp: Any
    arrays: list[tuple[str, Array]]
    with_value: bool


class Failure(NamedTuple):
    """What did not work: the layer at work, the operation that it called, what it was given, and the engine's sentence."""

    layer: str
    operation: str
    given: list[Tensor]
    sentence: str


class Noted(graph.Node):
    """A node that knows the layers that made it, all that it was given, and who got a gradient from it."""

    __slots__ = ("asked", "error", "given", "layers", "mask", "value", "ways")

    def __init__(self, step: Step, name: str, out: Tensor, inputs: Sequence[Tensor | None], entries: Any, epilogue: Any) -> None:
        super().__init__(name, out, inputs, entries, epilogue)
        self.layers = layers_at_work(step.names)
        self.given = [(t, graph.source(t)) for t in inputs if t is not None]
        self.asked: set[graph.Node] = set()
        self.error = ""
        self.ways = [Way(sources, vjp, list(held(vjp)), with_value) for sources, vjp, with_value in entries]
        self.value, self.mask = self.output, epilogue  # which are freed in the backward pass
        step.nodes.append(self)

    def shares(self, *arguments: Any) -> Iterator[tuple[graph.Node, Tensor]]:
        """As every node's; with a note of who got a gradient, and of what went wrong."""
        try:
            for source, share in super().shares(*arguments):
                self.asked.add(source)
                yield source, share
        except Exception as error:
            self.error = self.error or sentence(error)
            raise


class Step:
    """One forward and backward pass: its nodes in order, and what did not work, if anything.

    ``names``: of the modules, by their id.
    """

    def __init__(self, names: dict[int, str]) -> None:
        self.names = names
        self.nodes: list[Noted] = []
        self.inputs: list[Tensor] = []
        self.failure: Failure | None = None

    def run(self, net: nn.Module, inputs: Sequence[Tensor]) -> None:
        """The images want a gradient here, so that all that is made of them is recorded; but nobody asks for it."""
        self.inputs = [Tensor(x.array, requires_grad=x.array.dtype.kind == "f") for x in inputs]
        passed = [record(x.array, (x, lambda g: g), view_of=x, name="input") for x in self.inputs]
        try:
            loss = loss_of(net(*passed), Tensor(np.zeros(len(inputs[0]), np.int64)))
            if loss.node is not None:
                leaves = {node for node in postorder([loss.node]) if node.is_leaf}
                walk([loss], [Tensor(np.ones(loss.shape, loss.dtype))], leaves - {x.leaf for x in self.inputs}, False, False)
        except Exception as error:  # whatever the network does not allow is what the graph is to show
            self.failure = _failure(error, self.names)


def sentence(error: Exception) -> str:
    """What an error says, with its kind where the engine does not raise that."""
    text = " ".join(str(error).split())
    return text if text and isinstance(error, (ValueError, RuntimeError)) else f"{type(error).__name__}: {text}".rstrip(": ")


def layers_at_work(names: dict[int, str]) -> tuple[str, ...]:
    """The innermost module on the stack, by its name; two of them where one operation does the work of both."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not Step.run.__code__:
        if (name := layer_at(frame, names)) is not None:
            return _pair(frame, names) or _pair(frame.f_back, names) or (name,)
        frame = frame.f_back
    return ()


def _pair(frame: FrameType | None, names: dict[int, str]) -> tuple[str, ...]:
    """The two neighbours in a Sequential that one step does together; the step may know only the first of them."""
    if frame is None or frame.f_back is None or frame.f_code.co_filename != fusion.__file__:
        return ()
    owner = frame.f_back.f_locals.get("self")
    if not isinstance(owner, nn.Sequential):
        return ()
    parts, known = list(owner), [part for part in frame.f_locals.values() if isinstance(part, nn.Module)]
    first = min(parts.index(part) for part in known)
    return tuple(names[id(part)] for part in parts[first : first + 2])


def _failure(error: Exception, names: dict[int, str]) -> Failure:
    """Where an error was raised: in the innermost layer, by the operation that it called."""
    frames, here = [], error.__traceback__
    while here is not None:
        frames.append(here.tb_frame)
        here = here.tb_next
    frames = frames[1:]  # the first is that of the step
    places = [i for i, frame in enumerate(frames) if layer_at(frame, names) is not None]
    place = places[-1] if places else 0
    frame = frames[place] if frames else None
    operation = frames[place + 1].f_code.co_name if place + 1 < len(frames) else ""
    given = [] if frame is None else [t for t in _arguments(frame) if isinstance(t, Tensor)]
    layer = layer_at(frame, names) if frame is not None and places else ""
    return Failure(layer or "", operation.strip("<>_"), given, sentence(error))


def _arguments(frame: FrameType) -> list[Any]:
    """What a function was given, as far as it still has it."""
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    return [frame.f_locals[name] for name in code.co_varnames[:count] if name in frame.f_locals]
