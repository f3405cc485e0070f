"""A stand-in for CuPy on NumPy: the launcher, and what surrounds it, run where there is no GPU.

It imitates where CuPy differs from NumPy, so that code that works here only because it is NumPy fails:

* an array of the device is no NumPy array, and an operation on both kinds raises, as does np.asarray(device array);
* ufuncs return C order, whatever the order of their operands (cupy#7783), and so do copies to and from the host;
* ``empty`` holds NaN or the largest number, never the zeros that fresh memory often has;
* functions of ndarray that CuPy does not have, or that have other arguments there, raise;
* kernels are compiled from CUDA C++ (by g++) and get no array with gaps;
* the pool keeps what it once had: its total is the most bytes that were in use at one time;
* there may be two devices (`device_count`), whose arrays no operation mixes, and the memory may be small (`MemoryPool.limit`).

`transfers` counts the copies between host and device, also those that CuPy makes without being asked: of an index array of the
host, and of a number that is read.

Not imitated: work that goes on while the host does (a stream here only notes what was asked of it), how memory is cut
into pieces, devices that read each other's memory, cuBLAS.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import host_cuda
import numpy as np

NAME = "cupy"
__version__ = "0 (stand-in)"
launches: list[str] = []  # the names of all kernels that ran
transfers: list[tuple[str, tuple[int, ...]]] = []  # ("in" or "out", shape) of all copies to and from the host

METHODS = {"any", "all", "argmax", "argmin", "astype", "clip", "copy", "cumsum", "dot", "fill", "max", "mean", "min",
           "nonzero", "prod", "ravel", "repeat", "reshape", "squeeze", "std", "sum", "swapaxes", "take", "transpose", "var",
           "view"}  # fmt: skip
ATTRIBUTES = {"T", "dtype", "itemsize", "nbytes", "ndim", "shape", "size", "strides"}
READ = {"item", "tolist", "tobytes"}  # methods whose result lies on the host
MISSING = {"einsum_path", "insert", "block", "seterr"}  # of NumPy's functions


class OutOfMemoryError(MemoryError):
    """CuPy's is one too."""


class MemoryPool:
    """What get_default_memory_pool() gives: bytes in use, and the most that were since the last free_all_blocks()."""

    limit = 2**62

    def __init__(self) -> None:
        self.used = self.most = 0
        self.homes: dict[int, int] = {}  # of memory that is not on the first device

    def lend(self, memory: np.ndarray) -> None:
        if self.used + memory.nbytes > self.limit:
            raise OutOfMemoryError(f"Out of memory allocating {memory.nbytes:,} bytes (allocated so far: {self.used:,} bytes).")
        self._add(memory.nbytes)
        weakref.finalize(memory, self._add, -memory.nbytes).atexit = False  # it lives as long as its last view
        if here := Device.current[-1]:
            self.homes[id(memory)] = here
            weakref.finalize(memory, self.homes.pop, id(memory)).atexit = False

    def home(self, memory: np.ndarray) -> int:
        """The device on which this memory, or what it is a view of, was lent."""
        while isinstance(memory.base, np.ndarray):
            memory = memory.base
        return self.homes.get(id(memory), 0)

    def _add(self, size: int) -> None:
        self.used += size
        self.most = max(self.most, self.used)

    def used_bytes(self) -> int:
        return self.used

    def total_bytes(self) -> int:
        return self.most

    def free_all_blocks(self) -> None:
        self.most = self.used


_pool = MemoryPool()
_order = ["C"]  # what ufuncs return


@contextlib.contextmanager
def ufuncs_keep_the_order() -> Iterator[None]:
    """Inside, results lie as the operands do, which NumPy does and CuPy may do one day (cupy#7783)."""
    _order[0] = "K"
    try:
        yield
    finally:
        _order[0] = "C"


def get_default_memory_pool() -> MemoryPool:
    return _pool


