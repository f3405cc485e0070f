"""Workers and what became of their cases: a worker that dies, or does not answer, is replaced, and its case is counted."""

from __future__ import annotations

import json
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from damage import words
from worker import MEGABYTES

PATIENCE = 60  # seconds without an answer; counted in ticks of one, as the whole program may be stopped for a while


@dataclass
class Tally:
    """The outcomes of one reader, and an example (its number, and what was said) of each that should not be."""

    counts: Counter[str] = field(default_factory=Counter)
    most_memory: int = 0
    longest: float = 0.0
    examples: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, number: int, outcome: str, memory: int, seconds: float, said: str) -> None:
        """Count a case."""
        self.counts["cases"] += 1
        self.counts[outcome] += 1
        self.most_memory, self.longest = max(self.most_memory, memory), max(self.longest, seconds)
        if memory > MEGABYTES:
            self.counts["memory"] += 1
            self.examples.setdefault(f"memory {words(said)}", (number, f"{memory} MB; {said}"))
        if outcome in ("foreign", "silent", "crash", "hang"):
            self.examples.setdefault(f"{outcome} {words(said)}", (number, said))


def _begin() -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(__file__).parent), "--worker"]
    worker = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
    )
    assert worker.stdout is not None
    if worker.stdout.readline() != "ready\n":
        raise RuntimeError("torture: a worker does not begin; run python tests/torture --worker to see why")
    return worker


def _answer(worker: subprocess.Popen[str]) -> str:
    """Its next line; "" if it died; TimeoutError if it says nothing."""
    assert worker.stdout is not None
    for _ in range(PATIENCE):
        if select.select([worker.stdout], [], [], 1.0)[0]:
            return worker.stdout.readline()
    raise TimeoutError


def run(cases: Iterable[tuple[str, int]], workers: int, until: float) -> dict[str, Tally]:
    """Read the cases (reader, number) until all are done, or until the time (of time.monotonic) has come."""
    waiting: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
    for case in cases:
        waiting.put(case)
    found: defaultdict[str, Tally] = defaultdict(Tally)
    lock = threading.Lock()

    def work() -> None:
        worker = _begin()
        while time.monotonic() < until:
            try:
                name, number = waiting.get_nowait()
            except queue.Empty:
                break
            try:
                assert worker.stdin is not None
                worker.stdin.write(f"{name}\t{number}\n")
                line = _answer(worker)
                outcome, memory, seconds, said = json.loads(line) if line else ("crash", 0, 0.0, "")
            except TimeoutError:
                outcome, memory, seconds, said = "hang", 0, float(PATIENCE), "it does not answer"
            if outcome in ("crash", "hang"):
                worker.kill()
                status = worker.wait()
                if outcome == "crash" and status == -signal.SIGPROF:
                    outcome, said = "hang", "5 seconds of the processor"
                elif outcome == "crash":
                    said = f"it ended with {status}"
                worker = _begin()
            with lock:
                found[name].add(number, outcome, memory, seconds, str(said))
        worker.kill()
        worker.wait()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(found)
