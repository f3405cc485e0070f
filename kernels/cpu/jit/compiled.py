"""The decorators of compiled functions: `kernel` for most, `program` for several in a row, `part` and `helper` for their pieces.

    @helper()
    def rounded_up(value, step): ...            # compiled into whoever calls it

    @kernel()
    def fill(t, a, value, threads):             # does part t of the work, which it cuts by itself
        for i in range(t * a.size // threads, (t + 1) * a.size // threads):
            a[i] = value

    fill(a, 1.0, 2)                             # from Python: without t; on two threads, as the last argument says

Compiled is a kernel when it is first called with arguments of some types; `cache` keeps the code. It must not depend on how many
of its threads really run at once: it may be one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numba

from .cache import KernelCache
from .launcher import spread
from .threading_layer import layer

__all__ = ["Kernel", "helper", "kernel", "part", "program", "spread"]

Function = TypeVar("Function", bound=Callable[..., Any])

# As in C: no index is checked, a division by zero gives infinity or NaN. Other Python threads run meanwhile.
C_LIKE = {"boundscheck": False, "error_model": "numpy"}
LAUNCHED = {**C_LIKE, "nogil": True, "no_cfunc_wrapper": True}


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Kernel]:
    """Make a `Kernel` of a body(t, *arguments), the last argument of which says for how many threads the work is cut.

    Compiled are the body and a launcher, which runs it on threads. The options are those of ``numba.njit``; they are the body's.
    """

    def made(body: Callable[..., Any]) -> Kernel:
        compiled = part(**options)(body)

        def launch(runner: int, workers: int, threads: int, *arguments: Any) -> None:
            spread(compiled, runner, workers, threads, arguments)

        # The names of machine code are made of these: they must tell one kernel's launcher from another's.
        launch.__module__, launch.__qualname__ = body.__module__, body.__qualname__
        launch.__name__, launch.__doc__ = body.__name__, body.__doc__
        return Kernel(launch)

    return made


def program(**options: Any) -> Callable[[Callable[..., Any]], Kernel]:
    """Make a `Kernel` of a function that is its own launcher: it runs several parts one after the other, with a single call.

    It is a function(runner, workers, threads, *arguments), which hands the first three to `spread` with each `part` of it.
    """
    return lambda function: Kernel(function, **options)


def part(**options: Any) -> Callable[[Function], Function]:
    """Make a function(t, *arguments) that `spread` runs on threads; it is compiled into the program that does so."""
    made: Callable[[Function], Function] = numba.njit(**LAUNCHED, no_cpython_wrapper=True, **options)
    return made


def helper() -> Callable[[Function], Function]:
    """Make a function that kernels call: Numba puts its statements in the place of the call, so the kernel's options hold."""
    made: Callable[[Function], Function] = numba.njit(**C_LIKE, inline="always")
    return made


class Kernel:
    """A compiled function to be called from Python, which runs on as many threads as its last argument says.

    Raises ValueError for a second one of the same name: the cache would take the code of one for that of the other.
    """

    _names: ClassVar[set[str]] = set()

    def __init__(self, launch: Callable[..., Any], **options: Any):
        self.__name__, self.__doc__ = launch.__name__, launch.__doc__
        name = f"{launch.__module__}.{launch.__qualname__}"
        if name in self._names:
            raise ValueError(f"there are two kernels of the name {name}")
        self._names.add(name)
        self._launch = numba.njit(**LAUNCHED, **options)(launch)
        self._launch._cache = KernelCache(name)

    def __call__(self, *arguments: Any) -> Any:
        """Run it. The layer's threads are started by the first call that wants them."""
        threads = arguments[-1]
        workers = min(threads, layer.workers)
        if workers < 2:
            return self._launch(0, 1, threads, *arguments)
        runner = layer.parallel_for or layer.start()
        if layer.reentrant:
            return self._launch(runner, workers, threads, *arguments)
        with layer.turn:
            return self._launch(runner, workers, threads, *arguments)
