"""`kernel`: a function that Numba compiles to run on several threads, kept on disk so that it is compiled once.

Two dangers of such a cache are met by the name of its folder: it is a hash of all that the machine code depends on (the
sources of this folder, the versions of Numba, llvmlite and Python, the processor and its vector registers), so code that was
built for something else is never found. A folder that cannot be written to is no error: the code then lives in this process.

Threads. Numba runs them by TBB where that is installed (the wheel comes with ninx on x86-64), else by OpenMP, else by its own
work queue. TBB survives forks and calls from several Python threads. OpenMP does not survive a fork: a forked child runs
everything in one thread. The work queue dies of two callers at once: they take turns.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.metadata
import os
import platform
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

import llvmlite
import llvmlite.binding as llvm
import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

from .launcher import spread
from .vector import HOST


def cache_folder() -> Path:
    """Where compiled kernels lie: NINX_CACHE_DIR, or the user's folder for caches; and in it a folder for this exact build."""
    if given := os.environ.get("NINX_CACHE_DIR"):
        root = Path(given)
    elif sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home())) / "ninx"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ninx"
    build = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        build.update(path.read_bytes())
    features = llvm.get_host_cpu_features().flatten()
    build.update(repr((numba.__version__, llvmlite.__version__, sys.version, llvm.get_host_cpu_name(), features, HOST)).encode())
    return root / f"kernels-{build.hexdigest()[:16]}"


_FOLDER = cache_folder()


class _Locator(_CacheLocator):  # type: ignore[misc]  # Numba has no types for mypy
    """Tells Numba's cache where to look. The folder's name already says all about the sources."""

    line: Any

    def __init__(self, line: Any):
        self._line = "%s_%s" % (line[1].rpartition(".")[2], line[0])

    def get_cache_path(self) -> str:
        return str(_FOLDER)

    def get_source_stamp(self) -> str:
        return _FOLDER.name

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, function: Any, _path: str) -> _Locator:
        return cls(cls.line)


class _CacheFiles(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Locator,)


class _Cache(FunctionCache):  # type: ignore[misc]
    _impl_class = _CacheFiles

    def __init__(self, launch: Any, line: int, module: str):
        _Locator.line = line, module
        super().__init__(launch)

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The compiled code, or None; a file that cannot be read is as good as none, and is written anew.

        So is one with code for other types: two processes that compile at once may have given their files one name.
        """
        try:
            found = super().load_overload(signature, context)
            if found is not None and found.signature.args != tuple(signature):
                found = None
        except Exception:  # whatever a damaged file makes of the reader
            found = None
            with contextlib.suppress(OSError):
                self.flush()
        if found is None:
            _announce()
        return found

    def save_overload(self, signature: Any, data: Any) -> None:
        """Keep the code for the next process, if the folder can be written to."""
        with contextlib.suppress(OSError):
            super().save_overload(signature, data)


_announced = False


def _announce() -> None:
    global _announced
    if not _announced:
        _announced = True
        sys.stderr.write("ninx: compiling kernels (first run only)\n")
        sys.stderr.flush()


def _launch(runner: int, workers: int, threads: int, *arguments: Any) -> None:
    spread(body, runner, workers, threads, arguments)  # noqa: F821


_SETTINGS = {"nogil": True, "boundscheck": False, "error_model": "numpy", "no_cfunc_wrapper": True}


class Kernel:
    """A function of a thread's number and arguments, the last of which says how many threads; called without the first."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any], whole: bool = False):
        self.__doc__, self.__name__ = function.__doc__, function.__name__
        if whole:
            launch = function
        else:
            # Not a closure: Numba's cache would take the body, which is new in every process, into the key.
            launch = FunctionType(_launch.__code__, {"spread": spread, "body": part(**options)(function)}, function.__name__)
            launch.__qualname__, launch.__module__ = function.__qualname__, function.__module__
        self._launch = numba.njit(**_SETTINGS, **(options if whole else {}))(launch)
        self._launch._cache = _Cache(launch, function.__code__.co_firstlineno, function.__module__)

    def __call__(self, *arguments: Any) -> Any:
        """Run it, on as many threads as the function itself cuts its work for."""
        threads = arguments[-1]
        if threads < 2 or _threading.serial:
            return self._launch(0, 1, threads, *arguments)
        if _threading.layer is None:
            _threading.start()
        if _threading.free:
            return self._launch(_threading.runner, min(threads, _threading.most), threads, *arguments)
        with _threading.turns:
            return self._launch(_threading.runner, min(threads, _threading.most), threads, *arguments)


def part(**options: Any) -> Callable[[Any], Any]:
    """The decorator of functions that `spread` calls."""
    return numba.njit(**_SETTINGS, **{"no_cpython_wrapper": True}, **options)


def program(**options: Any) -> Any:
    return lambda function: Kernel(function, options, whole=True)


Function = TypeVar("Function", bound=Callable[..., Any])


def helper(**options: Any) -> Callable[[Function], Function]:
    """The decorator of functions that kernels call; they are compiled together with these."""
    made: Callable[[Function], Function] = numba.njit(boundscheck=False, error_model="numpy", inline="always", **options)
    return made


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Kernel]:
    """The decorator that makes a `Kernel`; the options are those of ``numba.njit``."""
    return lambda function: Kernel(function, options)


class _Threading:
    """What the threading layer that Numba found allows."""

    def __init__(self) -> None:
        self.serial = self.free = False
        self.runner, self.most = 0, numba.config.NUMBA_NUM_THREADS
        self.turns = threading.Lock()
        self.layer: str | None = None

    def start(self) -> None:
        """Start the threads of the layer that Numba finds."""
        numba.get_num_threads()
        self.runner = llvm.address_of_symbol("numba_parallel_for")
        self.free = numba.threading_layer() in ("tbb", "omp")
        self.layer = numba.threading_layer()

    def forked(self) -> None:
        """In a child process: OpenMP's threads and the work queue's did not come along."""
        self.turns = threading.Lock()
        self.serial = self.layer is not None and self.layer != "tbb"


def _load_tbb() -> None:
    """Open the library of the tbb wheel, which lies where no linker looks, before Numba asks for it by name."""
    name = {"Linux": "libtbb.so.12", "Windows": "tbb12.dll"}.get(platform.system())
    try:
        files = importlib.metadata.files("tbb") or []
        for file in files:
            if file.name == name:
                ctypes.CDLL(str(file.locate()), mode=ctypes.RTLD_GLOBAL)
    except (importlib.metadata.PackageNotFoundError, OSError):
        pass  # Numba then takes another layer


_threading = _Threading()
_load_tbb()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threading.forked)
