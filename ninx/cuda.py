"""GPUs by PyTorch's names: ``ninx.cuda.is_available()``, ``ninx.cuda.synchronize()``. `ninx.gpu_status` says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .array import cuda_device
from .devices import device
from .gpu import gpu_status, names
from .hints import hinted
from .random import manual_seed as manual_seed
from .random import manual_seed as manual_seed_all  # there is one seed, for every device

__all__ = [
    "current_device", "device_count", "empty_cache", "get_device_name", "is_available", "manual_seed", "manual_seed_all",
    "max_memory_allocated", "memory_allocated", "set_device", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """Can a GPU be used here? `ninx.gpu_status` gives the reason if not.

    >>> ninx.cuda.is_available() == (ninx.gpu_status() is None)
    True
    """
    return gpu_status() is None


def device_count() -> int:
    """How many GPUs can be used: 0 without one.

    >>> ninx.cuda.device_count() > 0 or not ninx.cuda.is_available()
    True
    """
    return len(names()) if is_available() else 0


def get_device_name(device: Any = None) -> str:
    """What a GPU is called, the current one by default. Raises RuntimeError, with the reason, where there is none.

    >>> name = ninx.cuda.get_device_name() if ninx.cuda.is_available() else "none"
    """
    number: int = _gpu(device).id
    return names()[number]


if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__)


def current_device() -> int:
    """The number of the GPU that is in use. Raises RuntimeError, with the reason, where there is none.

    >>> number = ninx.cuda.current_device() if ninx.cuda.is_available() else 0
    """
    return int(_gpu(None).id)


def set_device(device: Any) -> None:
    """Make a GPU (its number or its name) the current one of this thread.

    >>> if ninx.cuda.is_available():
    ...     ninx.cuda.set_device(0)
    """
    _gpu(device).use()


def synchronize(device: Any = None) -> None:
    """Wait until a GPU has done all that it was told; to be called before a clock is read.

    >>> if ninx.cuda.is_available():
    ...     ninx.cuda.synchronize()
    """
    _gpu(device).synchronize()


def empty_cache() -> None:
    """Give memory of the GPU that is not in use back to the system; does nothing without a GPU.

    >>> ninx.cuda.empty_cache()
    """
    if is_available():
        _pool().free_all_blocks()


def memory_allocated() -> int:
    """The bytes that arrays take on the current GPU; 0 without one.

    >>> ninx.cuda.memory_allocated() >= 0
    True
    """
    return int(_pool().used_bytes()) if is_available() else 0


def max_memory_allocated() -> int:
    """The most bytes that were held on the current GPU at one time; 0 without one.

    >>> ninx.cuda.max_memory_allocated() >= ninx.cuda.memory_allocated()
    True
    """
    return int(_pool().total_bytes()) if is_available() else 0


def _pool() -> Any:
    import cupy

    return cupy.get_default_memory_pool()


def _gpu(place: Any) -> Any:
    """CuPy's object for a GPU by number or name; None is the current one."""
    if place is not None:
        return cuda_device(device(place))
    cuda_device("cuda")  # raises where there is none
    import cupy

    return cupy.cuda.Device()
