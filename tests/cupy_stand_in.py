"""A stand-in for CuPy on NumPy: the launcher, and what surrounds it, run where there is no GPU.

It imitates where CuPy differs from NumPy, so that code that works here only because it is NumPy fails:

* an array of the device is no NumPy array, and an operation on both kinds raises, as does np.asarray(device array);
* ufuncs return C order, whatever the order of their operands (cupy#7783);
* ``empty`` holds NaN or the largest number, never the zeros that fresh memory often has;
* functions of ndarray that CuPy does not have, or that have other arguments there, raise;
* kernels are compiled from CUDA C++ (by g++) and get no array with gaps.

Not imitated: streams, the memory pool, several devices, cuBLAS.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import host_cuda
import numpy as np

NAME = "cupy"
launches: list[str] = []  # the names of all kernels that ran

METHODS = {"any", "all", "argmax", "argmin", "astype", "copy", "cumsum", "dot", "fill", "max", "mean", "min", "ravel", "repeat",
           "reshape", "squeeze", "std", "sum", "swapaxes", "take", "transpose", "var", "view"}  # fmt: skip
ATTRIBUTES = {"T", "dtype", "flags", "itemsize", "nbytes", "ndim", "shape", "size", "strides"}
MISSING = {"einsum_path", "insert", "block", "seterr"}  # of NumPy's functions


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of the device. A wrapper, no subclass: NumPy would read a subclass without asking."""

    __slots__ = ("memory",)
    __hash__ = None

    def __init__(self, memory: np.ndarray):
        self.memory = memory

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` explicitly.")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if "where" in options:
            raise TypeError(f"{ufunc.__name__}() got an unexpected keyword argument 'where'")
        out = options.pop("out", (None,))[0]
        value = getattr(ufunc, method)(*map(_host, inputs), **{k: _host(v) for k, v in options.items()})
        if out is None:
            return ndarray(np.array(value, order="C"))
        _host(out)[...] = value
        return out

    def __array_function__(self, function: Any, _: Any, args: Any, options: Any) -> Any:
        return getattr(sys.modules[__name__], function.__name__)(*args, **options)

    def __getattr__(self, name: str) -> Any:
        if name in ATTRIBUTES:
            return _device(getattr(self.memory, name))
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
        return bool(self.memory)

    def __float__(self) -> float:
        return float(self.memory)

    def __int__(self) -> int:
        return int(self.memory)

    def item(self) -> Any:
        return self.memory.item()

    def get(self, stream: None = None, order: str = "C") -> np.ndarray:
        return self.memory.copy(order)

    @property
    def device(self) -> Any:
        return Device(0)


def _host(value: Any) -> Any:
    """The memory behind an argument. NumPy arrays are refused, as CuPy refuses them."""
    if isinstance(value, ndarray):
        return value.memory
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    return type(value)(map(_host, value)) if type(value) in (list, tuple) else value


def _index(value: Any) -> Any:
    """An index: arrays of the host are allowed in it (CuPy uploads them)."""
    if type(value) is tuple:
        return tuple(map(_index, value))
    return value.memory if isinstance(value, ndarray) else value


def _device(value: Any) -> Any:
    """A result, as an array of the device: also what NumPy makes a scalar of."""
    if isinstance(value, (np.ndarray, np.generic)) and not isinstance(value, np.dtype):
        return ndarray(np.asarray(value))
    return type(value)(map(_device, value)) if type(value) is list else value


def asarray(value: Any, dtype: Any = None) -> ndarray:
    if isinstance(value, ndarray):
        return value if dtype is None or value.dtype == dtype else value.astype(dtype)
    return ndarray(np.array(value, dtype))  # a copy: the device never shares memory with the host


def array(value: Any, dtype: Any = None, copy: bool = True, order: str = "K") -> ndarray:
    return ndarray(np.array(_host(value) if isinstance(value, ndarray) else value, dtype, order=order))


def ascontiguousarray(value: Any, dtype: Any = None) -> ndarray:
    value = asarray(value, dtype)
    return value if value.flags.c_contiguous else ndarray(value.memory.copy("C"))


def empty(shape: Any, dtype: Any = float) -> ndarray:
    dtype = np.dtype(dtype)
    poison = np.nan if dtype.kind == "f" else True if dtype.kind == "b" else np.iinfo(dtype).max
    return ndarray(np.full(shape, poison, dtype))


def matmul(a: ndarray, b: ndarray, out: ndarray | None = None) -> ndarray:
    """As CuPy's, an ``out`` that is not C-contiguous costs a copy; with ``out`` in two dimensions only."""
    if out is None:
        return ndarray(np.matmul(_host(a), _host(b)))
    if out.ndim != 2:
        raise NotImplementedError("out of a batched product: not imitated")
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


class Device:
    """The only device."""

    def __init__(self, id: int = 0):
        self.id = id

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: Any) -> None:
        pass


cuda = types.SimpleNamespace(Device=Device)


def _function(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def call(*args: Any, **options: Any) -> Any:
        if isinstance(function, np.ufunc):
            if not any(isinstance(a, ndarray) for a in args):
                raise TypeError(f"{name}: no array of the device")
            return function(*args, **options)  # comes back through __array_ufunc__
        return _device(function(*map(_host, args), **{k: _host(v) for k, v in options.items()}))

    if hasattr(function, "at"):
        call.at = lambda a, index, b: function.at(_host(a), _index(index), _host(b))  # type: ignore[attr-defined]
    return call


def _as_strided(x: ndarray, shape: Any = None, strides: Any = None) -> ndarray:
    return ndarray(np.lib.stride_tricks.as_strided(x.memory, shape, strides))


lib = types.SimpleNamespace(stride_tricks=types.SimpleNamespace(as_strided=_as_strided))


def __getattr__(name: str) -> Any:
    if name.startswith("_") or name in MISSING or not hasattr(np, name):
        raise AttributeError(f"module 'cupy' has no attribute {name!r}")
    value = getattr(np, name)
    return _function(name) if callable(value) and not isinstance(value, type) else value


@contextlib.contextmanager
def installed() -> Iterator[types.ModuleType]:
    """Inside, ``import cupy`` gives this module, and the launcher forgets what another one compiled."""
    from ninx.kernels.cuda import launcher

    before, this = sys.modules.get(NAME), sys.modules[__name__]
    sys.modules[NAME] = this
    launcher._module.cache_clear()
    launcher._kernel.cache_clear()
    try:
        yield this
    finally:
        launcher._module.cache_clear()
        launcher._kernel.cache_clear()
        if before is None:
            del sys.modules[NAME]
        else:
            sys.modules[NAME] = before
