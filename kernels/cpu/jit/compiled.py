"""The decorators of compiled functions: `kernel` for most, `program` for several in a row, `part` and `helper` for their pieces.

    @helper()
    def rounded_up(value, step): ...            # compiled into whoever calls it

    @kernel()
    def fill(t, a, value, threads):             # does part t of the work, which it cuts by itself
        for i in range(t * a.size // threads, (t + 1) * a.size // threads):
            a[i] = value

    fill(a, 1.0, 2)                             # from Python: without t; on two threads, as the last argument says

Compiled is a kernel when it is first called with arguments of some types; `cache` keeps the code. It must not depend on how many
of its threads really run at once: it may be one. So it is where the work is small: the parts are the same, one after the other.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

from ... import silent
from .cache import KernelCache
from .compiler import KernelCompiler, Thorough
from .launcher import spread
from .threading_layer import ALONE, layer

__all__ = ["helper", "kernel", "part", "program", "spread"]

Kernel = Callable[..., Any]  # called from Python; runs on as many threads as its last argument says
Function = TypeVar("Function", bound=Callable[..., Any])

C_LIKE = {"boundscheck": False, "error_model": "numpy"}  # no index is checked; a division by zero gives infinity or NaN
LAUNCHED = {
    **C_LIKE,
    "_nrt": False,
    "nogil": True,
    "no_cfunc_wrapper": True,
}  # other Python threads run meanwhile; called from Python alone

# Bytes of a kernel's arrays below which it is not worth waking other threads up. Were they three factors of a matrix product,
# that would be less than 10 microseconds of multiplying.
SMALL = 1 << 16


def kernel(thorough: bool = False, **options: Any) -> Callable[[Callable[..., Any]], Kernel]:
    """Make a kernel of a body(t, *arguments), the last argument of which says for how many threads the work is cut.

    Compiled are the body and a launcher, which runs it on threads. ``thorough``: let LLVM go over it once more (see `compiler`),
    for a kernel that was measured to be faster with it. The options are those of ``numba.njit``; they are the body's.
    """

    def made(body: Callable[..., Any]) -> Kernel:
        compiled = part(**options)(body)

        def launch(runner: int, workers: int, *arguments: Any) -> None:
            spread(compiled, runner, workers, arguments[-1], arguments)

        # The names of machine code are made of these: they must tell one kernel's launcher from another's.
        launch.__module__, launch.__qualname__ = body.__module__, body.__qualname__
        launch.__name__, launch.__doc__ = body.__name__, body.__doc__
        return _launched(launch, pipeline_class=Thorough if thorough else KernelCompiler)

    return made


def program(**options: Any) -> Callable[[Callable[..., Any]], Kernel]:
    """Make a kernel of a function that is its own launcher: it runs several parts one after the other, with a single call.

    It is a function(runner, workers, *arguments), which hands the first two to `spread` with each `part` of it.
    """
    return lambda function: _launched(function, pipeline_class=KernelCompiler, **options)


def part(**options: Any) -> Callable[[Function], Function]:
    """Make a function(t, *arguments) that `spread` runs on threads; it is compiled into the program that does so."""
    made: Callable[[Function], Function] = numba.njit(**LAUNCHED, no_cpython_wrapper=True, **options)
    return made


def helper() -> Callable[[Function], Function]:
    """Make a function that kernels call: Numba puts its statements in the place of the call, so the kernel's options hold."""
    made: Callable[[Function], Function] = numba.njit(**C_LIKE, inline="always")
    return made


def _bytes(arguments: tuple[Any, ...]) -> int:
    """How many bytes the arrays among them have; those of a plan, which lie in tuples, do not count."""
    return sum([a.nbytes for a in arguments if type(a) is np.ndarray])  # a list, because a generator takes twice as long


def _is_small(arguments: tuple[Any, ...]) -> bool:
    """Is the work so small that waking other threads up takes longer? Without any array who knows."""
    return 0 < _bytes(arguments) < SMALL


_names: set[str] = set()


def _launched(launch: Callable[..., Any], **options: Any) -> Kernel:
    """A function to be called from Python without the first two arguments of ``launch``, which it compiles.

    Raises ValueError for a second one of the same name: the cache would take the code of one for that of the other.
    """
    name = f"{launch.__module__}.{launch.__qualname__}"
    if name in _names:
        raise ValueError(f"there are two kernels of the name {name}")
    _names.add(name)
    compiled = numba.njit(**LAUNCHED, **options)(launch)
    compiled._cache = KernelCache(name)

    def packed(given: tuple[Any, ...]) -> tuple[Any, ...]:
        """As Numba sees them: what goes into a function's ``*arguments`` is one tuple."""
        return (*given[:2], given[2:]) if launch.__code__.co_flags & inspect.CO_VARARGS else given

    @functools.wraps(launch)
    def run(*arguments: Any) -> Any:
        if silent.thread and silent.here():
            return None
        if _noted is not None:
            return _noted.append((compiled, tuple(numba.typeof(a) for a in packed(ALONE + arguments))))
        if arguments[-1] < 2 or _is_small(arguments):
            return compiled(*(ALONE + arguments))
        if layer.reentrant:  # the usual case, without a detour: every microsecond counts
            return compiled(*(layer.team + arguments))
        team = layer.start()
        with contextlib.nullcontext() if layer.reentrant else layer.turn:
            return compiled(*(team + arguments))

    return run


_noted: list[tuple[Any, tuple[Any, ...]]] | None = None


def what_it_runs(work: Callable[[], None]) -> list[tuple[Any, tuple[Any, ...]]]:
    """Call ``work``; each kernel that it wants is only noted, with the types of its arguments.

    So a list of all that a training compiles is made in no time. This is for a process in which nothing else runs a kernel.
    """
    global _noted
    _noted = []
    try:
        with np.errstate(all="ignore"):  # what lay in the memory is no result
            work()
        return _noted
    finally:
        _noted = None
