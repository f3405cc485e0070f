"""`check`: can this network learn? What stands in its way, with the evidence in numbers, and the change that mends it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ... import nn
from ...array import count_not_finite, to_numpy
from ...engine import Tensor
from ...kernels import use_kernels
from . import data as about_data
from . import optimiser, signal, structure
from .findings import LEVELS, RULES, Finding, LayerSignal, Report
from .samples import BATCH, MOST, Samples, samples_of
from .trace import Loss, Trace, rms

__all__ = ["LEVELS", "RULES", "Finding", "LayerSignal", "Report", "check", "first_not_finite"]

SECONDS = 2.0  # for trying learning rates
FEW = 8  # images that a quick check looks at


def check(
    model: nn.Module,
    data: Any = None,
    optimizer: Any = None,
    *,
    test: Any = None,
    loss: Loss | None = None,
    scheduler: Any = None,
    steps: int | None = None,
    input_shape: Sequence[int] | None = None,
    classes: int | None = None,
    quick: bool = False,
) -> Report:
    """What stands in the way of ``model``'s learning: each finding with its cause, evidence in numbers, and what mends it.

    A copy of the model sees one batch of up to 32 images, forward and back; the model, the optimiser and the chance are left as
    they are. The levels: *stops learning*; *risk*, which some number shows; *note*, which costs little or is a matter of taste.

    ``data``, ``test``: a pair (images (N, C, H, W), labels (N)), a loader, or a data set of such pairs, as they come to the
    network. Without ``data`` noise of ``input_shape`` (C, H, W) is taken, and what only data can tell is left out.
    ``loss(outputs, labels)``: cross-entropy, if None. ``optimizer``: its groups are looked at, and rates around its own are
    tried for a few steps. ``scheduler``: with ``steps``, how many times it is stepped in the whole training. ``classes``: how
    many there are, if the data do not say so. ``quick``: structure and signal only.

    Raises TypeError for what is no data, ValueError if neither ``data`` nor ``input_shape`` is given.

    >>> net = nn.Sequential(nn.Conv2d(1, 10, 5), nn.GlobalAvgPool2d(), nn.Flatten(), nn.Softmax(dim=1))
    >>> digits = ninx.data.digits("train")
    >>> report = ninx.check(net, (digits.images[:64, None] / np.float32(255), digits.labels[:64]))
    >>> report.findings[0].rule, report.findings[0].mend
    ('softmax-before-loss', 'leave the softmax out: cross_entropy takes the plain outputs')
    """
    if quick:
        with use_kernels("strided"):  # for one small batch nothing is compiled
            return _check(model, _samples(data, input_shape, classes, FEW), None, optimizer, loss, None, None, True)
    seen = _samples(data, input_shape, classes)
    tested = None if test is None else samples_of(test, 500, classes)
    return _check(model, seen, tested, optimizer, loss, scheduler, steps, data is None)


@np.errstate(all="ignore")  # what overflows is found, and said
def _check(
    model: nn.Module,
    seen: Samples,
    tested: Samples | None,
    optimizer: Any,
    loss: Loss | None,
    scheduler: Any,
    steps: int | None,
    quick: bool,
) -> Report:
    """All rules, one group after another. ``quick``: what costs time, or needs real data, is left out."""
    images, labels = seen.batch
    if labels is not None and seen.classes is not None and labels.dtype.kind in "iu" and not _fit(labels, seen.classes):
        labels = None  # the rule for labels says so; a gradient can be had all the same
    t = Trace(model, _floating(images, model), labels, loss)
    if t.error is not None and labels is not None and t.outputs is not None and not _fit(labels, t.outputs):
        t = Trace(model, _floating(images, model), None, None)
    found = [*_structure(t, seen), *_signal(t, seen)]
    trials: list[optimiser.Trial] = []
    if not quick:
        found += _data(seen, tested, t.outputs)
    if optimizer is not None:
        found += [*optimiser.parameters_missing(t, model, optimizer), *optimiser.decay(model, optimizer)]
        found += optimiser.schedule(optimizer, scheduler, steps)
        hopeless = any(f.level == LEVELS[0] and f.rule in ("not-optimised", "not-finite", "not-finite-input") for f in found)
        if not hopeless and not quick and labels is not None and t.error is None and _fit(seen.labels, t.outputs or 0):
            trials = optimiser.range_test(model, optimizer, _batches(seen, model), loss, SECONDS)
            found += optimiser.rate(trials, optimizer, _rises(scheduler))
    steps_by_layer = {} if optimizer is None or t.error is not None else optimiser.first_steps(t, model, optimizer)
    lr = 0.0 if optimizer is None else max(group["lr"] for group in optimizer.param_groups)
    return Report(
        found,
        loss=t.loss,
        expected=None if seen.classes is None or seen.classes < 2 else math.log(seen.classes),
        layers=signal.layers(t, steps_by_layer),
        rates=[(trial.factor * lr, trial.after) for trial in trials],
        start=trials[0].before if trials else None,
    )


def first_not_finite(model: nn.Module, images: Tensor, labels: Tensor) -> str:
    """Where the first value that is no number comes from when ``model`` sees this batch: " (layer ...)"; else "".

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    >>> net[1].bias.data[0] = float("nan")
    >>> ninx.study.checking.first_not_finite(net, ninx.zeros(1, 1, 2, 2), ninx.tensor([0]))
    ' (first in layer 1, a Linear: its input has a root mean square of 0)'
    """
    with np.errstate(all="ignore"):
        t = Trace(model, to_numpy(images.array), to_numpy(labels.array))
    for name, p in t.model.named_parameters():
        if count_not_finite(p.array):
            layer = name.rpartition(".")[0]
            call = next((c for c in t.calls if c.name == layer), None)
            if call is None or count_not_finite(call.x.array):
                return f" ({name} holds values that are no numbers)"
    for call in t.calls:
        if count_not_finite(call.y.array):
            kind = type(call.module).__name__
            return f" (first in layer {call.name}, a {kind}: its input has a root mean square of {rms(call.x):.3g})"
    return ""


def _samples(data: Any, input_shape: Sequence[int] | None, classes: int | None, most: int = MOST) -> Samples:
    if data is not None:
        return samples_of(data, most, classes)
    if input_shape is None:
        raise ValueError("check: give data, or the input_shape (C, H, W) of an image")
    rng = np.random.default_rng(0)
    images = rng.standard_normal((16, *input_shape), np.float32)
    labels = None if classes is None else np.arange(16) % classes
    return Samples(images, labels, classes=classes)


def _fit(labels: Any, classes: int) -> bool:
    return bool(labels.ndim == 1 and labels.min() >= 0 and labels.max() < classes)


def _floating(images: Any, model: nn.Module) -> Any:
    """Images of the model's own type: whole numbers are taken as they are, that is from 0 to 255."""
    dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float32))
    return np.ascontiguousarray(images, dtype)


