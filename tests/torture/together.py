"""Threads that train at once, and forks while others compute: each result must be that of the same work done alone.

``python tests/torture/together.py threads THREADS STEPS`` and ``... forks COUNT`` do it here and print one line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import threading
import time
import warnings

import numpy as np

import ninx
from ninx import functional as F
from ninx import nn

PATIENCE = 120.0  # seconds of the clock, in steps of a tenth while this process runs: a child that needs longer hangs


def _network(seed: int) -> tuple[nn.Module, np.ndarray, np.ndarray]:
    """A small network of all kinds of layers that have no chance in them, and a batch for it."""
    ninx.manual_seed(seed)
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 1), nn.ReLU()]
    net = nn.Sequential(*layers, nn.AvgPool2d(2), nn.Conv2d(16, 5, 1), nn.GlobalAvgPool2d(), nn.Flatten())
    rng = np.random.default_rng(seed)
    return net, rng.standard_normal((8, 3, 16, 16)).astype(np.float32), rng.integers(0, 5, 8)


def _digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()[:16]


def _trained(made: tuple[nn.Module, np.ndarray, np.ndarray], steps: int) -> str:
    """Train so many steps, with a frozen network that answers in between; a digest of all weights and answers."""
    net, images, labels = made
    learn, answer = ninx.optim.SGD(net.parameters(), lr=0.05, momentum=0.9), ninx.freeze(net, (3, 16, 16))
    answers = []
    for step in range(steps):
        learn.zero_grad()
        F.cross_entropy(net(ninx.Tensor(images)), ninx.Tensor(labels)).backward()
        learn.step()
        if step % 10 == 0:
            answers.append(answer(images).numpy())
    return _digest(*(p.array for p in net.state_dict().values()), *answers)


def threads(count: int, steps: int) -> tuple[int, int]:
    """(how many of the threads ended with the bits of the same work done alone, how many there were)."""
    alone = [_trained(_network(seed), steps) for seed in range(count)]
    made, found = [_network(seed) for seed in range(count)], [""] * count

    def work(i: int) -> None:
        found[i] = _trained(made[i], steps)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(a == b for a, b in zip(alone, found, strict=True)), count


def _child(right: str, frozen: ninx.freezing.Frozen, images: np.ndarray, answered: str) -> int:
    """What a child does: it answers, trains, takes and gives back memory, all of which its parent was doing at the fork."""
    if _digest(frozen(images).numpy()) != answered:
        return 3
    if _trained(_network(0), 3) != right:
        return 4
    ninx.kernels.clear_memory()
    ninx.manual_seed(1)
    return 0 if ninx.rand(3).shape == (3,) else 5


def forks(count: int) -> dict[str, int]:
    """Fork so many times while three threads train, answer and compile; what became of the children."""
    right, (net, images, _) = _trained(_network(0), 3), _network(7)
    frozen = ninx.freeze(net, (3, 16, 16))
    answered, stop = _digest(frozen(images).numpy()), threading.Event()
    many = np.concatenate([images] * 8)

    def train(seed: int) -> None:
        made = _network(seed)
        while not stop.is_set():
            _trained(made, 5)

    def answer() -> None:
        while not stop.is_set():
            frozen(many)

    def compile_something() -> None:
        import numba

        while not stop.is_set():
            numba.njit(lambda x: x + 1)(random.random())

    load = [threading.Thread(target=work, args=args) for work, args in ((train, (1,)), (answer, ()), (compile_something, ()))]
    for thread in load:
        thread.start()
    found = {"right": 0, "wrong": 0, "hang": 0, "crash": 0}
    for _ in range(count):
        time.sleep(random.random() / 50)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of each fork beside threads
            child = os.fork()
        if child == 0:
            code = 9
            try:
                code = _child(right, frozen, images, answered)
            finally:
                os._exit(code)
        found[_end_of(child)] += 1
    stop.set()
    for thread in load:
        thread.join()
    return found


def _end_of(child: int) -> str:
    for _ in range(int(10 * PATIENCE)):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "crash" if os.WIFSIGNALED(status) else "wrong" if status else "right"
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hang"


if __name__ == "__main__":
    what, *numbers = sys.argv[1:]
    print(json.dumps(threads(int(numbers[0]), int(numbers[1])) if what == "threads" else forks(int(numbers[0]))))
