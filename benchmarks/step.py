"""Whole training steps and inference of a preset, against PyTorch in its default and its channels_last memory format.

A step is: forget the gradients, forward, cross-entropy, backward, SGD with momentum. Before anything is timed, logits and all
gradients (with dropout off) are compared with PyTorch's.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import ninx
import ninx.functional as F

from .. import models, nn, optim
from .measure import Machine, Ratio, Timing, ratio, take_turns, torch_or_none
from .report import Report
from .twins import twin

CASES = [("nin-cifar10", 64, 32), ("nin-d2l", 16, 224), ("nin-mnist", 64, 28), ("nin-mnist-v2", 64, 28)]
INFERENCE = [("nin-cifar10", 1, 32), ("nin-cifar10", 64, 32)]


@dataclass(frozen=True)
class Result:
    """Milliseconds (medians), and how many times as fast as PyTorch: its default, its channels_last format, the better one."""

    name: str
    batch: int
    pixels: int
    training: bool
    ours: Timing
    default: Timing | None
    channels_last: Timing | None

    @property
    def speed(self) -> Ratio | None:
        """Against the better of PyTorch's two."""
        if self.default is None or self.channels_last is None:
            return None
        return ratio(self.ours, min(self.default, self.channels_last, key=lambda t: t.median))

    def row(self) -> list[str]:
        """A line of the table."""
        times = [self.ours, self.default, self.channels_last]
        kind = "training step" if self.training else "inference"
        return [self.name, kind, f"{self.batch}x{self.pixels}x{self.pixels}"] + [
            "-" if t is None else f"{1e3 * t.median:.2f}" for t in times
        ] + [str(self.speed or "-")]  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """For the JSON file."""
        speed = self.speed
        name = f"{self.name} {'step' if self.training else 'inference'}, batch {self.batch}"
        return asdict(self) | {"name": name, "speed": speed and asdict(speed), "ratio": speed and speed.median}


def run(machine: Machine, rounds: int, quick: bool) -> Report:
    """All cases; quick: the two small ones."""
    report = Report("step", machine, COLUMNS)
    cases = [(c, True) for c in CASES] + [(c, False) for c in INFERENCE]
    for (name, batch, pixels), training in cases[2:4] if quick else cases:
        result = measure(name, batch, pixels, rounds, training, machine.device)
        report.add(result.row(), result.as_json())
    thresholds = os.environ.get("MALLOC_MMAP_THRESHOLD_"), os.environ.get("MALLOC_TRIM_THRESHOLD_")
    report.notes.append(
        f"MALLOC_MMAP_THRESHOLD_ {thresholds[0] or 'default'}, MALLOC_TRIM_THRESHOLD_ {thresholds[1] or 'default'}"
    )
    return report


COLUMNS = [
    "preset",
    "what",
    "input",
    "ninx ms",
    "PyTorch ms",
    "PyTorch channels_last ms",
    "times as fast as the better (quartiles)",
]


def measure(name: str, batch: int, pixels: int, rounds: int, training: bool, device: str = "cpu") -> Result:
    """Time one preset; beside PyTorch on the CPU."""
    ninx.manual_seed(0)
    net = _alive(models.create(name)).train(training).to(device)
    channels = models.preset(name).input_shape[0]
    rng = np.random.default_rng(0)
    images = np.ascontiguousarray(rng.standard_normal((batch, pixels, pixels, channels), np.float32)).transpose(0, 3, 1, 2)
    labels = rng.integers(0, 10, batch)
    torch = torch_or_none()
    if torch is not None:
        _verify(net, images, labels, training)
    functions = [ours(net, images, labels, training)]
    beside = torch is not None and device == "cpu"
    if beside:
        functions += [theirs(twin(net, last), images, labels, training, last) for last in (False, True)]
    times = take_turns(functions, rounds, device=device)
    default, channels_last = (times[1], times[2]) if beside else (None, None)
    return Result(name, batch, pixels, training, times[0], default, channels_last)


def _alive(net: nn.Module) -> nn.Module:
    """Draw weights with which the signal keeps its size; with the default ones deep nets give nearly equal logits."""
    for p in net.parameters():
        if p.ndim > 1:
            nn.init.kaiming_normal_(p, nonlinearity="relu")
    return net


def ours(net: nn.Module, images: Any, labels: Any, training: bool) -> Any:
    """One training step, or one inference, as a function without arguments, on the network's device."""
    device = next(net.parameters()).device
    x, y = ninx.from_numpy(images).to(device), ninx.from_numpy(labels).to(device)
    optimizer = optim.SGD(net.parameters(), lr=1e-4, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

    def infer() -> None:
        with ninx.no_grad():
            net(x)

    return step if training else infer


def theirs(net: Any, images: Any, labels: Any, training: bool, channels_last: bool) -> Any:
    """The same in PyTorch."""
    torch: Any = torch_or_none()
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x, y = torch.from_numpy(images.copy()).contiguous(memory_format=layout), torch.from_numpy(labels)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    def infer() -> None:
        with torch.no_grad():
            net(x)

    return step if training else infer


def _verify(net: nn.Module, images: Any, labels: Any, training: bool) -> None:
    """Raise AssertionError unless logits and gradients are PyTorch's (of its float64, on at most 4 images, dropout off)."""
    torch: Any = torch_or_none()
    net.eval()
    few, truth = images[:4], labels[:4]
    net.zero_grad()
    device = next(net.parameters()).device
    logits = net(ninx.from_numpy(few).to(device))
    F.cross_entropy(logits, ninx.from_numpy(truth).to(device)).backward()
    other = twin(net).double()
    expected = other(torch.from_numpy(few.copy()).double())
    torch.nn.functional.cross_entropy(expected, torch.from_numpy(truth)).backward()
    _close("logits", logits.detach().numpy(), expected.detach().numpy())
    for (key, p), q in zip(net.named_parameters(), other.parameters(), strict=True):
        assert p.grad is not None
        _close(f"the gradient of {key}", p.grad.numpy(), q.grad.numpy())
    net.zero_grad()
    net.train(training)


def _close(what: str, got: Any, expected: Any) -> None:
    # A max-pool may choose another of two nearly equal values in float32: a few entries may be off, hence a norm.
    error = np.linalg.norm(got - expected) / max(float(np.linalg.norm(expected)), 1e-30)
    if not error < 1e-3:
        raise AssertionError(f"{what} differs from PyTorch's by {error:.1e}")
