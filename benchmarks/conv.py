"""Convolutions on this machine: the 1x1 path against im2col, and 1x1 against k x k; run ``python -m ninx.benchmarks.conv``.

Every output is checked before it is timed, against a sum of products in float64 by NumPy's einsum. The rounds are interleaved
(A B A B ...); the table shows medians and the quartiles of the ratio.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from ..kernels import geometry, strided

# name, (N, C, H, W), (O, C, KH, KW): layers of nin-mnist and nin-cifar10, then one input under kernels of growing size
LAYERS = [
    ("nin-mnist conv 1x1", (64, 96, 28, 28), (64, 96, 1, 1)),
    ("nin-mnist conv 1x1", (64, 128, 14, 14), (96, 128, 1, 1)),
    ("nin-cifar10 conv 1x1", (64, 192, 32, 32), (160, 192, 1, 1)),
    ("nin-cifar10 conv 1x1", (64, 192, 8, 8), (192, 192, 1, 1)),
    ("same input, 1x1", (16, 96, 16, 16), (96, 96, 1, 1)),
    ("same input, 3x3", (16, 96, 16, 16), (96, 96, 3, 3)),
    ("same input, 5x5", (16, 96, 16, 16), (96, 96, 5, 5)),
    ("same input, 7x7", (16, 96, 16, 16), (96, 96, 7, 7)),
]


def measure(functions: list[Callable[[], Any]], rounds: int) -> np.ndarray[Any, Any]:
    """Seconds (functions, rounds), after one warm-up each; the functions take turns."""
    for function in functions:
        function()
    seconds = np.zeros((len(functions), rounds))
    for r in range(rounds):
        for i, function in enumerate(functions):
            start = time.perf_counter()
            function()
            seconds[i, r] = time.perf_counter() - start
    return seconds


def compare(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], rounds: int
) -> tuple[float, float, tuple[float, float, float] | None]:
    """(milliseconds, GFLOP/s, quartiles of im2col time / GEMM time for a 1x1 kernel) of one forward convolution."""
    k = w_shape[2]
    geo = geometry.convolution("conv2d", x_shape, w_shape, padding=(k // 2, k // 2))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((geo.N, geo.H, geo.W, geo.C), np.float32)
    w = rng.standard_normal((geo.O, k, k, geo.C), np.float32)
    _verify(x, w, geo)
    methods = ["gemm", "im2col"] if geo.pointwise else ["im2col"]
    seconds = measure([lambda m=m: strided.conv2d(x, w, None, geo, m) for m in methods], rounds)  # type: ignore[misc]
    best = float(np.median(seconds[0]))
    ratio = tuple(np.percentile(seconds[1] / seconds[0], (25, 50, 75))) if geo.pointwise else None
    return 1e3 * best, 2e-9 * geo.macs / best, ratio


def _verify(x: Any, w: Any, geo: geometry.Geometry) -> None:
    """Raise AssertionError if a path is wrong: two images against einsum over sliding windows, in float64."""
    few = geometry.convolution("conv2d", (2, geo.C, geo.H, geo.W), (geo.O, geo.C, geo.KH, geo.KW), padding=(geo.PH, geo.PW))
    padded = np.pad(x[:2].astype(np.float64), ((0, 0), (geo.PH, geo.PH), (geo.PW, geo.PW), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (geo.KH, geo.KW), axis=(1, 2))
    reference = np.einsum("nijcrq,orqc->nijo", windows, w.astype(np.float64), optimize=True)
    for method in ("gemm", "im2col") if geo.pointwise else ("im2col",):
        y = strided.conv2d(x[:2], w, None, few, method)
        error = np.abs(y - reference).max() / np.abs(reference).max()
        if not error < 1e-5:
            raise AssertionError(f"{method}: relative error {error:.1e}")


def main(rounds: Annotated[int, typer.Option(help="Timed rounds of each.")] = 15) -> None:
    """Time the layers and print a table."""
    console = Console(highlight=False)
    threads = os.environ.get("OPENBLAS_NUM_THREADS", f"{os.cpu_count()} (all)")
    size = 2048
    a = np.random.default_rng(0).standard_normal((size, size), np.float32)
    peak = 2e-9 * size**3 / float(np.median(measure([lambda: a @ a], 5)))
    console.print(f"NumPy {np.__version__}, threads {threads}; a square matrix product ({size}) reaches {peak:.0f} GFLOP/s")
    table = Table("layer", "input", "weight", "ms", "GFLOP/s", "share of the square product", "im2col / GEMM (quartiles)")
    for name, x_shape, w_shape in LAYERS:
        ms, rate, ratio = compare(x_shape, w_shape, rounds)
        text = "" if ratio is None else f"{ratio[1]:.2f} ({ratio[0]:.2f} to {ratio[2]:.2f})"
        table.add_row(name, str(x_shape), str(w_shape), f"{ms:.2f}", f"{rate:.0f}", f"{100 * rate / peak:.0f} %", text)
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
