"""Kernels that do nothing: for finding out what a computation would take, before it is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

thread = 0  # whose kernels do nothing (0: nobody's); read with every call of a compiled kernel


def here() -> bool:
    """Is it this thread that is silent?

    >>> from ninx.kernels import silent
    >>> silent.here()
    False
    """
    return thread == get_ident()


@contextmanager
def silence() -> Iterator[None]:
    """``with silence():`` compiled kernels called by this thread return at once. Their results are arrays of undefined values.

    All else is as usual: checks, plans, and the memory of results and workspaces. Kernels of NumPy's still compute.

    >>> from ninx.kernels.silent import silence
    >>> with silence():
    ...     F.conv2d(ninx.zeros(1, 3, 8, 8), ninx.zeros(4, 3, 3, 3)).shape
    (1, 4, 6, 6)
    """
    global thread
    before, thread = thread, get_ident()
    try:
        yield
    finally:
        thread = before