@contextlib.contextmanager
def memory_left(count: int) -> Iterator[None]:
    """Inside, the device has memory for so many bytes more. (What is garbage now would make it more later.)"""
    gc.collect()
    _pool.limit = _pool.used + count
    try:
        yield
    finally:
        del _pool.limit


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of the device. A wrapper, no subclass: NumPy would read a subclass without asking."""

    __slots__ = ("__weakref__", "memory")
    __hash__ = None

    def __init__(self, memory: np.ndarray):
        self.memory = memory
        if memory.base is None:
            _pool.lend(memory)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` explicitly.")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if "where" in options:
            raise TypeError(f"{ufunc.__name__}() got an unexpected keyword argument 'where'")
        out = options.pop("out", (None,))[0]
        value = getattr(ufunc, method)(*map(_host, inputs), **{k: _host(v) for k, v in options.items()})
        if out is None:
            return ndarray(np.array(value, order=_order[0]))
        _host(out)[...] = value
        return out

    def __array_function__(self, function: Any, _: Any, args: Any, options: Any) -> Any:
        return getattr(sys.modules[__name__], function.__name__)(*args, **options)

    def __getattr__(self, name: str) -> Any:
        if name in ATTRIBUTES:
            return _device(getattr(self.memory, name))
        if name in READ:
            transfers.append(("out", self.shape))
            return getattr(self.memory, name)
        if name not in METHODS:
            raise AttributeError(f"'cupy.ndarray' object has no attribute {name!r}")
        method = getattr(self.memory, name)

        def call(*args: Any, **options: Any) -> Any:
            if {"where", "initial"} & set(options):
                raise TypeError(f"{name}() got an unexpected keyword argument")
            return _device(method(*map(_host, args), **{k: _host(v) for k, v in options.items()}))

        return call

    def __getitem__(self, index: Any) -> ndarray:
        return ndarray(np.asarray(self.memory[_index(index)]))

    def __setitem__(self, index: Any, value: Any) -> None:
        self.memory[_index(index)] = _host(value)

    def __len__(self) -> int:
        return len(self.memory)

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def get(self, stream: None = None, order: str = "C") -> np.ndarray:
        transfers.append(("out", self.shape))
        return self.memory.copy(order)

    def __deepcopy__(self, memo: Any) -> ndarray:
        return self.copy()

    @property
    def device(self) -> Any:
        return Device(_pool.home(self.memory))

    def __dlpack__(self, stream: int | None = None) -> Any:
        """As CuPy before version 14: it knows no versions."""
        return self.memory.__dlpack__(max_version=(1, 0))  # NumPy would take an older one for read-only

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device.id

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        flags, memory = self.memory.flags, self.memory.__array_interface__
        strides = None if flags.c_contiguous else self.memory.strides
        told = {"shape": self.shape, "typestr": memory["typestr"], "descr": memory["descr"], "data": memory["data"]}
        return told | {"strides": strides, "stream": 1, "version": 3}

    @property
    def flags(self) -> Any:
        """CuPy knows no others."""
        flags = self.memory.flags
        return types.SimpleNamespace(c_contiguous=flags.c_contiguous, f_contiguous=flags.f_contiguous, owndata=flags.owndata)


def _host(value: Any) -> Any:
    """The memory behind an argument. NumPy arrays are refused, as CuPy refuses them."""
    if isinstance(value, ndarray):
        if _pool.homes and value.device.id != Device.current[-1]:
            raise ValueError(f"The array resides on device {value.device.id}, the current one is {Device.current[-1]}")
        return value.memory
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    return type(value)(map(_host, value)) if type(value) in (list, tuple) else value


def _index(value: Any) -> Any:
    """An index: arrays of the host are allowed in it, and CuPy uploads them."""
    if type(value) is tuple:
        return tuple(map(_index, value))
    if isinstance(value, (np.ndarray, list)):
        transfers.append(("in", np.shape(value)))
    return value.memory if isinstance(value, ndarray) else value


def _device(value: Any) -> Any:
    """A result, as an array of the device: also what NumPy makes a scalar of."""
    if isinstance(value, (np.ndarray, np.generic)) and not isinstance(value, np.dtype):
        return ndarray(np.asarray(value))
    return type(value)(map(_device, value)) if type(value) in (list, tuple) else value


def asarray(value: Any, dtype: Any = None) -> ndarray:
    if isinstance(value, ndarray) and value.device.id != Device.current[-1]:
        if not (value.flags.c_contiguous or value.flags.f_contiguous):
            raise NotImplementedError("CuPy cannot copy non-contiguous array between devices.")
        return ndarray(value.memory.copy())
    if isinstance(value, ndarray):
        return value if dtype is None or value.dtype == dtype else value.astype(dtype)
    if hasattr(value, "__cuda_array_interface__"):
        return ndarray(np.asarray(_Described(value)))
    return _uploaded(value, dtype)


class _Described:
    """Memory of the device that belongs to somebody else, as NumPy can read its description; it keeps the owner alive."""

    def __init__(self, owner: Any):
        self.owner, self.__array_interface__ = owner, owner.__cuda_array_interface__


def from_dlpack(array: Any) -> ndarray:
    """An array on the same memory, as CuPy's: what lies on the host is refused, and the stream is named."""
    if array.__dlpack_device__()[0] not in (2, 13):
        raise TypeError("CPU arrays cannot be directly imported to CuPy. Use `cupy.array(numpy.from_dlpack(input))` instead.")
    capsule = array.__dlpack__(stream=1)
    host = types.SimpleNamespace(__dlpack__=lambda **_: capsule, __dlpack_device__=lambda: (1, 0))
    return ndarray(np.from_dlpack(host))


def array(value: Any, dtype: Any = None, copy: bool = True, order: str = "K") -> ndarray:
    return ndarray(np.array(value.memory, dtype, order=order)) if isinstance(value, ndarray) else _uploaded(value, dtype)


def _uploaded(value: Any, dtype: Any) -> ndarray:
    """A copy: the device never shares memory with the host. A number travels with the kernel that fills it in."""
    memory = np.array(value, dtype)
    if memory.ndim:
        transfers.append(("in", memory.shape))
        streams.append((Stream.current[-1].name, "copy", memory.shape))
    return ndarray(memory.copy("F" if memory.flags.fnc else "C"))


