"""Can a GPU be used here, and if not, why? Every answer is one sentence that says what to do."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

_works: ModuleType | None = None  # the CuPy that was seen to work: asked once, not with every copy to the device


def gpu_status() -> str | None:
    """None if a GPU can be used, else the reason in one sentence.

    >>> device = "cuda" if ninx.gpu_status() is None else "cpu"
    >>> ninx.ones(2, device=device).sum().item()
    2.0
    """
    global _works
    if _works is not None and sys.modules.get("cupy") is _works:
        return None
    if importlib.util.find_spec("cupy") is None:
        return f"CuPy is not installed; {which_wheel()}"
    try:
        import cupy
    except Exception as error:  # a wheel for another system, or a broken one: any failure means the same to the caller
        return f"CuPy is installed, but cannot be imported ({_short(error)})"
    try:
        ones = cupy.ones((2, 2))
        cupy.matmul(ones, ones + 1).sum().item()  # NVRTC, cuBLAS and a copy back: the driver may answer where none of it works
    except Exception as error:
        return _diagnosis(cupy, error)
    _works = cupy
    return None


def _diagnosis(cupy: Any, error: Exception) -> str:
    """Why CuPy cannot run a kernel. Without a driver it says that the driver is too old, so the driver is asked first."""
    name, version = f"CuPy {cupy.__version__} is installed", driver_version()
    if version is None:
        return f"{name}, but there is no NVIDIA driver on this machine, hence no GPU to use"
    wanted = cupy.cuda.get_local_runtime_version() // 1000
    if version // 1000 < wanted:
        return f"{name} for CUDA {wanted}, but the NVIDIA driver only supports CUDA {dotted(version)}; {which_wheel()}"
    try:
        if cupy.cuda.runtime.getDeviceCount() == 0:
            return f"{name} and there is an NVIDIA driver, but it sees no GPU"
    except RuntimeError as refusal:
        return f"{name} and there is an NVIDIA driver, but it gives no access to a GPU ({_short(refusal)})"
    if missing := missing_libraries():
        return f"{name}, but {' and '.join(missing)} cannot be loaded; pip install '{wheels()[0]}[ctk]'"
    return f"{name}, but it cannot run a kernel on the GPU ({_short(error)})"


def missing_libraries() -> list[str]:
    """Which of NVIDIA's libraries CuPy does not find. Its bare wheel brings none; they come with its extra ``ctk``."""
    import cupy

    missing = []
    loads: dict[str, Callable[[], Any]] = {"NVRTC": lambda: cupy.cuda.nvrtc.getVersion(), "cuBLAS": lambda: cupy.cuda.cublas}
    for name, load in loads.items():
        try:
            load()
        except Exception:  # each library has a type of its own
            missing.append(name)
    return missing


@cache
def driver_version() -> int | None:
    """The newest CUDA that the NVIDIA driver supports, 12040 for 12.4; None without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        version = ctypes.c_int()
        return version.value if driver.cuDriverGetVersion(ctypes.byref(version)) == 0 else None
    except (OSError, AttributeError):
        return None


def which_wheel() -> str:
    """Which extra to install, by the driver."""
    version = driver_version()
    if version is None:
        return "on a machine with an NVIDIA GPU: pip install 'ninx[gpu]' (CUDA 13) or 'ninx[gpu-cuda12]' (CUDA 12)"
    if version < 12000:
        return f"update the NVIDIA driver (it supports CUDA {dotted(version)}), then pip install 'ninx[gpu]'"
    return "pip install 'ninx[gpu]'" if version >= 13000 else "pip install 'ninx[gpu-cuda12]'"


def wheels() -> list[str]:
    """The installed wheels that bring CuPy: it has one for each CUDA, and two of them get into each other's way."""
    from importlib import metadata  # slow to import, and needed for a message only

    return sorted(set(metadata.packages_distributions().get("cupy", []))) or ["cupy-cuda13x"]


def dotted(version: int) -> str:
    """12040 -> "12.4" """
    return f"{version // 1000}.{version % 1000 // 10}"


def _short(error: Exception) -> str:
    """The error on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def rounds_to_tf32() -> bool:
    """Does CuPy round the operands of float32 products to TF32 (10 bits)? It reads this when it makes the first one."""
    return os.environ.get("CUPY_TF32", "0") not in ("", "0")


def names() -> list[str]:
    """What the GPUs are called, cuda:0 first."""
    import cupy

    runtime = cupy.cuda.runtime
    return [runtime.getDeviceProperties(i)["name"].decode() for i in range(runtime.getDeviceCount())]
