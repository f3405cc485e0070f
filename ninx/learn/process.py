"""Runs the learner's process with limits of time and memory, and reads what it told. Or, for tests, all of it in this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, NamedTuple

from . import child

WAIT = 8  # times the processor time: so long may a process take that sleeps, or that has to share the processors
HEAD = 2_000  # bytes that are kept of what a file prints
EVENTS = 200_000_000  # bytes that are read of what the process tells
QUIET = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")


class Told(NamedTuple):
    """What the process told: its events, what it printed first and how many bytes in all, and how it ended.

    code: the exit code, None if it was stopped because it took too long.
    """

    events: list[dict[str, Any]]
    head: str
    printed: int
    code: int | None


def run_here(job: dict[str, Any]) -> Told:
    """Without a process of its own, and so without limits: for files that are known to be harmless."""
    events: list[dict[str, Any]] = []
    child.run(job, lambda event: events.append(json.loads(json.dumps(event))))
    return Told(events, "", 0, 0)


def run_apart(job: dict[str, Any]) -> Told:
    """In a process of its own, in an empty folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ninx-learn-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        job = {**job, "folder": name, "events": str(folder / "events")}
        (folder / "job").write_text(json.dumps(job), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-P", "-X", "utf8", "-W", "ignore", child.__file__, str(folder / "job")],
            cwd=folder,
            env={**os.environ, **QUIET},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        printed = _Drain(process)
        try:
            code: int | None = process.wait(job["seconds"] * WAIT)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
            printed.join(5)
        return Told(_read(folder / "events"), printed.head.decode("utf-8", "replace"), printed.total, code)


class _Drain(threading.Thread):
    """Takes what a process prints, so that it never waits, and keeps the beginning."""

    def __init__(self, process: subprocess.Popen[bytes]):
        super().__init__(daemon=True)
        self.process, self.head, self.total = process, b"", 0
        self.start()

    def run(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            while piece := os.read(stream.fileno(), 65_536):
                self.head = (self.head + piece)[:HEAD] if len(self.head) < HEAD else self.head
                self.total += len(piece)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop it, with all that it started."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass
    process.wait()


def _read(path: Path) -> list[dict[str, Any]]:
    """The events; a line that was cut off is left out."""
    found = []
    try:
        with path.open(encoding="utf-8") as file:
            for line in file.read(EVENTS).splitlines():
                event = json.loads(line)
                if isinstance(event, dict):
                    found.append(event)
    except (OSError, ValueError):  # no file, or half a line: the process was ended meanwhile
        pass
    return found