def ascontiguousarray(value: Any, dtype: Any = None) -> ndarray:
    value = asarray(value, dtype)
    return value if value.flags.c_contiguous else ndarray(value.memory.copy("C"))


def empty(shape: Any, dtype: Any = float) -> ndarray:
    dtype = np.dtype(dtype)
    return ndarray(np.full(shape, _poison(dtype), dtype))


def empty_like(a: ndarray) -> ndarray:
    return ndarray(np.full_like(a.memory, _poison(a.dtype)))


def _poison(dtype: np.dtype[Any]) -> Any:
    return np.nan if dtype.kind == "f" else True if dtype.kind == "b" else np.iinfo(dtype).max


def matmul(a: ndarray, b: ndarray, out: ndarray | None = None) -> ndarray:
    """As CuPy's, an ``out`` that is not C-contiguous costs a copy."""
    if out is None:
        return ndarray(np.matmul(_host(a), _host(b)))
    out.memory[...] = np.matmul(_host(a), _host(b))
    return out


class RawModule(host_cuda.RawModule):
    """Kernels that refuse arrays with gaps; CuPy would run them on the wrong memory without a word."""

    def get_function(self, name: str) -> Any:
        kernel = super().get_function(name)

        def launch(grid: Any, block: Any, args: Any) -> None:
            if not all(a.flags.c_contiguous for a in args if isinstance(a, ndarray)):
                raise ValueError(f"{name} was given an array with gaps")
            launches.append(name)
            kernel(grid, block, args)

        return launch


device_count = [1]


class Device:
    """The current device, or the one with this number."""

    current: ClassVar[list[int]] = [0]

    def __init__(self, id: int | None = None):
        self.id = self.current[-1] if id is None else id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    __hash__ = None

    def __enter__(self) -> Device:
        self.current.append(self.id)
        return self

    def __exit__(self, *_: Any) -> None:
        self.current.pop()

    def use(self) -> None:
        self.current[-1] = self.id

    def synchronize(self) -> None:
        streams.append("synchronize")

    @property
    def mem_info(self) -> tuple[int, int]:
        return _pool.limit - _pool.used, _pool.limit


streams: list[Any] = []  # what was asked of streams, in order


class Stream:
    """Notes what is asked of it; everything happens at once."""

    current: list[Stream]
    made = 0

    def __init__(self, non_blocking: bool = False):
        self.name = "copies" if non_blocking else "default"
        Stream.made += 1

    def __enter__(self) -> Stream:
        self.current.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        self.current.pop()

    def record(self) -> Any:
        event = object()
        streams.append((self.name, "record", event))
        return event

    def wait_event(self, event: Any) -> None:
        streams.append((self.name, "wait", event))


Stream.current = [Stream()]
runtime = types.SimpleNamespace(
    getDeviceCount=lambda: device_count[0],
    getDeviceProperties=lambda i: {"name": b"stand-in for a GPU"},
    CUDARuntimeError=RuntimeError,
)
cuda = types.SimpleNamespace(Device=Device, Stream=Stream, get_current_stream=lambda: Stream.current[-1], runtime=runtime)
linalg = types.SimpleNamespace(norm=lambda x, ord=None: ndarray(np.asarray(np.linalg.norm(x.memory, ord))))


def _function(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def call(*args: Any, **options: Any) -> Any:
        if isinstance(function, np.ufunc):
            if not any(isinstance(a, ndarray) for a in args):
                raise TypeError(f"{name}: no array of the device")
            return function(*args, **options)  # comes back through __array_ufunc__
        return _device(function(*map(_host, args), **{k: _host(v) for k, v in options.items()}))

    if hasattr(function, "at"):
        call.at = lambda a, index, b: function.at(_host(a), _index(index), _host(b))
    return call


def _as_strided(x: ndarray, shape: Any = None, strides: Any = None) -> ndarray:
    return ndarray(np.lib.stride_tricks.as_strided(x.memory, shape, strides))


lib = types.SimpleNamespace(stride_tricks=types.SimpleNamespace(as_strided=_as_strided))


def __getattr__(name: str) -> Any:
    if name.startswith("_") or name in MISSING or not hasattr(np, name):
        raise AttributeError(f"module 'cupy' has no attribute {name!r}")
    value = getattr(np, name)
    return _function(name) if callable(value) and not isinstance(value, type) else value


def _forget() -> None:
    from ninx.kernels import cuda
    from ninx.kernels.cuda import launcher

    for kept in (launcher._module, launcher._kernel, cuda._kept):
        kept.cache_clear()
    cuda._flags.clear()


@contextlib.contextmanager
def installed() -> Iterator[types.ModuleType]:
    """Inside, ``import cupy`` gives this module. What was compiled, kept or flagged outside is forgotten, and so at the end."""
    before, this = sys.modules.get(NAME), sys.modules[__name__]
    sys.modules[NAME] = this
    _forget()
    try:
        yield this
    finally:
        _forget()
        if before is None:
            del sys.modules[NAME]
        else:
            sys.modules[NAME] = before
