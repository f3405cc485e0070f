"""What is installed, what is missing, and what to install: one sentence each (``ninx doctor``)."""

from __future__ import annotations

import importlib.util
import platform
from importlib import metadata
from typing import NamedTuple

import numpy as np

from . import gpu
from .kernels import get_num_threads
from .kernels.processor import processor


class Finding(NamedTuple):
    """A sentence, and whether it is good news."""

    good: bool
    sentence: str


def findings() -> list[Finding]:
    """Everything, from the processor to the GPU."""
    version = metadata.version("ninx")
    where = f"Python {platform.python_version()} with NumPy {np.__version__} on {platform.system()} {platform.machine()}"
    return [
        Finding(True, f"ninx {version} runs on {where}."),
        Finding(True, f"Processor: {processor()}."),
        _numba(),
        *_compiled(),
        *_optional(),
        *_gpu(),
    ]


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _numba() -> Finding:
    if not _installed("numba"):
        return Finding(False, "Numba is not installed, so the slower tier 'strided' computes: pip install numba.")
    threads = get_num_threads()
    return Finding(True, f"Numba {metadata.version('numba')} compiles the kernels for this processor, on {threads} thread(s).")


def _compiled() -> list[Finding]:
    """Kernels on the disk: each version of ninx or Numba, and each processor, has a folder, and none is ever deleted."""
    if not _installed("numba"):
        return []
    from .kernels.ahead import cache_root
    from .kernels.cpu.jit import cache

    folders = list(cache_root().glob("kernels-*"))
    others, there = [f for f in folders if f != cache.cache_folder()], cache.cache_folder() in folders
    found = [Finding(there, f"Compiled kernels are kept in {cache_root()}" + ("." if there else ": ninx warm-up makes them."))]
    if others:
        size = sum(file.stat().st_size for folder in others for file in folder.iterdir()) / 1e6
        found.append(Finding(True, f"{len(others)} folder(s) there, {size:.0f} MB, are of other versions and may be deleted."))
    return found


def _optional() -> list[Finding]:
    """Libraries that one command or one data set needs."""
    found = []
    for module, name, use, extra in (("torch", "PyTorch", "is what 'ninx bench' compares with", "bench"),):
        if _installed(module):
            found.append(Finding(True, f"{name} {metadata.version(module)} {use}."))
        else:
            found.append(Finding(False, f"{name}, which {use}, is not installed: pip install 'ninx[{extra}]'."))
    return found


def _gpu() -> list[Finding]:
    """The driver, CuPy, NVIDIA's libraries, and whether all of it works together."""
    version, found = gpu.driver_version(), []
    if version is None:
        found.append(Finding(False, "There is no NVIDIA driver, so this machine has no GPU that could be used."))
    else:
        found.append(Finding(True, f"The NVIDIA driver supports CUDA {gpu.dotted(version)}."))
    if not _installed("cupy"):
        return [*found, Finding(False, f"CuPy, which computes on GPUs, is not installed; {gpu.which_wheel()}.")]
    wheels = gpu.wheels()
    if len(wheels) > 1:
        found.append(Finding(False, f"CuPy is installed {len(wheels)} times, uninstall all but one: {', '.join(wheels)}."))
    else:
        found.append(Finding(True, f"CuPy is installed ({wheels[0]})."))
    status = gpu.gpu_status()
    if status is not None:
        return [*found, *_libraries(), Finding(False, f"No GPU can be used: {status}.")]
    if gpu.rounds_to_tf32():
        rounding = (
            "the operands of float32 products are rounded to TF32, 10 bits instead of 23: unset it to get the CPU's results"
        )
        found.append(Finding(False, f"CUPY_TF32 is set, so {rounding}."))
    return [*found, *(Finding(True, f"cuda:{i} is a {name} and can be used.") for i, name in enumerate(gpu.names()))]


def _libraries() -> list[Finding]:
    try:
        missing = gpu.missing_libraries()
    except Exception:  # CuPy cannot even be imported: gpu_status says so
        return []
    if missing:
        wheel = f"pip install '{gpu.wheels()[0]}[ctk]'"
        return [Finding(False, f"CuPy does not find NVIDIA's {' and '.join(missing)}, which its bare wheel lacks: {wheel}.")]
    return [Finding(True, "CuPy finds NVIDIA's NVRTC and cuBLAS.")]
