"""NVRTC, the compiler for GPUs, from the wheel nvidia-cuda-nvrtc: no driver, no CuPy, no GPU."""

from __future__ import annotations

import ctypes
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=1)
def library() -> Any:
    """The shared library, or None if the wheel is not installed."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    found = sorted(path for folder in folders for path in folder.glob("**/libnvrtc.so.1[3-9]"))
    if not found:
        return None
    nvrtc = ctypes.CDLL(str(found[-1]))
    nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
    return nvrtc


def _text(program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check(getattr(library(), f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(getattr(library(), f"nvrtcGet{what}")(program, buffer))
    return buffer.raw


def _check(code: int) -> None:
    if code:
        raise RuntimeError(library().nvrtcGetErrorString(code).decode())


def compile(source: str, options: tuple[str, ...], arch: str) -> tuple[bytes, str]:
    """(machine code for sm_XX or PTX text for compute_XX, what the compiler said). Raises RuntimeError for a wrong source."""
    program = ctypes.c_void_p()
    _check(library().nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None))
    try:
        arguments = [option.encode() for option in (*options, f"-arch={arch}")]
        code = library().nvrtcCompileProgram(program, len(arguments), (ctypes.c_char_p * len(arguments))(*arguments))
        log = _text(program, "ProgramLog").rstrip(b"\0").decode()
        if code:
            raise RuntimeError(log)
        return _text(program, "CUBIN" if arch.startswith("sm_") else "PTX"), log
    finally:
        library().nvrtcDestroyProgram(ctypes.byref(program))