def _batches(seen: Samples, model: nn.Module) -> list[tuple[Any, Any]]:
    """A few batches of half the size: a rate is tried on several, so that it does not learn one by heart."""
    size = min(BATCH // 2, seen.batch_size or BATCH)
    count = max(1, min(3, len(seen.images) // size))
    assert seen.labels is not None
    return [
        (_floating(seen.images[i * size : (i + 1) * size], model), seen.labels[i * size : (i + 1) * size]) for i in range(count)
    ]


def _rises(scheduler: Any) -> bool:
    """Does the schedule begin with a small rate, to raise it?"""
    return type(scheduler).__name__ in ("OneCycleLR", "LinearLR", "CyclicLR", "SequentialLR", "LambdaLR", "ChainedScheduler")


def _structure(t: Trace, seen: Samples) -> Iterator[Finding]:
    yield from structure.raises(t)
    yield from structure.last_batch(t, seen.total, seen.batch_size, seen.drop_last)
    yield from structure.logits_not_classes(t, seen.classes)
    for rule in (structure.collapses, structure.shared_parameters, structure.poolings, structure.receptive_field):
        yield from rule(t)
    if t.error is None:
        yield from structure.last_operation(t, seen.classes)
        for rule in (structure.relu_before_gap, structure.without_gradient, structure.detached, structure.norms):
            yield from rule(t)
        yield from structure.same_channels(t)


def _signal(t: Trace, seen: Samples) -> Iterator[Finding]:
    found = list(signal.not_finite(t))
    yield from found
    if not found and t.error is None:
        yield from signal.dead_relus(t)
        yield from signal.saturated(t)
        yield from signal.images_look_alike(t)
        yield from signal.gradients(t)
        yield from signal.loss_at_start(t, seen.classes)


def _data(seen: Samples, tested: Samples | None, outputs: int | None) -> Iterator[Finding]:
    yield from about_data.not_finite(seen)
    yield from about_data.labels_out_of_range(seen, outputs)
    for rule in (about_data.pixels, about_data.labels_shuffled, about_data.classes_there, about_data.sorted_batches):
        yield from rule(seen)
    yield from about_data.other_preparation(seen, tested)
    yield from about_data.duplicates(seen, tested)
