"""Processes that compile kernels beside the program that starts them: the first run, and only that, has something to compile.

Numba takes as long to load as some kernels take to compile. So where no build of ninx has left a cache yet, the processes are
started before this one loads Numba; otherwise Numba must first say which build's folder is this one's.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from pathlib import Path

from .threads import available


def cache_root() -> Path:
    """Where compiled kernels lie, a folder for each build: NINX_CACHE_DIR, or a folder in the user's for caches."""
    if given := os.environ.get("NINX_CACHE_DIR"):
        return Path(given)
    elif sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "ninx"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ninx"


def start(task: str) -> list[subprocess.Popen[bytes]]:
    """Compile what a training or an inference needs in other processes, which end with this one; none if there is no need."""
    root = cache_root()
    if available() < 2 or not (_may_be_needed() if any(root.glob("kernels-*/*.complete")) else _can_be_kept(root)):
        return []
    started = [process(task, root) for _ in range(available() - 1)]
    for each in started:
        atexit.register(each.kill)
    return started


def _may_be_needed() -> bool:
    from .cpu.jit import warmup

    return warmup.is_needed()


def _can_be_kept(root: Path) -> bool:
    """Also: are there locks, so that no kernel is compiled twice? See `cpu.jit.claims`."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return sys.platform != "win32" and os.access(root, os.W_OK)


def process(task: str, root: Path, output: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """A process that compiles a task of `cpu.jit.tasks` into a folder for caches."""
    command = [sys.executable, "-P", "-m", f"{__package__}.cpu.jit.warmup", task]
    environment = {**os.environ, "NINX_CACHE_DIR": str(root)}
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
