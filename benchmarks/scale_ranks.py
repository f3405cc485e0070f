"""What `scale` measures on this machine. The functions here run in processes that mpiexec started; rank 0 prints JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import ninx
import ninx.functional as F

from .. import models, optim, parallel
from ..kernels import set_num_threads
from ..parallel.mpi import MPITeam

PRESET, BATCH, PARTS = "nin-cifar10", 64, 8


class Way(NamedTuple):
    """How a batch is computed: by so many ranks of so many threads, in so many micro-batches (None: as a whole)."""

    ranks: int
    threads: int
    parts: int | None = PARTS

    @property
    def name(self) -> str:
        """ "2 ranks x 1 thread" """
        ranks, threads = f"{self.ranks} rank{'s' * (self.ranks > 1)}", f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"{ranks} x {threads}" + ", whole batch" * (self.parts is None)


WAYS = [Way(1, 1), Way(2, 1), Way(1, 2), Way(4, 1), Way(1, 1, None), Way(1, 2, None)]
MODELLED = {"nin-cifar10": (4, 16), "nin-imagenet": (2, 6), "alexnet-caffe": (2, 10)}  # images of the two steps that are timed
SIZES = [2**k for k in (3, 12, 16, 20, 22)]  # bytes of an exchange


def _stepper(preset: str, batch: int, way: Way, team: parallel.Team) -> Callable[[], None]:
    """A whole step of training on random images: gradient, sum and update."""
    ninx.manual_seed(0)
    net = models.create(preset).train()
    learn = optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
    channels, height, width = models.preset(preset).input_shape
    rng = np.random.default_rng(0)
    x = ninx.tensor(rng.standard_normal((batch, height, width, channels), np.float32).transpose(0, 3, 1, 2))
    labels = ninx.tensor(rng.integers(0, 10, batch))
    if way.parts is None:

        def whole() -> None:
            learn.zero_grad()
            F.cross_entropy(net(x), labels).backward()
            learn.step()

        return whole
    micro = parallel.MicroBatches(net, way.parts, team)
    places = [parallel.cut(batch, way.parts, part) for part in micro.own]

    def own() -> Iterator[Any]:
        for place in places:
            yield x[place], labels[place]

    def shared() -> None:
        micro.gradient(own(), batch, 0)
        learn.step()

    return shared


def steps(rounds: int) -> dict[str, list[float]]:
    """Seconds of a step in each of `WAYS`, which take turns; who has no part in one sleeps meanwhile."""
    world = MPITeam()
    teams = {size: world.first(size) for size in sorted({way.ranks for way in WAYS})}
    found: dict[str, list[float]] = {way.name: [] for way in WAYS}
    works = {way: _stepper(PRESET, BATCH, way, team) for way in WAYS if (team := teams[way.ranks]) is not None}
    for _ in range(rounds):
        for way in WAYS:
            world.everyone("next")
            if (work := works.get(way)) is not None:
                set_num_threads(way.threads)
                work()
                start = time.perf_counter()
                work()
                found[way.name].append(time.perf_counter() - start)
    return found


def exchanges(rounds: int) -> dict[int, float]:
    """Seconds of an exchange of so many bytes between ranks 0 and 1, both ways at once: the median."""
    world = MPITeam()
    pair, found = world.first(2), {}
    for size in SIZES:
        give, take = (np.ones(size // 4, np.float32) for _ in range(2))
        seconds = []
        for _ in range(rounds):
            world.everyone("next")
            if pair is not None:
                start = time.perf_counter()
                for _ in range(10):
                    pair.exchange(1 - pair.rank, give, take)
                seconds.append((time.perf_counter() - start) / 10)
        found[size] = float(np.median(seconds)) if seconds else 0.0
    return found


def networks(rounds: int) -> dict[str, Any]:
    """For each of `MODELLED`: bytes of its gradients, and seconds of a step of few and of more images, on one rank and thread.

    The shortest of the turns: what disturbs a step makes it longer, and the difference of two of them is what is wanted.
    """
    found = {}
    set_num_threads(1)
    for name, sizes in MODELLED.items():
        works = [_stepper(name, size, Way(1, 1, 1), parallel.ALONE) for size in sizes]
        seconds: list[list[float]] = [[] for _ in sizes]
        for turn in range(rounds + 1):
            for work, times in zip(works, seconds, strict=True):
                start = time.perf_counter()
                work()
                if turn:  # the first time memory and kernels are cold
                    times.append(time.perf_counter() - start)
        count = sum(p.numel() for p in models.create(name).parameters())
        found[name] = {"bytes": 4 * count, "images": sizes, "seconds": [min(times) for times in seconds]}
    return found


def main() -> None:
    """What the arguments ask for: the name of a function here, and how many rounds."""
    kinds: dict[str, Callable[[int], Any]] = {"steps": steps, "exchanges": exchanges, "networks": networks}
    found = kinds[sys.argv[1]](int(sys.argv[2]))
    if parallel.launch.rank() == 0:
        sys.stdout.write(json.dumps(found))
