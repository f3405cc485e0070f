"""Compiling takes ten seconds and more, once for each machine; several processes at once need less.

`fill` has everything compiled, by as many processes as there are processors, and waits for them. `ahead.start` returns at once:
other processes compile what the program that started them will need last, while that begins with what it needs first. Whoever
needs a kernel that another is compiling waits for it (see `claims`).

It costs nothing later: where all is compiled, or nothing can be kept, or there is one processor alone, no process is started.
Nor is one started unasked: ``sys.executable`` is Python only where a program or a command knows that it is. In a program that is
frozen, or that has Python inside, it may be that program itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ... import ahead
from ...threads import available, set_num_threads
from . import claims
from .cache import build_folder, cache_folder
from .compiled import what_it_runs
from .tasks import ALL, USUAL, works

REPORT = "ninx-kernel"  # begins each line in which a process says what is compiled
Progress = Callable[[str, int, int], None]  # the kernel that is there now, how many are, of how many


def is_needed() -> bool:
    """Is there something to compile that a network usually needs, and can it be kept?"""
    folder = cache_folder()
    return not _complete(folder, USUAL).exists() and claims.possible(folder)


def fill(root: Path | None, everything: bool, progress: Progress) -> int:
    """Compile into a folder for caches, by default this process's, and wait; how many kernels were made.

    Raises OSError if nothing can be kept there, RuntimeError if a process fails.
    """
    folder, task = build_folder(root) if root else cache_folder(), ALL if everything else USUAL
    if _complete(folder, task).exists():
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    (folder / claims.FILE).touch()
    reading, writing = os.pipe()
    started = [ahead.process(task, folder.parent, writing) for _ in range(available())]
    os.close(writing)
    there, made, complaint = set(), 0, ""
    try:
        with os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if not line.startswith(REPORT):
                    complaint = line.strip() or complaint
                    continue
                _, state, file, total = line.split()
                if file not in there:
                    there.add(file)
                    progress(file.rpartition("-")[0], len(there), int(total))
                made += state == "made"
        if any(process.wait() for process in started):
            raise RuntimeError(f"warm_up: a process that compiles has failed: {complaint}")
    finally:
        for process in started:
            process.kill()
            process.wait()
    return made


def _complete(folder: Path, task: str) -> Path:
    """A file that says that nothing of the task is left to be done."""
    return folder / f"{task}.complete"


# -------------------------------------------------------------------- in such a process


def main(task: str) -> None:
    """Compile the kernels of a task, but for those that another process has claimed, and say which are there."""
    wanted = {}
    set_num_threads(2)
    for work in works(task):
        for kernel, types in what_it_runs(work):
            wanted[kernel._cache.path(types)] = kernel, types
    for path, (kernel, types) in wanted.items():
        if path.exists():
            _report("there", path, wanted)
        elif claims.take(path, patience=0):
            kernel.compile(types)
            _report("made", path, wanted)
    if all(path.exists() for path in wanted):
        for done in (USUAL, ALL) if task == ALL else (USUAL,):
            _complete(cache_folder(), done).touch()


def _report(state: str, path: Path, wanted: dict[Path, Any]) -> None:
    os.write(1, f"{REPORT} {state} {path.stem} {len(wanted)}\n".encode())  # at once and whole, though others write there too


if __name__ == "__main__":
    main(sys.argv[1])
