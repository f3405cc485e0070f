"""How far data parallel training goes: 1, 2 and 4 ranks measured here, and from that a model for 8 to 512.

The model is two lines. A step of b images on each of R ranks, whose gradients have G bytes, takes

    fixed + b * per_image                                     compute, measured here on one thread
    + 2 (R - 1)/R * G / bandwidth + 4 log2(R) * latency       the sum: recursive halving and doubling; a second, small one for a
                                                              few numbers costs its latency only

It knows nothing of slow ranks, of networks that many ranks share, or of loading images: it is a bound from above.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .measure import Machine, Timing, ratio
from .report import Report
from .scale_ranks import BATCH, PARTS, PRESET, Way

RANKS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
SHOWN = [8, 32, 128, 512]
PER_RANK, TOGETHER = 64, 512  # images of a batch: for each rank (weak scaling), and of all ranks (strong)
FASTER = 100  # times: ranks that are as much faster than a thread here as GPUs may be


@dataclass(frozen=True)
class Network:
    """What the model knows of a network: bytes of gradients; seconds of a step, and of each image, on one rank."""

    name: str
    bytes: int
    fixed: float
    per_image: float

    def faster(self, times: float) -> Network:
        """The same on ranks so many times as fast."""
        return Network(self.name, self.bytes, self.fixed / times, self.per_image / times)


@dataclass(frozen=True)
class Link:
    """A connection: seconds until a message arrives, and bytes a second."""

    name: str
    latency: float
    bandwidth: float


LINKS = [Link("10 Gbit/s", 30e-6, 10e9 / 8), Link("100 Gbit/s", 5e-6, 100e9 / 8)]  # the latencies are assumed


def sum_seconds(size: int, ranks: int, link: Link) -> float:
    """Seconds of summing ``size`` bytes over the ranks, and a few numbers after them."""
    return 2 * (ranks - 1) / ranks * size / link.bandwidth + 4 * math.log2(ranks) * link.latency


def step_seconds(net: Network, link: Link, ranks: int, images: float) -> float:
    """Seconds of a step in which each rank has so many images."""
    return net.fixed + images * net.per_image + sum_seconds(net.bytes, ranks, link)


def weak(net: Network, link: Link, ranks: int) -> float:
    """Efficiency, 0 to 1, where the batch grows with the ranks: 1 is R times the images a second on R ranks."""
    return step_seconds(net, link, 1, PER_RANK) / step_seconds(net, link, ranks, PER_RANK)


def strong(net: Network, link: Link, ranks: int) -> float:
    """Efficiency, 0 to 1, where the ranks share a batch that stays as it is."""
    return step_seconds(net, link, 1, TOGETHER) / step_seconds(net, link, ranks, TOGETHER / ranks) / ranks


def pays_up_to(efficiency: Callable[[int], float]) -> int:
    """The most ranks of which at least a half is worth its time; it is measured by doubling, up to 512."""
    return max(ranks for ranks in RANKS if efficiency(ranks) >= 0.5)


def mpiexec() -> str:
    """The mpiexec that lies beside this Python, else that of the PATH. Raises RuntimeError, with the extra to install."""
    found = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        raise RuntimeError("bench scale: there is no mpiexec; pip install 'ninx[mpi]' brings one, and mpi4py")
    return found


def measured(what: str, ranks: int, rounds: int) -> Any:
    """What the function ``what`` of `scale_ranks` finds on so many ranks."""
    program = "from ninx.benchmarks.scale_ranks import main; main()"
    command = [mpiexec(), "-n", str(ranks), sys.executable, "-c", program, what, str(rounds)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if run.returncode:
        last = (run.stderr.strip() or "it said nothing").splitlines()[-1]
        raise RuntimeError(f"bench scale: the ranks failed: {last}")
    return json.loads(run.stdout)


def run(machine: Machine, quick: bool, measure: Callable[[str, int, int], Any] = measured) -> Report:
    """Measure, then model."""
    head = ["preset", "a rank", "Gbit/s", "batch", *(f"{ranks}" for ranks in SHOWN), "pays to"]
    report = Report("scale", machine, head)
    nets = networks(measure("networks", 1, 1 if quick else 3))
    pair = here(measure("exchanges", 2, 5))
    seconds = measure("steps", 4, 1 if quick else 5)
    for net in nets:
        for speed, rank in ((1.0, "here"), (float(FASTER), f"x {FASTER}")):
            for link in LINKS:
                for batch, efficiency in ((f"{PER_RANK} each", weak), (f"{TOGETHER} in all", strong)):
                    _add(report, net.faster(speed), rank, link, batch, efficiency)
    _say(report, nets, pair, seconds)
    return report


def networks(found: dict[str, Any]) -> list[Network]:
    """Straight lines through two measured steps, of few and of more images. RuntimeError if more images took less time."""
    nets = []
    for name, one in found.items():
        (few, more), (short, long) = one["images"], one["seconds"]
        per_image = (long - short) / (more - few)
        if per_image <= 0:
            raise RuntimeError(
                f"bench scale: {name} took longer for {few} images than for {more}: the machine is busy; try again"
            )
        nets.append(Network(name, one["bytes"], max(0.0, short - few * per_image), per_image))
    return nets


def here(found: dict[str, float]) -> Link:
    """Latency and bandwidth between two ranks of this machine: the shortest exchange, and what the longest takes beyond it."""
    sizes = sorted(map(int, found))
    latency, longest = found[str(sizes[0])], found[str(sizes[-1])]
    return Link("this machine", latency, sizes[-1] / max(longest - latency, 1e-9))


def _add(
    report: Report, net: Network, rank: str, link: Link, batch: str, efficiency: Callable[[Network, Link, int], float]
) -> None:
    shares = {ranks: efficiency(net, link, ranks) for ranks in RANKS}
    most = pays_up_to(shares.__getitem__)
    cells = [f"{100 * shares[ranks]:.0f} %" for ranks in SHOWN]
    report.add(
        [net.name, rank, link.name.removesuffix(" Gbit/s"), batch, *cells, f"{most}" if most < RANKS[-1] else f"{most}+"],
        {
            "name": f"{net.name}, a rank {rank}, {link.name}, {batch}", "network": asdict(net), "link": asdict(link),
            "efficiency": shares, "pays_up_to": most,
        },
    )  # fmt: skip


def _say(report: Report, nets: list[Network], pair: Link, seconds: dict[str, list[float]]) -> None:
    """What was measured here, below the table."""
    notes, times = report.notes, {name: Timing(tuple(s)) for name, s in seconds.items()}
    notes.append("Efficiency of 8 to 512 ranks, modelled; it pays up to where half of it is left. Latencies are assumed:")
    notes.append(", ".join(f"{link.name}: {1e6 * link.latency:.0f} microseconds" for link in LINKS) + ".")
    for net in nets:
        notes.append(
            f"{net.name}: {net.bytes / 1e6:.1f} MB of gradients; a step here on one thread takes {1e3 * net.fixed:.0f} ms "
            f"and {1e3 * net.per_image:.1f} ms for each image."
        )
    notes.append(
        f"Two ranks here exchange a few bytes in {1e6 * pair.latency:.0f} microseconds, many at {pair.bandwidth / 1e9:.1f} GB/s."
    )
    notes.append(f"Measured here, {PRESET}, batch {BATCH}, {PARTS} micro-batches unless it says otherwise:")
    pairs = {
        Way(2, 1): [Way(1, 1), Way(1, 2)],
        Way(4, 1): [Way(1, 1)],
        Way(1, 1): [Way(1, 1, None)],
        Way(1, 2): [Way(1, 2, None)],
    }
    for name, time in times.items():
        low, high = time.quartiles
        notes.append(f"  {name:24} {BATCH / time.median:5.0f} images/s (quartiles {BATCH / high:.0f} to {BATCH / low:.0f})")
    for way, others in pairs.items():
        for other in others:
            speed = ratio(times[way.name], times[other.name])
            notes.append(f"  {way.name} is {speed} times as fast as {other.name}")
            report.records.append({"name": f"{way.name} against {other.name}", **asdict(speed)})
    report.records.append(
        {"name": "measured", "seconds": seconds, "link": asdict(pair), "networks": [asdict(net) for net in nets]}
    )
