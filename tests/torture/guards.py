"""The compiled kernels on arrays that end, or begin, at a page that kills whoever touches it; so do their workspaces.

``python tests/torture/guards.py CASES`` draws so many geometries of each kind, of awkward sizes, for each type and each end, and
prints how many calls of kernels that were. With ``trespass`` it steps over the edge of one, to see that it dies of it.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from geometries import convolutions, poolings, squares

from ninx.kernels import fast, memory, set_num_threads, strided
from ninx.kernels.cpu.conv import winograd
from ninx.kernels.cpu.jit import compiled

NUMPYS = {"col2im", "dropout_keep", "global_avg_pool2d", "im2col", "max_gather2d", "pool_divisor"}  # no compiled code in them

compiled.SMALL = 0  # also what is small is done on threads
libc, page = ctypes.CDLL(None, use_errno=True), mmap.PAGESIZE
kept: list[Any] = []  # the memory of the guarded arrays
called: Counter[str] = Counter()


def guarded(shape: tuple[int, ...], dtype: Any, at_end: bool) -> np.ndarray:
    """An array flush against a page that may not be touched, after its end or before its start."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = -(-max(size, 1) // page) * page
    block = mmap.mmap(-1, room + 2 * page)
    base = ctypes.addressof(ctypes.c_char.from_buffer(block))
    for place in (base, base + page + room):
        assert libc.mprotect(ctypes.c_void_p(place), ctypes.c_size_t(page), 0) == 0
    kept.append(block)
    return np.frombuffer(block, dtype, int(np.prod(shape)), page + (room - size if at_end else 0)).reshape(shape)


def calls(name: str, *arguments: Any, **options: Any) -> Any:
    """Call a kernel, and count it."""
    called[name] += 1
    return getattr(fast, name)(*arguments, **options)


def _convolution(geo: Any, put: Callable[[np.ndarray], np.ndarray], rng: Any) -> None:
    x, w = put(rng.standard_normal((geo.N, geo.H, geo.W, geo.C))), put(rng.standard_normal((geo.O, geo.KH, geo.KW, geo.C)))
    b, g = put(rng.standard_normal(geo.O)), put(rng.standard_normal((geo.N, geo.OH, geo.OW, geo.O)))
    calls("conv2d", x, w, b, geo, relu=True)
    calls("conv2d_input_grad", g, w, geo, masked_by=x)
    calls("conv2d_weight_grad", x, g, geo)
    calls("conv2d_weight_bias_grad", x, g, geo)


def _square(geo: Any, put: Callable[[np.ndarray], np.ndarray], rng: Any) -> None:
    """By Winograd's algorithm, whether it pays or not."""
    x, w = put(rng.standard_normal((geo.N, geo.H, geo.W, geo.C))), put(rng.standard_normal((geo.O, geo.KH, geo.KW, geo.C)))
    b, g = put(rng.standard_normal(geo.O)), put(rng.standard_normal((geo.N, geo.OH, geo.OW, geo.O)))
    winograd.conv2d(x, w, b, geo, True)
    winograd.conv2d_input_grad(g, w, geo, x)
    winograd.conv2d_weight_grad(x, g, geo, True)
    called["winograd"] += 3


def _pooling(geo: Any, put: Callable[[np.ndarray], np.ndarray], rng: Any) -> None:
    x, g = put(rng.standard_normal((geo.N, geo.H, geo.W, geo.C))), put(rng.standard_normal((geo.N, geo.OH, geo.OW, geo.O)))
    _, arg = calls("max_pool2d", x, geo, True, (0.5, 1, 1))
    own = guarded(arg.shape, arg.dtype, put.at_end)  # type: ignore[attr-defined]
    own[...] = arg
    calls("max_unpool2d", g, own, geo)
    divisor = strided.pool_divisor(geo, True)
    calls("avg_pool2d", x, geo, divisor)
    calls("avg_pool2d_input_grad", g, geo, divisor, x)


def _others(rows: int, columns: int, put: Callable[[np.ndarray], np.ndarray], rng: Any) -> None:
    """What takes each entry, or each row, by itself."""
    x, g, p, m = (put(rng.standard_normal((rows, columns))) for _ in range(4))
    v, labels = put(rng.standard_normal((rows, columns)) ** 2), rng.integers(0, columns, rows)
    weight, bias = put(rng.standard_normal(columns)), put(rng.standard_normal(columns))
    calls("relu", x)
    calls("relu_mask", g, x)
    calls("dropout", x, 0.5, 1, 1)
    _, mean, var = calls("batch_norm", x, weight, bias, 1e-5, True)
    calls("batch_norm_grad", g, x, put(mean), put(var), weight, 1e-5)
    calls("softmax_cross_entropy", x, labels, -100)
    calls("sgd", p, g, m, lr=0.1, momentum=0.9, keep=1.0, decay=0.1, nesterov=True)
    calls("adam", p, g, m, v, lr=0.1, beta1=0.9, beta2=0.99, scale=1.0, eps=1e-8, decay=0.0, shrink=1.0)


def main(count: int, trespass: bool) -> None:
    """Draw the cases and call the kernels. A case that touches what it may not ends this process by a signal."""
    for at_end in (True, False):
        memory.empty = lambda shape, dtype, at_end=at_end: guarded(shape, dtype, at_end)  # type: ignore[assignment]
        for dtype in (np.float32, np.float64):

            def put(a: np.ndarray, at_end: bool = at_end, dtype: Any = dtype) -> np.ndarray:
                g = guarded(a.shape, dtype, at_end)
                g[...] = a
                return g

            put.at_end = at_end  # type: ignore[attr-defined]
            for number, (geo, rng) in enumerate(convolutions(count, seed=4)):
                set_num_threads((2, 3, 64)[number % 3])  # more than some of the work can be cut into
                _convolution(geo, put, rng)
                kept.clear()
            for geo, rng in squares(count if dtype is np.float32 else 0, seed=4):
                _square(geo, put, rng)
                kept.clear()
            for geo, rng in poolings(count, seed=4):
                _pooling(geo, put, rng)
                kept.clear()
            drawn = np.random.default_rng(4)
            for _ in range(count):
                _others(*(int(n) for n in drawn.integers(1, 70, 2)), put, drawn)
                kept.clear()
    absent = set(fast.__all__) - NUMPYS - set(called)
    assert not count or not absent, f"no case calls {', '.join(sorted(absent))}"
    print(sum(called.values()))
    if trespass:
        a = guarded((16,), np.float32, True)
        ctypes.memset(a.ctypes.data + 64, 0, 1)


if __name__ == "__main__":
    main(int(sys.argv[1]), "trespass" in sys.argv)
