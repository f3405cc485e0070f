"""Run folders: a finished run is never lost to the next one of the same name."""

from __future__ import annotations

import contextlib
from itertools import count
from pathlib import Path


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
