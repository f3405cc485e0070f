"""Compile the CUDA source, check what a kernel is given, launch it. CuPy is imported on the first use.

The source is compiled once for each element type and index type, by CuPy (and kept on disk by it). Indices are 32 bits wide,
because a GPU divides those several times faster, unless an array, or a stride, is too large for them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..geometry import Geometry, Part
from ..types import Array

FILES = ("common.cuh", "windows.cu", "pointwise.cu", "loss.cu")
REALS = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}
INDICES = {np.dtype(np.int32): "int", np.dtype(np.int64): "long long"}
THREADS = 256  # in a block
ROW_THREADS = 128  # in a block that works on one row together
MOST_BLOCKS = 2**16
MOST_INT32 = 2**30  # entries; a loop may count one grid (2**24) further than that


def library() -> Any:
    """The module cupy. Raises ImportError with what to install."""
    try:
        import cupy
    except ImportError as error:
        raise ImportError("the CUDA kernels need CuPy: install ninx[gpu] (CUDA 13) or ninx[gpu-cuda12]") from error
    return cupy


def source() -> str:
    """The whole CUDA source. One text without #include: CuPy's cache on disk would not notice a changed header."""
    folder = Path(__file__).parent
    return "\n".join(f'#line 1 "{name}"\n{(folder / name).read_text(encoding="utf-8")}' for name in FILES)


def options(real: Any, index: Any) -> tuple[str, ...]:
    """What the compiler is told for this element type and this index type."""
    types = f"-DREAL={REALS[np.dtype(real)]}", f"-DINDEX={INDICES[np.dtype(index)]}"
    return ("-std=c++17", *types, f"-DROW_THREADS={ROW_THREADS}")


@cache
def _module(real: Any, index: Any) -> Any:
    return library().RawModule(code=source(), options=options(real, index))


@cache
def _kernel(name: str, real: Any, index: Any) -> Any:
    return _module(real, index).get_function(name)  # CuPy keeps one for each device


class Windows(NamedTuple):
    """The windows of one part of the output: the struct of common.cuh, field by field."""

    C: int
    H: int
    W: int
    KH: int
    KW: int
    SH: int
    SW: int
    PH: int
    PW: int
    DH: int
    DW: int
    OH: int
    OW: int
    groups: int
    n0: int
    images: int
    r0: int
    rows: int
    h0: int
    height: int

    @classmethod
    def of(cls, geo: Geometry, part: Part | None = None, groups: int = 1) -> Windows:
        """The windows of ``part``, or all."""
        part = part or geo.everything
        first = part.r0 * geo.SH - geo.PH
        last = (part.r1 - 1) * geo.SH - geo.PH + (geo.KH - 1) * geo.DH
        h0 = min(max(first, 0), geo.H)
        same = {name: getattr(geo, name) for name in ("C", "H", "W", "KH", "KW", "SH", "SW", "PH", "PW", "DH", "DW", "OH", "OW")}
        return cls(
            **same,
            groups=groups,
            n0=part.n0,
            images=part.images,
            r0=part.r0,
            rows=part.rows,
            h0=h0,
            height=max(0, min(last + 1, geo.H) - h0),
        )


def need(operation: str, name: str, array: Array, shape: tuple[int, ...], dtype: Any = None) -> Array:
    """``array``, C-contiguous (a copy if it must be), after a check of library, shape and element type.

    A kernel believes its pointers: a wrong size would read and write foreign memory without a word.
    """
    cupy = library()
    if not isinstance(array, cupy.ndarray):
        raise TypeError(f"{operation}: {name} must be a CuPy array, got {type(array).__module__}.{type(array).__name__}")
    if array.shape != shape:
        raise ValueError(f"{operation}: {name} must have shape {shape}, got {array.shape}")
    if dtype is None and array.dtype not in REALS:
        raise TypeError(f"{operation}: {name} must be float32 or float64, got {array.dtype}")
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{operation}: {name} must be {np.dtype(dtype)}, got {array.dtype}")
    return cupy.ascontiguousarray(array)


def launch(name: str, total: int, *args: Any, rows: bool = False) -> None:
    """Run kernel ``name`` on ``total`` entries, or on ``total`` rows with one block for each.

    ``args`` are the kernel's, without the total at the end: CuPy arrays, `Windows`, and numbers. A float becomes the element
    type, an int the index type, a NumPy scalar stays what it is.
    """
    cupy = library()
    arrays = [a for a in args if isinstance(a, cupy.ndarray)]
    if not all(a.flags.c_contiguous for a in arrays):
        raise ValueError(f"{name}: the arrays of a kernel must be C-contiguous")
    reals = {a.dtype for a in arrays if a.dtype.kind == "f"} or {np.dtype(np.float32)}
    if len(reals) > 1 or not reals <= set(REALS):
        raise TypeError(f"{name}: all arrays must be float32 or all float64, got {', '.join(sorted(map(str, reals)))}")
    here = cupy.cuda.Device().id
    if any(a.device.id != here for a in arrays):
        raise ValueError(f"{name}: the arrays must lie on the current device, cuda:{here}; see cupy.cuda.Device")
    if total == 0:
        return  # CuPy would launch one block for an empty grid
    real = next(iter(reals))
    sizes = [total, *(a.size for a in arrays), *(max(w) for w in args if isinstance(w, Windows))]
    index = np.dtype(np.int32 if max(sizes) <= MOST_INT32 else np.int64)
    threads = ROW_THREADS if rows else THREADS
    blocks = min(MOST_BLOCKS, total if rows else -(-total // threads))
    _kernel(name, real, index)((blocks,), (threads,), tuple(_parameter(a, real, index) for a in (*args, total)))


def _parameter(value: Any, real: Any, index: Any) -> Any:
    """``value`` in the type that the kernel declares."""
    if isinstance(value, Windows):  # an array of one struct: CuPy passes it by value
        return np.array(tuple(value), np.dtype([(name, index) for name in Windows._fields]))
    if isinstance(value, bool):
        return np.bool_(value)
    if isinstance(value, float):
        return real.type(value)
    return index.type(value) if isinstance(value, int) else value
