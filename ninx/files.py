"""Files: reading those of others, and writing one's own so that nobody ever finds half of one."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def open_regular(path: str | Path, what: str = "") -> Iterator[tuple[BinaryIO, int]]:
    """``with open_regular(path) as (file, size):`` the open file, and how many bytes it has on disk.

    Raises ValueError, which begins with ``what`` and names the path, for what cannot be opened, for a folder, and for a device or
    a pipe, which has no size and perhaps no end. An error of the disk while it is read becomes such a sentence too.

    >>> with ninx.files.open_regular("nowhere") as (file, size):
    ...     pass
    Traceback (most recent call last):
    ValueError: nowhere: there is no such file
    """
    path = Path(path)
    try:
        # A pipe would make a plain open wait until somebody writes into it. (Windows has neither the flag nor the pipe.)
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ValueError(f"{what}{path}: is no file but a device or a pipe; copy what it gives into a file")
            yield file, found.st_size
    except FileNotFoundError:
        raise ValueError(f"{what}{path}: there is no such file") from None
    except IsADirectoryError:
        raise ValueError(f"{what}{path}: is a folder; name the file") from None
    except OSError as error:
        raise ValueError(f"{what}{path}: cannot be read ({error.strerror or error})") from None


def read_part(file: BinaryIO, at: int, count: int) -> bytearray:
    """``count`` bytes from ``at`` on. Raises ValueError if they are not there.

    >>> import io
    >>> ninx.files.read_part(io.BytesIO(b"abcdef"), 2, 3)
    bytearray(b'cde')
    """
    file.seek(at)
    content = bytearray(count)
    view, done = memoryview(content), 0
    while done < count:
        got = file.readinto(view[done:])  # type: ignore[attr-defined]  # every file and BytesIO has it
        if not got:
            raise ValueError("it is cut off")
        done += got
    return content


def need_place(path: str | Path | None) -> None:
    """Raise OSError if ``path`` cannot be a file, for want of its folder or since it is one: ask before minutes of work.

    >>> ninx.files.need_place("nowhere/found.csv")
    Traceback (most recent call last):
    FileNotFoundError: there is no folder nowhere to write found.csv into; make it first
    """
    if path is None:
        return
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} into; make it first")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name the file to write in it")


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a temporary file beside ``path``, force it to the disk, then rename it: the old file or the new one, never a part."""
    need_place(path)
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and error.filename in (None, temporary):
            raise OSError(error.errno, error.strerror, str(path)) from None  # a full disk does not say which file it was
        raise


def _umask() -> int:
    """The user's file mode mask, which mkstemp ignores; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
