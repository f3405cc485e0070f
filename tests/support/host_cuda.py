"""CUDA C++ on the CPU: what CuPy's RawModule offers, by way of g++ and host_cuda.h."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

GXX = shutil.which("g++")
FLAGS = ["-std=c++17", "-O1", "-g", "-shared", "-fPIC", "-Wl,-Bsymbolic", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"]
SANITIZE = ["-fsanitize=address", "-fno-omit-frame-pointer"]
MOST_ARGUMENTS = 32

_folder = tempfile.TemporaryDirectory(prefix="ninx-host-cuda-")
_order = {"reversed": False}
_extra: list[str] = []


@contextmanager
def threads_reversed(yes: bool = True) -> Iterator[None]:
    """Inside, blocks and threads run from the last to the first."""
    before = _order["reversed"]
    _order["reversed"] = yes
    try:
        yield
    finally:
        _order["reversed"] = before


def sanitize() -> None:
    """Compile for AddressSanitizer from now on. Its library must be loaded before Python: see test_cuda_memory.py."""
    _extra[:] = SANITIZE


def kernels_of(code: str) -> list[str]:
    """The names of all kernels, also of those that the MAX_POOLING macro makes."""
    names = re.findall(r"__global__\s+void\s+(\w+)(##bytes)?\(", code)
    sizes = re.findall(r"^MAX_POOLING\([\w ]+, (\d)\)", code, re.M)
    return [name + size for name, pasted in names for size in (sizes if pasted else [""])]


def with_barriers(code: str) -> set[str]:
    """The functions that wait for other threads: by themselves, or in a function that they call."""
    parts = re.split(r"(?=__global__|__device__)", re.sub(r"//.*", "", code))
    bodies = {m[1]: part for part in parts if (m := re.match(r"__\w+__\s+(?:inline\s+)?\w+\s+(\w+)\s*\(", part))}
    found = {"__syncthreads"}
    while more := {name for name, body in bodies.items() if any(re.search(rf"\b{f}\b[<(]", body) for f in found)} - found:
        found |= more
    return found


class RawModule:
    """cupy.RawModule(code=..., options=...): compiled on the first use."""

    def __init__(self, *, code: str, options: tuple[str, ...] = ()):
        self.code, self.options = code, options

    def get_function(self, name: str) -> RawKernel:
        return RawKernel(_compiled(self.code, self.options, tuple(_extra)), name, name in with_barriers(self.code))


@cache
def _compiled(code: str, options: tuple[str, ...], extra: tuple[str, ...]) -> ctypes.CDLL:
    assert GXX, "g++ is not installed"
    folder = Path(tempfile.mkdtemp(dir=_folder.name))
    exports = "\n".join(f"EXPORT({name})" for name in kernels_of(code))
    (folder / "kernels.cpp").write_text(f'#include "host_cuda.h"\n{code}\n{exports}\n')
    defines = [option for option in options if option.startswith("-D")]
    command = [GXX, *FLAGS, *extra, *defines, f"-I{Path(__file__).parent}", "kernels.cpp", "-o", "kernels.so"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr)
    return ctypes.CDLL(str(folder / "kernels.so"))


class RawKernel:
    """A kernel, called as CuPy's: (grid, block, arguments)."""

    def __init__(self, library: ctypes.CDLL, name: str, barriers: bool):
        self.name, self._barriers = name, barriers
        self._launch = getattr(library, f"launch_{name}")
        self._launch.restype = ctypes.c_bool
        sizes = (ctypes.c_size_t * MOST_ARGUMENTS)()
        self._sizes = list(sizes[: getattr(library, f"sizes_{name}")(sizes)])

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
        (blocks,), (threads,) = grid, block
        if not 0 < threads <= 1024 or not 0 < blocks < 2**31:
            raise ValueError(f"{self.name}: a GPU has no grid of {blocks} blocks with {threads} threads")
        memory = [_bytes(a) for a in args]
        if [len(m) for m in memory] != self._sizes:
            raise TypeError(f"{self.name}: the arguments have {[len(m) for m in memory]} bytes, the kernel wants {self._sizes}")
        buffers = [ctypes.create_string_buffer(m, len(m)) for m in memory]
        pointers = (ctypes.c_void_p * len(buffers))(*(ctypes.addressof(b) for b in buffers))
        flags = ctypes.c_bool(self._barriers), ctypes.c_bool(_order["reversed"])
        if not self._launch(pointers, ctypes.c_uint(blocks), ctypes.c_uint(threads), *flags):
            raise RuntimeError(f"{self.name}: some threads of a block ended while others waited for them")


def _bytes(value: Any) -> bytes:
    """An argument as it is copied to the device: an array's address; int and float with 64 bits; NumPy's scalars as they are."""
    if hasattr(value, "memory"):  # an array of the stand-in
        return int(value.memory.ctypes.data).to_bytes(8, "little")
    if isinstance(value, np.ndarray) and value.size != 1:
        raise TypeError(f"a numpy.ndarray of shape {value.shape} cannot be a parameter of a kernel")
    return np.asarray(value).tobytes()
