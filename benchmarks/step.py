"""Whole training steps and inference of a preset, against PyTorch in its default and its channels_last memory format.

A step is: forget the gradients, forward, cross-entropy, backward, SGD with momentum. Before anything is timed, logits and all
gradients (with dropout off) are compared with PyTorch's. On a GPU PyTorch competes on the same one; see `peer` for TF32.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import ninx
import ninx.functional as F

from .. import models, nn, optim
from .measure import Machine, Ratio, Timing, nothing, ratio, take_turns, torch_or_none
from .peer import LAYOUTS, TF32, Peer, peer, tf32_note
from .report import Report
from .twins import twin

CASES = [("nin-cifar10", 64, 32), ("nin-d2l", 16, 224), ("nin-mnist", 64, 28), ("nin-mnist-v2", 64, 28)]
INFERENCE = [("nin-cifar10", 1, 32), ("nin-cifar10", 64, 32)]


@dataclass(frozen=True)
class Result:
    """Times of ours and of PyTorch's by their names in `peer`, and how many times as fast as the better of those ours is."""

    name: str
    batch: int
    pixels: int
    training: bool
    ours: Timing
    theirs: dict[str, Timing]

    def speed(self, rounding: str = "") -> Ratio | None:
        """Against the better memory format of PyTorch's, in float32 proper or with `peer.TF32`."""
        them = [self.theirs[layout + rounding] for layout in LAYOUTS if layout + rounding in self.theirs]
        return ratio(self.ours, min(them, key=lambda t: t.median)) if them else None

    def row(self, roundings: list[str]) -> list[str]:
        """A line of the table."""
        kind = "training step" if self.training else "inference"
        cells = [self.name, kind, f"{self.batch}x{self.pixels}x{self.pixels}", f"{1e3 * self.ours.median:.2f}"]
        for rounding in roundings:
            times = [self.theirs.get(layout + rounding) for layout in LAYOUTS]
            cells += ["-" if t is None else f"{1e3 * t.median:.2f}" for t in times] + [str(self.speed(rounding) or "-")]
        return cells

    def as_json(self) -> dict[str, Any]:
        """For the JSON file."""
        speed, tf32 = self.speed(), self.speed(TF32)
        name = f"{self.name} {'step' if self.training else 'inference'}, batch {self.batch}"
        return asdict(self) | {
            "name": name, "speed": speed and asdict(speed), "ratio": speed and speed.median, "ratio_tf32": tf32 and tf32.median,
        }  # fmt: skip


def run(machine: Machine, rounds: int, quick: bool) -> Report:
    """All cases; quick: the two small ones, and on a GPU, where it takes no longer, nin-cifar10."""
    roundings = [""] + [TF32] * (machine.device != "cpu")
    report = Report("step", machine, COLUMNS[:4] + [name + r for r in roundings for name in COLUMNS[4:]])
    cases = [(c, True) for c in CASES] + [(c, False) for c in INFERENCE]
    for (name, batch, pixels), training in cases[0 if machine.device != "cpu" else 2 : 4] if quick else cases:
        result = measure(name, batch, pixels, rounds, training, machine.device)
        report.add(result.row(roundings), result.as_json())
    thresholds = os.environ.get("MALLOC_MMAP_THRESHOLD_"), os.environ.get("MALLOC_TRIM_THRESHOLD_")
    report.notes.append(
        f"MALLOC_MMAP_THRESHOLD_ {thresholds[0] or 'default'}, MALLOC_TRIM_THRESHOLD_ {thresholds[1] or 'default'}"
    )
    report.notes += tf32_note(machine.device)
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
    """Time one preset, beside PyTorch where it is."""
    ninx.manual_seed(0)
    net = alive(models.create(name)).train(training).to(device)
    channels = models.preset(name).input_shape[0]
    rng = np.random.default_rng(0)
    images = np.ascontiguousarray(rng.standard_normal((batch, pixels, pixels, channels), np.float32)).transpose(0, 3, 1, 2)
    labels = rng.integers(0, 10, batch)
    if torch_or_none() is not None:
        _verify(net, images, labels, training)
    functions, beside = [ours(net, images, labels, training)], peer(device)
    names = beside.names if beside is not None else []
    before = [nothing] * (1 + len(names))
    if beside is not None:
        functions += [theirs(beside, n, twin(net, n.startswith(LAYOUTS[1])), images, labels, training) for n in names]
        if beside.on_gpu:
            before[1:] = [beside.settings(n) for n in names]
    times = take_turns(functions, rounds, device=device, before=before)
    return Result(name, batch, pixels, training, times[0], dict(zip(names, times[1:], strict=True)))


def alive(net: nn.Module) -> nn.Module:
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


def theirs(beside: Peer, name: str, net: Any, images: Any, labels: Any, training: bool) -> Any:
    """The same in PyTorch, in the memory format of ``name``."""
    torch, net = beside.torch, net.to(beside.device)
    x, y = beside.tensor(images.copy()).contiguous(memory_format=beside.layout(name)), beside.tensor(labels)
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
