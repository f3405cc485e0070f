"""Kernels: plain arrays in, plain arrays out. They know nothing of tensors or derivatives; see `geometry` for the letters.

Three implementations of one interface, chosen with `use_kernels` or the environment variable NINX_KERNELS:

    loops      nested loops, straight from the formulas: the definition
    strided    matrix products over strided views of NumPy (or CuPy) arrays
    fast       compiled for this processor by Numba, for GPUs by CUDA: the default (without Numba: strided)

Their functions take channels-last images and a `Geometry`. `conv2d` and its neighbours (`plain`) take what other programs have:
NumPy or CuPy arrays in PyTorch's shapes.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from types import ModuleType

from . import loops, strided
from .geometry import Geometry
from .listing import only_public
from .memory import MemoryStats, clear_memory, memory_stats
from .names import unknown
from .plain import avg_pool2d, conv2d, conv2d_input_grad, conv2d_weight_grad, global_avg_pool2d, max_pool2d
from .threads import get_num_threads, set_num_threads

__all__ = [
    "TIERS", "Geometry", "MemoryStats", "avg_pool2d", "clear_memory", "compile_ahead", "conv2d", "conv2d_input_grad",
    "conv2d_weight_grad", "explain", "get_num_threads", "global_avg_pool2d", "loops", "max_pool2d", "memory_stats",
    "set_num_threads", "strided", "tier", "tier_name", "use_kernels", "warm_up",
]  # fmt: skip

__dir__ = only_public(globals())

TIERS = ("loops", "strided", "fast")
_chosen: ContextVar[str | None] = ContextVar("ninx_kernels", default=None)


def tier() -> ModuleType:
    """The module whose kernels run now. Numba is imported when it is first wanted.

    >>> with ninx.use_kernels("loops"):
    ...     ninx.kernels.tier().__name__
    'ninx.kernels.loops'
    """
    return _module(_chosen.get() or _default())


@cache
def _module(name: str) -> ModuleType:
    if name == "fast":
        from . import fast

        return fast
    return {"loops": loops, "strided": strided}[name]


def compile_ahead(training: bool = True) -> None:
    """Before a training, or else an inference: where kernels are not compiled yet, let other processes compile them meanwhile.

    They begin with what is needed last, and end with this process at the latest. The compiled kernels are kept on the disk, so
    this does something once on a machine, and nothing on the other tiers. Call it first of all, before anything is computed.

    >>> ninx.kernels.compile_ahead()
    """
    if tier_name() == "fast":
        from . import ahead

        ahead.start("training" if training else "inference")


def warm_up(
    into: str | os.PathLike[str] | None = None, everything: bool = False, progress: Callable[[str, int, int], None] | None = None
) -> int:
    """Compile the kernels that networks usually need, on all processors, and wait for it; how many were compiled.

    Without it each is compiled when it is first needed, by one processor, and kept on the disk: that happens once on a machine.

    into: a folder for the cache, for a container or a class image; there ``NINX_CACHE_DIR=folder`` names it, and it may be
        read-only. Default: where this process keeps its own.
    everything: float64 too, and what the benchmarks need.
    progress: called with the name of each kernel that is there, how many are there, and how many there will be.

    Raises OSError if nothing can be kept there, RuntimeError if a compilation fails. On the other tiers nothing is to be done.

    >>> compiled = ninx.warm_up()
    >>> ninx.warm_up()
    0
    """
    if tier_name() != "fast":
        return 0
    from .cpu.jit import warmup

    return warmup.fill(None if into is None else Path(into), everything, progress or (lambda *_: None))


@cache
def _default() -> str:
    """What NINX_KERNELS says when the first kernel runs; else the fastest tier that there is."""
    asked = os.environ.get("NINX_KERNELS")
    return ("fast" if _has_numba() else "strided") if asked is None else _checked(asked)


@cache
def _has_numba() -> bool:
    return importlib.util.find_spec("numba") is not None


def tier_name() -> str:
    """Which tier's kernels run now: "loops", "strided" or "fast".

    >>> with ninx.use_kernels("strided"):
    ...     ninx.kernels.tier_name()
    'strided'
    """
    return _chosen.get() or _default()


@contextmanager
def use_kernels(name: str) -> Iterator[None]:
    """``with use_kernels("loops"):`` runs every kernel inside the block on that tier (in this thread or task only).

    Raises ValueError for another name, ImportError for "fast" where Numba is not installed.

    >>> with ninx.use_kernels("loops"):
    ...     ninx.kernels.tier_name()
    'loops'
    """
    token = _chosen.set(_checked(name))
    try:
        yield
    finally:
        _chosen.reset(token)


def _checked(name: str) -> str:
    if name not in TIERS:
        raise ValueError("use_kernels: " + unknown("tier", name, TIERS))
    if name == "fast" and not _has_numba():
        raise ImportError("use_kernels: the tier 'fast' needs Numba, which is not installed; pip install numba")
    return name


def explain(geo: Geometry, itemsize: int = 4, device: str = "cpu") -> str:
    """Which path a convolution of this geometry takes on a device, and why, in one sentence.

    >>> from ninx.kernels.geometry import convolution
    >>> with ninx.use_kernels("strided"):
    ...     print(ninx.kernels.explain(convolution("conv2d", (8, 3, 32, 32), (16, 3, 1, 1))))
    conv2d: one matrix product (8192 x 3) @ (3 x 16) for each of 1 group(s), without a copy,
    because im2col is the identity for a 1x1 kernel
    """
    if tier_name() == "loops":
        return f"{geo.operation}: nested loops, because the 'loops' tier was asked for"
    reason = ""
    if tier_name() == "fast":
        from . import cpu, cuda

        if device != "cpu":
            return cuda.explain(geo, itemsize)
        if (compiled := cpu.explain(geo, itemsize)) is not None:
            return compiled
        reason = f"; not compiled, because {cpu.why_not(geo)}"
    if geo.identity:
        size = f"({geo.N * geo.OH * geo.OW} x {geo.columns}) @ ({geo.columns} x {geo.O // geo.groups})"
        return (
            f"{geo.operation}: one matrix product {size} for each of {geo.groups} group(s), without a copy, "
            f"because im2col is the identity for a 1x1 kernel{reason}"
        )
    parts, mib = len(geo.parts(itemsize, strided.BUDGET)), geo.workspace(itemsize, strided.BUDGET) / 2**20
    columns = "a copy of some pixels" if geo.pointwise else "im2col"
    return (
        f"{geo.operation}: {columns} and a matrix product in {parts} part(s) of at most {mib:.1f} MiB, "
        f"because {geo.why_columns}{reason}"
    )
