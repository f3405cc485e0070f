"""A network whose values do not go one way: steps that read and make values by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ... import nn
from ...engine import Tensor
from ...looks import few
from ...nn.fusion import fused


class Step(NamedTuple):
    """Modules, one after the other, by their paths; the values that the first reads, and those that the last makes."""

    paths: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Part(nn.Module):
    """Holds modules under their names; the network calls them."""


class Network(nn.Module):
    """The modules of a graph, called in its order. Neighbours that one pass can do are computed together, as in a Sequential.

    ``inputs`` and ``outputs`` are the names that the file gives to the tensors that it takes and returns.
    """

    def __init__(self, modules: dict[str, nn.Module], steps: Sequence[Step], inputs: Sequence[str], outputs: Sequence[str]):
        for path, module in modules.items():
            put(self, path, module, Part)
        self.inputs, self.outputs, self.steps = tuple(inputs), tuple(outputs), tuple(steps)
        last = {name: number for number, step in enumerate(steps) for name in step.inputs}
        self.done = [
            [n for n in (*s.inputs, *s.outputs) if last.get(n, i) == i and n not in outputs] for i, s in enumerate(steps)
        ]

    def forward(self, *inputs: Tensor) -> Any:
        """The tensors in the order of ``inputs`` -> a tensor, or a tuple in the order of ``outputs``."""
        if len(inputs) != len(self.inputs):
            raise ValueError(f"takes {len(self.inputs)} tensors ({few(self.inputs)}), got {len(inputs)}")
        values: dict[str, Any] = dict(zip(self.inputs, inputs, strict=True))
        for step, done in zip(self.steps, self.done, strict=True):
            given: tuple[Any, ...] = tuple(values[name] for name in step.inputs)
            for call in fused([self._at(path) for path in step.paths]):
                given = (call(*given),)
            made = given[0] if isinstance(given[0], tuple) else given
            values.update(zip(step.outputs, made, strict=False))
            for name in done:  # so that its memory is free as soon as nobody wants it
                values.pop(name, None)
        answers = tuple(values[name] for name in self.outputs)
        return answers[0] if len(answers) == 1 else answers

    def _at(self, path: str) -> nn.Module:
        module: Any = self
        for name in path.split("."):
            module = vars(module)[name]
        return module  # type: ignore[no-any-return]  # paths lead to modules


def put(root: nn.Module, path: str, module: nn.Module, kind: type[nn.Module]) -> None:
    """Put a module under a dotted path; what it leads through is made, of this kind, if it is not there.

    >>> net = nn.Sequential()
    >>> put(net, "features.0", nn.ReLU(), nn.Sequential)
    >>> [name for name, _ in net.named_modules()]
    ['', 'features', 'features.0']
    """
    *through, last = path.split(".")
    for name in through:
        if name not in vars(root):
            root.add_module(name, kind())
        root = vars(root)[name]
    root.add_module(last, module)
