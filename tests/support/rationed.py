"""Code in a process of its own that may not harm the machine, and what it took: for files that ask for too much."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from rooms import PYTHONPATH

_FRAME = """
import pathlib, resource, sys, time
import numpy, ninx, ninx.data, ninx.train
ninx.nn.Linear(1, 1)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (6 << 30),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
def most():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")) / 1000
before, start = most(), time.process_time()
try:
    found = "read: " + repr(eval(sys.argv[1], {"ninx": ninx, "path": pathlib.Path(sys.argv[2])}))[:100]
except Exception as error:
    found = f"{type(error).__name__}: {error}"
print(f"{time.process_time() - start}\\n{most() - before}\\n{found}")
"""


class Taken(NamedTuple):
    """What reading took, and how it ended: "ValueError: ...", or "read: ..."."""

    seconds: float
    megabytes: float
    found: str


def read(code: str, path: Path) -> Taken:
    """Evaluate ``code`` with ``path`` in a process of at most 6 GB. Raises RuntimeError if it dies."""
    done = subprocess.run(
        [sys.executable, "-c", _FRAME, code, str(path)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": PYTHONPATH, "PATH": ""},
    )
    if done.returncode:
        raise RuntimeError(f"it ended with {done.returncode}: {done.stderr[-500:]}")
    seconds, megabytes, found = done.stdout.split("\n", 2)
    return Taken(float(seconds), float(megabytes), found.strip())
