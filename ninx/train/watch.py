"""An eye on a training that runs: what goes wrong is said once, with the likely cause."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from ..array import to_numpy
from ..engine import Tensor

STUCK = 60  # steps within which the loss should leave that of guessing
NEAR = 0.01  # of ln K
EVERY = 10  # steps: so often the answers are looked at
RISING = 3  # epochs


class Watch:
    """Told of each step and each epoch, it answers with a sentence when there is something to say, and never twice the same.

    ``classes``: how many there are, K; a network that guesses has the loss ln K.

    >>> watch = ninx.train.watch.Watch(classes=10)
    >>> said = [watch.step(2.302585, ninx.zeros(4, 10)) for _ in range(60)]
    >>> next(sentence for sentence in said if sentence)
    'all 10 outputs are 0 for every image of the batch: no gradient passes a silent ReLU, and the loss stays at ln 10...'
    """

    def __init__(self, classes: int):
        self.guess = math.log(classes) if classes > 1 else 0.0
        self.classes = classes
        self._losses: deque[float] = deque(maxlen=STUCK)
        self._said: set[str] = set()
        self._silent = self._steps = 0
        self._held: list[float] = []

    def step(self, loss: float, logits: Tensor) -> str | None:
        """After a step: its loss and its answers (N, K)."""
        self._losses.append(loss)
        self._steps += 1
        near = abs(loss - self.guess) < NEAR * self.guess
        if near and self._steps % EVERY == 0 and "dead" not in self._said:  # seldom: a GPU has to wait for it
            dead = int(to_numpy((logits.array == 0).all(axis=0).sum()))
            self._silent = self._silent + 1 if dead == logits.shape[1] else 0
            if self._silent >= 2:
                self._said |= {"dead", "stuck"}
                return (
                    f"all {logits.shape[1]} outputs are 0 for every image of the batch: no gradient passes a silent ReLU, "
                    f"and the loss stays at ln {self.classes} = {self.guess:.6f}. Leave the last ReLU out (last_relu=false), or "
                    "begin anew with a smaller rate"
                )
        always = len(self._losses) == STUCK and all(abs(value - self.guess) < NEAR * self.guess for value in self._losses)
        if always and "stuck" not in self._said:
            self._said.add("stuck")
            return (
                f"for {STUCK} steps the loss has been at ln {self.classes} = {self.guess:.3f}, that of guessing: the rate may "
                "be too small or too large, the signal too weak, or ReLUs may be dead"
            )
        return None

    def epoch(self, metrics: dict[str, Any]) -> str | None:
        """After an epoch: its metrics, with ``holdout_loss`` where images were held out."""
        if "holdout_loss" not in metrics:
            return None
        self._held.append(metrics["holdout_loss"])
        best, last = min(self._held), self._held[-RISING:]
        if "rising" not in self._said and len(self._held) > RISING and all(value > 1.05 * best for value in last):
            self._said.add("rising")
            return (
                f"the loss on images held out was best in epoch {self._held.index(best) + 1} ({best:.3f}) and is {last[-1]:.3f} "
                "now: the network learns the training images by heart. Fewer epochs, more data, or weight decay and dropout"
            )
        return None
