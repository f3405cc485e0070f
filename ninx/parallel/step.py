"""The gradient of a batch by micro-batches: each by itself, then one sum."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..array import Array, as_it_lies, as_it_was, empty, lies_channels_last, to_numpy, xp_of
from ..engine import Tensor
from ..ops import argmax
from ..random import dropouts_of
from .team import Team
from .tree import mine, sum_over_ranks, summed

Loss = Callable[[Tensor, Tensor], Tensor]
LOSS, RIGHT = 0, 1  # where they stand among the numbers


@dataclass
class _Part:
    """What is summed: ``values``, all gradients and what was added to the buffers; ``numbers``, a few of float64."""

    values: Array
    numbers: Any

    def __iadd__(self, other: _Part) -> _Part:
        self.values += other.values
        self.numbers += other.numbers
        return self


class Learnt(NamedTuple):
    """What is known of a batch, on every rank the same: its mean loss, the right answers, and the sums of all ranks' notes.

    ``seen``: images, labels and answers of the rank's own micro-batch that tells most: the first whose loss is no finite number,
    or the last; None where it had none.
    """

    loss: float
    right: int
    notes: list[float]
    seen: tuple[Tensor, Tensor, Tensor] | None


class MicroBatches:
    """Computes the gradient of a batch that is cut into ``count`` micro-batches, of which ``team`` shares the work.

    A micro-batch counts by its images, so that the sum is the gradient of the batch's mean loss. Three things of a network know
    more than one image, or count calls; they are defined by the micro-batch, and so do not depend on the ranks:

    * batch normalisation takes the mean and the variance of the micro-batch. Each begins with the running ones as they were
      before the batch, and these move by the mean of what the micro-batches add, so that a batch is still one move;
    * what is a whole number (``num_batches_tracked``) changes as in micro-batch 0;
    * a dropout's mask is a hash of the step, the micro-batch, and the number of the call in it.

    >>> net = nn.Sequential(nn.Linear(2, 3))
    >>> x, labels = ninx.rand(4, 2), ninx.tensor([0, 1, 2, 0])
    >>> F.cross_entropy(net(x), labels).backward()
    >>> whole, net[0].weight.grad = net[0].weight.grad, None
    >>> halves = [(x[:2], labels[:2]), (x[2:], labels[2:])]
    >>> learnt = ninx.parallel.MicroBatches(net, 2, ninx.parallel.ALONE).gradient(iter(halves), images=4, step=0)
    >>> bool((net[0].weight.grad - whole).abs().max() < 1e-6), learnt.right <= 4
    (True, True)
    """

    def __init__(self, model: nn.Module, count: int, team: Team, loss: Loss | None = None):
        self.model, self.count, self.team = model, count, team
        self.own = mine(count, team)
        self.loss = nn.functional.cross_entropy if loss is None else loss
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        buffers = list(model.buffers())
        self.buffers = [b for b in buffers if b.is_floating_point()]
        self.counters = [b for b in buffers if not b.is_floating_point() and b.array.size]
        self._size = sum(t.numel() for t in (*self.parameters, *self.buffers))
        self._dtype = np.result_type(np.float32, *(t.array.dtype for t in (*self.parameters, *self.buffers)))

    def gradient(self, batches: Iterator[Any], images: int, step: int, notes: Sequence[float] = ()) -> Learnt:
        """Put the gradient of the next batch into ``.grad`` of every parameter, and let the buffers move.

        ``batches`` yields the rank's own micro-batches, (images, labels) or None for an empty one; ``images`` is how many the
        batch has on all ranks; ``step`` counts the batches of the training. ``notes`` are numbers to be summed with the rest.
        If the loss is not finite, gradients and buffers mean nothing.
        """
        before = [b.array.copy() for b in self.buffers]
        counted = [to_numpy(c.array).copy() for c in self.counters]
        seen: list[tuple[Tensor, Tensor, Tensor]] = []
        bad: list[tuple[Tensor, Tensor, Tensor]] = []

        def leaf(part: int) -> _Part:
            xp = xp_of(self.parameters[0].array)
            found = _Part(empty((self._size,), self._dtype, xp), np.zeros(2 + sum(c.size for c in counted) + len(notes)))
            found.values[...] = 0
            if part == self.own[0]:
                found.numbers[len(found.numbers) - len(notes) :] = notes
            batch = next(batches)
            if batch is None:
                return found
            x, labels = batch
            share = len(labels) / images
            with dropouts_of(step, part):
                logits = self.model(x)
                loss = self.loss(logits, labels)
            value = loss.item()
            found.numbers[LOSS], found.numbers[RIGHT] = value * len(labels), (argmax(logits, 1) == labels).sum().item()
            seen[:] = [(x, labels, logits)]
            if not math.isfinite(value):
                bad.extend(seen)
                return found
            for p in self.parameters:
                p.grad = None
            loss.backward(Tensor(xp.full((), share, loss.dtype)))
            self._keep(found, before, counted, share, part)
            return found

        total = summed(leaf, self.own.start, self.own.stop)
        for array in (total.values, total.numbers):
            sum_over_ranks(self.team, array)
        self._hand_out(total, before, counted)
        told = [float(number) for number in total.numbers[len(total.numbers) - len(notes) :]]
        return Learnt(float(total.numbers[LOSS]) / images, int(total.numbers[RIGHT]), told, (*bad, *seen, None)[0])

    def _views(self, values: Array) -> Iterator[tuple[Tensor, Array]]:
        """Each parameter and each buffer, with its place in ``values``, which lies as it lies."""
        start = 0
        for tensor in (*self.parameters, *self.buffers):
            place, start = values[start : start + tensor.numel()], start + tensor.numel()
            a = tensor.array
            yield tensor, as_it_was(place.reshape(as_it_lies(a).shape)) if lies_channels_last(a) else place.reshape(a.shape)

    def _keep(self, found: _Part, before: list[Array], counted: list[Any], share: float, part: int) -> None:
        """Write down what backward and the buffers hold, and set the buffers back for the next micro-batch."""
        places = list(self._views(found.values))
        for p, place in places[: len(self.parameters)]:
            if p.grad is not None:
                place[...] = p.grad.array
                p.grad = None
        for (b, place), old in zip(places[len(self.parameters) :], before, strict=True):
            place[...] = (b.array - old) * old.dtype.type(share)
            b.array[...] = old
        start = RIGHT + 1
        for c, number in zip(self.counters, counted, strict=True):
            if part == 0:
                found.numbers[start : start + number.size] = (to_numpy(c.array) - number).ravel()
            c.array[...] = xp_of(c.array).asarray(number)
            start += number.size

    def _hand_out(self, total: _Part, before: list[Array], counted: list[Any]) -> None:
        """Give every parameter its gradient, and let the buffers move."""
        places = list(self._views(total.values))
        for p, place in places[: len(self.parameters)]:
            p.grad = Tensor(place.astype(p.array.dtype, copy=False))
        for (b, place), old in zip(places[len(self.parameters) :], before, strict=True):
            b.array[...] = old + place
        start = RIGHT + 1
        for c, number in zip(self.counters, counted, strict=True):
            moved = total.numbers[start : start + number.size].astype(number.dtype).reshape(number.shape)
            c.array[...] = xp_of(c.array).asarray(number + moved)
            start += number.size
