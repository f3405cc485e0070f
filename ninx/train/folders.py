"""Run folders: a finished run is never lost to the next one of the same name, nor to another that runs at the same time."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

LOCK = ".lock"  # its name in a run folder; it stays there, and holds the number of the last process that trained
KEPT = 3  # checkpoints


def claim(wanted: Path) -> Path:
    """Make ``wanted``, or the first of ``wanted-2``, ``wanted-3``, ... that is not there yet, and return it.

    Making a folder either succeeds or finds it there, so two runs that begin at once get two folders.

    >>> import tempfile
    >>> runs = Path(tempfile.mkdtemp())
    >>> [claim(runs / "digits").name for _ in range(3)]
    ['digits', 'digits-2', 'digits-3']
    """
    for number in count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder
    raise AssertionError("there is always a next number")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time trains in the folder. Raises ValueError, with the number of the other process.

    The lock is the operating system's (flock) on a file, and gone when its process ends in whatever way: none is ever stale.
    Where there is none (Windows, and network drives without locks) nothing is locked.

    >>> import tempfile
    >>> run = Path(tempfile.mkdtemp())
    >>> with locked(run), locked(run):
    ...     pass
    Traceback (most recent call last):
    ValueError: train: process ... trains in ... already; wait for it, or take another folder
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise ValueError(f"train: process {holder} trains in {folder} already; wait for it, or take another folder") from None
        except OSError:  # the drive has no locks
            yield
            return
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)  # the end of the lock, too


def in_use(folder: Path) -> bool:
    """Does a process train in the folder now? Where nothing can be locked the answer is no.

    >>> import tempfile
    >>> run = Path(tempfile.mkdtemp())
    >>> with locked(run):
    ...     in_use(run)
    True
    >>> in_use(run)
    False
    """
    if sys.platform == "win32" or not (folder / LOCK).exists():
        return False
    import fcntl

    with contextlib.suppress(OSError), (folder / LOCK).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def earlier(file: Path) -> list[Path]:
    """The names of the checkpoints before the last one, ``file``: the newest first.

    >>> [path.name for path in earlier(Path("run/checkpoint.safetensors"))]
    ['checkpoint-1.safetensors', 'checkpoint-2.safetensors']
    """
    return [file.with_name(f"{file.stem}-{number}{file.suffix}") for number in range(1, KEPT)]


def keep_earlier(file: Path) -> None:
    """Before ``file`` is written anew: what it holds gets the first of the names of `earlier`, and the others move on by one.

    At every moment ``file`` is there, and whole.
    """
    names = earlier(file)
    if file.exists() and names[0].exists() and names[0].samefile(file):
        return  # who was killed between this and the writing has kept it already
    for older, newer in zip(reversed(names), [*reversed(names[:-1]), None], strict=True):
        if newer is not None and newer.exists():
            newer.replace(older)
    if file.exists():
        try:
            names[0].hardlink_to(file)
        except OSError:  # a drive without hard links
            shutil.copyfile(file, names[0])


def forget_earlier(file: Path) -> None:
    """Remove the checkpoints before ``file``: they are of a run that is replaced."""
    for path in earlier(file):
        path.unlink(missing_ok=True)


def tidy(folder: Path, names: tuple[str, ...]) -> None:
    """Remove what a killed process has left half written of the files ``names``."""
    for name in names:
        for left in folder.glob(f".{name}.*"):
            left.unlink(missing_ok=True)
