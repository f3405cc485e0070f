"""Trainings that run out of disk or of memory: each must end in a sentence, and leave a run that goes on to the same bits.

A disk that is full is a limit of the size of a file (RLIMIT_FSIZE: the write fails in the middle), or a small tmpfs where one can
be mounted. Memory is a limit of addresses (RLIMIT_AS). Each try is a process that is forked from this one, which computes with
the `strided` kernels in one thread: LLVM, which compiles the others, ends the process without a word where memory fails.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import kills

PLAIN = "momentum"  # the kind of run


def _in_child(work: Callable[[], None]) -> tuple[int, str]:
    """(the status, what it said) of a forked process that runs the command line."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.dup2(write, 1)
        os.dup2(write, 2)
        code = 0
        try:
            work()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except BaseException as error:
            code = 99
            os.write(write, f"Traceback: {type(error).__name__}: {error}".encode())
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    return status, said


def _ninx(*arguments: str) -> None:
    from ninx import cli

    sys.argv = ["ninx", *arguments]
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), line_buffering=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), line_buffering=True)
    from ninx.cli import console

    console.console.file, console.errors.file = sys.stdout, sys.stderr
    cli.main()


def _said_well(status: int, said: str) -> str:
    """What is wrong with the end of a command; "" if it went well or ended in a sentence."""
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}: {said[-200:]}"
    code = os.WEXITSTATUS(status)
    if "Traceback" in said or (code and "Error: " not in said):
        return f"exit {code}: {said[-300:]}"
    return ""


def _train(folder: Path) -> None:
    small = [f"--set={key}={json.dumps(value)}" for key, value in (kills.SMALL | {"epochs": 2}).items()]
    _ninx("train", "digits", *small, "--save-every", "0", "-o", str(folder), "--overwrite")


def disk(tries: int) -> tuple[int, list[str], str]:
    """(tries, what went wrong, a note): trainings whose files may not grow beyond a limit, from 0 to the size of a checkpoint."""
    wrong = []
    with tempfile.TemporaryDirectory() as top:
        whole = kills.in_child(PLAIN, Path(top) / "whole", 5.0, None, 0)[1]
        size = (Path(top) / "whole" / "checkpoint.safetensors").stat().st_size
        for number in range(tries):
            folder, limit = Path(top) / str(number), size * number // max(tries - 1, 1)

            def full(folder: Path = folder, limit: int = limit) -> None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                kills.work(PLAIN, folder, 0.0)

            status, said = _in_child(full)
            if os.WIFSIGNALED(status) or (os.WEXITSTATUS(status) and "OSError" not in said):
                wrong.append(f"limit {limit}: {said[-200:]}")
            ended = kills.in_child(PLAIN, folder, 5.0, None, 0)[1]
            if ended != whole:
                wrong.append(f"limit {limit}, taken up again: {ended[:200]}")
        note = _on_tmpfs(Path(top), size, wrong)
    return tries, wrong, note


def _on_tmpfs(top: Path, size: int, wrong: list[str]) -> str:
    """A training on a disk that is smaller than two checkpoints; a note."""
    place = top / "tmpfs"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size * 3 // 2}", "tmpfs", place]
    if not hasattr(os, "geteuid") or os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        return "no tmpfs can be mounted here, so none was filled"
    try:
        status, said = _in_child(lambda: _train(place / "run"))
        bad = _said_well(status, said)
        if bad or "Error: " not in said:
            wrong.append(f"tmpfs: {bad or said[-200:]}")
    finally:
        subprocess.run(["umount", place], check=False)
    return "and a full tmpfs"


def memory(tries: int) -> tuple[int, list[str], str]:
    """The same for memory: from 4 MB beyond what the process has, in which a sentence can be said, to 404 MB; two commands."""

    wrong, refused = [], 0
    with tempfile.TemporaryDirectory() as top:
        run = Path(top) / "run"
        status, said = _in_child(lambda: _train(run))
        if status:
            return 0, [f"a training does not run: {said[-300:]}"], ""
        for number in range(tries):
            room, folder = 4_000_000 + 400_000_000 * (number // 2) // max(tries // 2 - 1, 1), Path(top) / str(number)

            def starved(room: int = room, folder: Path = folder, number: int = number) -> None:
                with open("/proc/self/status", encoding="ascii") as told:
                    has = next(int(line.split()[1]) for line in told if line.startswith("VmSize:")) * 1024
                resource.setrlimit(resource.RLIMIT_AS, (has + room, has + room))
                _train(folder) if number % 2 else _ninx("eval", str(run))

            status, said = _in_child(starved)
            if bad := _said_well(status, said):
                wrong.append(f"{room // 1_000_000} MB: {bad}")
            refused += status != 0
            shutil.rmtree(folder, ignore_errors=True)
    return tries, wrong, f"{refused} refused in a sentence, the others had enough"


if __name__ == "__main__":
    print(json.dumps({"disk": disk, "memory": memory}[sys.argv[1]](int(sys.argv[2]))))
